//! What the index keeps of tickets, and what it leaves in the log.

use kido_shared::challenge::Action;
use kido_virtual_card::character::Character;

use super::super::*;
use super::index_of;
use crate::domain::history::{Actor, Happening};
use crate::domain::registration::RegistrationRefusal;
use crate::domain::ticket::TicketAction;
use crate::fact::Fact;
use crate::testing::{Registrar, row};

/// Bytes of keys and values that one more unbound ticket may take, and one more card on it.
const UNBOUND_BYTES_MAX: usize = 100;
const BOUND_BYTES_MAX: usize = 60;

fn bytes(store: &Store, event: EventId) -> usize {
    index_of(store, event).iter().map(|(key, value)| key.len() + value.len()).sum()
}

#[tokio::test]
async fn a_ticket_takes_few_bytes_of_the_index_and_its_card_fewer() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (_ticket, code) = registrar.ticket(event, 1).await;
    let before = bytes(&registrar.store, event);
    registrar.ticket(event, 2).await;
    let unbound = bytes(&registrar.store, event) - before;
    assert!((1..=UNBOUND_BYTES_MAX).contains(&unbound), "{unbound} bytes");
    let before = bytes(&registrar.store, event);
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    let bound = bytes(&registrar.store, event) - before;
    assert!((1..=BOUND_BYTES_MAX).contains(&bound), "{bound} bytes");
}

#[tokio::test]
async fn the_index_holds_no_whole_code_reference_or_tag() {
    let registrar = Registrar::new();
    let event = super::tickets::busy_event(&registrar).await;
    let live = registrar.store.live(event).unwrap();
    let mut whole = Vec::new();
    for fact in live.facts.facts(kido_store::Position::FIRST).unwrap() {
        let fact = Fact::from_bytes(&fact.unwrap().1).unwrap();
        if let Fact::Bound(bound) = &fact {
            let binding = &bound.binding;
            whole.push(binding.tag.as_bytes().to_vec());
            whole.extend(binding.certificate_tag.map(|tag| tag.as_bytes().to_vec()));
        }
        if let Fact::TicketsImported(import) = fact {
            for row in import.tickets {
                whole.extend([row.reference.0.to_vec(), row.order.0.to_vec(), row.code.as_bytes().to_vec()]);
            }
        }
    }
    assert!(whole.len() > 10);
    let index: Vec<u8> =
        index_of(&registrar.store, event).into_iter().flat_map(|(key, value)| [key, value].concat()).collect();
    for secret in whole {
        assert!(!index.windows(secret.len()).any(|window| window == secret), "{} bytes", secret.len());
    }
}

#[tokio::test]
async fn a_used_code_is_told_from_one_that_never_was() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (_ticket, code) = registrar.ticket(event, 1).await;
    let holder = registrar.register(Action::Bind, &code, Character::Holder).await.unwrap().holder_code.unwrap();
    let later = registrar.register(Action::Show, &holder, Character::Holder).await.unwrap().holder_code.unwrap();
    for used in [&code, &holder] {
        let found = registrar.store.ticket_of_code(used.hash());
        assert!(matches!(found, Err(Failed::Refused(RegistrationRefusal::CodeUsed))), "{found:?}");
    }
    assert!(registrar.store.ticket_of_code(later.hash()).is_ok());
    let never = registrar.store.ticket_of_code(row(9).1.hash());
    assert!(matches!(never, Err(Failed::Refused(RegistrationRefusal::UnknownCode))), "{never:?}");
}

#[tokio::test]
async fn a_code_that_only_begins_like_a_tickets_code_opens_nothing() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (ticket, code) = registrar.ticket(event, 1).await;
    let mut alike = *code.hash().as_bytes();
    alike[31] ^= 1;
    let alike = kido_shared::codes::CodeHash::from_bytes(alike);
    let found = registrar.store.ticket_of_code(alike);
    assert!(matches!(found, Err(Failed::Refused(RegistrationRefusal::UnknownCode))), "{found:?}");
    // Two that begin alike are two: the other ticket is imported, and each code opens its own.
    let (mut other, _code) = row(2);
    other.code = alike;
    let report = registrar.store.import_tickets(event, vec![other], true).await.unwrap();
    let [ImportOutcome::Created(second)] = report.outcomes[..] else { panic!("{report:?}") };
    assert_eq!(registrar.store.ticket_of_code(alike).unwrap().1.ticket, second);
    assert_eq!(registrar.store.ticket_of_code(code.hash()).unwrap().1.ticket, ticket);
}

#[tokio::test]
async fn a_binding_stays_in_its_place_of_the_history_also_when_its_card_is_gone() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (ticket, code) = registrar.tickets(event, 1, false).await;
    let name = || TicketName::Id(ticket);
    let code = {
        let reissued = registrar.store.reissue_code(event, name(), Actor::Sales).await.unwrap();
        assert!(registrar.store.ticket_of_code(code.hash()).is_err());
        reissued.code
    };
    registrar.register(Action::Bind, &code, Character::Holder).await.unwrap();
    registrar.store.change_ticket(event, name(), TicketAction::Release, Actor::Sales).await.unwrap();
    let happenings = |registrar: &Registrar| -> Vec<_> {
        registrar.store.history(event, &name()).unwrap().iter().map(|line| line.happening).collect()
    };
    let expected =
        [Happening::CodeReplaced(Actor::Sales), Happening::Bound, Happening::Released(Actor::Sales)].to_vec();
    assert_eq!(happenings(&registrar), expected);
    let registrar = registrar.restart();
    assert_eq!(happenings(&registrar), expected);
}

#[tokio::test]
async fn a_log_that_has_changed_under_the_index_is_told_and_not_taken_for_a_ticket() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (ticket, _code) = registrar.ticket(event, 1).await;
    let path = registrar.folder.path().join("events").join(event.to_string()).join("facts.log");
    let bytes = std::fs::read(&path).unwrap();
    let seat = "Row 1, 1".as_bytes();
    let at = bytes.windows(seat.len()).position(|window| window == seat).unwrap();
    // A disk that gives back another seat than it took: the fact still reads.
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"Row 9, 9", at as u64).unwrap();
    let told = registrar.store.ticket(event, &TicketName::Id(ticket));
    assert!(matches!(told, Err(Failed::Storage(StorageError::Entry(_)))), "{told:?}");
}
