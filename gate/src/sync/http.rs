//! Follows the feed and uploads admissions over the uplink.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kido_shared::clock::Clock;
use kido_shared::feed::{
    ChainCheck, FeedError, FeedKeyCertificate, RangeNeed, SealedRecord, VerifiedHead, VerifiedSpan, decode_range,
};
use kido_shared::ids::{AdmissionId, Epoch, EventId};
use kido_shared::limits::{FEED_HEAD_BYTES_MAX, FEED_RANGE_BYTES_MAX, FEED_RANGE_RECORDS};
use kido_shared::wire::v1::admissions::{AckOutcome, AdmissionAcks};
use kido_shared::wire::v1::report::{GateReport, ReportTaken};
use kido_shared::wire::v1::routes;
use kido_shared::wire::v1::showings::ShowingsTaken;

use crate::gate_clock::GateClock;
use crate::journal::{Journal, JournalError};
use crate::replica::{RangeUnderWay, Replica, ReplicaError, Spool, SpoolError};
use crate::uplink::{Signer, Uplink, UplinkError};

/// Deadline of one small answer.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);

/// Deadline of one range: 4 MB at worst, over a venue's poor line.
const RANGE_DEADLINE: Duration = Duration::from_secs(30);

/// Deadline of one upload.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(10);

/// Why the gate could not be brought up to date, or its admissions home.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The registrar did not answer.
    #[error("no answer from the registrar")]
    Uplink(#[from] UplinkError),
    /// What it sent is refused, or could not be stored.
    #[error("the feed was not taken")]
    Replica(#[from] ReplicaError),
    /// Ranges could not be kept until their chain was proved.
    #[error("the feed could not be spooled")]
    Spool(#[from] SpoolError),
    /// The journal failed.
    #[error("the journal failed")]
    Journal(#[from] JournalError),
    /// The work was stopped, at shutdown.
    #[error("stopped")]
    Stopped,
}

impl From<FeedError> for SyncError {
    fn from(error: FeedError) -> Self {
        Self::Replica(ReplicaError::Feed(error))
    }
}

/// What a pull has brought.
#[must_use = "its head is to be noted, or the replica looks as old as before"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulled {
    /// Records that were stored.
    pub records: u64,
    /// Bytes that came over the wire, HTTP headers apart.
    pub bytes: u64,
    /// The head that was reached.
    pub head: VerifiedHead,
}

impl Pulled {
    /// Takes the registrar's word for the time, and keeps how old all that is known here is by now.
    ///
    /// A head from a time that is not believed keeps no replica young.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub async fn note(&self, clock: &GateClock, replica: &Replica) -> Result<(), ReplicaError> {
        if clock.head(self.head.head().issued_at) {
            return replica.note_head(&self.head, clock.now()).await;
        }
        tracing::warn!("the registrar's clock is far ahead of this gate's: one of the two is wrong, please look");
        Ok(())
    }
}

/// The registrar as one gate's sync sees it.
#[derive(Clone)]
pub struct RegistrarClient {
    uplink: Uplink,
    signer: Signer,
    clock: Arc<dyn Clock>,
    spool_folder: PathBuf,
}

impl std::fmt::Debug for RegistrarClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistrarClient").field("uplink", &self.uplink).finish_non_exhaustive()
    }
}

impl RegistrarClient {
    /// A client that spools long ways to a file without a name in that folder.
    #[must_use]
    pub fn new(uplink: Uplink, signer: Signer, clock: Arc<dyn Clock>, spool_folder: PathBuf) -> Self {
        Self { uplink, signer, clock, spool_folder }
    }

    /// Fetches the head and follows the feed up to it.
    ///
    /// The whole way is fetched and its chain proved before the first record is opened; then it is stored range by
    /// range, each with the position behind it. How old all that is by now is noted by [`Pulled::note`].
    ///
    /// # Errors
    /// [`SyncError`]; what was stored up to then stands and is true.
    pub async fn pull(&self, replica: &Replica) -> Result<Pulled, SyncError> {
        let event = replica.event();
        let bytes = self.uplink.get(&routes::feed_head(event), FEED_HEAD_BYTES_MAX, HEAD_DEADLINE).await?;
        let mut fetched = length(&bytes);
        let head = self.believe(replica, &bytes).await?;
        let mut check = replica.begin(&head)?;
        let mut spool = Spool::new(&self.spool_folder);
        let mut records = 0_u64;
        while let Some(need) = check.need() {
            let (range, bytes) = self.range(replica, head.head().epoch, need).await?;
            fetched = fetched.saturating_add(bytes);
            records = records.saturating_add(need.take);
            extend(&mut check, &range)?;
            spool.put(&range).await?;
        }
        if records > 0 {
            store(replica, check.finish()?, spool).await?;
        }
        Ok(Pulled { records, bytes: fetched, head })
    }

