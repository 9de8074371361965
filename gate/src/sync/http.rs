//! Follows the feed and uploads admissions over the uplink.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kido_follow::{FeedClient, PullError, Pulled, Signer, SpoolError, Uplink, UplinkError};
use kido_shared::clock::Clock;
use kido_shared::ids::{AdmissionId, EventId};
use kido_shared::trace_context::TraceContext;
use kido_shared::wire::v1::admissions::{AckOutcome, AdmissionAck, AdmissionAcks};
use kido_shared::wire::v1::recovery::{RecoveryOffer, RecoveryWish};
use kido_shared::wire::v1::report::{GateReport, ReportTaken};
use kido_shared::wire::v1::routes;
use kido_shared::wire::v1::showings::ShowingsTaken;

use crate::gate_clock::GateClock;
use crate::journal::{Journal, JournalError};
use crate::replica::{Replica, ReplicaError};

/// Deadline of one small answer.
const REPORT_DEADLINE: Duration = Duration::from_secs(5);

/// Deadline of one upload.
const UPLOAD_DEADLINE: Duration = Duration::from_secs(10);

/// Deadline of a part of what is brought back: behind the last one the registrar stores all of them.
const RECOVERY_DEADLINE: Duration = Duration::from_secs(60);

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

impl SyncError {
    /// One word for it, for counts.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Uplink(error) => error.name(),
            Self::Replica(_) => "not_believed",
            Self::Spool(_) | Self::Journal(_) => "not_stored",
            Self::Stopped => "stopped",
        }
    }
}

impl From<PullError<ReplicaError>> for SyncError {
    fn from(error: PullError<ReplicaError>) -> Self {
        match error {
            PullError::Uplink(error) => Self::Uplink(error),
            PullError::Feed(error) => Self::Replica(ReplicaError::Feed(error)),
            PullError::Copy(error) => Self::Replica(error),
            PullError::Spool(error) => Self::Spool(error),
            PullError::Stopped => Self::Stopped,
        }
    }
}

/// Takes the registrar's word for the time, and keeps how old all that is known here is by now.
///
/// A head from a time that is not believed keeps no replica young.
///
/// # Errors
/// [`ReplicaError`].
pub async fn note(pulled: &Pulled, clock: &GateClock, replica: &Replica) -> Result<(), ReplicaError> {
    if clock.head(pulled.head.head().issued_at) {
        return replica.note_head(&pulled.head, clock.now()).await;
    }
    tracing::warn!("the registrar's clock is far ahead of this gate's: one of the two is wrong, please look");
    Ok(())
}

/// Sets the clock back where the registrar contradicts what it said of the time before; says whether it did.
///
/// Only as far as this gate had believed it. The copy is as old as the new head says then, and the moment is to be kept.
///
/// # Errors
/// [`ReplicaError`].
pub async fn set_back(pulled: &Pulled, clock: &GateClock, replica: &Replica) -> Result<bool, ReplicaError> {
    let issued_at = pulled.head.head().issued_at;
    if !replica.standing().is_contradicted_by(issued_at, pulled.records > 0) || !clock.contradicted(issued_at) {
        return Ok(false);
    }
    tracing::warn!("the registrar has contradicted its own time: this gate's clock was set back");
    replica.note_head_instead(&pulled.head, clock.now()).await?;
    Ok(true)
}

/// The registrar as one gate's sync sees it.
#[derive(Debug, Clone)]
pub struct RegistrarClient {
    uplink: Uplink,
    signer: Signer,
    feed: FeedClient,
}

impl RegistrarClient {
    /// A client that spools long ways to a file without a name in that folder.
    #[must_use]
    pub fn new(uplink: Uplink, signer: Signer, clock: Arc<dyn Clock>, spool_folder: PathBuf) -> Self {
        let feed = FeedClient::new(uplink.clone(), clock, spool_folder);
        Self { uplink, signer, feed }
    }

    /// The same, for requests that belong together.
    #[must_use]
    pub fn traced(&self, trace: TraceContext) -> Self {
        Self { uplink: self.uplink.traced(trace), ..self.clone() }
    }

    /// The feed, for whoever keeps following it.
    #[must_use]
    pub const fn feed(&self) -> &FeedClient {
        &self.feed
    }

    /// Follows the feed up to its head, once. How old all that is by now is noted by [`note`].
    ///
    /// # Errors
    /// [`SyncError`]; what was stored up to then stands and is true.
    pub async fn pull(&self, replica: &Replica) -> Result<Pulled, SyncError> {
        Ok(self.feed.pull(replica).await?)
    }

    /// Tells how this gate is, and hears what the registrar wants of it where that was restored from a backup.
    ///
    /// # Errors
    /// [`UplinkError`]; nothing is lost by it.
    pub async fn report(&self, event: EventId, report: &GateReport) -> Result<Option<RecoveryWish>, UplinkError> {
        let path = routes::reports(event);
        let taken = self.uplink.post_signed(&path, Some(report), &self.signer, REPORT_DEADLINE).await;
        taken.map(|ReportTaken { recovery }| recovery)
    }

    /// Brings back something that the registrar has lost, and hears what it wants next.
    ///
    /// # Errors
    /// [`UplinkError`]; it may be brought again.
    pub async fn offer(&self, event: EventId, offer: &RecoveryOffer) -> Result<RecoveryWish, UplinkError> {
        self.uplink.post_signed(&routes::recovery(event), Some(offer), &self.signer, RECOVERY_DEADLINE).await
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
        for ack in acks.acks.iter().chain(&acks.endings).filter(|ack| ack.outcome == AckOutcome::Refused) {
            // It stays in this journal and is never sent again: a person has to look.
            tracing::error!(admission = %ack.admission, "the registrar refuses an admission for good");
        }
        let later = acks.endings.iter().filter(|ack| ack.outcome == AckOutcome::Later).count();
        if later > 0 {
            tracing::warn!(
                later,
                "the registrar waits for other gates before it takes more ends of admissions from here"
            );
        }
        let named = |acks: &[AdmissionAck]| -> Vec<AdmissionId> {
            acks.iter().filter(|ack| ack.outcome != AckOutcome::Later).map(|ack| ack.admission).collect()
        };
        let admissions = journal.note_uploaded(&outbox, &named(&acks.acks)).await?;
        let endings = journal.note_endings_uploaded(&outbox, &named(&acks.endings)).await?;
        Ok(admissions.saturating_add(endings))
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

#[cfg(test)]
mod tests;
