//! Ends of admissions, in every order in which journals may come.

use core::time::Duration;
use std::collections::BTreeSet;

use kido_shared::admission::{Admission, AdmissionBasis, EndedBy, Ending};
use kido_shared::claim::ClaimAnswer;
use kido_shared::clock::Timestamp;
use kido_shared::feed::FeedRecord;
use kido_shared::ids::{AdmissionId, GateId, TicketId};
use kido_shared::limits::{ADMISSIONS_PER_BATCH, REQUEST_SKEW};
use kido_shared::policy::{ArbiterHome, OfflineChoice};
use kido_shared::ticket::Entries;
use kido_shared::wire::v1::admissions::{AckOutcome, UploadedAdmission};

use super::super::*;
use super::following::follow;
use super::gates::{claim, named};
use crate::domain::history::Happening;
use crate::domain::ingest::ENDINGS_HELD_PER_GATE_MAX;
use crate::testing::{NOW, Registrar, row};

fn at(minute: u8) -> Timestamp {
    NOW.after(Duration::from_secs(u64::from(minute) * 60))
}

/// What a gate tells, in whichever order.
#[derive(Debug, Clone, Copy)]
enum Told {
    /// Admission so and so, at gate so and so, in that minute, under that entry's number.
    Came(u8, u8, u8, u32),
    Annulled(u8, u8, u8),
    Left(u8, u8, u8),
}

use Told::{Annulled, Came, Left};

struct Venue {
    registrar: Registrar,
    event: EventId,
    gates: Vec<GateId>,
    tickets: u64,
}

/// One evening's ticket, whose admissions have numbers of their own.
#[derive(Clone, Copy)]
struct Case {
    ticket: TicketId,
    number: u8,
}

impl Case {
    fn id(self, admission: u8) -> AdmissionId {
        let mut id = [admission; 16];
        id[1..9].copy_from_slice(&self.ticket.as_bytes()[..8]);
        AdmissionId::from_bytes(id)
    }
}

impl Venue {
    async fn open(home: ArbiterHome) -> Self {
        let registrar = Registrar::new();
        let event = registrar.event_with(|draft| {
            draft.offline = OfflineChoice::Admit;
            draft.arbiter.home = home;
        });
        let event = event.await;
        let mut gates = Vec::new();
        for number in 1..=4 {
            gates.push(registrar.gate(event, number).await);
        }
        // Nobody hears of anything before it happens.
        registrar.clock.set(at(60));
        Self { registrar, event, gates, tickets: 0 }
    }

    async fn case(&mut self, entries: Entries) -> Case {
        self.tickets += 1;
        let (mut row, _code) = row(self.tickets);
        row.entries = entries;
        let report = self.registrar.store.import_tickets(self.event, vec![row], true).await.unwrap();
        let [ImportOutcome::Created(ticket)] = report.outcomes[..] else { panic!("not created: {report:?}") };
        Case { ticket, number: 9 }
    }

    async fn tell(&self, case: Case, told: Told) -> AckOutcome {
        let (store, ticket) = (&self.registrar.store, case.ticket);
        let ending = |admission, gate: u8, minute, by| Ending {
            admission: case.id(admission),
            ticket,
            gate: self.gates[usize::from(gate)],
            by,
            at: at(minute),
        };
        match told {
            Came(number, gate, minute, entry) => {
                let (id, gate) = (case.id(number), self.gates[usize::from(gate)]);
                let admission = Admission { id, ticket, gate, entry, at: at(minute), basis: AdmissionBasis::Offline };
                let uploaded = UploadedAdmission { admission, opened_at: Some(at(minute)) };
                store.upload(self.event, gate, vec![uploaded]).await.unwrap()[0].outcome
            }
            Annulled(number, gate, minute) => self.end(ending(number, gate, minute, EndedBy::Annulled)).await,
            Left(number, gate, minute) => self.end(ending(number, gate, minute, EndedBy::Exited)).await,
        }
    }

