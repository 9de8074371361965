//! A journal that ends anywhere: what the next start makes of the facts that are left.

#![expect(clippy::wildcard_enum_match_arm, reason = "each look is for some facts among all")]

use kido_shared::refusal::StaffCode;
use kido_shared::ticket::Entries;
use kido_store::Position;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

/// Every kind of fact once: an ordinary entry, an offline one, a given-up one, an upload.
async fn a_day(journal: &Journal) {
    let stored = admit(journal, &[1]).await;
    journal.note_opened(ids(&stored), NOW).await.unwrap();
    let outbox = journal.outbox().unwrap();
    journal.note_uploaded(&outbox, &ids(&stored)).await.unwrap();
    for errand in journal.errands().unwrap() {
        journal.note_told(&errand).await.unwrap();
    }
    let given_up = intents(journal, &[2]).await;
    journal.withdraw(vec![given_up[0].admission()], NOW).await.unwrap();
    let declined = intents(journal, &[3]).await;
    journal.decline(vec![declined[0].admission()]).await.unwrap();
    journal.admit_offline(vec![planned(4)], NOW, &mut StdRng::seed_from_u64(4)).await.unwrap();
    journal.admit_as_arbiter(vec![entry(5, Entries::ONCE)], NOW, &mut StdRng::seed_from_u64(5)).await.unwrap();
    let annulled = admit(journal, &[6]).await;
    journal.note_annulled(ids(&annulled), NOW).await.unwrap();
    journal.note_time(Reading { now: NOW, certain: true }).await.unwrap();
    let code = StaffCode::parse(18).unwrap();
    for number in [1, 2] {
        journal.note_refused(&[(ticket(number), code)], NOW, &mut StdRng::seed_from_u64(number.into())).await.unwrap();
    }
    journal.note_showings_uploaded(journal.showings().unwrap()).await.unwrap();
}

/// What the facts so far say of each ticket, told without the index.
fn told(facts: &[Fact]) -> Vec<(TicketId, Used, bool)> {
    let mut entries: Vec<(Admission, bool, bool)> = Vec::new();
    for fact in facts {
        match fact {
            Fact::Admission { admission, .. } => entries.push((admission.clone(), false, false)),
            Fact::Opened { admission, .. } => {
                entries.iter_mut().filter(|entry| entry.0.id == *admission).for_each(|entry| entry.1 = true);
            }
            Fact::Annulled { admission, .. } => {
                entries.iter_mut().filter(|entry| entry.0.id == *admission).for_each(|entry| entry.2 = true);
            }
            _ => {}
        }
    }
    let used = |(admission, opened, annulled): &(Admission, bool, bool)| match (opened, annulled) {
        (_, true) => Used::Never,
        (true, _) => Used::Inside { entry: admission.entry, admission: admission.id, gate: GATE, at: admission.at },
        (false, _) => Used::StoredNotOpened { admission: admission.id },
    };
    entries.iter().map(|entry| (entry.0.ticket, used(entry), entry.2)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_at_any_point_every_entry_is_known_or_given_up() {
    let (_home, journal) = journal();
    a_day(&journal).await;
    let facts: Vec<Vec<u8>> = journal.store.facts(Position::FIRST).unwrap().map(|fact| fact.unwrap().1).collect();
    let decoded: Vec<Fact> = facts.iter().map(|fact| minicbor::decode(fact).unwrap()).collect();
    for survivors in 0..=facts.len() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("journal");
        let identity = StoreIdentity::new(*GATE.as_bytes());
        let (store, _) = Store::open(&folder, identity, JournalIndex(GATE), Options::create_if_missing()).unwrap();
        let kept = facts[..survivors].to_vec();
        let stored = store.transact(move |transaction| {
            kept.into_iter().try_for_each(|fact| transaction.append(fact).map(|_position| ()))?;
            Ok::<_, StoreError>(())
        });
        stored.await.unwrap();
        tokio::task::spawn_blocking(move || store.close()).await.unwrap().unwrap();
        let reopened = tokio::task::spawn_blocking(move || open(&folder)).await.unwrap();
        survived(&reopened.0, &reopened.1, &decoded[..survivors]);
        tokio::task::spawn_blocking(move || reopened.0.close()).await.unwrap().unwrap();
    }
}

fn survived(journal: &Journal, recovered: &Recovered, facts: &[Fact]) {
    for (ticket, used, _annulled) in told(facts) {
        assert_eq!(journal.used(ticket).unwrap(), used, "after {} facts", facts.len());
    }
    let ended = |id: AdmissionId| {
        facts.iter().any(|fact| match fact {
            Fact::Admission { admission, .. } => admission.id == id,
            Fact::Withdrawn { admission, .. } | Fact::Declined { admission } => *admission == id,
            _ => false,
        })
    };
    let left: Vec<AdmissionId> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Intent(intent) if !ended(intent.admission) => Some(intent.admission),
            _ => None,
        })
        .collect();
    assert_eq!(recovered.withdrawn, left.len());
    let errands = journal.errands().unwrap();
    for id in left {
        assert!(errands.iter().any(|errand| errand.admission() == id), "the arbiter is told of what was given up");
    }
    let uploaded = |id: AdmissionId| {
        facts.iter().any(|fact| matches!(fact, Fact::Uploaded { admission, opened: true } if *admission == id))
    };
    let outbox = journal.outbox().unwrap();
    for fact in facts {
        if let Fact::Admission { admission, .. } = fact
            && !uploaded(admission.id)
        {
            let waits = outbox.batch().admissions.iter().any(|sent| sent.admission.id == admission.id);
            assert!(waits, "what was not acknowledged waits, after {} facts", facts.len());
        }
    }
}
