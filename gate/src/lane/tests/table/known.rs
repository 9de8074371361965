//! What the gate around the lane knows: the event, its tickets, the key of a card.

use kido_shared::binding::SealedKey;
use kido_shared::certificate::SubjectPublicKey;
use kido_shared::clock::Timestamp;
use kido_shared::feed::TicketRecord;
use kido_shared::ids::{ArbiterId, FeedSequence, PartyId, TicketId};
use kido_shared::policy::{ArbiterHome, ArbiterName, EventPolicy, OfflineChoice, PolicyDraft};
use kido_shared::ticket::{Entries, EntryWindow, SeatLabel, TicketStatus, Zone};
use kido_shared::verdict::{KnownTicket, Used};
use kido_virtual_card::character::Character;

const DOORS: i64 = 1_800_000_000;
pub(super) const HOUR: i64 = 3_600;

/// Begin of the SPKI of an RSA-2048 key, and its end: an exponent of 65537 (RFC 8017 Appendix A.1.1).
const SPKI_BEGIN: &[u8] = &[
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
    0x03, 0x82, 0x01, 0x0F, 0x00, 0x30, 0x82, 0x01, 0x0A, 0x02, 0x82, 0x01, 0x01, 0x00,
];
const SPKI_END: &[u8] = &[0x02, 0x03, 0x01, 0x00, 0x01];

pub(in crate::lane::tests) fn public_key(of: Character) -> SubjectPublicKey {
    let modulus = of.key().unwrap().modulus();
    SubjectPublicKey::from_spki(&[SPKI_BEGIN, &modulus, SPKI_END].concat()).unwrap()
}

pub(in crate::lane::tests) fn at(seconds_after_doors: i64) -> Timestamp {
    Timestamp::from_unix_seconds(DOORS + seconds_after_doors)
}

pub(in crate::lane::tests) fn policy(offline: OfflineChoice, home: ArbiterHome) -> EventPolicy {
    let arbiter = ArbiterName { home, cluster: ArbiterId::from_bytes([0xAB; 16]), epoch: 0 };
    let draft = PolicyDraft::new("木戸の会", (at(0), at(4 * HOUR)), offline, arbiter);
    EventPolicy::new(PolicyDraft { tickets_per_card: 4, ..draft }).unwrap()
}

pub(in crate::lane::tests) fn ticket(number: u8) -> KnownTicket {
    KnownTicket {
        record: TicketRecord {
            ticket: TicketId::from_bytes([number; 16]),
            status: TicketStatus::InForce,
            zone: Zone::new("A").unwrap(),
            seat_label: SeatLabel::new(&format!("{number}")).unwrap(),
            window: EntryWindow::new(at(0), at(4 * HOUR)).unwrap(),
            entries: Entries::ONCE,
            party: None,
        },
        ticket_seq: FeedSequence::new(4),
        binding_seq: FeedSequence::new(9),
        epoch: kido_shared::ids::Epoch::FIRST,
        sealed_key: SealedKey::try_from(vec![1; 79]).unwrap(),
        used: Used::Never,
    }
}

/// Two tickets of one party.
pub(in crate::lane::tests) fn parent_and_child() -> Vec<KnownTicket> {
    let party = Some(PartyId::from_bytes([0x9A; 16]));
    [1, 2]
        .map(ticket)
        .map(|mut known| {
            known.record.party = party;
            known
        })
        .to_vec()
}
