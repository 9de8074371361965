//! The gate's copy of the event's feed: what it may believe, and where a card's tickets are found.
//!
//! **Invariant.** Nothing reaches the copy but records on a chain that a verified head has signed, and records and
//! position are one durable step. A feed that is altered, shortened, forked or another event's changes nothing here.
//!
//! After a cut signed with the root key the new epoch is stored beside the one that is followed, and takes its place with its
//! last record, in that record's own step: a crash leaves the one or the other, and the lane goes on with what it has.
//!
//! The log keeps records as they came, encrypted; the index finds those that a tap needs, by ticket and by tag. Neither
//! names anybody or holds a usable key: a public key is whole only while its card lies in the reader.

mod fact;
mod look_up;
mod project;
mod proofs;
mod standing;
#[cfg(test)]
pub(crate) mod tests;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use ed25519_dalek::VerifyingKey;
use kido_follow::{FeedCopy, FeedTrust};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{
    ChainCheck, FeedError, FeedKeyCertificate, FollowedTo, Follower, RecordCipher, SealedRecord, VerifiedHead,
    VerifiedSpan,
};
use kido_shared::ids::{Epoch, EventId, GateId};
use kido_shared::keys::GateSubkeys;
use kido_store::{HeldFolder, Options, Pending, Store, StoreError, StoreIdentity, TransactError};

pub use look_up::{Found, FoundTicket, LookUpError};
pub use proofs::ProvedTail;
pub use standing::{HeadSeen, Standing};

use fact::Fact;
use project::{Key, ReplicaIndex, Scope};
use proofs::Newest;

/// Memory for the replica's index, in bytes. The engine takes it for a wish; a gate with 100,000 bindings stays far
/// below 150 MB with it.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// How much older the kept head may be than the newest one before it is kept anew: the registrar's own interval.
const HEAD_KEPT_MS: i64 = 30_000;

/// Why the replica did not take what it was given.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReplicaError {
    /// The feed is not to be believed, or not to be understood: the sender's fault. The copy is as it was.
    #[error("the feed is refused")]
    Feed(#[source] FeedError),
    /// The disk is full. The copy is as it was and may be brought on once there is room.
    #[error("the disk is full")]
    DiskFull,
    /// The store failed: the disk's fault.
    #[error("the replica's store failed")]
    Store(#[source] StoreError),
    /// An entry of the index, or the record that it leads to, does not read back: another program wrote it, or the disk
    /// has lost it since the start.
    #[error("an entry of the replica is not readable")]
    Unreadable,
    /// More waits to be stored than a gate ever stores.
    #[error("too much waits to be stored")]
    Busy,
    /// These records do not follow on what is stored by now: somebody else was faster.
    #[error("the replica has moved on meanwhile")]
    Overtaken,
}

impl From<FeedError> for ReplicaError {
    fn from(error: FeedError) -> Self {
        Self::Feed(error)
    }
}

impl From<StoreError> for ReplicaError {
    fn from(error: StoreError) -> Self {
        if error.is_passing() { Self::DiskFull } else { Self::Store(error) }
    }
}

impl From<TransactError<Self>> for ReplicaError {
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
    /// This gate, whose own record says whether it still belongs.
    pub gate: GateId,
    /// The root key that was confirmed at enrolment.
    pub root: VerifyingKey,
    /// The feed key that came with it.
    pub feed_key: FeedKeyCertificate,
    /// The event's subkeys.
    pub subkeys: GateSubkeys,
}

/// A range on its way to the disk.
#[derive(Debug)]
pub struct RangeUnderWay {
    pending: Pending<(), ReplicaError>,
}

/// The open replica. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Replica {
    store: Store,
    folder: Arc<Path>,
    event: EventId,
    gate: GateId,
    subkeys: GateSubkeys,
    trust: FeedTrust,
    standing: Arc<RwLock<Arc<Standing>>>,
    newest: Newest,
}

