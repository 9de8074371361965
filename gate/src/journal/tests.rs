mod crash;

use std::num::NonZeroU16;
use std::path::Path;

use kido_shared::admission::DecidedOn;
use kido_shared::claim::{ClaimAnswer, ClaimFacts, ClaimStep};
use kido_shared::ids::FeedSequence;
use kido_shared::limits::SHOWINGS_PER_BATCH;
use kido_shared::refusal::StaffCode;
use kido_shared::ticket::{Entries, TicketStatus};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

const GATE: GateId = GateId::from_bytes([7; 16]);
const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);
const DECIDED_ON: DecidedOn =
    DecidedOn { ticket: FeedSequence::FIRST, binding: FeedSequence::new(1), epoch: kido_shared::ids::Epoch::FIRST };

fn ticket(number: u8) -> TicketId {
    TicketId::from_bytes([number; 16])
}

fn planned(number: u8) -> PlannedEntry {
    PlannedEntry { ticket: ticket(number), decided_on: DECIDED_ON, entry: 1 }
}

fn open(folder: &Path) -> (Journal, Recovered) {
    Journal::open(folder, GATE, NOW, &mut StdRng::seed_from_u64(1)).unwrap()
}

/// A journal in a folder that lives as long as the test.
pub(crate) fn journal() -> (tempfile::TempDir, Journal) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("journal");
    // Opening blocks, which a thread of an asynchronous runtime must not.
    let opened = std::thread::spawn(move || open(&folder)).join();
    (home, opened.unwrap().0)
}

async fn intents(journal: &Journal, numbers: &[u8]) -> Vec<StoredIntent> {
    let planned: Vec<_> = numbers.iter().copied().map(planned).collect();
    let seed = journal.store.head().count();
    journal.store_intents(&planned, NOW, &mut StdRng::seed_from_u64(seed)).await.unwrap()
}

fn granted(intents: Vec<StoredIntent>) -> Vec<GrantedEntry> {
    let granted = |intent| GrantedEntry { intent, entry: 1, basis: AdmissionBasis::Claimed };
    intents.into_iter().map(granted).collect()
}

async fn admit(journal: &Journal, numbers: &[u8]) -> Vec<StoredAdmission> {
    let granted = granted(intents(journal, numbers).await);
    journal.store_admissions(&granted, NOW).await.unwrap()
}

fn ids(stored: &[StoredAdmission]) -> Vec<AdmissionId> {
    stored.iter().map(|stored| stored.admission().id).collect()
}

fn entry(number: u8, entries: Entries) -> LocalEntry {
    LocalEntry {
        planned: planned(number),
        facts: ClaimFacts { entries, status: TicketStatus::InForce, newest: DECIDED_ON },
        elsewhere: Used::Never,
    }
}

#[tokio::test]
async fn an_admission_is_used_until_it_is_annulled() {
    let (_home, journal) = journal();
    assert_eq!(journal.used(ticket(1)).unwrap(), Used::Never);
    let stored = admit(&journal, &[1]).await;
    let id = stored[0].admission().id;
    assert_eq!(journal.used(ticket(1)).unwrap(), Used::StoredNotOpened { admission: id });
    journal.note_opened(vec![id], NOW).await.unwrap();
    assert_eq!(journal.used(ticket(1)).unwrap(), Used::Inside { entry: 1, admission: id, gate: GATE, at: NOW });
    journal.note_annulled(vec![id], NOW).await.unwrap();
    assert_eq!(journal.used(ticket(1)).unwrap(), Used::Never);
}

#[tokio::test]
async fn a_withdrawn_intent_becomes_no_admission() {
    let (_home, journal) = journal();
    let intents = intents(&journal, &[1]).await;
    let id = intents[0].admission();
    journal.withdraw(vec![id], NOW).await.unwrap();
    let refused = journal.store_admissions(&granted(intents), NOW).await;
    assert!(matches!(refused, Err(JournalError::IntentGone)));
    assert!(matches!(journal.errands().unwrap()[0].step(), ClaimStep::Withdraw(named) if named.admission == id));
}

