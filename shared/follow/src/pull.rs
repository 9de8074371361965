//! One pull: from the head to the records behind it, each fetched once and believed only as a whole.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kido_shared::clock::Clock;
use kido_shared::feed::{
    ChainCheck, FeedError, FeedKeyCertificate, FollowedTo, Follower, RangeNeed, SealedRecord, VerifiedHead,
    VerifiedSpan, decode_range,
};
use kido_shared::ids::{Epoch, EventId};
use kido_shared::limits::{FEED_HEAD_BYTES_MAX, FEED_RANGE_BYTES_MAX, FEED_RANGE_RECORDS};
use kido_shared::trace_context::TraceContext;
use kido_shared::wire::v1::feed_stream::FeedNews;
use kido_shared::wire::v1::routes;

use crate::spool::{Spool, SpoolError};
use crate::trust::FeedTrust;
use crate::uplink::{Uplink, UplinkError};

/// Deadline of one small answer.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);

/// Deadline of one range: 4 MB at worst, over a venue's poor line.
const RANGE_DEADLINE: Duration = Duration::from_secs(30);

/// Most records that are opened where they arrive: a few microseconds each, while another thread has to be woken, and
/// wakes this one again, before a suspension that was told is known.
const OPENED_AT_ONCE_MAX: usize = 16;

/// What keeps the records of a feed: a gate's replica, an arbiter's book of tickets. Clones are handles to one copy.
///
/// **Invariant.** Records and the position behind them are one durable step, and records that do not follow on the
/// position are refused.
pub trait FeedCopy: Clone + Send + Sync + 'static {
    /// Why records were not taken.
    type Error: std::error::Error + Send + 'static;

    /// A range on its way to the disk.
    type UnderWay: Send + 'static;

    /// Which heads are believed.
    fn trust(&self) -> &FeedTrust;

    /// How far the feed has been followed.
    fn position(&self) -> FollowedTo;

    /// Is told of the head that the next records lead to, as it was signed, before the first of them is given.
    ///
    /// Whoever keeps it with the records can prove later what this registrar had said: a registrar that was restored from
    /// a backup asks for that.
    fn reaching(&self, _head: &VerifiedHead, _signed: &[u8]) {}

    /// How far a later epoch is stored here that is not followed yet; nothing where none of it is.
    ///
    /// A copy keeps to the epoch that it follows until the last record of the other one is stored, and exchanges the two in
    /// that same durable step. Until then it gives what it has, and goes on with what it has stored of the other.
    ///
    /// # Errors
    /// [`Self::Error`].
    fn staged(&self, _epoch: Epoch) -> Result<Option<FollowedTo>, Self::Error> {
        Ok(None)
    }

    /// Opens the next records of a span whose chain has met a verified head, and begins to store them.
    ///
    /// Where the span is of a later epoch than the copy follows, a cut has led there, and its end exchanges the two
    /// ([`Self::staged`]).
    ///
    /// Blocks for the decryption and for nothing else. Ranges are stored in the order in which they were begun; one that
    /// could not be stored keeps those behind it from being stored.
    ///
    /// # Errors
    /// [`Self::Error`]; then nothing of this range is kept, and what came before stands.
    fn begin_range(&self, span: &mut VerifiedSpan, records: Vec<SealedRecord>) -> Result<Self::UnderWay, Self::Error>;

    /// Waits until a range that was begun is stored.
    ///
    /// # Errors
    /// [`Self::Error`]; then nothing of this range is kept, nor of those begun after it.
    fn finish_range(&self, range: Self::UnderWay) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Why a copy could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum PullError<E: std::error::Error + 'static> {
    /// The registrar did not answer.
    #[error("no answer from the registrar")]
    Uplink(#[from] UplinkError),
    /// What it sent is not to be believed: the sender's fault. The copy is as it was.
    #[error("the feed is refused")]
    Feed(#[source] FeedError),
    /// The records could not be stored.
    #[error("the feed was not taken")]
    Copy(#[source] E),
    /// Ranges could not be kept until their chain was proved.
    #[error("the feed could not be spooled")]
    Spool(#[from] SpoolError),
    /// The work was stopped, at shutdown.
    #[error("stopped")]
    Stopped,
}

impl<E: std::error::Error + 'static> From<FeedError> for PullError<E> {
    fn from(error: FeedError) -> Self {
        Self::Feed(error)
    }
}

/// What a pull has brought.
#[must_use = "its head is to be noted, or the copy looks as old as before"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulled {
    /// Records that were stored.
    pub records: u64,
    /// Bytes that came over the wire, HTTP headers apart.
    pub bytes: u64,
    /// The head that was reached.
    pub head: VerifiedHead,
}

/// A registrar's feed, as a follower reaches it.
#[derive(Clone)]
pub struct FeedClient {
    uplink: Uplink,
    clock: Arc<dyn Clock>,
    spool_folder: PathBuf,
}

impl std::fmt::Debug for FeedClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeedClient").field("uplink", &self.uplink).finish_non_exhaustive()
    }
}

