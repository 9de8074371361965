//! Brings back what a registrar has lost that was restored from a backup: signed head and records, then the journal.
//!
//! The registrar says step by step what it wants, beginning with its answer to a report; nothing is done unasked. What
//! breaks off goes on with the next report.

use kido_shared::clock::Timestamp;
use kido_shared::feed::{SealedRecord, encode_range};
use kido_shared::limits::FEED_RANGE_RECORDS;
use kido_shared::wire::v1::recovery::{OFFERED_BYTES_MAX, RecoveryOffer, RecoveryWish};

use super::http::{RegistrarClient, SyncError};
use crate::journal::Journal;
use crate::replica::{ProvedTail, Replica, ReplicaError};

/// Most steps until the next report: the longest feed in parts as small as they get is far shorter.
const STEPS_MAX: usize = 16_384;

/// Does what the registrar wants until it wants nothing more for now.
///
/// # Errors
/// [`SyncError`]; the next report goes on.
pub async fn bring_back(
    registrar: &RegistrarClient,
    (journal, replica): (&Journal, &Replica),
    first: RecoveryWish,
) -> Result<(), SyncError> {
    let (mut wish, mut tail) = (first, None);
    for _step in 0..STEPS_MAX {
        let offer = match wish {
            RecoveryWish::Nothing => return Ok(()),
            RecoveryWish::Head => {
                tracing::warn!("the registrar has come back from a backup: it is shown how far it had got");
                RecoveryOffer::Head { head: replica.signed_head()?.unwrap_or_default() }
            }
            RecoveryWish::Records { from } => {
                let held = held(&mut tail, replica, from).await?;
                let Some(range) = part(held, from)? else { return Ok(()) };
                RecoveryOffer::Records { from, range }
            }
            RecoveryWish::Journal { since } => {
                upload_again(registrar, (journal, replica), since).await?;
                if !journal.outbox()?.batch().endings.is_empty() {
                    // Of admissions that other gates have not brought yet: what it takes no more of is not delivered.
                    return Ok(());
                }
                RecoveryOffer::Delivered { since }
            }
        };
        wish = registrar.offer(replica.event(), &offer).await?;
    }
    Ok(())
}

/// The records from there on; read once for a whole way.
async fn held<'t>(tail: &'t mut Option<ProvedTail>, replica: &Replica, from: u64) -> Result<&'t ProvedTail, SyncError> {
    if tail.as_ref().is_none_or(|tail| from < tail.from) {
        let replica = replica.clone();
        let read = tokio::task::spawn_blocking(move || replica.proved_tail(from)).await;
        *tail = Some(read.map_err(|_cancelled| SyncError::Stopped)??);
    }
    tail.as_ref().ok_or(SyncError::Stopped)
}

/// As many of them as one offer carries, encoded; nothing where there are none.
fn part(tail: &ProvedTail, from: u64) -> Result<Option<Vec<u8>>, SyncError> {
    let skip = usize::try_from(from.saturating_sub(tail.from)).unwrap_or(usize::MAX);
    let most = usize::try_from(FEED_RANGE_RECORDS).unwrap_or(usize::MAX);
    let (mut records, mut bytes) = (Vec::<SealedRecord>::new(), 0_usize);
    for record in tail.records.iter().skip(skip).take(most) {
        bytes = bytes.saturating_add(record.as_bytes().len());
        if bytes > OFFERED_BYTES_MAX && !records.is_empty() {
            break;
        }
        records.push(record.clone());
    }
    if records.is_empty() {
        return Ok(None);
    }
    let range = encode_range(&records).map_err(ReplicaError::Feed)?;
    Ok(Some(range))
}

/// Uploads the whole journal once more, acknowledged or not.
async fn upload_again(
    registrar: &RegistrarClient,
    (journal, replica): (&Journal, &Replica),
    since: Timestamp,
) -> Result<(), SyncError> {
    if journal.requeue(since).await? {
        tracing::warn!("the registrar has come back from a backup: everything is uploaded once more");
    }
    while registrar.push(journal, replica).await? > 0 {}
    while registrar.push_showings(journal, replica.event()).await? > 0 {}
    Ok(())
}