#[tokio::test]
async fn a_party_is_stored_together_or_not_at_all() {
    let (_home, journal) = journal();
    let party = intents(&journal, &[1, 2]).await;
    journal.withdraw(vec![party[1].admission()], NOW).await.unwrap();
    assert!(journal.store_admissions(&granted(party), NOW).await.is_err());
    assert_eq!(journal.used(ticket(1)).unwrap(), Used::Never);
    let planned = vec![planned(1); ENTRIES_PER_TAP_MAX + 1];
    let refused = journal.store_intents(&planned, NOW, &mut StdRng::seed_from_u64(1)).await;
    assert!(matches!(refused, Err(JournalError::TooManyEntries)));
}

#[tokio::test]
async fn a_declined_intent_leaves_nothing_to_tell() {
    let (_home, journal) = journal();
    let intents = intents(&journal, &[1]).await;
    journal.decline(vec![intents[0].admission()]).await.unwrap();
    assert_eq!(journal.errands().unwrap(), Vec::new());
    assert!(journal.store_admissions(&granted(intents), NOW).await.is_err());
}

#[tokio::test]
async fn an_admission_stays_in_the_outbox_until_all_of_it_is_acknowledged() {
    let (_home, journal) = journal();
    let stored = admit(&journal, &[1, 2]).await;
    let early = journal.outbox().unwrap();
    assert_eq!(early.batch().admissions.len(), 2);
    journal.note_opened(ids(&stored), NOW).await.unwrap();
    // The registrar acknowledges what was sent before the lane opened: it does not know of that yet.
    journal.note_uploaded(&early, &ids(&stored)).await.unwrap();
    let again = journal.outbox().unwrap();
    assert_eq!(again.batch().admissions.len(), 2);
    assert!(again.batch().admissions.iter().all(|sent| sent.opened_at == Some(NOW)));
    journal.note_uploaded(&again, &ids(&stored)[..1]).await.unwrap();
    assert_eq!(journal.outbox().unwrap().batch().admissions.len(), 1, "only what was acknowledged leaves");
    journal.note_uploaded(&again, &[AdmissionId::from_bytes([9; 16])]).await.unwrap();
    assert_eq!(journal.outbox().unwrap().batch().admissions.len(), 1, "an unknown acknowledgement changes nothing");
}

#[tokio::test]
async fn what_was_admitted_offline_is_claimed_afterwards() {
    let (_home, journal) = journal();
    let admitted = journal.admit_offline(vec![planned(1)], NOW, &mut StdRng::seed_from_u64(1)).await.unwrap();
    let id = admitted.stored[0].admission().id;
    journal.note_opened(vec![id], NOW).await.unwrap();
    let errands = journal.errands().unwrap();
    assert_eq!(errands.len(), 1, "a claim of who is inside says that the lane opened");
    let ClaimStep::Claim(request) = errands[0].step() else { panic!("a claim") };
    assert_eq!((request.admission, request.basis), (id, AdmissionBasis::Offline));
    journal.note_told(&errands[0]).await.unwrap();
    assert_eq!(journal.errands().unwrap(), Vec::new());
}

#[tokio::test]
async fn what_was_given_up_is_told_before_what_is_claimed_afterwards() {
    let (_home, journal) = journal();
    for number in 1..=8 {
        let given_up = intents(&journal, &[number]).await[0].admission();
        journal.withdraw(vec![given_up], NOW).await.unwrap();
        let mut random = StdRng::seed_from_u64(u64::from(number));
        journal.admit_offline(vec![planned(number)], NOW, &mut random).await.unwrap();
    }
    let kinds: Vec<bool> =
        journal.errands().unwrap().iter().map(|errand| matches!(errand.step(), ClaimStep::Withdraw(_))).collect();
    assert_eq!(kinds, [[true; 8], [false; 8]].concat(), "else a claim meets what is free a moment later");
    assert_eq!(journal.errands_behind(8).unwrap().len(), 8);
}

#[tokio::test]
async fn the_arbiter_hears_that_the_lane_opened() {
    let (_home, journal) = journal();
    let stored = admit(&journal, &[1]).await;
    assert_eq!(journal.errands().unwrap(), Vec::new());
    journal.note_opened(ids(&stored), NOW).await.unwrap();
    assert!(matches!(journal.errands().unwrap()[0].step(), ClaimStep::Opened(_)));
}

