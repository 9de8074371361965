//! The rules of the store, told from outside: what is answered, what gates then hear, what a restart finds.

mod arbiters;
mod cutting;
mod deciders;
mod endings;
mod feed_keys;
mod following;
mod forgetting;
mod freeing;
mod gates;
mod kept;
mod rates;
mod recovering;
mod tickets;

use std::collections::BTreeMap;

use super::*;
use crate::testing::Registrar;
use reading::Entries as _;

/// Every entry of an event's index.
fn index_of(store: &Store, event: EventId) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let live = store.live(event).unwrap();
    live.facts.entries(b"").unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn an_index_rebuilt_from_the_facts_is_the_same() {
    let registrar = Registrar::new();
    let event = tickets::busy_event(&registrar).await;
    let before = index_of(&registrar.store, event);
    assert!(before.len() > 30);
    let registrar = registrar.restart();
    assert_eq!(index_of(&registrar.store, event), before, "after a clean stop");
    let Registrar { folder, clock, store, registrations } = registrar;
    drop(registrations);
    store.close();
    drop(store);
    std::fs::remove_dir_all(folder.path().join("events").join(event.to_string()).join("index")).unwrap();
    let registrar = Registrar::on(folder, clock);
    assert_eq!(index_of(&registrar.store, event), before, "after the loss of the index");
}

#[tokio::test]
async fn an_event_that_does_not_open_stops_no_other() {
    let registrar = Registrar::new();
    let (broken, sound) = (registrar.event().await, registrar.event().await);
    let Registrar { folder, clock, store, registrations } = registrar;
    drop(registrations);
    store.close();
    drop(store);
    std::fs::remove_file(folder.path().join("events").join(broken.to_string()).join("facts.log")).unwrap();
    let registrar = Registrar::on(folder, clock);
    assert!(matches!(registrar.store.event(broken), Err(StorageError::NotServed(_))));
    registrar.store.event(sound).unwrap();
    let health: BTreeMap<_, _> = registrar.store.health().into_iter().map(|each| (each.event, each.served)).collect();
    assert_eq!(health, BTreeMap::from([(broken, false), (sound, true)]));
}

#[tokio::test]
async fn a_folder_moved_to_another_events_name_is_not_served() {
    let registrar = Registrar::new();
    let (one, other) = (registrar.event().await, registrar.event().await);
    let Registrar { folder, clock, store, registrations } = registrar;
    drop(registrations);
    store.close();
    drop(store);
    let events = folder.path().join("events");
    std::fs::remove_dir_all(events.join(other.to_string())).unwrap();
    std::fs::rename(events.join(one.to_string()), events.join(other.to_string())).unwrap();
    let registrar = Registrar::on(folder, clock);
    assert!(matches!(registrar.store.event(other), Err(StorageError::NotServed(_))));
}

#[tokio::test]
async fn no_fact_holds_a_code_a_reference_or_a_seat_key() {
    let registrar = Registrar::new();
    let event = tickets::busy_event(&registrar).await;
    let live = registrar.store.live(event).unwrap();
    let facts: Vec<u8> =
        live.facts.facts(kido_store::Position::FIRST).unwrap().flat_map(|fact| fact.unwrap().1).collect();
    let certificate = crate::testing::certificate(kido_virtual_card::character::Character::Holder);
    let found = |needle: &[u8]| facts.windows(needle.len()).any(|window| window == needle);
    assert!(found(event.as_bytes()) || found("千穐楽".as_bytes()), "the search finds what is there");
    assert!(!found(b"TICKET-1") && !found(b"ORDER-1"), "references");
    for part in certificate.as_ref().chunks(16) {
        assert!(!found(part), "a part of a certificate");
    }
}