    /// Verifies a head; where its signer is unknown, asks once for the root's word on the feed key.
    async fn believe(&self, replica: &Replica, bytes: &[u8]) -> Result<VerifiedHead, SyncError> {
        let now = self.clock.now();
        match replica.verify_head(bytes, now) {
            Err(ReplicaError::Feed(FeedError::Signature { .. })) => {
                let path = routes::feed_key(replica.event());
                let certificate = self.uplink.get(&path, FEED_HEAD_BYTES_MAX, HEAD_DEADLINE).await?;
                replica.trust(&FeedKeyCertificate::from_bytes(certificate)?, now)?;
                Ok(replica.verify_head(bytes, now)?)
            }
            verified => Ok(verified?),
        }
    }

    /// Exactly the records that are needed next, and the bytes that it took.
    async fn range(
        &self,
        replica: &Replica,
        epoch: Epoch,
        need: RangeNeed,
    ) -> Result<(Vec<SealedRecord>, u64), SyncError> {
        let event = replica.event();
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

    /// Tells how this gate is.
    ///
    /// # Errors
    /// [`UplinkError`]; nothing is lost by it.
    pub async fn report(&self, event: EventId, report: &GateReport) -> Result<(), UplinkError> {
        let path = routes::reports(event);
        let taken = self.uplink.post_signed(&path, Some(report), &self.signer, HEAD_DEADLINE).await;
        taken.map(|ReportTaken {}| ())
    }

    /// Uploads the oldest admissions that wait; gives how many the registrar has acknowledged.
    ///
    /// # Errors
    /// [`SyncError`]; what was not acknowledged is sent again.
    pub async fn push(&self, journal: &Journal, replica: &Replica) -> Result<usize, SyncError> {
        let outbox = journal.outbox()?;
        if outbox.is_empty() {
            return Ok(0);
        }
        let path = routes::admissions(replica.event());
        let acks: AdmissionAcks =
            self.uplink.post_signed(&path, Some(outbox.batch()), &self.signer, UPLOAD_DEADLINE).await?;
        for ack in acks.acks.iter().filter(|ack| ack.outcome == AckOutcome::Refused) {
            // It stays in this journal and is never sent again: a person has to look.
            tracing::error!(admission = %ack.admission, "the registrar refuses an admission for good");
        }
        let acknowledged: Vec<AdmissionId> = acks.acks.iter().map(|ack| ack.admission).collect();
        Ok(journal.note_uploaded(&outbox, &acknowledged).await?)
    }

    /// Uploads the oldest refused showings that wait; gives how many the registrar has taken.
    ///
    /// # Errors
    /// [`SyncError`]; what was not taken is sent again.
    pub async fn push_showings(&self, journal: &Journal, event: EventId) -> Result<usize, SyncError> {
        let showings = journal.showings()?;
        if showings.is_empty() {
            return Ok(0);
        }
        let (path, taken) = (routes::showings(event), showings.len());
        let ShowingsTaken {} =
            self.uplink.post_signed(&path, Some(showings.batch()), &self.signer, UPLOAD_DEADLINE).await?;
        journal.note_showings_uploaded(showings).await?;
        Ok(taken)
    }
}

fn extend(check: &mut ChainCheck, range: &[SealedRecord]) -> Result<(), SyncError> {
    Ok(check.extend(range)?)
}

/// The second pass: while one range is on its way to the disk, the next is decrypted.
async fn store(replica: &Replica, mut span: VerifiedSpan, mut spool: Spool) -> Result<(), SyncError> {
    let mut under_way = None;
    let begun = loop {
        let next = match begin_next(replica, span, &mut spool).await {
            Ok(Some((behind, next))) => {
                span = behind;
                next
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        if let Some(before) = under_way.replace(next) {
            replica.finish_range(before).await?;
        }
    };
    // Whatever stopped the pass, what was begun before it is good.
    if let Some(last) = under_way {
        replica.finish_range(last).await?;
    }
    begun
}

/// Takes the next range out of the spool and opens it, off the asynchronous workers; nothing once all are out.
async fn begin_next(
    replica: &Replica,
    mut span: VerifiedSpan,
    spool: &mut Spool,
) -> Result<Option<(VerifiedSpan, RangeUnderWay)>, SyncError> {
    let Some(records) = spool.take().await? else { return Ok(None) };
    let replica = replica.clone();
    let work = move || replica.begin_range(&mut span, records).map(|range| (span, range));
    let begun = tokio::task::spawn_blocking(work).await.map_err(|_cancelled| SyncError::Stopped)??;
    Ok(Some(begun))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