#[tokio::test]
async fn a_gate_that_is_its_own_arbiter_admits_once() {
    let (_home, journal) = journal();
    let mut random = StdRng::seed_from_u64(1);
    let twice = Entries::Times(NonZeroU16::new(2).unwrap());
    let before = journal.store.head().count();
    let first = journal.admit_as_arbiter(vec![entry(1, twice)], NOW, &mut random).await.unwrap();
    assert_eq!(first.stored[0].admission().entry, 1);
    assert_eq!(journal.store.head().count(), before + 2, "claim and admission stand in one transaction");
    let second = journal.admit_as_arbiter(vec![entry(1, twice)], NOW, &mut random).await.unwrap();
    assert!(second.stored.is_empty());
    let id = first.stored[0].admission().id;
    assert_eq!(second.refused, Some(ClaimAnswer::Taken { admission: id, gate: GATE, at: NOW }));
    journal.note_opened(vec![id], NOW).await.unwrap();
    assert_eq!(journal.errands().unwrap(), Vec::new(), "there is nobody else to tell");
    journal.note_annulled(vec![id], NOW).await.unwrap();
    let third = journal.admit_as_arbiter(vec![entry(1, twice)], NOW, &mut random).await.unwrap();
    assert_eq!(third.stored.len(), 1, "an annulled entry is given back");
}

#[tokio::test]
async fn the_arbiter_hears_of_a_tickets_withdrawal_before_its_next_claim() {
    let (_home, journal) = journal();
    journal.admit_offline(vec![planned(1)], NOW, &mut StdRng::seed_from_u64(9)).await.unwrap();
    for number in [1, 2] {
        let given_up = intents(&journal, &[number]).await;
        journal.withdraw(vec![given_up[0].admission()], NOW).await.unwrap();
    }
    let untold = journal.untold(ticket(1)).unwrap();
    assert_eq!(untold.len(), 2, "of this ticket alone");
    assert!(matches!(untold[0].step(), ClaimStep::Withdraw(named) if named.ticket == ticket(1)));
    assert!(matches!(untold[1].step(), ClaimStep::Claim(request) if request.ticket == ticket(1)));
}

#[test]
fn a_step_that_was_not_taken_ends_no_errand() {
    for answer in [ClaimAnswer::Behind, ClaimAnswer::TooManySteps] {
        assert!(!Errand::is_ended_by(&answer), "{answer:?}");
    }
    assert!(Errand::is_ended_by(&ClaimAnswer::Withdrawn));
}

#[tokio::test]
async fn a_gate_that_replaced_another_admits_no_ticket_that_the_other_did() {
    let (_home, journal) = journal();
    let mut random = StdRng::seed_from_u64(1);
    let twice = Entries::Times(NonZeroU16::new(2).unwrap());
    let (other, gate) = (AdmissionId::from_bytes([9; 16]), GateId::from_bytes([8; 16]));
    let inside = |admission| Used::Inside { entry: 1, admission, gate, at: NOW };
    let used = LocalEntry { elsewhere: inside(other), ..entry(1, twice) };
    let refused = journal.admit_as_arbiter(vec![used], NOW, &mut random).await.unwrap();
    assert_eq!(refused.refused, Some(ClaimAnswer::Taken { admission: other, gate, at: NOW }));
    assert!(refused.stored.is_empty());
    let spent = LocalEntry { elsewhere: Used::Left { entries: 1 }, ..entry(2, Entries::ONCE) };
    let refused = journal.admit_as_arbiter(vec![spent], NOW, &mut random).await.unwrap();
    assert_eq!(refused.refused, Some(ClaimAnswer::Spent));
    // What the feed has from this gate itself is this gate's own to judge.
    let first = journal.admit_as_arbiter(vec![entry(3, twice)], NOW, &mut random).await.unwrap();
    let own = first.stored[0].admission().id;
    journal.note_annulled(vec![own], NOW).await.unwrap();
    let again = LocalEntry { elsewhere: inside(own), ..entry(3, twice) };
    assert_eq!(journal.admit_as_arbiter(vec![again], NOW, &mut random).await.unwrap().stored.len(), 1);
}

