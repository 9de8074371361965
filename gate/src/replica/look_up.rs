//! From a key window to the card's tickets and its public key.

use kido_shared::admission::{Admission, DecidedOn};
use kido_shared::binding::{BindingTag, SealedKey, UnsealError};
use kido_shared::certificate::SubjectPublicKey;
use kido_shared::claim::ClaimFacts;
use kido_shared::clock::Timestamp;
use kido_shared::feed::{FeedRecord, RecordCipher, SealedRecord, TicketRecord};
use kido_shared::ids::{AdmissionId, GateId, TicketId};
use kido_shared::limits::TICKETS_PER_TAG_MAX;
use kido_shared::verdict::{KnownTicket, Used};
use kido_shared::window::KeyWindow;

use super::project::{Key, Place, Scope, TagBeginning, TicketEntry, read};
use super::{Replica, ReplicaError};

/// Ended admissions of one ticket that are remembered: only this gate's own latest one is ever asked for.
const ENDED_MAX: usize = 16;

/// What was found on a card.
#[derive(Debug)]
pub struct Found {
    /// The card's name within this event.
    pub tag: BindingTag,
    /// The tickets on it; their use as the feed tells it.
    pub tickets: Vec<FoundTicket>,
    /// The bound key; nothing where no ticket lies on the tag.
    pub key: Option<SubjectPublicKey>,
}

/// A ticket, and what the feed says of admissions of it.
#[derive(Debug, Clone)]
pub struct FoundTicket {
    /// The ticket; its use as the feed tells it.
    pub ticket: KnownTicket,
    ended: Vec<AdmissionId>,
}

impl FoundTicket {
    /// The ticket with what this gate's own journal adds to the feed.
    ///
    /// The journal is ahead of the feed by what was not uploaded yet; the feed is ahead of the journal by what happened
    /// elsewhere: an admission that was annulled or left, and entries at other gates.
    #[must_use]
    pub fn with_own(mut self, own: Used) -> KnownTicket {
        let ended = |admission: AdmissionId| self.ended.contains(&admission);
        self.ticket.used = match (own, self.ticket.used) {
            (Used::StoredNotOpened { admission }, feed) | (Used::Inside { admission, .. }, feed)
                if ended(admission) =>
            {
                feed
            }
            (Used::Inside { entry: own, .. }, feed @ Used::Inside { entry, .. }) if entry > own => feed,
            (Used::Never | Used::Left { .. }, feed) => feed,
            (own, _feed) => own,
        };
        self.ticket
    }
}

/// Why a card could not be looked up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LookUpError {
    /// The replica could not be read.
    #[error("the replica could not be read")]
    Replica(#[from] ReplicaError),
    /// The bound key does not come out of window and sealed rest: whoever sealed it erred, or the window is a forgery.
    #[error("the bound key does not open")]
    Unseal(#[from] UnsealError),
}

/// What the feed says of a ticket's use.
#[derive(Debug, Clone, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(super) struct FeedUse {
    /// The admission that nobody has ended: entry, admission, gate, when.
    #[n(0)]
    inside: Option<(u32, AdmissionId, GateId, Timestamp)>,
    /// Entries used so far.
    #[n(1)]
    entries: u32,
    /// Admissions that ended, the oldest first.
    #[n(2)]
    ended: Vec<AdmissionId>,
}

impl FeedUse {
    pub(super) fn admitted(&mut self, admission: &Admission) {
        if self.ended.contains(&admission.id) {
            return;
        }
        // Of two admissions of one entry the first stays: the second is a conflict, and shown as one.
        if self.inside.is_none_or(|(entry, ..)| admission.entry > entry) {
            self.inside = Some((admission.entry, admission.id, admission.gate, admission.at));
        }
        self.entries = self.entries.max(admission.entry);
    }

    pub(super) fn annulled(&mut self, admission: AdmissionId) {
        if self.end(admission) {
            self.entries = self.entries.saturating_sub(1);
        }
    }

    pub(super) fn exited(&mut self, admission: AdmissionId) {
        self.end(admission);
    }

    /// Whether the admission was the one inside.
    fn end(&mut self, admission: AdmissionId) -> bool {
        if self.ended.len() >= ENDED_MAX {
            self.ended.remove(0);
        }
        self.ended.push(admission);
        let was_inside = self.inside.is_some_and(|(_, inside, ..)| inside == admission);
        if was_inside {
            self.inside = None;
        }
        was_inside
    }

    const fn used(&self) -> Used {
        match self.inside {
            Some((entry, admission, gate, at)) => Used::Inside { entry, admission, gate, at },
            None if self.entries > 0 => Used::Left { entries: self.entries },
            None => Used::Never,
        }
    }
}