impl FeedClient {
    /// What it is reached by.
    pub(crate) const fn uplink(&self) -> &Uplink {
        &self.uplink
    }

    /// A client that spools long ways to a file without a name in that folder.
    #[must_use]
    pub fn new(uplink: Uplink, clock: Arc<dyn Clock>, spool_folder: PathBuf) -> Self {
        Self { uplink, clock, spool_folder }
    }

    /// The same, for requests that belong together.
    #[must_use]
    pub fn traced(&self, trace: TraceContext) -> Self {
        Self { uplink: self.uplink.traced(trace), ..self.clone() }
    }

    /// Fetches the head and follows the feed up to it.
    ///
    /// The whole way is fetched and its chain proved before the first record is opened; then it is stored range by
    /// range, each with the position behind it.
    ///
    /// # Errors
    /// [`PullError`]; what was stored up to then stands and is true.
    pub async fn pull<C: FeedCopy>(&self, copy: &C) -> Result<Pulled, PullError<C::Error>> {
        let event = copy.trust().event();
        let bytes = self.uplink.get(&routes::feed_head(event), FEED_HEAD_BYTES_MAX, HEAD_DEADLINE).await?;
        self.follow_to(copy, &bytes, None).await
    }

    /// Follows the feed up to a head that a live feed told, with the records that came along; what is missing is fetched.
    /// Nothing is believed or stored otherwise than in [`Self::pull`].
    ///
    /// # Errors
    /// [`PullError`]; what was stored up to then stands and is true.
    pub async fn take<C: FeedCopy>(&self, copy: &C, news: &FeedNews) -> Result<Pulled, PullError<C::Error>> {
        self.follow_to(copy, news.head(), Some(news)).await
    }

    async fn follow_to<C: FeedCopy>(
        &self,
        copy: &C,
        head: &[u8],
        news: Option<&FeedNews>,
    ) -> Result<Pulled, PullError<C::Error>> {
        let event = copy.trust().event();
        let (mut fetched, signed) = (length(head), head);
        let (head, from) = self.believe(copy, head).await?;
        let mut check = Follower::resume(event, from).begin(&head)?;
        let mut spool = Spool::new(&self.spool_folder);
        let mut records = 0_u64;
        while let Some(need) = check.need() {
            let (range, bytes) = match news.and_then(|news| told(news, need)) {
                Some(told) => told,
                None => self.range(event, head.head().epoch, need).await?,
            };
            fetched = fetched.saturating_add(bytes);
            records = records.saturating_add(need.take);
            extend(&mut check, &range)?;
            spool.put(&range).await?;
        }
        copy.reaching(&head, signed);
        if records > 0 {
            store(copy, check.finish()?, spool).await?;
        }
        Ok(Pulled { records, bytes: fetched, head })
    }

    /// Verifies a head, and says from where the way leads to it. Where its signer is unknown, or its time is over as far as
    /// is known here, asks once for the root's word on the feed key; where it is of a later epoch, for the root's cut.
    async fn believe<C: FeedCopy>(
        &self,
        copy: &C,
        bytes: &[u8],
    ) -> Result<(VerifiedHead, FollowedTo), PullError<C::Error>> {
        let (trust, now, mut from) = (copy.trust(), self.clock.now(), copy.position());
        let mut verified = trust.verify_head(bytes, from, now);
        if matches!(verified, Err(FeedError::Signature { .. } | FeedError::KeyNotValid { .. })) {
            let path = routes::feed_key(trust.event());
            let certificate = self.uplink.get(&path, FEED_HEAD_BYTES_MAX, HEAD_DEADLINE).await?;
            trust.trust(&FeedKeyCertificate::from_bytes(certificate)?, now)?;
            verified = trust.verify_head(bytes, from, now);
        }
        if let Err(FeedError::OtherEpoch { head, followed }) = verified
            && head > followed
        {
            from = self.cut(copy, (head, followed)).await?;
            verified = trust.verify_head(bytes, from, now);
        }
        Ok((verified?, from))
    }