    async fn end(&self, ending: Ending) -> AckOutcome {
        self.registrar.store.ingest_endings(self.event, ending.gate, vec![ending]).await.unwrap()[0].outcome
    }

    fn conflicts(&self, case: Case) -> (BTreeSet<BTreeSet<u8>>, usize, usize) {
        let listed = self.registrar.store.conflicts(self.event).unwrap();
        let mine = listed.iter().filter(|view| view.conflict.ticket == case.ticket);
        let number = |id: AdmissionId| id.as_bytes()[0];
        let mut groups: Vec<BTreeSet<u8>> = Vec::new();
        let (mut standing, mut settled) = (0, 0);
        for view in mine {
            if view.settled_at.is_some() {
                settled += 1;
                continue;
            }
            standing += 1;
            let mut joined = BTreeSet::from([number(view.conflict.first), number(view.conflict.second)]);
            groups.retain(|group| {
                let apart = group.is_disjoint(&joined);
                if !apart {
                    joined.extend(group);
                }
                apart
            });
            groups.push(joined);
        }
        (groups.into_iter().collect(), standing, settled)
    }

    /// What the next claim at another gate is told.
    async fn next(&self, case: Case) -> String {
        let (store, gate) = (&self.registrar.store, self.gates[3]);
        let step = claim(&self.registrar, self.event, case.number, case.ticket, gate);
        let answer = store.claim(self.event, gate, step).await.unwrap();
        if let ClaimAnswer::Taken { admission, .. } = answer {
            let ends = reading::ended(&store.live(self.event).unwrap().facts, admission).unwrap();
            assert_eq!(ends, None, "whoever is named is inside");
        } else {
            let withdraw = kido_shared::claim::ClaimStep::Withdraw(named(case.number, case.ticket, gate));
            store.claim(self.event, gate, withdraw).await.unwrap();
        }
        answer.name().to_owned()
    }
}

/// Every order of what is told.
fn orders(told: &[Told]) -> Vec<Vec<Told>> {
    if told.is_empty() {
        return vec![Vec::new()];
    }
    let mut orders = Vec::new();
    for first in 0..told.len() {
        let mut rest = told.to_vec();
        let next = rest.remove(first);
        for mut order in self::orders(&rest) {
            order.insert(0, next);
            orders.push(order);
        }
    }
    orders
}

fn twice() -> Entries {
    Entries::try_from("2".to_owned()).unwrap()
}