#[tokio::test]
async fn a_refused_showing_waits_until_the_registrar_has_it_and_for_no_longer() {
    let (_home, journal) = journal();
    let mut random = StdRng::seed_from_u64(1);
    let (used, shut) = (StaffCode::parse(18).unwrap(), StaffCode::parse(38).unwrap());
    journal.note_refused(&[(ticket(1), used), (ticket(2), shut)], NOW, &mut random).await.unwrap();
    let waiting = journal.showings().unwrap();
    let told: Vec<_> = waiting.batch().showings.iter().map(|it| (it.ticket, it.gate, it.at, it.code)).collect();
    assert_eq!(told, [(ticket(1), GATE, NOW, used), (ticket(2), GATE, NOW, shut)]);
    assert_ne!(waiting.batch().showings[0].id, waiting.batch().showings[1].id);
    journal.note_refused(&[(ticket(3), used)], NOW, &mut random).await.unwrap();
    journal.note_showings_uploaded(waiting).await.unwrap();
    let left = journal.showings().unwrap();
    assert_eq!(left.batch().showings.iter().map(|it| it.ticket).collect::<Vec<_>>(), [ticket(3)]);
    assert!(journal.is_delivered().unwrap(), "a line of a history keeps no gate from being wiped");
}

#[tokio::test]
async fn more_showings_than_one_upload_carries_go_in_several() {
    let (_home, journal) = journal();
    let mut random = StdRng::seed_from_u64(1);
    let code = StaffCode::parse(18).unwrap();
    let tickets: Vec<_> = (0..ENTRIES_PER_TAP_MAX).map(|_ticket| (ticket(1), code)).collect();
    journal.note_refused(&tickets, NOW, &mut random).await.unwrap();
    assert!(tickets.len() > SHOWINGS_PER_BATCH);
    let (mut sent, mut rounds) = (0, 0);
    loop {
        let batch = journal.showings().unwrap();
        if batch.is_empty() {
            break;
        }
        assert!(batch.len() <= SHOWINGS_PER_BATCH);
        (sent, rounds) = (sent + batch.len(), rounds + 1);
        journal.note_showings_uploaded(batch).await.unwrap();
    }
    assert_eq!((sent, rounds), (tickets.len(), tickets.len().div_ceil(SHOWINGS_PER_BATCH)));
}

#[tokio::test]
async fn nothing_is_delivered_while_anybody_has_to_hear_of_it() {
    let (_home, journal) = journal();
    assert!(journal.is_delivered().unwrap());
    let open = intents(&journal, &[1]).await;
    assert!(!journal.is_delivered().unwrap(), "an intent is open");
    journal.withdraw(vec![open[0].admission()], NOW).await.unwrap();
    assert!(!journal.is_delivered().unwrap(), "the arbiter has to hear");
    journal.note_told(&journal.errands().unwrap()[0]).await.unwrap();
    assert!(journal.is_delivered().unwrap());
    let stored = admit(&journal, &[2]).await;
    assert!(!journal.is_delivered().unwrap(), "the registrar has to hear");
    journal.note_uploaded(&journal.outbox().unwrap(), &ids(&stored)).await.unwrap();
    assert!(journal.is_delivered().unwrap());
}

#[test]
fn a_moment_that_was_dreamt_is_believed_at_no_later_start() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("journal");
    let (journal, _recovered) = open(&folder);
    let dreamt = Reading { now: NOW.after(core::time::Duration::from_secs(7_200)), certain: true };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        journal.note_time(dreamt).await.unwrap();
        journal.note_time_set_back(NOW).await.unwrap();
    });
    journal.close().unwrap();
    let (journal, recovered) = open(&folder);
    assert_eq!(recovered.newest, Some(NOW));
    journal.close().unwrap();
}

