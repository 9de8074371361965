//! A feed that somebody carries here in a file, taken as if it had come over the line.
//!
//! ```text
//! bytes ─▶ whose, how far ─▶ certificate, cut, head ─▶ FeedTrust ─▶ every range, hashed from the first on ─▶ the end
//!                                                                     (what the copy lacks: spooled)          │
//!                                                        FeedCopy, range by range ◀── VerifiedSpan ◀──────────┘
//! ```
//!
//! Nothing is opened or stored before the last byte was read and the whole file's chain has met its signed head, the part
//! included that the copy has already: a file is right or it is refused. Interrupted while storing, a copy is right as far
//! as it goes, and the same file goes on with it.

use std::path::Path;

use kido_shared::carried::{FEED_FILE_BEGIN_BYTES_MAX, FEED_FILE_BYTES_MAX, FeedFileBegin, items};
use kido_shared::clock::Timestamp;
use kido_shared::feed::{
    ChainCheck, FeedError, FeedKeyCertificate, FollowedTo, Follower, RangeNeed, SealedRecord, VerifiedHead,
    decode_range,
};
use kido_shared::ids::{Epoch, EventId};
use kido_shared::limits::{FEED_HEAD_BYTES_MAX, FEED_RANGE_BYTES_MAX};
use tokio::io::{AsyncRead, AsyncReadExt as _, BufReader, Take};

use crate::pull::{FeedCopy, PullError, after_cut, store};
use crate::spool::Spool;

/// Why a feed file changed nothing. Only [`Self::NotTaken`] may come after some of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum CarriedError<E: std::error::Error + 'static> {
    /// It is something else, or damaged where it says what it is.
    #[error("this is no feed file of this version")]
    NotAFeedFile,
    /// It is of another event.
    #[error("the file is of event {file}, and this is a copy of event {here}")]
    OtherEvent {
        /// What the file says.
        file: EventId,
        /// What is followed here.
        here: EventId,
    },
    /// It is of an earlier epoch: what it tells was given up with the root key's word.
    #[error("the file is of epoch {file} of this event, and epoch {here} is followed here: it is from before the cut")]
    OtherEpoch {
        /// What the file says.
        file: Epoch,
        /// What is followed here.
        here: Epoch,
    },
    /// It ends too early.
    #[error("the file is not complete: it was cut short when it was copied, or is still being copied")]
    CutShort,
    /// Something stands behind its last record.
    #[error("the file goes on behind its end: it was altered")]
    GoesOn,
    /// It is larger than any feed.
    #[error("the file is larger than a feed file may be")]
    TooLarge,
    /// Its beginning says something else than its signed head.
    #[error("the file contradicts itself: it was altered")]
    Contradicts,
    /// It is not to be believed.
    #[error("the file is refused")]
    Feed(#[from] FeedError),
    /// It cannot be read.
    #[error("the file cannot be read")]
    Read(#[source] std::io::Error),
    /// It is right, and could not be stored. What was stored up to then stands and is true.
    #[error("the file was not taken to its end; give it once more")]
    NotTaken(#[from] PullError<E>),
}

/// What a feed file has brought. All of these are good ends.
#[must_use = "its head is to be noted, or the copy looks as old as before"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brought {
    /// Records that were stored.
    pub records: u64,
    /// The file's head, which was verified. It was reached, unless it [`Self::is_older`].
    pub head: VerifiedHead,
    /// Whether the copy knew more than the file; then the file says nothing to it.
    pub is_older: bool,
}

/// Follows a feed as far as a file goes. `now` is the newest moment that is sure to have passed.
///
/// # Errors
/// [`CarriedError`].
pub async fn bring<C: FeedCopy>(
    copy: &C,
    file: impl AsyncRead + Unpin + Send,
    spool_folder: &Path,
    now: Timestamp,
) -> Result<Brought, CarriedError<C::Error>> {
    let mut items = Items::of(file);
    let File { head, signed, begin, from } = head(copy, &mut items, now).await?;
    let event = begin.event;
    let is_older = head.reaches().length < from.length;
    let mut whole = Follower::start(event, begin.epoch).begin(&head)?;
    let mut lacking = if is_older { None } else { Some(Follower::resume(event, from).begin(&head)?) };
    let (mut spool, mut records) = (Spool::new(spool_folder), 0_u64);
    while let Some(need) = whole.need() {
        let range = decode_range(&items.next(FEED_RANGE_BYTES_MAX).await?)?;
        whole.extend(&range)?;
        let wanted = lacking.as_mut().and_then(|check| wanted(check, need.range));
        if let Some((check, take)) = wanted {
            let lacked = take.cut(&range)?;
            check.extend(lacked)?;
            records = records.saturating_add(take.take);
            put(&mut spool, lacked).await?;
        }
    }
    if !items.is_over().await? {
        return Err(CarriedError::GoesOn);
    }
    whole.finish()?;
    if let Some(check) = lacking.filter(|_| records > 0) {
        copy.reaching(&head, &signed);
        store(copy, check.finish()?, spool).await?;
    }
    Ok(Brought { records, head, is_older })
}

/// The way that a copy has still to go, where it leads through this range.
fn wanted(check: &mut ChainCheck, range: u64) -> Option<(&mut ChainCheck, RangeNeed)> {
    let need = check.need().filter(|need| need.range == range)?;
    Some((check, need))
}

async fn put<E: std::error::Error + 'static>(spool: &mut Spool, range: &[SealedRecord]) -> Result<(), PullError<E>> {
    Ok(spool.put(range).await?)
}

