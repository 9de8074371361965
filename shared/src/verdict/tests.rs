//! The verdict's table, row by row, then what it never does.

use proptest::prelude::*;

use super::*;
use crate::policy::tests::draft;
use crate::policy::{OfflineChoice, PolicyDraft};
use crate::ticket::{Entries, EntryWindow, SeatLabel};

const HOUR: i64 = 3_600;
const DOORS: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

fn ticket(number: u8) -> KnownTicket {
    KnownTicket {
        record: TicketRecord {
            ticket: TicketId::from_bytes([number; 16]),
            status: TicketStatus::InForce,
            zone: Zone::new("A").unwrap(),
            seat_label: SeatLabel::new("12").unwrap(),
            window: EntryWindow::new(at(DOORS), at(DOORS + 4 * HOUR)).unwrap(),
            entries: Entries::ONCE,
            party: None,
        },
        ticket_seq: FeedSequence::new(4),
        binding_seq: FeedSequence::new(9),
        epoch: Epoch::FIRST,
        sealed_key: SealedKey::try_from(vec![1; 79]).unwrap(),
        used: Used::Never,
    }
}

fn with(number: u8, change: impl FnOnce(&mut KnownTicket)) -> KnownTicket {
    let mut changed = ticket(number);
    change(&mut changed);
    changed
}

fn window(ticket: &mut KnownTicket, from: i64, until: i64) {
    ticket.record.window = EntryWindow::new(at(from), at(until)).unwrap();
}

const GATE: GateId = GateId::from_bytes([0x6A; 16]);
const ADMISSION: AdmissionId = AdmissionId::from_bytes([0xAD; 16]);

fn inside() -> Used {
    Used::Inside { entry: 1, admission: ADMISSION, gate: GATE, at: at(DOORS + 60) }
}

fn already_in() -> Refusal {
    Refusal::AlreadyIn { admission: ADMISSION, gate: GATE, at: at(DOORS + 60) }
}

struct Place {
    zone: Zone,
    policy: EventPolicy,
}

impl Place {
    fn new(offline: OfflineChoice) -> Self {
        let policy = EventPolicy::new(PolicyDraft { offline, ..draft() }).unwrap();
        Self { zone: Zone::new("A").unwrap(), policy }
    }

    fn online(&self) -> Here<'_> {
        Here {
            gate: GATE,
            zone: &self.zone,
            now: at(DOORS + HOUR),
            clock_certain: true,
            connectivity: Connectivity::Online,
            replica_age: Duration::from_secs(5),
            zone_has_one_gate: false,
            policy: &self.policy,
        }
    }

    fn offline(&self) -> Here<'_> {
        Here { connectivity: Connectivity::Offline, ..self.online() }
    }
}

fn admitted(verdict: Verdict) -> Vec<u8> {
    match verdict {
        Verdict::Admit(admissible) => admissible.tickets().map(|usable| usable.id().as_bytes()[0]).collect(),
        Verdict::Refuse(refusal) => panic!("refused: {}", refusal.name()),
    }
}

#[test]
fn a_good_ticket_is_admitted_on_the_records_it_rests_on() {
    let place = Place::new(OfflineChoice::Refuse);
    let Verdict::Admit(admissible) = decide(&[ticket(1)], &place.online()) else { panic!("refused") };
    let decided_on = DecidedOn { ticket: FeedSequence::new(4), binding: FeedSequence::new(9), epoch: Epoch::FIRST };
    assert_eq!(admissible.first().decided_on(), decided_on);
    assert_eq!((admissible.count(), admissible.party()), (1, None));
}

#[test]
fn of_tickets_in_use_the_latest_entry_is_told_and_asked_about() {
    let place = Place::new(OfflineChoice::Admit);
    let used_at = |number, seconds| {
        let mut ticket = ticket(number);
        ticket.used = Used::Inside { entry: 1, admission: ADMISSION, gate: GATE, at: at(seconds) };
        ticket
    };
    for tickets in [[used_at(1, DOORS + 60), used_at(2, DOORS + 90)], [used_at(1, DOORS + 90), used_at(2, DOORS + 60)]]
    {
        let told = decide(&tickets, &place.offline());
        assert_eq!(told, Verdict::Refuse(Refusal::AlreadyIn { admission: ADMISSION, gate: GATE, at: at(DOORS + 90) }));
        let Verdict::Admit(asked) = decide(&tickets, &place.online()) else { panic!("the arbiter is not asked") };
        let latest =
            |ticket: &&KnownTicket| matches!(ticket.used, Used::Inside { at: since, .. } if since == at(DOORS + 90));
        assert_eq!(Some(asked.first().id()), tickets.iter().find(latest).map(|ticket| ticket.record.ticket));
    }
}