#[test]
fn starts_are_counted_and_only_a_certain_moment_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("journal");
    let ahead = NOW.after(core::time::Duration::from_secs(365 * 86_400));
    let (journal, recovered) = Journal::open(&folder, GATE, ahead, &mut StdRng::seed_from_u64(1)).unwrap();
    assert_eq!((recovered.boot, recovered.newest), (1, None));
    let noted = [Reading { now: NOW, certain: true }, Reading { now: ahead, certain: false }];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for reading in noted {
            journal.note_time(reading).await.unwrap();
        }
        // Entries of a gate whose clock runs ahead do not vouch for that clock.
        journal.admit_offline(vec![planned(1)], ahead, &mut StdRng::seed_from_u64(1)).await.unwrap();
    });
    journal.close().unwrap();
    let (journal, recovered) = open(&folder);
    assert_eq!((recovered.boot, recovered.newest), (2, Some(NOW)));
    journal.close().unwrap();
    assert_eq!(Journal::examine(&folder, GATE).unwrap(), Some(5));
    assert!(
        Journal::open(&folder, GateId::from_bytes([8; 16]), NOW, &mut StdRng::seed_from_u64(1)).is_err(),
        "another gate's journal is refused"
    );
}

#[tokio::test]
async fn a_journal_is_read_as_it_is_and_nothing_is_noted_by_it() {
    let (home, journal) = journal();
    let stored = admit(&journal, &[1]).await;
    let opened = stored[0].admission().clone();
    journal.note_opened(vec![opened.id], NOW).await.unwrap();
    let _left = intents(&journal, &[2]).await;
    let folder = home.path().join("journal");
    // Opening blocks, which a thread of an asynchronous runtime must not.
    let read = std::thread::spawn(move || {
        journal.close().unwrap();
        (Contents::read(&folder, GATE).unwrap(), Contents::read(&folder, GATE).unwrap(), open(&folder).1)
    });
    let (first, again, recovered) = read.join().unwrap();
    let held = HeldAdmission { admission: opened, opened_at: Some(NOW), annulled: false };
    assert_eq!(first, Contents { admissions: vec![held], is_delivered: false });
    assert_eq!(again, first);
    assert_eq!((recovered.boot, recovered.withdrawn), (2, 1), "the intent was still there for the next start");
}

#[tokio::test]
async fn a_restored_registrar_gets_the_whole_journal_once_more_and_once_only() {
    let (_home, journal) = journal();
    let mut random = StdRng::seed_from_u64(1);
    let stored = admit(&journal, &[1, 2, 3]).await;
    journal.note_opened(ids(&stored), NOW).await.unwrap();
    journal.note_refused(&[(ticket(4), StaffCode::parse(18).unwrap())], NOW, &mut random).await.unwrap();
    let showing = journal.showings().unwrap().batch().showings[0].id;
    let upload = async || {
        let (outbox, showings) = (journal.outbox().unwrap(), journal.showings().unwrap());
        let sent: Vec<_> = outbox.batch().admissions.iter().map(|sent| sent.admission.id).collect();
        let ended: Vec<_> = outbox.batch().endings.iter().map(|ending| ending.admission).collect();
        journal.note_uploaded(&outbox, &sent).await.unwrap();
        journal.note_endings_uploaded(&outbox, &ended).await.unwrap();
        let told: Vec<_> = showings.batch().showings.iter().map(|told| told.id).collect();
        journal.note_showings_uploaded(showings).await.unwrap();
        (sent, ended, told)
    };
    assert_eq!(upload().await, (ids(&stored), Vec::new(), vec![showing]));
    journal.note_annulled(ids(&stored)[2..].to_vec(), NOW).await.unwrap();
    let third = ids(&stored)[2..].to_vec();
    assert_eq!(upload().await, (Vec::new(), third.clone(), Vec::new()), "nobody passed at the third");
    assert!(journal.requeue(NOW).await.unwrap());
    let again = upload().await;
    assert_eq!(again, (ids(&stored), third, vec![showing]), "and that is said once more, too");
    assert!(!journal.requeue(NOW).await.unwrap(), "the same recovery asks again");
    assert_eq!(upload().await, (Vec::new(), Vec::new(), Vec::new()));
    assert!(journal.requeue(NOW.after(core::time::Duration::from_secs(60))).await.unwrap(), "another one");
    assert_eq!(upload().await, again);
}