/// What stands before a file's records.
struct File {
    /// Its head, verified.
    head: VerifiedHead,
    /// The head as it was signed.
    signed: Vec<u8>,
    begin: FeedFileBegin,
    /// From where the copy would follow it.
    from: FollowedTo,
}

async fn head<C: FeedCopy>(
    copy: &C,
    items: &mut Items<impl AsyncRead + Unpin>,
    now: Timestamp,
) -> Result<File, CarriedError<C::Error>> {
    let begin = match items.next(FEED_FILE_BEGIN_BYTES_MAX).await {
        Err(ItemError::Form(_)) => return Err(CarriedError::NotAFeedFile),
        item => FeedFileBegin::decode(&item?).map_err(|_no_detail| CarriedError::NotAFeedFile)?,
    };
    let (trust, mut from) = (copy.trust(), copy.position());
    if begin.event != trust.event() {
        return Err(CarriedError::OtherEvent { file: begin.event, here: trust.event() });
    }
    if begin.epoch < from.epoch {
        return Err(CarriedError::OtherEpoch { file: begin.epoch, here: from.epoch });
    }
    let certificate = items.next(FEED_HEAD_BYTES_MAX).await?;
    if begin.carries_cut() {
        let cut = items.next(FEED_HEAD_BYTES_MAX).await?;
        if begin.epoch > from.epoch {
            from = match after_cut(copy, &cut) {
                Err(PullError::Feed(refused)) => return Err(refused.into()),
                place => place?,
            };
        }
    }
    let signed = items.next(FEED_HEAD_BYTES_MAX).await?;
    trust.trust(&FeedKeyCertificate::from_bytes(certificate)?, now)?;
    // From the beginning: that the copy is further than the file is no fault of the file.
    let head = trust.verify_head(&signed, FollowedTo::start(begin.event, begin.epoch), now)?;
    let same = (head.reaches().epoch, head.reaches().length) == (from.epoch, begin.length);
    if same { Ok(File { head, signed, begin, from }) } else { Err(CarriedError::Contradicts) }
}

/// Why no item came.
#[derive(Debug)]
enum ItemError {
    CutShort,
    TooLarge,
    Form(FeedError),
    Read(std::io::Error),
}

impl<E: std::error::Error + 'static> From<ItemError> for CarriedError<E> {
    fn from(error: ItemError) -> Self {
        match error {
            ItemError::CutShort => Self::CutShort,
            ItemError::TooLarge => Self::TooLarge,
            ItemError::Form(error) => Self::Feed(error),
            ItemError::Read(error) => Self::Read(error),
        }
    }
}

/// The items of a file, one at a time, each with its bound.
struct Items<R>(BufReader<Take<R>>);

impl<R: AsyncRead + Unpin> Items<R> {
    fn of(file: R) -> Self {
        Self(BufReader::new(file.take(FEED_FILE_BYTES_MAX)))
    }

    /// The next item, which must be there.
    async fn next(&mut self, bytes_max: usize) -> Result<Vec<u8>, ItemError> {
        let mut first = [0];
        self.fill(&mut first).await?;
        let [first] = first;
        let form = |what| ItemError::Form(FeedError::Encoding { what });
        let mut behind = vec![0; items::length_bytes(first).ok_or_else(|| form("an item"))?];
        self.fill(&mut behind).await?;
        let length = items::length(first, &behind).ok_or_else(|| form("the length of an item"))?;
        if length > bytes_max {
            return Err(ItemError::Form(FeedError::Length { what: "an item" }));
        }
        let mut item = vec![0; length];
        self.fill(&mut item).await?;
        Ok(item)
    }

    async fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ItemError> {
        match self.0.read_exact(bytes).await {
            Ok(_all) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(if self.is_at_bound() { ItemError::TooLarge } else { ItemError::CutShort })
            }
            Err(error) => Err(ItemError::Read(error)),
        }
    }

    /// Whether that nothing more came is not the file's end, but that of what is read of any file.
    fn is_at_bound(&self) -> bool {
        self.0.get_ref().limit() == 0
    }

    /// Whether nothing more comes.
    async fn is_over(&mut self) -> Result<bool, ItemError> {
        let mut more = [0];
        let read = self.0.read(&mut more).await.map_err(ItemError::Read)?;
        if self.is_at_bound() { Err(ItemError::TooLarge) } else { Ok(read == 0) }
    }
}

#[cfg(test)]
mod tests;