#[test]
fn each_row_of_the_table_refuses_in_its_own_words() {
    let place = Place::new(OfflineChoice::Refuse);
    let (online, offline) = (place.online(), place.offline());
    let uncertain = Here { clock_certain: false, ..online };
    let zone_b = Zone::new("B").unwrap();
    let status = |status| move |ticket: &mut KnownTicket| ticket.record.status = status;
    let late = |ticket: &mut KnownTicket| window(ticket, DOORS - HOUR, DOORS);
    let early = |ticket: &mut KnownTicket| window(ticket, DOORS + 2 * HOUR, DOORS + 3 * HOUR);
    let rows = [
        (
            with(1, |ticket| ticket.used = Used::StoredNotOpened { admission: ADMISSION }),
            online,
            Refusal::StoredNotOpened(ADMISSION),
        ),
        (
            with(1, |ticket| ticket.used = Used::StoredNotOpened { admission: ADMISSION }),
            offline,
            Refusal::StoredNotOpened(ADMISSION),
        ),
        (with(1, status(TicketStatus::Cancelled)), online, Refusal::Cancelled),
        (with(1, status(TicketStatus::Returned)), online, Refusal::Cancelled),
        (with(1, status(TicketStatus::NotPaid)), online, Refusal::NotPaid),
        (with(1, status(TicketStatus::Suspended)), online, Refusal::Suspended),
        (with(1, late), online, Refusal::TooLate),
        (with(1, late), uncertain, Refusal::ClockUncertain),
        (with(1, |ticket| ticket.used = inside()), offline, already_in()),
        (with(1, |ticket| ticket.used = Used::Left { entries: 1 }), offline, Refusal::Spent),
        (with(1, |ticket| ticket.record.zone = zone_b.clone()), online, Refusal::OtherEntrance(zone_b)),
        (with(1, early), online, Refusal::TooEarly(at(DOORS + 2 * HOUR))),
        (with(1, early), uncertain, Refusal::ClockUncertain),
        (ticket(1), offline, Refusal::OfflineNotAllowed),
    ];
    for (ticket, here, refusal) in rows {
        assert_eq!(decide(&[ticket], &here), Verdict::Refuse(refusal.clone()), "{}", refusal.name());
    }
    assert_eq!(decide(&[], &online), Verdict::Refuse(Refusal::NoTicketHere));
}

#[test]
fn an_earlier_row_wins_over_a_later_one() {
    let place = Place::new(OfflineChoice::Refuse);
    let zone_b = Zone::new("B").unwrap();
    let refusal = |change: &dyn Fn(&mut KnownTicket), here: &Here<'_>| match decide(&[with(1, change)], here) {
        Verdict::Refuse(refusal) => refusal,
        Verdict::Admit(_) => panic!("admitted"),
    };
    let elsewhere_over = |ticket: &mut KnownTicket| {
        ticket.record.zone = zone_b.clone();
        window(ticket, DOORS - HOUR, DOORS);
    };
    assert_eq!(refusal(&elsewhere_over, &place.online()), Refusal::TooLate, "nobody walks there for nothing");
    let elsewhere_later = |ticket: &mut KnownTicket| {
        ticket.record.zone = zone_b.clone();
        window(ticket, DOORS + 2 * HOUR, DOORS + 3 * HOUR);
    };
    assert_eq!(refusal(&elsewhere_later, &place.online()), Refusal::OtherEntrance(zone_b.clone()));
    let suspended_over = |ticket: &mut KnownTicket| {
        ticket.record.status = TicketStatus::Suspended;
        window(ticket, DOORS - HOUR, DOORS);
    };
    assert_eq!(refusal(&suspended_over, &place.online()), Refusal::Suspended);
    let used_elsewhere = |ticket: &mut KnownTicket| {
        ticket.record.zone = zone_b.clone();
        ticket.used = inside();
    };
    assert_eq!(refusal(&used_elsewhere, &place.offline()), already_in());
}

