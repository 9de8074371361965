use std::sync::Arc;

use kido_shared::claim::{ClaimFacts, ClaimStep, NamedAdmission, step};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, FeedSequence, GateId, TicketId};
use kido_shared::ticket::{Entries, TicketStatus};

use super::*;
use crate::records::contract;

const EVENT: EventId = EventId::from_bytes([1; 16]);

/// A record so many withdrawals old.
fn record(steps: u8) -> TicketClaims {
    let newest = kido_shared::admission::DecidedOn {
        ticket: FeedSequence::FIRST,
        binding: FeedSequence::FIRST,
        epoch: kido_shared::ids::Epoch::FIRST,
    };
    let facts = ClaimFacts { entries: Entries::ONCE, status: TicketStatus::InForce, newest };
    (1..=steps).fold(TicketClaims::new(), |record, admission| {
        let admission = AdmissionId::from_bytes([admission; 16]);
        let (ticket, gate) = (TicketId::from_bytes([1; 16]), GateId::from_bytes([2; 16]));
        let withdraw = ClaimStep::Withdraw(NamedAdmission { admission, ticket, gate });
        step(&record, &withdraw, &facts, Timestamp::from_unix_seconds(1_790_000_000)).0.unwrap()
    })
}

fn name(number: u32) -> RecordName {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    RecordName::from_bytes(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn records_on_disk_keep_the_contract() {
    let home = tempfile::tempdir().unwrap();
    let records = StoredRecords::open(home.path(), EVENT).unwrap();
    contract::keeps(&records).await.unwrap();
    contract::one_of_many_wins(Arc::new(records)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let records = StoredRecords::open(home.path(), EVENT).unwrap();
    assert_eq!(records.compare_and_set(name(1), None, record(1)).await.unwrap(), Swapped::Stored);
    records.close().unwrap();
    let records = StoredRecords::open(home.path(), EVENT).unwrap();
    assert_eq!(records.get(name(1)).await.unwrap(), Some(Versioned { claims: record(1), version: 1 }));
}

/// Writes so many facts about two records, without waiting for each.
fn fill(folder: &Path, facts: u64) {
    let store = open(&folder.join(FOLDERS[0]), EVENT).unwrap();
    for chunk in 0..facts.div_ceil(1_000) {
        let pending = store.transact(move |transaction| {
            for fact in 0..1_000 {
                let number = u32::try_from((chunk * 1_000 + fact) % 2).unwrap();
                let written = Written { name: *name(number).as_bytes(), claims: record(3) };
                transaction.append(written.to_bytes())?;
            }
            Ok::<_, RecordsError>(())
        });
        pending.wait().unwrap();
    }
    store.close().unwrap();
}

#[test]
fn a_log_that_has_grown_too_long_is_begun_anew_with_the_same_records() {
    let home = tempfile::tempdir().unwrap();
    fill(home.path(), COMPACT_ABOVE + 1_000);
    let records = StoredRecords::open(home.path(), EVENT).unwrap();
    assert_eq!(records.written(), 2);
    for number in 0..2 {
        let stands = versioned(records.store.get(name(number).as_bytes()).unwrap()).unwrap();
        assert_eq!(stands.unwrap().claims, record(3));
    }
}

#[test]
fn a_crash_at_any_point_of_the_exchange_leaves_a_whole_log() {
    for crashed in 0..3 {
        let home = tempfile::tempdir().unwrap();
        fill(home.path(), 1_000);
        let [current, fresh, old] = FOLDERS.map(|name| home.path().join(name));
        let store = open(&current, EVENT).unwrap();
        carry_over(&store, &fresh, EVENT).unwrap();
        store.close().unwrap();
        if crashed > 0 {
            fs::rename(&current, &old).unwrap();
        }
        if crashed > 1 {
            fs::rename(&fresh, &current).unwrap();
        }
        let records = StoredRecords::open(home.path(), EVENT).unwrap();
        assert!(records.written() == if crashed > 1 { 2 } else { 1_000 }, "crashed at {crashed}");
        assert!(!fresh.exists() && !old.exists());
        assert_eq!(count(&records.store).unwrap(), 2);
    }
}