impl Replica {
    /// Finds a card's tickets by its window, and rebuilds the bound key.
    ///
    /// # Errors
    /// [`LookUpError`].
    pub fn look_up(&self, window: &KeyWindow) -> Result<Found, LookUpError> {
        let tag = window.tag(&self.subkeys.tag);
        let tickets = self.look_up_tag(tag)?;
        let sealed = tickets.first().map(|found| &found.ticket.sealed_key);
        let key = sealed.map(|sealed| sealed.open(&self.event, &tag, window, &self.subkeys.seal)).transpose()?;
        Ok(Found { tag, tickets, key })
    }

    /// Finds the tickets on a tag, as they are now.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn look_up_tag(&self, tag: BindingTag) -> Result<Vec<FoundTicket>, ReplicaError> {
        let scope = self.scope();
        let prefix = scope.key(Key::Tag(TagBeginning::from(&tag)));
        let mut found = Vec::new();
        for entry in self.store.scan_prefix(&prefix)? {
            let (key, _nothing) = entry?;
            let ticket = key.get(prefix.len()..).and_then(|id| TicketId::try_from(id).ok());
            found.extend(self.known(scope, ticket.ok_or(ReplicaError::Unreadable)?, tag)?);
            if found.len() >= TICKETS_PER_TAG_MAX {
                break;
            }
        }
        Ok(found)
    }

    /// What an arbiter inside this gate knows of a ticket; nothing where the feed has told of no such one.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn claim_facts(&self, ticket: TicketId) -> Result<Option<ClaimFacts>, ReplicaError> {
        let entry = self.entry(self.scope(), ticket)?;
        let (Some(place), Some(binding)) = (entry.ticket, entry.binding) else { return Ok(None) };
        let record = self.ticket_record(ticket, &place)?;
        let newest = DecidedOn { ticket: place.at, binding: binding.place.at, epoch: place.epoch };
        Ok(Some(ClaimFacts { entries: record.entries, status: record.status, newest }))
    }

    /// What the feed says of a ticket's use.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn used(&self, ticket: TicketId) -> Result<Used, ReplicaError> {
        Ok(self.feed_use(self.scope(), ticket)?.used())
    }

    /// The epoch that is followed. One look-up keeps to it, also where another takes its place meanwhile.
    fn scope(&self) -> Scope {
        Scope(self.position().epoch)
    }

    fn feed_use(&self, scope: Scope, ticket: TicketId) -> Result<FeedUse, ReplicaError> {
        let used = self.store.get(&scope.key(Key::Use(ticket)))?;
        used.map_or_else(|| Ok(FeedUse::default()), |bytes| read(&bytes)).map_err(|_no_detail| ReplicaError::Unreadable)
    }

    /// The ticket, where the feed has told of it and it is bound to that tag.
    fn known(&self, scope: Scope, id: TicketId, tag: BindingTag) -> Result<Option<FoundTicket>, ReplicaError> {
        let entry = self.entry(scope, id)?;
        let (Some(place), Some(binding)) = (entry.ticket, entry.binding) else { return Ok(None) };
        let (bound_to, sealed_key) = self.bound(id, &binding.place)?;
        if bound_to != tag {
            return Ok(None);
        }
        let record = self.ticket_record(id, &place)?;
        let used = self.feed_use(scope, id)?;
        let (ticket_seq, binding_seq) = (place.at, binding.place.at);
        let ticket = KnownTicket { record, ticket_seq, binding_seq, epoch: place.epoch, sealed_key, used: used.used() };
        Ok(Some(FoundTicket { ticket, ended: used.ended }))
    }

    /// Where a ticket's records stand, as far as the feed has told.
    fn entry(&self, scope: Scope, ticket: TicketId) -> Result<TicketEntry, ReplicaError> {
        let entry = self.store.get(&scope.key(Key::Ticket(ticket)))?;
        let entry = entry.map_or_else(|| Ok(TicketEntry::default()), |bytes| read(&bytes));
        entry.map_err(|_no_detail| ReplicaError::Unreadable)
    }

    fn ticket_record(&self, id: TicketId, place: &Place) -> Result<TicketRecord, ReplicaError> {
        let FeedRecord::Ticket(record) = self.record(place)? else { return Err(ReplicaError::Unreadable) };
        if record.ticket == id { Ok(record) } else { Err(ReplicaError::Unreadable) }
    }

    fn bound(&self, id: TicketId, place: &Place) -> Result<(BindingTag, SealedKey), ReplicaError> {
        let FeedRecord::Binding(record) = self.record(place)? else { return Err(ReplicaError::Unreadable) };
        record.bound.filter(|_bound| record.ticket == id).ok_or(ReplicaError::Unreadable)
    }

    /// The record at a place of the log. Its seal is for its number in this event's feed: nothing else opens there.
    fn record(&self, place: &Place) -> Result<FeedRecord, ReplicaError> {
        let sealed = SealedRecord::from_bytes(self.store.read_at(place.offset(), usize::from(place.length))?);
        let cipher = RecordCipher::new(&self.subkeys.record, self.event, place.epoch);
        let opened = sealed.and_then(|sealed| cipher.open(place.at, &sealed));
        opened.map_err(|_no_detail| ReplicaError::Unreadable)
    }
}