#[test]
fn a_window_is_open_from_its_first_moment_and_shut_at_its_last() {
    let place = Place::new(OfflineChoice::Refuse);
    let verdict = |seconds| decide(&[ticket(1)], &Here { now: at(seconds), ..place.online() });
    assert!(matches!(verdict(DOORS - 1), Verdict::Refuse(Refusal::TooEarly(_))));
    assert!(matches!(verdict(DOORS), Verdict::Admit(_)));
    assert!(matches!(verdict(DOORS + 4 * HOUR - 1), Verdict::Admit(_)));
    assert_eq!(verdict(DOORS + 4 * HOUR), Verdict::Refuse(Refusal::TooLate));
}

#[test]
fn knowledge_too_old_admits_nobody_and_denies_nobody() {
    let place = Place::new(OfflineChoice::Admit);
    let age = place.policy.replica_age_max();
    let here = |replica_age| Here { replica_age, ..place.online() };
    assert!(matches!(decide(&[ticket(1)], &here(age)), Verdict::Admit(_)));
    let older = here(age + Duration::from_millis(1));
    assert_eq!(decide(&[ticket(1)], &older), Verdict::Refuse(Refusal::ReplicaTooOld));
    assert_eq!(decide(&[], &older), Verdict::Refuse(Refusal::ReplicaTooOld), "the ticket may be among what is missing");
}

#[test]
fn while_the_arbiter_answers_use_is_its_to_judge() {
    let place = Place::new(OfflineChoice::Refuse);
    for used in [inside(), Used::Left { entries: 1 }] {
        assert_eq!(admitted(decide(&[with(1, |ticket| ticket.used = used)], &place.online())), [1]);
    }
}

#[test]
fn a_seemingly_open_window_stays_open_on_an_uncertain_clock() {
    let place = Place::new(OfflineChoice::Refuse);
    let here = Here { clock_certain: false, ..place.online() };
    assert_eq!(admitted(decide(&[ticket(1)], &here)), [1]);
}

#[test]
fn offline_the_event_decides() {
    let verdict = |choice, zone_has_one_gate| {
        let place = Place::new(choice);
        decide(&[ticket(1)], &Here { zone_has_one_gate, ..place.offline() })
    };
    let refused = Verdict::Refuse(Refusal::OfflineNotAllowed);
    for alone in [false, true] {
        assert_eq!(verdict(OfflineChoice::Refuse, alone), refused);
        assert_eq!(admitted(verdict(OfflineChoice::Admit, alone)), [1]);
    }
    assert_eq!(verdict(OfflineChoice::HomeGate, false), refused);
    assert_eq!(admitted(verdict(OfflineChoice::HomeGate, true)), [1]);
}

#[test]
fn offline_an_entry_that_is_left_is_admitted() {
    let place = Place::new(OfflineChoice::Admit);
    let twice = |ticket: &mut KnownTicket| {
        ticket.record.entries = Entries::try_from("2".to_owned()).unwrap();
        ticket.used = Used::Left { entries: 1 };
    };
    assert_eq!(admitted(decide(&[with(1, twice)], &place.offline())), [1]);
}

#[test]
fn a_party_is_admitted_together_and_as_many_as_enter() {
    let place = Place::new(OfflineChoice::Refuse);
    let party = |number| with(number, |ticket| ticket.record.party = Some(PartyId::from_bytes([9; 16])));
    let child_later = with(4, |ticket| {
        ticket.record.party = Some(PartyId::from_bytes([9; 16]));
        window(ticket, DOORS + 2 * HOUR, DOORS + 3 * HOUR);
    });
    let stranger = with(5, |ticket| ticket.record.party = Some(PartyId::from_bytes([8; 16])));
    let tickets = [stranger, ticket(6), party(3), child_later, party(1)];
    let Verdict::Admit(admissible) = decide(&tickets, &place.online()) else { panic!("refused") };
    assert_eq!(admissible.party(), Some(PartyId::from_bytes([9; 16])));
    assert_eq!(admitted(Verdict::Admit(admissible.clone())), [1, 3], "of the party, whoever may enter now");
    assert_eq!(admissible.clone().limit(1).count(), 1);
    assert_eq!(admissible.clone().limit(0).count(), 1, "one enters at least");
    assert_eq!(admissible.limit(9).count(), 2);
}

#[test]
fn a_ticket_that_looks_unused_is_tried_before_one_that_does_not() {
    let place = Place::new(OfflineChoice::Refuse);
    let used = with(1, |ticket| ticket.used = inside());
    assert_eq!(admitted(decide(&[used.clone(), ticket(2)], &place.online())), [2]);
    let of_party = |number, used| {
        with(number, |ticket| {
            ticket.record.party = Some(PartyId::from_bytes([9; 16]));
            ticket.used = used;
        })
    };
    let party = [of_party(1, inside()), of_party(2, Used::Never), of_party(3, Used::Never)];
    assert_eq!(admitted(decide(&party, &place.online())), [2, 3], "who is inside is not asked for again");
    assert_eq!(admitted(decide(&[used], &place.online())), [1], "alone, its use is the arbiter's to judge");
}

