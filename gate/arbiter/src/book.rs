//! What the feed tells this arbiter: gates and their keys, tickets and their status, the policy, and who is inside.
//!
//! Nothing reaches it but records on a chain that a verified head has signed, with the position behind them in the same
//! durable step. It holds no subkey that could recognise a card, and keeps of a binding nothing but its place.

mod log_reader;
mod project;
mod standing;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use ed25519_dalek::VerifyingKey;
use kido_follow::{FeedCopy, FeedTrust};
use kido_shared::admission::DecidedOn;
use kido_shared::claim::{ClaimFacts, TicketClaims};
use kido_shared::feed::{
    FeedError, FeedKeyCertificate, FollowedTo, RecordCipher, SealedRecord, VerifiedHead, VerifiedSpan,
};
use kido_shared::ids::{AdmissionId, ArbiterId, Epoch, EventId, TicketId};
use kido_shared::keys::RecordKey;
use kido_store::{HeldFolder, Options, Pending, Store, StoreError, StoreIdentity, TransactError};

pub use log_reader::{LogSummary, read_log};
pub use standing::{KnownGate, Standing};

use project::{BookIndex, Fact, Key, Scope, TicketEntry, read};

/// How much older the kept head may be than the newest one before it is kept anew: the registrar's own interval.
const HEAD_KEPT_MS: i64 = 30_000;

/// Why the book did not take what it was given, or could not be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BookError {
    /// The feed is not to be believed: the sender's fault. The book is as it was.
    #[error("the feed is refused")]
    Feed(#[source] FeedError),
    /// The disk is full. The book is as it was.
    #[error("the disk is full")]
    DiskFull,
    /// The store failed: the disk's fault.
    #[error("the book's store failed")]
    Store(#[source] StoreError),
    /// An entry does not read back: another program wrote it.
    #[error("an entry of the book is not readable")]
    Unreadable,
    /// More waits to be stored than may.
    #[error("too much waits to be stored")]
    Busy,
    /// These records do not follow on what is stored by now.
    #[error("the book has moved on meanwhile")]
    Overtaken,
}

impl From<FeedError> for BookError {
    fn from(error: FeedError) -> Self {
        Self::Feed(error)
    }
}

impl From<StoreError> for BookError {
    fn from(error: StoreError) -> Self {
        if error.is_passing() { Self::DiskFull } else { Self::Store(error) }
    }
}

impl From<TransactError<Self>> for BookError {
    fn from(error: TransactError<Self>) -> Self {
        match error {
            TransactError::Rejected(refused) => refused,
            TransactError::Store(store) => store.into(),
            TransactError::Closed => Self::Store(StoreError::Closed),
            TransactError::Busy => Self::Busy,
        }
    }
}

/// Whose feed is followed, and with which keys.
#[derive(Debug, Clone)]
pub struct Followed {
    /// Which event.
    pub event: EventId,
    /// This box, whose own record says whether it still decides.
    pub arbiter: ArbiterId,
    /// The root key that was confirmed at enrolment.
    pub root: VerifyingKey,
    /// The feed key that came with it.
    pub feed_key: FeedKeyCertificate,
    /// What opens the feed's records.
    pub records: RecordKey,
}

/// A range on its way to the disk.
#[derive(Debug)]
pub struct RangeUnderWay(Pending<(), BookError>);

/// The open book. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Book {
    store: Store,
    event: EventId,
    arbiter: ArbiterId,
    records: RecordKey,
    trust: FeedTrust,
    standing: Arc<RwLock<Arc<Standing>>>,
}

