//! Followers of a feed inside this process: what a gate runs, on a copy in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kido_follow::{FeedClient, FeedCopy, FeedTrust, NoteHead, Pace, PullNow, Pulled, Uplink, UplinkError, follow};
use kido_gate::identity::{DataFolder, Identity};
use kido_gate::replica::Followed;
use kido_shared::challenge::Origin;
use kido_shared::clock::SystemClock;
use kido_shared::feed::{
    BindingRecord, FeedError, FeedRecord, FollowedTo, RecordCipher, SealedRecord, TicketRecord, VerifiedSpan,
};
use kido_shared::ids::{Epoch, TicketId};
use kido_shared::keys::RecordKey;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::process::Process;
use super::{HarnessError, Programs, Registrar};

/// Enrols a gate that only follows; gives who it is.
///
/// # Errors
/// [`HarnessError`].
pub async fn enrol_follower(
    programs: &Programs,
    registrar: &Registrar,
    event: &str,
    (folder, logs): (&Path, &Path),
) -> Result<Identity, HarnessError> {
    let operator = registrar.client(&["gate", "add", event, "--zone", "A", "--entrance", "A"]);
    let mut operator = Process::start("follower-add", operator, logs)?;
    let offer = operator.line("the offer", |line| line.starts_with("offer: ")).await?;
    let mut command = Command::new(programs.gate());
    command.arg("enrol").arg("--data").arg(folder);
    let mut gate = Process::start("follower-enrol", command, logs)?;
    gate.type_line(offer.trim_start_matches("offer: ")).await?;
    let digits = gate.line("its short code", |line| line.starts_with("short code: ")).await?;
    operator.type_line(digits.trim_start_matches("short code: ")).await?;
    operator.line("the gate's id", |line| line.contains("\"gate\"")).await?;
    gate.line("that it is enrolled", |line| line.contains("enrolled")).await?;
    gate.ended().await?;
    let unusable = |_error| HarnessError::Shape { what: "the enrolment", text: folder.display().to_string() };
    Identity::load(&DataFolder::at(folder)).map_err(unusable)
}

/// A copy in memory: verifies and opens every record, keeps its place and where each ticket was last spoken of.
#[derive(Debug, Clone)]
pub struct MemoryCopy {
    trust: FeedTrust,
    key: RecordKey,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    reached: FollowedTo,
    spoken_of: BTreeMap<TicketId, u64>,
    bound: BTreeSet<TicketId>,
}

impl MemoryCopy {
    /// A copy of nothing yet, with what a gate was told at its enrolment.
    ///
    /// # Errors
    /// [`FeedError`] where the enrolment's keys are none.
    pub fn new(followed: &Followed) -> Result<Self, FeedError> {
        let event = followed.event;
        let trust = FeedTrust::new(followed.root, event, [&followed.feed_key])?;
        let kept = Kept {
            reached: FollowedTo::start(event, Epoch::FIRST),
            spoken_of: BTreeMap::new(),
            bound: BTreeSet::new(),
        };
        Ok(Self { trust, key: followed.subkeys.record.clone(), kept: Arc::new(Mutex::new(kept)) })
    }

    /// Every ticket that was spoken of.
    #[must_use]
    pub fn tickets(&self) -> Vec<TicketId> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).spoken_of.keys().copied().collect()
    }

    /// The number of the last record about a ticket.
    #[must_use]
    pub fn last_word_on(&self, ticket: TicketId) -> Option<u64> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).spoken_of.get(&ticket).copied()
    }

    /// The tickets that no card was ever bound to, and the number of the last record about each.
    #[must_use]
    pub fn unbound(&self) -> Vec<(TicketId, u64)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let unbound = kept.spoken_of.iter().filter(|(ticket, _)| !kept.bound.contains(*ticket));
        unbound.map(|(ticket, number)| (*ticket, *number)).collect()
    }
}

impl FeedCopy for MemoryCopy {
    type Error = FeedError;
    type UnderWay = ();

    fn trust(&self) -> &FeedTrust {
        &self.trust
    }

    fn position(&self) -> FollowedTo {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).reached
    }

    fn begin_range(&self, span: &mut VerifiedSpan, records: Vec<SealedRecord>) -> Result<(), FeedError> {
        let before = *span.position();
        let opened = span.open(&records, &RecordCipher::new(&self.key, self.trust.event(), before.epoch))?;
        self.trust.trust_published(&opened)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.reached != before {
            return Err(FeedError::Missing { missing: before.length.abs_diff(kept.reached.length) });
        }
        kept.reached = *span.position();
        for (number, record) in opened {
            if let FeedRecord::Binding(BindingRecord { ticket, .. }) = record {
                kept.bound.insert(ticket);
            }
            if let FeedRecord::Ticket(TicketRecord { ticket, .. }) | FeedRecord::Binding(BindingRecord { ticket, .. }) =
                record
            {
                kept.spoken_of.insert(ticket, number.get());
            }
        }
        Ok(())
    }

    async fn finish_range(&self, (): ()) -> Result<(), FeedError> {
        Ok(())
    }
}

/// When a follower knew how many records.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Records that were applied.
    pub length: u64,
    /// When they were.
    pub at: Instant,
}

/// Keeps when what was known.
#[derive(Debug, Clone)]
struct Notes<C> {
    copy: C,
    known: Arc<Mutex<Vec<Known>>>,
    newest: watch::Sender<u64>,
}

impl<C: FeedCopy> NoteHead for Notes<C> {
    async fn note(&self, _pulled: &Pulled) {
        let known = Known { length: self.copy.position().length, at: Instant::now() };
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.last().is_none_or(|last| last.length < known.length) {
            all.push(known);
        }
        drop(all);
        self.newest.send_replace(known.length);
    }
}

/// A follower at work; ends when dropped.
#[derive(Debug)]
pub struct Follower<C> {
    /// What it has.
    pub copy: C,
    notes: Notes<C>,
    /// Somebody could still ask for a pull, or it would end.
    _now: PullNow,
    task: JoinHandle<()>,
}

impl<C> Drop for Follower<C> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<C: FeedCopy> Follower<C> {
    /// Follows a feed as gates do, from an address that may be the registrar's or a proxy's.
    ///
    /// # Errors
    /// [`UplinkError`].
    pub fn begin(copy: C, origin: &Origin, spool: PathBuf, pace: Pace) -> Result<Self, UplinkError> {
        let client = FeedClient::new(Uplink::new(origin.clone(), "follower")?, Arc::new(SystemClock), spool);
        let (now, pulls) = PullNow::new();
        let notes = Notes { copy: copy.clone(), known: Arc::default(), newest: watch::Sender::new(0) };
        let following = follow(client, (copy.clone(), notes.clone()), pulls, Arc::new(SystemClock), pace);
        Ok(Self { copy, notes, _now: now, task: tokio::spawn(following) })
    }

    /// Waits until it knows so many records.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn knows(&self, length: u64, within: Duration) -> Result<(), HarnessError> {
        let mut newest = self.notes.newest.subscribe();
        let waited = tokio::time::timeout(within, newest.wait_for(|newest| *newest >= length)).await;
        match waited {
            Ok(Ok(_length)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(HarnessError::TimedOut { what: format!("{length} records"), within }),
        }
    }

    /// When it knew what, oldest first.
    #[must_use]
    pub fn known(&self) -> Vec<Known> {
        self.notes.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
