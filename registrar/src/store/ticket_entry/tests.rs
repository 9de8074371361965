use kido_shared::binding::{BindingTag, CertificateTag};
use kido_shared::clock::Timestamp;
use kido_shared::ticket::{Entries as EntryCount, SeatLabel, Zone};
use kido_store::LogOffset;
use proptest::prelude::*;

use super::*;
use crate::domain::postponement::{Moving, Shift};
use crate::domain::reference::ReferenceHash;
use crate::domain::ticket::{Particulars, StatusChange};
use crate::store::reading::encode;

const ID: TicketId = TicketId::from_bytes([1; 16]);
const AT: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const HOUR: core::time::Duration = core::time::Duration::from_secs(3_600);

fn row() -> ImportedTicket {
    ImportedTicket {
        ticket: ID,
        reference: ReferenceHash([2; 16]),
        order: ReferenceHash([3; 16]),
        particulars: Particulars {
            zone: Zone::new("A").unwrap(),
            seat_label: SeatLabel::new("1-2").unwrap(),
            window: EntryWindow::new(AT, AT.after(HOUR)).unwrap(),
            entries: EntryCount::ONCE,
            party: None,
        },
        code: CodeHash::from_bytes([4; 32]),
    }
}

fn bound(outlives_event: bool) -> Bound {
    let binding = KeptBinding {
        tag: BindingTag::from_bytes([5; 32]),
        certificate_tag: Some(CertificateTag::from_bytes([6; 32])),
        outlives_event,
        outlives_year_after: true,
    };
    Bound { ticket: ID, binding, code: CodeHash::from_bytes([7; 32]), at: AT, record: FeedSequence::new(9) }
}

/// What may happen to a ticket, whether or not its rules would allow it now.
#[derive(Debug, Clone)]
enum Change {
    Status(StatusChange),
    Code(u8),
    Bind(bool),
    Move(i64),
    Record(u64),
}

fn change() -> impl Strategy<Value = Change> {
    use StatusChange::{Cancelled, Confirmed, Released, Resumed, Suspended};
    prop_oneof![
        prop::sample::select(vec![Suspended, Resumed, Cancelled, Confirmed, Released]).prop_map(Change::Status),
        (4..12_u8).prop_map(Change::Code),
        any::<bool>().prop_map(Change::Bind),
        (-400..400_i64).prop_map(Change::Move),
        (0..100_000_u64).prop_map(Change::Record),
    ]
}

fn moving(days: i64) -> Moving {
    let day = |days: i64| Timestamp::from_unix_ms(AT.unix_ms() + days * 86_400_000);
    Moving { by: Shift::between(AT, day(days)), ended_at: AT, ends_at: day(days), reached: None }
}

proptest! {
    #[test]
    fn a_ticket_is_read_back_as_it_was_whatever_became_of_it(
        paid in any::<bool>(),
        changes in prop::collection::vec(change(), 0..12),
    ) {
        let place = |at| Place::new(LogOffset::new(at), 100).unwrap();
        let mut sources = Sources::of_row(place(7), row(), b"row");
        let mut ticket = row().into_ticket(paid, FeedSequence::new(3));
        for change in changes {
            ticket = match change {
                Change::Status(change) => ticket.with_status(change, AT),
                Change::Code(code) => ticket.with_code(CodeHash::from_bytes([code; 32]), AT),
                Change::Bind(outlives) if ticket.stage == Stage::Unbound => {
                    let fact = bound(outlives);
                    sources = sources.with_bound(place(1_000), fact.clone(), b"bound");
                    ticket.bound(fact.binding, fact.code, fact.at, fact.record)
                }
                Change::Bind(_) => ticket,
                Change::Move(days) => ticket.moved(&moving(days)),
                Change::Record(at) => Ticket {
                    ticket_at: FeedSequence::new(at),
                    binding_at: ticket.binding_at.map(|_| FeedSequence::new(at + 1)),
                    ..ticket
                },
            };
            let entry = TicketEntry::of(&ticket, &sources);
            let entry: TicketEntry = minicbor::decode(&encode(&entry)).unwrap();
            prop_assert_eq!(entry.ticket(&sources), Some(ticket.clone()));
        }
    }
}

#[test]
fn an_entry_without_the_binding_that_it_speaks_of_is_no_ticket() {
    let place = Place::new(LogOffset::new(7), 100).unwrap();
    let lone = Sources::of_row(place, row(), b"row");
    let fact = bound(true);
    let both = lone.clone().with_bound(place, fact.clone(), b"bound");
    let ticket = row().into_ticket(true, FeedSequence::FIRST).bound(fact.binding, fact.code, AT, fact.record);
    let entry = TicketEntry::of(&ticket, &both);
    assert_eq!(entry.ticket(&both), Some(ticket));
    assert_eq!(entry.ticket(&lone), None);
    assert_ne!(lone.check, both.check);
}