impl Replica {
    /// Opens the copy in a folder, or begins one. Blocks while the log is verified.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn open(folder: &Path, followed: Followed) -> Result<Self, ReplicaError> {
        let options = Options::create_if_missing().cache_bytes(CACHE_BYTES);
        let index = ReplicaIndex::new(followed.event, followed.subkeys.record.clone());
        let (store, _opened) = Store::open(folder, StoreIdentity::new(*followed.event.as_bytes()), index, options)?;
        Self::of(store, folder, followed)
    }

    /// The same in a folder in memory, for simulations.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn open_held(folder: &HeldFolder, followed: Followed) -> Result<Self, ReplicaError> {
        let index = ReplicaIndex::new(followed.event, followed.subkeys.record.clone());
        let (store, _opened) = Store::open_held(folder, StoreIdentity::new(*followed.event.as_bytes()), index)?;
        Self::of(store, Path::new(""), followed)
    }

    fn of(store: Store, folder: &Path, followed: Followed) -> Result<Self, ReplicaError> {
        let Followed { event, gate, root, feed_key, subkeys } = followed;
        let trust = FeedTrust::new(root, event, [feed_key].iter().chain(&standing::feed_keys(&store)?))?;
        let standing = Arc::new(RwLock::new(Arc::new(Standing::read(&store, event, gate)?)));
        let (folder, newest) = (Arc::from(folder), Newest::default());
        Ok(Self { store, folder, event, gate, subkeys, trust, standing, newest })
    }

    /// What is known of the event, the gates and the head, as it was when last something was stored.
    #[must_use]
    pub fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How far the feed has been followed.
    #[must_use]
    pub fn position(&self) -> FollowedTo {
        self.standing().position
    }

    /// Where the copy lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Which event.
    #[must_use]
    pub const fn event(&self) -> EventId {
        self.event
    }

    /// Reads a head and believes it where it is this event's, signed by a trusted key, and leads on from here.
    ///
    /// # Errors
    /// [`ReplicaError::Feed`]: another event, a shorter or other history, an unknown signer.
    pub fn verify_head(&self, bytes: &[u8], now: Timestamp) -> Result<VerifiedHead, ReplicaError> {
        Ok(self.trust.verify_head(bytes, self.position(), now)?)
    }

    /// Begins the first pass towards a head; nothing is stored by it.
    ///
    /// # Errors
    /// [`ReplicaError::Feed`].
    pub fn begin(&self, head: &VerifiedHead) -> Result<ChainCheck, ReplicaError> {
        Ok(self.follower().begin(head)?)
    }

    /// Opens and stores the next records of a span whose chain has met a verified head, with the position behind them.
    ///
    /// Blocks for the decryption and the disk; to be called off the asynchronous workers.
    ///
    /// # Errors
    /// [`ReplicaError`]; then nothing of this range is kept, and what came before stands.
    pub fn store_range(&self, span: &mut VerifiedSpan, records: Vec<SealedRecord>) -> Result<(), ReplicaError> {
        self.begin_range(span, records)?.pending.wait()?;
        self.look_again()
    }

    /// Keeps a head that has been reached: its age is the age of everything known here.
    ///
    /// A head that says nothing new is kept at the registrar's own interval, to spare the disk.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub async fn note_head(&self, head: &VerifiedHead, now: Timestamp) -> Result<(), ReplicaError> {
        let issued_at = head.head().issued_at;
        let standing = self.standing();
        let newer = standing.head.is_none_or(|seen| issued_at > seen.issued_at);
        if !newer || head.reaches() != standing.position {
            return Ok(());
        }
        let kept = standing.kept.map_or(i64::MAX, |kept| issued_at.unix_ms().saturating_sub(kept.issued_at.unix_ms()));
        let seen = HeadSeen::of(head, now);
        if kept >= HEAD_KEPT_MS {
            self.keep_head(seen).await?;
        }
        self.update(|standing| standing.head = Some(seen));
        Ok(())
    }

    /// Keeps a head in the place of one with a later date that was wrong: nothing here is as young as that one said.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub async fn note_head_instead(&self, head: &VerifiedHead, now: Timestamp) -> Result<(), ReplicaError> {
        let seen = HeadSeen::of(head, now);
        self.keep_head(seen).await?;
        self.update(|standing| standing.head = Some(seen));
        Ok(())
    }

    async fn keep_head(&self, seen: HeadSeen) -> Result<(), ReplicaError> {
        let fact = Fact::Head(seen);
        let pending = self.store.transact(move |transaction| {
            transaction.append(fact.encode())?;
            Ok::<_, ReplicaError>(())
        });
        pending.await?;
        self.look_again()
    }

    /// Ends the replica in good order; all handles are closed with it. Blocks.
    ///
    /// # Errors
    /// What kept it from a clean end; no durable record is touched by that.
    pub fn close(self) -> Result<(), ReplicaError> {
        Ok(self.store.close()?)
    }

    fn follower(&self) -> Follower {
        Follower::resume(self.event, self.position())
    }

    fn look_again(&self) -> Result<(), ReplicaError> {
        let head = self.standing().head;
        let read = Standing::read(&self.store, self.event, self.gate)?;
        let newest = head.into_iter().chain(read.head).max_by_key(|head| head.issued_at);
        let read = Arc::new(Standing { head: newest, ..read });
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    fn update(&self, change: impl FnOnce(&mut Standing)) {
        let mut standing = self.standing.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut standing));
    }
}

impl FeedCopy for Replica {
    type Error = ReplicaError;
    type UnderWay = RangeUnderWay;

    fn trust(&self) -> &FeedTrust {
        &self.trust
    }

    fn position(&self) -> FollowedTo {
        self.standing().position
    }

    fn reaching(&self, head: &VerifiedHead, signed: &[u8]) {
        self.newest.note(head, signed);
    }

    fn staged(&self, epoch: Epoch) -> Result<Option<FollowedTo>, ReplicaError> {
        let stored = self.store.get(&Scope(epoch).key(Key::Followed))?;
        let staged = stored.map(|bytes| project::read(&bytes)).transpose();
        staged.map_err(|_no_detail| ReplicaError::Unreadable)
    }

    fn begin_range(&self, span: &mut VerifiedSpan, records: Vec<SealedRecord>) -> Result<RangeUnderWay, ReplicaError> {
        let before = *span.position();
        let cipher = RecordCipher::new(&self.subkeys.record, self.event, before.epoch);
        self.trust.trust_published(&span.open(&records, &cipher)?)?;
        let facts = Fact::of_records(before.epoch, records, self.newest.of(span.position()));
        let (event, scope, is_whole) = (self.event, Scope(before.epoch), span.need().is_none());
        let pending = self.store.transact(move |transaction| {
            let unreadable = |_no_detail| ReplicaError::Unreadable;
            let at = scope.followed(transaction.get(&scope.key(Key::Followed))?, event).map_err(unreadable)?;
            let Scope(current) = Scope::current(transaction.get(&Key::Current.bytes())?).map_err(unreadable)?;
            if at != before || before.epoch < current {
                return Err(ReplicaError::Overtaken);
            }
            facts.iter().try_for_each(|fact| transaction.append(fact.encode()).map(|_position| ()))?;
            if is_whole && current < before.epoch {
                transaction.append(Fact::Exchanged(before.epoch).encode())?;
            }
            Ok::<_, ReplicaError>(())
        });
        Ok(RangeUnderWay { pending })
    }

    async fn finish_range(&self, range: RangeUnderWay) -> Result<(), ReplicaError> {
        range.pending.await?;
        self.look_again()
    }
}
