//! All events of this registrar: one facts log each, one method per business fact, one transaction per method.
//!
//! Whatever a method answers is durable. What gates must know is sealed into the feed in the same transaction
//! (`protocol.md` §6): there is one writer per event, so numbers and chain come from its index.
//!
//! | file | facts |
//! |---|---|
//! | `events` · `forgetting` | events made, policies changed · events deleted |
//! | `postponing` | an event on another date, and its tickets with it |
//! | `importing` | tickets that came |
//! | `tickets` | looked at, suspended, cancelled, paid, new code |
//! | `cancelling` | many tickets cancelled at once |
//! | `bindings` | bound, resumed, shown |
//! | `gates` · `arbiters` | added, revoked |
//! | `claims` · `admissions` · `endings` | the arbiter's steps · what gates upload · how it ended, and conflicts |
//! | `by_hand` | entries that were ticked on paper |
//! | `paper` | none: what a desk prints |
//! | `feed` | heads and ranges |
//! | `feed_keys` | another key for heads |
//! | `cutting` | the feed begun anew, with all that is true told in it |
//! | `recovering` | whatever gates bring back after a restore |
//! | `linked` | none: what the page behind a ticket's link shows |

mod admissions;
mod arbiters;
mod bindings;
mod by_hand;
mod cancelling;
mod changing;
mod claims;
mod cutting;
mod endings;
pub mod error;
mod events;
mod feed;
mod feed_keys;
mod folders;
mod forgetting;
mod freeing;
mod gates;
mod importing;
mod keys;
mod linked;
mod live;
mod minutes;
mod paper;
mod place;
mod postponing;
mod projection;
mod reading;
mod recovering;
mod showings;
mod ticket_entry;
mod tickets;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use kido_shared::clock::{Clock, Timestamp};
use kido_shared::ids::EventId;
use rand::rngs::StdRng;

pub use admissions::{CONFLICTS_MAX, ConflictView};
pub use arbiters::{ArbiterView, NewArbiter};
pub use bindings::{BindRequest, CardTickets, CodedTicket, ProvedCard};
pub use cancelling::CancelReport;
pub use cutting::CutView;
pub use error::{Failed, StorageError};
pub use events::{EventHealth, EventView};
pub use feed_keys::{FeedKeyView, NextFeedKey};
pub(crate) use folders::examine_events;
pub use folders::{OpenError, StoreParts};
pub use forgetting::Forgotten;
pub use freeing::{GateClaimsView, HeldClaims};
pub use gates::{GateView, NewGate};
pub use importing::{ImportOutcome, ImportRefusal, ImportReport, RowRefusal, TicketRow};
pub use linked::{LinkedTicket, ToldLine};
pub use minutes::EntriesOfMinute;
pub use paper::{PaperPage, PaperTicket};
pub use postponing::PostponementStep;
pub use recovering::RecoveryView;
pub use tickets::{HISTORY_LINES_MAX, Reissued, SeatCounts, TicketName, TicketView};

use crate::entropy::Entropy;
use crate::keyring::Keyring;
use forgetting::LastWord;
use live::LiveEvent;

/// All events of this registrar. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    /// The folder that holds a folder for each event.
    folder: PathBuf,
    keyring: Keyring,
    clock: Arc<dyn Clock>,
    entropy: Entropy,
    cache_bytes: u64,
    events: RwLock<BTreeMap<EventId, Place>>,
    /// One event is deleted at a time: which week keys may go is a question about all the others.
    forgetting: Mutex<()>,
}

/// An event's folder, opened or not.
enum Place {
    Live(Arc<LiveEvent>),
    Broken(StorageError),
    Forgotten(Option<Arc<LastWord>>),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("folder", &self.shared.folder).finish_non_exhaustive()
    }
}

impl Store {
    /// The clock that every rule here reads.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// A generator of its own for one piece of work.
    pub(crate) fn random(&self) -> StdRng {
        self.shared.entropy.fork()
    }

    pub(crate) fn live(&self, event: EventId) -> Result<Arc<LiveEvent>, StorageError> {
        let events = self.shared.events.read().unwrap_or_else(PoisonError::into_inner);
        match events.get(&event) {
            Some(Place::Live(live)) => Ok(Arc::clone(live)),
            Some(Place::Broken(_)) => Err(StorageError::NotServed(event)),
            Some(Place::Forgotten(_)) => Err(StorageError::Forgotten(event)),
            None => Err(StorageError::UnknownEvent(event)),
        }
    }

    pub(crate) fn all_live(&self) -> Vec<Arc<LiveEvent>> {
        let events = self.shared.events.read().unwrap_or_else(PoisonError::into_inner);
        let live = events.values().filter_map(|place| match place {
            Place::Live(live) => Some(Arc::clone(live)),
            Place::Broken(_) | Place::Forgotten(_) => None,
        });
        live.collect()
    }
}

#[cfg(test)]
mod tests;