    /// Asks for the root's word that leads to a later epoch; gives the place there from which the copy goes on.
    async fn cut<C: FeedCopy>(
        &self,
        copy: &C,
        (head, followed): (Epoch, Epoch),
    ) -> Result<FollowedTo, PullError<C::Error>> {
        let path = routes::feed_cut(copy.trust().event());
        let signed = match self.uplink.get(&path, FEED_HEAD_BYTES_MAX, HEAD_DEADLINE).await {
            // The registrar speaks of another epoch and has no cut for it: what is wrong is its head.
            Err(UplinkError::Refused { .. }) => return Err(FeedError::OtherEpoch { head, followed }.into()),
            answer => answer?,
        };
        let from = after_cut(copy, &signed)?;
        if from.epoch == head { Ok(from) } else { Err(FeedError::OtherEpoch { head, followed: from.epoch }.into()) }
    }

    /// Exactly the records that are needed next, and the bytes that it took.
    async fn range<E: std::error::Error + 'static>(
        &self,
        event: EventId,
        epoch: Epoch,
        need: RangeNeed,
    ) -> Result<(Vec<SealedRecord>, u64), PullError<E>> {
        let first = need.range.saturating_mul(FEED_RANGE_RECORDS);
        let whole = need.skip.saturating_add(need.take) == FEED_RANGE_RECORDS;
        let (path, need) = if whole {
            (routes::feed_range(event, epoch, need.range), need)
        } else {
            let from = first.saturating_add(need.skip);
            (routes::feed_tail(event, epoch, from), RangeNeed { skip: 0, ..need })
        };
        let body = self.uplink.get(&path, FEED_RANGE_BYTES_MAX, RANGE_DEADLINE).await?;
        let range = decode_range(&body)?;
        Ok((need.cut(&range)?.to_vec(), length(&body)))
    }
}

/// Exactly the records that are needed next, where they were told, and their bytes.
fn told(news: &FeedNews, need: RangeNeed) -> Option<(Vec<SealedRecord>, u64)> {
    let from = need.range.saturating_mul(FEED_RANGE_RECORDS).saturating_add(need.skip);
    let records = news.records(from, need.take)?.to_vec();
    let bytes = records.iter().map(|record| length(record.as_bytes())).fold(0, u64::saturating_add);
    Some((records, bytes))
}

fn extend<E: std::error::Error + 'static>(check: &mut ChainCheck, range: &[SealedRecord]) -> Result<(), PullError<E>> {
    Ok(check.extend(range)?)
}

/// Where a copy goes on in the epoch that a signed cut begins.
pub(crate) fn after_cut<C: FeedCopy>(copy: &C, signed: &[u8]) -> Result<FollowedTo, PullError<C::Error>> {
    let trust = copy.trust();
    let start = Follower::resume(trust.event(), copy.position()).cut(&trust.verify_cut(signed)?)?;
    let start = *start.position();
    Ok(copy.staged(start.epoch).map_err(PullError::Copy)?.unwrap_or(start))
}

/// The second pass: while one range is on its way to the disk, the next is decrypted.
pub(crate) async fn store<C: FeedCopy>(
    copy: &C,
    mut span: VerifiedSpan,
    mut spool: Spool,
) -> Result<(), PullError<C::Error>> {
    let mut under_way = None;
    let begun = loop {
        let next = match begin_next(copy, span, &mut spool).await {
            Ok(Some((behind, next))) => {
                span = behind;
                next
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        if let Some(before) = under_way.replace(next) {
            copy.finish_range(before).await.map_err(PullError::Copy)?;
        }
    };
    // Whatever stopped the pass, what was begun before it is good.
    if let Some(last) = under_way {
        copy.finish_range(last).await.map_err(PullError::Copy)?;
    }
    begun
}

/// What [`begin_next`] gives: the span behind the range, and the range.
type Begun<C> = Option<(VerifiedSpan, <C as FeedCopy>::UnderWay)>;

/// Takes the next range out of the spool and opens it, off the asynchronous workers where it is long; nothing once all
/// are out.
async fn begin_next<C: FeedCopy>(
    copy: &C,
    mut span: VerifiedSpan,
    spool: &mut Spool,
) -> Result<Begun<C>, PullError<C::Error>> {
    let Some(records) = spool.take().await? else { return Ok(None) };
    if records.len() <= OPENED_AT_ONCE_MAX {
        let range = copy.begin_range(&mut span, records).map_err(PullError::Copy)?;
        return Ok(Some((span, range)));
    }
    let copy = copy.clone();
    let work = move || copy.begin_range(&mut span, records).map(|range| (span, range));
    let begun = tokio::task::spawn_blocking(work).await.map_err(|_cancelled| PullError::Stopped)?;
    begun.map(Some).map_err(PullError::Copy)
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