impl Book {
    /// Opens the book in a folder, or begins one. Blocks while the log is verified.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn open(folder: &Path, followed: Followed) -> Result<Self, BookError> {
        let index = BookIndex::new(followed.event, followed.records.clone());
        let identity = StoreIdentity::new(*followed.event.as_bytes());
        let (store, _opened) = Store::open(folder, identity, index, Options::create_if_missing())?;
        Self::of(store, followed)
    }

    /// The same in a folder in memory, for simulations.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn open_held(folder: &HeldFolder, followed: Followed) -> Result<Self, BookError> {
        let index = BookIndex::new(followed.event, followed.records.clone());
        let (store, _opened) = Store::open_held(folder, StoreIdentity::new(*followed.event.as_bytes()), index)?;
        Self::of(store, followed)
    }

    fn of(store: Store, followed: Followed) -> Result<Self, BookError> {
        let Followed { event, arbiter, root, feed_key, records } = followed;
        let trust = FeedTrust::new(root, event, [feed_key].iter().chain(&standing::feed_keys(&store)?))?;
        let standing = Arc::new(RwLock::new(Arc::new(Standing::read(&store, event, arbiter)?)));
        Ok(Self { store, event, arbiter, records, trust, standing })
    }

    /// What is known of event, gates and head, as it was when last something was stored.
    #[must_use]
    pub fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Which event.
    #[must_use]
    pub const fn event(&self) -> EventId {
        self.event
    }

    /// What the feed tells of a ticket; nothing where it has told of none such.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn facts(&self, ticket: TicketId) -> Result<Option<ClaimFacts>, BookError> {
        let epoch = self.standing().position.epoch;
        let key = Scope(epoch).key(Key::Ticket(ticket));
        let Some(entry) = self.store.get(&key)? else { return Ok(None) };
        let entry: TicketEntry = read(&entry).map_err(|_no_detail| BookError::Unreadable)?;
        Ok(entry.ticket.map(|(at, status, entries)| {
            // One that was never bound has no binding record to be superseded.
            let newest = DecidedOn { ticket: at, binding: entry.binding.unwrap_or(at), epoch };
            ClaimFacts { entries, status, newest }
        }))
    }

    /// What the feed's own admissions make of a ticket's record: where an arbiter that has no record of it begins.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn admitted(&self, ticket: TicketId) -> Result<Option<TicketClaims>, BookError> {
        let key = Scope(self.standing().position.epoch).key(Key::Use(ticket));
        let stored = self.store.get(&key)?;
        stored.map(|bytes| read(&bytes)).transpose().map_err(|_no_detail| BookError::Unreadable)
    }

    /// Whether the feed tells of this admission, whoever holds its entry.
    ///
    /// # Errors
    /// [`BookError`].
    pub fn tells_of(&self, admission: AdmissionId) -> Result<bool, BookError> {
        let key = Scope(self.standing().position.epoch).key(Key::Told(admission));
        Ok(self.store.get(&key)?.is_some())
    }

    /// Keeps a head that has been reached: its age is the age of everything known here.
    ///
    /// # Errors
    /// [`BookError`].
    pub async fn note_head(&self, head: &VerifiedHead) -> Result<(), BookError> {
        let issued_at = head.head().issued_at;
        let standing = self.standing();
        if head.reaches() != standing.position || standing.head.is_some_and(|seen| issued_at <= seen) {
            return Ok(());
        }
        let kept = standing.kept.map_or(i64::MAX, |kept| issued_at.unix_ms().saturating_sub(kept.unix_ms()));
        if kept >= HEAD_KEPT_MS {
            let fact = Fact::Head(issued_at);
            let pending = self.store.transact(move |transaction| {
                transaction.append(fact.encode())?;
                Ok::<_, BookError>(())
            });
            pending.await?;
            self.look_again()?;
        }
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut standing).head = Some(issued_at);
        Ok(())
    }

    /// Ends the book in good order. Blocks.
    ///
    /// # Errors
    /// What kept it from a clean end; no durable record is touched by that.
    pub fn close(self) -> Result<(), BookError> {
        Ok(self.store.close()?)
    }

    fn look_again(&self) -> Result<(), BookError> {
        let read = Standing::read(&self.store, self.event, self.arbiter)?;
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        let head = standing.head.max(read.head);
        *standing = Arc::new(Standing { head, ..read });
        Ok(())
    }
}

impl FeedCopy for Book {
    type Error = BookError;
    type UnderWay = RangeUnderWay;

    fn trust(&self) -> &FeedTrust {
        &self.trust
    }

    fn position(&self) -> FollowedTo {
        self.standing().position
    }

    fn staged(&self, epoch: Epoch) -> Result<Option<FollowedTo>, BookError> {
        let stored = self.store.get(&Scope(epoch).key(Key::Followed))?;
        stored.map(|bytes| read(&bytes)).transpose().map_err(|_no_detail| BookError::Unreadable)
    }

    fn begin_range(&self, span: &mut VerifiedSpan, records: Vec<SealedRecord>) -> Result<RangeUnderWay, BookError> {
        let before = *span.position();
        let cipher = RecordCipher::new(&self.records, self.event, before.epoch);
        self.trust.trust_published(&span.open(&records, &cipher)?)?;
        let (facts, event) = (Fact::of_records(before.epoch, records), self.event);
        let (scope, is_whole) = (Scope(before.epoch), span.need().is_none());
        let pending = self.store.transact(move |transaction| {
            let unreadable = |_no_detail| BookError::Unreadable;
            let at = scope.followed(transaction.get(&scope.key(Key::Followed))?, event).map_err(unreadable)?;
            let Scope(current) = Scope::current(transaction.get(&Key::Current.bytes())?).map_err(unreadable)?;
            if at != before || before.epoch < current {
                return Err(BookError::Overtaken);
            }
            facts.iter().try_for_each(|fact| transaction.append(fact.encode()).map(|_position| ()))?;
            if is_whole && current < before.epoch {
                transaction.append(Fact::Exchanged(before.epoch).encode())?;
            }
            Ok::<_, BookError>(())
        });
        Ok(RangeUnderWay(pending))
    }

    async fn finish_range(&self, range: RangeUnderWay) -> Result<(), BookError> {
        range.0.await?;
        self.look_again()
    }
}

#[cfg(test)]
mod tests;