/// What happened, on a ticket of so many entries; who stands in conflict with whom; what the next claim is told.
type Evening = (&'static [Told], Entries, &'static [&'static [u8]], &'static str);

fn evenings() -> Vec<Evening> {
    let once = Entries::ONCE;
    vec![
        (&[Came(1, 0, 1, 1), Came(2, 1, 2, 1)], once, &[&[1, 2]], "taken"),
        (&[Came(1, 0, 1, 1), Annulled(1, 0, 1)], once, &[], "granted"),
        (&[Came(1, 0, 1, 1), Annulled(1, 0, 1), Came(2, 1, 2, 1)], once, &[], "taken"),
        (&[Came(1, 0, 1, 1), Came(2, 1, 2, 1), Annulled(2, 1, 3)], once, &[], "taken"),
        (&[Came(1, 0, 1, 1), Annulled(1, 0, 1), Came(2, 1, 2, 1), Annulled(2, 1, 2)], once, &[], "granted"),
        (&[Came(1, 0, 1, 1), Annulled(1, 0, 4), Came(2, 1, 2, 1), Came(3, 2, 3, 1)], once, &[&[2, 3]], "taken"),
        (&[Came(1, 0, 1, 1), Left(1, 1, 5)], once, &[], "spent"),
        (&[Came(1, 0, 1, 1), Left(1, 2, 5), Came(2, 1, 6, 1)], once, &[&[1, 2]], "spent"),
        (&[Came(1, 0, 1, 1), Left(1, 2, 5), Came(2, 1, 6, 1)], twice(), &[], "taken"),
        (&[Came(1, 0, 1, 1), Left(1, 2, 5), Came(2, 1, 4, 1)], twice(), &[&[1, 2]], "taken"),
        (&[Came(1, 0, 1, 1), Left(1, 2, 5), Came(2, 1, 6, 2)], twice(), &[], "taken"),
        (&[Came(1, 0, 1, 1), Left(1, 2, 5), Came(2, 1, 6, 1), Left(2, 2, 7)], twice(), &[], "spent"),
        (&[Came(1, 0, 1, 1), Left(1, 2, 5), Came(2, 1, 6, 2), Left(2, 2, 7)], twice(), &[], "spent"),
    ]
}

#[tokio::test]
async fn what_is_in_conflict_in_the_end_is_the_same_in_every_order_of_arrival() {
    for home in [ArbiterHome::Registrar, ArbiterHome::Venue] {
        let mut venue = Venue::open(home.clone()).await;
        for (told, entries, conflicts, next) in evenings() {
            let conflicts: BTreeSet<BTreeSet<u8>> = conflicts.iter().map(|met| met.iter().copied().collect()).collect();
            let all: usize = conflicts.iter().map(|met| met.len() - 1).sum();
            for order in orders(told) {
                let case = venue.case(entries).await;
                for (nth, one) in order.iter().enumerate() {
                    venue.tell(case, *one).await;
                    // A journal is carried here that holds what came before.
                    for again in order.iter().take(nth + 1) {
                        assert_eq!(venue.tell(case, *again).await, AckOutcome::Repeated, "{order:?}");
                    }
                }
                let (groups, standing, _settled) = venue.conflicts(case);
                assert_eq!((&groups, standing), (&conflicts, all), "{order:?}");
                if home == ArbiterHome::Registrar {
                    assert_eq!(venue.next(case).await, next, "{order:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_conflict_that_was_none_is_shown_as_settled_and_never_dropped() {
    let mut venue = Venue::open(ArbiterHome::Venue).await;
    let case = venue.case(Entries::ONCE).await;
    for told in [Came(1, 0, 1, 1), Came(2, 1, 2, 1)] {
        venue.tell(case, told).await;
    }
    assert_eq!(venue.tell(case, Annulled(1, 0, 1)).await, AckOutcome::Stored);
    let listed = venue.registrar.store.conflicts(venue.event).unwrap();
    assert_eq!((listed.len(), listed[0].settled_at.is_some()), (1, true));
    let counts = venue.registrar.store.event(venue.event).unwrap().counts;
    assert_eq!((counts.conflicts, counts.settled, counts.standing_conflicts()), (1, 1, 0));
    let history = venue.registrar.store.history(venue.event, &TicketName::Id(case.ticket)).unwrap();
    let told: Vec<_> = history.iter().map(|line| line.happening.name()).collect();
    assert_eq!(told, ["admitted", "admitted", "conflict", "annulled", "conflict_settled"]);
    assert!(matches!(history[3].happening, Happening::Annulled(gate) if gate == venue.gates[0]));
}

#[tokio::test]
async fn everybody_hears_of_an_end_after_its_admission_and_of_who_is_still_inside() {
    let mut venue = Venue::open(ArbiterHome::Venue).await;
    let case = venue.case(Entries::ONCE).await;
    let before = follow(&venue.registrar.store, venue.event).await.len();
    for told in [Annulled(1, 0, 3), Came(1, 0, 1, 1), Came(2, 1, 2, 1)] {
        venue.tell(case, told).await;
    }
    let case_of_two = venue.case(Entries::ONCE).await;
    for told in [Came(1, 0, 1, 1), Came(2, 1, 2, 1), Annulled(1, 0, 3)] {
        venue.tell(case_of_two, told).await;
    }
    let heard: Vec<String> = follow(&venue.registrar.store, venue.event).await[before..]
        .iter()
        .filter_map(|(_place, record)| {
            if let FeedRecord::Admission(admission) = record {
                return Some(format!("came {}", admission.id.as_bytes()[0]));
            }
            if let FeedRecord::Annulled(annulled) = record {
                return Some(format!("annulled {}", annulled.admission.as_bytes()[0]));
            }
            matches!(record, FeedRecord::Conflict(_)).then(|| "conflict".to_owned())
        })
        .collect();
    let held = ["came 1", "annulled 1", "came 2"];
    let late = ["came 1", "came 2", "conflict", "annulled 1", "came 2"];
    assert_eq!(heard, [&held[..], &late[..]].concat());
}

#[tokio::test]
async fn a_gate_annuls_its_own_admissions_alone_and_nobody_leaves_who_never_passed() {
    let mut venue = Venue::open(ArbiterHome::Venue).await;
    let case = venue.case(Entries::ONCE).await;
    assert_eq!(venue.tell(case, Annulled(1, 2, 1)).await, AckOutcome::Stored, "kept: whose it is is not known yet");
    venue.tell(case, Came(1, 0, 1, 1)).await;
    venue.tell(case, Came(2, 1, 2, 1)).await;
    assert_eq!(venue.conflicts(case).1, 1, "another gate's word gave nothing back");
    assert_eq!(venue.tell(case, Annulled(1, 1, 1)).await, AckOutcome::Refused);
    assert_eq!(venue.tell(case, Annulled(1, 0, 1)).await, AckOutcome::Stored);
    assert_eq!(venue.tell(case, Left(1, 1, 9)).await, AckOutcome::Refused);
    let stranger = Case { ticket: TicketId::from_bytes([99; 16]), number: 9 };
    assert_eq!(venue.tell(stranger, Left(1, 1, 9)).await, AckOutcome::Refused);
}

#[tokio::test]
async fn more_admissions_of_one_entry_than_can_be_weighed_are_all_shown() {
    let mut venue = Venue::open(ArbiterHome::Venue).await;
    let case = venue.case(Entries::ONCE).await;
    let many = u8::try_from(crate::domain::conflict::RIVALS_MAX + 8).unwrap();
    for number in 1..=many {
        venue.tell(case, Came(number, 0, number, 1)).await;
    }
    let (groups, standing, settled) = venue.conflicts(case);
    assert_eq!((groups.len(), standing, settled), (1, usize::from(many) - 1, 0));
    venue.tell(case, Annulled(many, 0, many)).await;
    assert_eq!(venue.conflicts(case).1, usize::from(many) - 1, "staff look at a thief's");
}

#[tokio::test]
async fn an_end_is_taken_for_no_later_than_it_was_heard_of_and_no_earlier_than_its_admission() {
    let mut venue = Venue::open(ArbiterHome::Venue).await;
    let mut cases = Vec::new();
    for _each in 0..8 {
        cases.push(venue.case(Entries::ONCE).await);
    }
    let ended = |case: Case| {
        let live = venue.registrar.store.live(venue.event).unwrap();
        reading::ended(&live.facts, case.id(1)).unwrap().unwrap().at
    };
    let word = |case: Case, at: Timestamp| Ending {
        admission: case.id(1),
        ticket: case.ticket,
        gate: venue.gates[1],
        by: EndedBy::Exited,
        at,
    };
    let now = NOW.after(Duration::from_secs(3_600));
    venue.registrar.clock.set(now);
    let told = [
        (at(3), at(3)),
        (at(0).before(Duration::from_secs(86_400)), at(1)),
        (now.after(REQUEST_SKEW), now.after(REQUEST_SKEW)),
        (now.after(Duration::from_secs(86_400)), now.after(REQUEST_SKEW)),
    ];
    for (nth, (said, _taken)) in told.iter().enumerate() {
        // Once behind its admission, once before it.
        let (behind, before) = (cases[2 * nth], cases[2 * nth + 1]);
        venue.tell(behind, Came(1, 0, 1, 1)).await;
        for case in [behind, before] {
            assert_eq!(venue.end(word(case, *said)).await, AckOutcome::Stored);
            venue.registrar.clock.set(now.after(Duration::from_secs(5)));
            assert_eq!(venue.end(word(case, *said)).await, AckOutcome::Repeated, "sent again a moment later");
            venue.registrar.clock.set(now);
        }
        venue.tell(before, Came(1, 0, 1, 1)).await;
    }
    for (nth, (said, taken)) in told.iter().enumerate() {
        assert_eq!((ended(cases[2 * nth]), ended(cases[2 * nth + 1])), (*taken, *taken), "{said:?}");
    }
}

#[tokio::test]
async fn a_gate_brings_the_moment_of_an_end_closer_once_however_many_earlier_ones_it_tells() {
    for home in [ArbiterHome::Venue, ArbiterHome::Registrar] {
        let mut venue = Venue::open(home).await;
        let case = venue.case(Entries::ONCE).await;
        venue.tell(case, Came(1, 0, 1, 1)).await;
        assert_eq!(venue.tell(case, Left(1, 1, 40)).await, AckOutcome::Stored);
        let facts = |venue: &Venue| venue.registrar.store.live(venue.event).unwrap().facts.head();
        assert_eq!(
            venue.tell(case, Left(1, 1, 39)).await,
            AckOutcome::Stored,
            "as behind a step, whose moment is not its gate's"
        );
        let told = facts(&venue);
        for minute in (2..39).rev() {
            assert_eq!(venue.tell(case, Left(1, 1, minute)).await, AckOutcome::Repeated, "{minute}");
        }
        assert_eq!(facts(&venue), told, "nothing was written");
        assert_eq!(venue.tell(case, Left(1, 2, 20)).await, AckOutcome::Stored, "another gate's own word");
        assert_eq!(venue.tell(case, Left(1, 2, 19)).await, AckOutcome::Repeated);
    }
}

#[tokio::test]
async fn a_gates_ends_wait_for_so_many_admissions_and_what_is_more_stays_with_the_gate() {
    let mut venue = Venue::open(ArbiterHome::Venue).await;
    let case = venue.case(Entries::ONCE).await;
    let gate = venue.gates[1];
    let word = |number: u32| {
        let mut id = [7; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        Ending { admission: AdmissionId::from_bytes(id), ticket: case.ticket, gate, by: EndedBy::Exited, at: at(1) }
    };
    let tell = async |numbers: std::ops::Range<u32>| {
        let acks = venue.registrar.store.ingest_endings(venue.event, gate, numbers.map(word).collect()).await.unwrap();
        acks.into_iter().map(|ack| ack.outcome).collect::<Vec<_>>()
    };
    let batch = u32::try_from(ADMISSIONS_PER_BATCH).unwrap();
    for first in (0..ENDINGS_HELD_PER_GATE_MAX).step_by(ADMISSIONS_PER_BATCH) {
        assert_eq!(tell(first..first + batch).await, [AckOutcome::Stored; ADMISSIONS_PER_BATCH]);
    }
    let (full, one_more) = (ENDINGS_HELD_PER_GATE_MAX, ENDINGS_HELD_PER_GATE_MAX + 1);
    assert_eq!(tell(full..one_more).await, [AckOutcome::Later]);
    assert_eq!(tell(0..1).await, [AckOutcome::Repeated], "what waits is known");
    assert_eq!(venue.tell(case, Left(9, 2, 1)).await, AckOutcome::Stored, "another gate's");
    // One of them comes, and there is room for one.
    let came = Admission {
        id: word(0).admission,
        ticket: case.ticket,
        gate: venue.gates[0],
        entry: 1,
        at: at(1),
        basis: AdmissionBasis::Offline,
    };
    let uploaded = UploadedAdmission { admission: came, opened_at: None };
    venue.registrar.store.upload(venue.event, venue.gates[0], vec![uploaded]).await.unwrap();
    assert_eq!(tell(full..one_more).await, [AckOutcome::Stored]);
    assert_eq!(tell(one_more..one_more + 1).await, [AckOutcome::Later]);
}