#[test]
fn two_unrelated_tickets_are_never_admitted_together() {
    let place = Place::new(OfflineChoice::Refuse);
    assert_eq!(admitted(decide(&[ticket(2), ticket(1)], &place.online())), [1], "the smaller id");
    let sooner = with(3, |ticket| window(ticket, DOORS, DOORS + 2 * HOUR));
    assert_eq!(admitted(decide(&[ticket(1), sooner.clone()], &place.online())), [3], "the window that closes first");
    let begun = with(4, |ticket| window(ticket, DOORS - HOUR, DOORS + 2 * HOUR));
    assert_eq!(admitted(decide(&[sooner, begun], &place.online())), [4], "then the one that began first");
    let elsewhere = with(1, |ticket| ticket.record.zone = Zone::new("B").unwrap());
    assert_eq!(admitted(decide(&[elsewhere, ticket(2)], &place.online())), [2], "the one that fits here");
}

#[test]
fn a_stored_entry_is_looked_at_before_another_ticket_is_spent() {
    let place = Place::new(OfflineChoice::Admit);
    let stored = with(2, |ticket| ticket.used = Used::StoredNotOpened { admission: ADMISSION });
    for here in [place.online(), place.offline()] {
        let verdict = decide(&[ticket(1), stored.clone()], &here);
        assert_eq!(verdict, Verdict::Refuse(Refusal::StoredNotOpened(ADMISSION)));
    }
}

#[test]
fn of_several_refusals_the_most_helpful_is_told() {
    let place = Place::new(OfflineChoice::Refuse);
    let zone_b = Zone::new("B").unwrap();
    let status = |status| move |ticket: &mut KnownTicket| ticket.record.status = status;
    // From the most helpful to the least; every pair is tried in both orders.
    let ranked = [
        (ticket(1), Refusal::OfflineNotAllowed),
        (with(2, |ticket| ticket.record.zone = zone_b.clone()), Refusal::OtherEntrance(zone_b)),
        (with(3, |ticket| window(ticket, DOORS + 2 * HOUR, DOORS + 9 * HOUR)), Refusal::TooEarly(at(DOORS + 2 * HOUR))),
        (with(4, |ticket| ticket.used = inside()), already_in()),
        (with(5, status(TicketStatus::NotPaid)), Refusal::NotPaid),
        (with(6, status(TicketStatus::Suspended)), Refusal::Suspended),
        (with(7, |ticket| ticket.used = Used::Left { entries: 1 }), Refusal::Spent),
        (with(8, |ticket| window(ticket, DOORS - HOUR, DOORS)), Refusal::TooLate),
        (with(9, status(TicketStatus::Cancelled)), Refusal::Cancelled),
    ];
    for (place_of, (better, refusal)) in ranked.iter().enumerate() {
        for (worse, _) in &ranked[place_of..] {
            for pair in [[better.clone(), worse.clone()], [worse.clone(), better.clone()]] {
                assert_eq!(decide(&pair, &place.offline()), Verdict::Refuse(refusal.clone()));
            }
        }
    }
}

#[test]
fn of_several_times_to_come_the_nearest_is_told() {
    let place = Place::new(OfflineChoice::Refuse);
    let first = with(1, |ticket| window(ticket, DOORS + 5 * HOUR, DOORS + 6 * HOUR));
    let nearest = with(2, |ticket| window(ticket, DOORS + 2 * HOUR, DOORS + 9 * HOUR));
    let told = decide(&[first, nearest], &place.online());
    assert_eq!(told, Verdict::Refuse(Refusal::TooEarly(at(DOORS + 2 * HOUR))));
}

