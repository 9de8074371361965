//! What a feed promises, from single bytes to whole histories.

mod follows;
mod golden;
mod heads;
mod records;

use ed25519_dalek::SigningKey;

use super::*;
use crate::admission::{Admission, AdmissionBasis};
use crate::binding::{BindingTag, SealedKey};
use crate::challenge::Origin;
use crate::claim::FreedClaims;
use crate::clock::Timestamp;
use crate::ids::{AdmissionId, ArbiterId, Epoch, EventId, FeedSequence, GateId, PartyId, TicketId};
use crate::keys::RecordKey;
use crate::policy::EventPolicy;
use crate::ticket::{Entries, EntryWindow, SeatLabel, TicketStatus, Zone};

const EVENT: EventId = EventId::from_bytes([0xE1; 16]);
const OTHER_EVENT: EventId = EventId::from_bytes([0xE2; 16]);
const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn feed_key() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

fn minutes(count: i64) -> Timestamp {
    Timestamp::from_unix_seconds(NOW.unix_seconds() + 60 * count)
}

/// The feed key, certified for a day around [`NOW`].
fn certificate() -> FeedKeyCertificate {
    let statement = FeedKeyStatement {
        event: EVENT,
        verifying_key: feed_key().verifying_key().to_bytes(),
        valid_from: minutes(-720),
        valid_until: minutes(720),
        revokes_before: None,
    };
    statement.sign(&root()).unwrap()
}

fn trusted() -> TrustedFeedKeys {
    let mut keys = TrustedFeedKeys::new(root().verifying_key(), EVENT).unwrap();
    keys.trust(&certificate()).unwrap();
    keys
}

fn cipher(epoch: Epoch) -> RecordCipher {
    RecordCipher::new(&RecordKey::from_bytes([5; 32]), EVENT, epoch)
}

/// One record of every kind, with every field in use.
fn one_of_each() -> Vec<FeedRecord> {
    let (ticket, gate) = (TicketId::from_bytes([0x71; 16]), GateId::from_bytes([0x6A; 16]));
    let (first, second) = (AdmissionId::from_bytes([0xA1; 16]), AdmissionId::from_bytes([0xA2; 16]));
    let window = EntryWindow::new(minutes(0), minutes(240)).unwrap();
    let zone = Zone::new("北-B").unwrap();
    let bound = (BindingTag::from_bytes([0xB1; 32]), SealedKey::try_from(vec![0x5E; 79]).unwrap());
    vec![
        FeedRecord::Policy(EventPolicy::new(crate::policy::tests::draft()).unwrap()),
        FeedRecord::Ticket(TicketRecord {
            ticket,
            status: TicketStatus::InForce,
            zone: zone.clone(),
            seat_label: SeatLabel::new("1階 3列 12番").unwrap(),
            window,
            entries: Entries::ONCE,
            party: Some(PartyId::from_bytes([0x9A; 16])),
        }),
        FeedRecord::Binding(BindingRecord { ticket, bound: Some(bound) }),
        FeedRecord::Admission(Admission {
            id: first,
            ticket,
            gate,
            entry: 1,
            at: minutes(3),
            basis: AdmissionBasis::Claimed,
        }),
        FeedRecord::Annulled(Annulled { admission: first, ticket, gate, at: minutes(4) }),
        FeedRecord::Exited(Exited { admission: first, ticket, gate, at: minutes(5) }),
        FeedRecord::Conflict(Conflict { ticket, entry: 1, first, second, found_at: minutes(6) }),
        FeedRecord::Staff(StaffRecord {
            credential: StaffCredential::of(&[7; 32]),
            role: StaffRole::Supervisor,
            window,
        }),
        FeedRecord::Gate(GateRecord {
            gate,
            verifying_key: [8; 32],
            zone,
            entrance: Zone::new("B").unwrap(),
            revoked: false,
        }),
        FeedRecord::Key(KeyRecord { certificate: certificate() }),
        FeedRecord::End(EndRecord { ended_at: minutes(500), retention_at: minutes(50_000) }),
        FeedRecord::Arbiter(ArbiterRecord {
            arbiter: ArbiterId::from_bytes([0xAB; 16]),
            cluster: ArbiterId::from_bytes([3; 16]),
            epoch: 1,
            addresses: vec![Origin::parse("https://arbiter.example").unwrap()],
            revoked: false,
            shared: false,
        }),
        FeedRecord::Arbiter(ArbiterRecord {
            arbiter: ArbiterId::from_bytes([0xAC; 16]),
            cluster: ArbiterId::from_bytes([3; 16]),
            epoch: 1,
            addresses: vec![Origin::parse("https://arbiter-2.example").unwrap()],
            revoked: false,
            shared: true,
        }),
        FeedRecord::ClaimsFreed(ClaimsFreed { gate, freed: FreedClaims::All, at: minutes(7) }),
    ]
}

fn ticket_record(number: u64) -> FeedRecord {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    FeedRecord::Binding(BindingRecord { ticket: TicketId::from_bytes(id), bound: None })
}

/// A history of so many records.
fn history(epoch: Epoch, count: u64) -> Vec<SealedRecord> {
    let cipher = cipher(epoch);
    (0..count).map(|number| cipher.seal(FeedSequence::new(number), &ticket_record(number)).unwrap()).collect()
}

fn head_over(records: &[SealedRecord], epoch: Epoch) -> VerifiedHead {
    let reached = FollowedTo::start(EVENT, epoch).extend_all(records);
    let signed = FeedHead::issue(EVENT, reached, NOW).sign(&feed_key()).unwrap();
    FeedHead::verify(signed.as_bytes(), &trusted(), EVENT, NOW).unwrap()
}
