//! What every home of records promises, as tests that any of them can be put through.

use std::sync::Arc;

use kido_shared::admission::{AdmissionBasis, DecidedOn};
use kido_shared::claim::{ClaimFacts, ClaimRequest, ClaimStep, NamedAdmission, TicketClaims, step};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, FeedSequence, GateId, TicketId};
use kido_shared::ticket::{Entries, TicketStatus};
use tokio::task::JoinSet;

use super::{ClaimRecords, RecordName, RecordsError, Swapped, Versioned};

/// Writers that meet at one record.
const WRITERS: u8 = 16;

/// Which promise was broken.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A promise, in words.
    #[error("a home of records broke its promise: {0}")]
    Promise(&'static str),
    /// It failed altogether.
    #[error("a home of records failed")]
    Failed(#[from] RecordsError),
    /// A writer ended without an answer.
    #[error("a writer was lost")]
    Lost(#[source] tokio::task::JoinError),
}

/// A record that one admission holds, `steps` writes old.
fn record(admission: u8, steps: usize) -> TicketClaims {
    let first = FeedSequence::FIRST;
    let decided_on = DecidedOn { ticket: first, binding: first, epoch: kido_shared::ids::Epoch::FIRST };
    let facts = ClaimFacts { entries: Entries::ONCE, status: TicketStatus::InForce, newest: decided_on };
    let (admission, ticket) = (AdmissionId::from_bytes([admission; 16]), TicketId::from_bytes([1; 16]));
    let (gate, at) = (GateId::from_bytes([2; 16]), Timestamp::from_unix_seconds(1_790_000_000));
    let basis = AdmissionBasis::Claimed;
    let claim = ClaimStep::Claim(ClaimRequest { admission, ticket, gate, decided_on, at, basis });
    let opened = ClaimStep::Opened(NamedAdmission { admission, ticket, gate });
    let steps = [claim, opened].into_iter().take(steps);
    steps.fold(TicketClaims::new(), |record, wanted| step(&record, &wanted, &facts, at).0.unwrap_or(record))
}

const fn name(number: u8) -> RecordName {
    RecordName::from_bytes([number; 32])
}

fn promise(kept: bool, what: &'static str) -> Result<(), Broken> {
    if kept { Ok(()) } else { Err(Broken::Promise(what)) }
}

/// What can be seen with one writer.
///
/// # Errors
/// [`Broken`].
pub async fn keeps(records: &impl ClaimRecords) -> Result<(), Broken> {
    let (first, second) = (record(1, 1), record(1, 2));
    promise(records.get(name(1)).await?.is_none(), "what was never written is not there")?;
    let wrong = records.compare_and_set(name(1), Some(1), first.clone()).await?;
    promise(wrong == Swapped::Other(None), "nothing is changed that is not there")?;
    let made = records.compare_and_set(name(1), None, first.clone()).await?;
    promise(made == Swapped::Stored, "the first write finds nothing and is made")?;
    let read = records.get(name(1)).await?.ok_or(Broken::Promise("what was written is there"))?;
    promise(read.claims == first, "what was written reads back")?;
    let again = records.compare_and_set(name(1), None, second.clone()).await?;
    promise(again == Swapped::Other(Some(read.clone())), "a write that expects nothing finds what is there")?;
    let next = records.compare_and_set(name(1), Some(read.version), second.clone()).await?;
    promise(next == Swapped::Stored, "a write that knows the version is made")?;
    let stale = records.compare_and_set(name(1), Some(read.version), first).await?;
    promise(
        matches!(stale, Swapped::Other(Some(Versioned { claims, .. })) if claims == second),
        "the old version is no longer good",
    )?;
    promise(records.get(name(2)).await?.is_none(), "a record has nothing to do with another one")
}

/// Many writers that all expect the same version: one of them is made, the others learn whose.
///
/// # Errors
/// [`Broken`].
pub async fn one_of_many_wins(records: Arc<impl ClaimRecords>) -> Result<(), Broken> {
    let mut writers = JoinSet::new();
    for writer in 1..=WRITERS {
        let records = Arc::clone(&records);
        writers.spawn(async move { records.compare_and_set(name(9), None, record(writer, 1)).await });
    }
    let (mut made, mut seen) = (0_usize, Vec::new());
    while let Some(ended) = writers.join_next().await {
        match ended.map_err(Broken::Lost)?? {
            Swapped::Stored => made = made.saturating_add(1),
            Swapped::Other(other) => seen.push(other),
        }
    }
    promise(made == 1, "of many writers exactly one is made")?;
    let stands = records.get(name(9)).await?;
    promise(stands.is_some() && seen.iter().all(|other| *other == stands), "the others see what was written")
}