fn any_ticket() -> impl Strategy<Value = KnownTicket> {
    let status = prop_oneof![
        5 => Just(TicketStatus::InForce),
        1 => Just(TicketStatus::NotPaid),
        1 => Just(TicketStatus::Suspended),
        1 => Just(TicketStatus::Returned),
        1 => Just(TicketStatus::Cancelled),
    ];
    let used = prop_oneof![
        5 => Just(Used::Never),
        1 => Just(inside()),
        1 => (0_u32..3).prop_map(|entries| Used::Left { entries }),
        1 => Just(Used::StoredNotOpened { admission: ADMISSION }),
    ];
    let entries = prop_oneof![Just("1"), Just("2"), Just("unlimited")];
    let party = proptest::option::of((1_u8..3).prop_map(|number| PartyId::from_bytes([number; 16])));
    let zone = prop_oneof![3 => Just("A"), 1 => Just("B")];
    let span = (-3_i64..3, 1_i64..5);
    (any::<u8>(), status, used, entries, party, zone, span).prop_map(
        |(number, status, used, entries, party, zone, (from, hours))| {
            with(number, |ticket| {
                ticket.record.status = status;
                ticket.record.entries = Entries::try_from(entries.to_owned()).unwrap();
                ticket.record.party = party;
                ticket.record.zone = Zone::new(zone).unwrap();
                ticket.used = used;
                window(ticket, DOORS + from * HOUR, DOORS + (from + hours) * HOUR);
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn nothing_is_admitted_that_is_not_good_here_and_now(
        tickets in proptest::collection::vec(any_ticket(), 0..6),
        offline in prop_oneof![Just(OfflineChoice::Refuse), Just(OfflineChoice::HomeGate), Just(OfflineChoice::Admit)],
        connected: bool,
        clock_certain: bool,
        zone_has_one_gate: bool,
        age_hours in 0_u64..16,
        minute in -60_i64..120,
    ) {
        let place = Place::new(offline);
        let connectivity = if connected { Connectivity::Online } else { Connectivity::Offline };
        let replica_age = Duration::from_secs(age_hours * 3_600);
        let now = at(DOORS + 60 * minute);
        let here = Here { now, clock_certain, connectivity, replica_age, zone_has_one_gate, ..place.online() };
        let verdict = decide(&tickets, &here);
        let mut reversed = tickets.clone();
        reversed.sort_by_key(|ticket| Reverse(ticket.record.ticket));
        let mut distinct: Vec<_> = tickets.iter().map(|ticket| ticket.record.ticket).collect();
        distinct.sort();
        distinct.dedup();
        if distinct.len() == tickets.len() {
            prop_assert!(decide(&reversed, &here) == verdict, "the order of look-up decides nothing");
        }
        let Verdict::Admit(admissible) = verdict else {
            return Ok(());
        };
        prop_assert!(replica_age <= place.policy.replica_age_max());
        prop_assert!(connected || offline != OfflineChoice::Refuse);
        prop_assert!(connected || offline != OfflineChoice::HomeGate || zone_has_one_gate);
        let stored = |ticket: &KnownTicket| matches!(ticket.used, Used::StoredNotOpened { .. });
        prop_assert!(!tickets.iter().any(stored));
        prop_assert!(admissible.count() == 1 || admissible.party().is_some());
        for Usable { ticket } in admissible.tickets() {
            prop_assert!(tickets.contains(ticket));
            prop_assert_eq!(ticket.record.status, TicketStatus::InForce);
            prop_assert_eq!(&ticket.record.zone, &place.zone);
            prop_assert!((ticket.record.window.from()..ticket.record.window.until()).contains(&now));
            prop_assert_eq!(ticket.record.party, admissible.party());
            let spent = matches!(ticket.used, Used::Left { entries } if !ticket.record.entries.allows(entries + 1));
            let inside = matches!(ticket.used, Used::Inside { .. });
            prop_assert!(connected || !(spent || inside));
        }
    }
}

#[test]
fn whoever_is_inside_goes_out_whatever_has_become_of_the_ticket_and_nobody_else_does() {
    let party = Some(PartyId::from_bytes([1; 16]));
    let inside_of = |number, party| {
        let mut ticket = ticket(number);
        (ticket.used, ticket.record.party, ticket.record.status) = (inside(), party, TicketStatus::Suspended);
        ticket
    };
    let together = [inside_of(1, party), inside_of(2, None), inside_of(3, party)];
    assert_eq!(admitted(decide_exit(&together)), [1, 3]);
    for used in [Used::Never, Used::Left { entries: 1 }, Used::StoredNotOpened { admission: ADMISSION }] {
        let mut outside = ticket(1);
        outside.used = used;
        assert_eq!(decide_exit(&[outside]), Verdict::Refuse(Refusal::NoTicketHere), "{used:?}");
    }
    assert_eq!(decide_exit(&[]), Verdict::Refuse(Refusal::NoTicketHere));
}
