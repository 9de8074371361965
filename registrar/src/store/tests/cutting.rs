//! A feed that begins anew: what it tells then, and what of before is refused.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use kido_shared::binding::{BindingTag, SealedKey};
use kido_shared::challenge::Action;
use kido_shared::feed::{Conflict, EpochCut, FeedError, FeedRecord, SignedEpochCut, TicketRecord, decode_range};
use kido_shared::ids::{AdmissionId, Epoch, FeedSequence, TicketId};
use kido_virtual_card::character::Character;

use super::super::*;
use super::following::follow;
use super::recovering::{backed_up, restored};
use super::tickets::busy_event;
use crate::domain::cut::CutRefusal;
use crate::domain::recovery::Stage;
use crate::keyring::read_root_key;
use crate::testing::{NOW, Registrar, row};

pub(super) fn cut(registrar: &Registrar, event: EventId, epoch: u64) -> SignedEpochCut {
    let root = read_root_key(&registrar.folder.path().join("root.key")).unwrap();
    EpochCut { event, epoch: Epoch::new(epoch), at: NOW }.sign(&root).unwrap()
}

/// What a feed leaves a gate with.
#[derive(Debug, Default, PartialEq)]
struct Known {
    policies: usize,
    gates: BTreeMap<kido_shared::ids::GateId, bool>,
    tickets: BTreeMap<TicketId, TicketRecord>,
    bindings: BTreeMap<TicketId, Option<(BindingTag, SealedKey)>>,
    admissions: BTreeMap<AdmissionId, (TicketId, u32)>,
    ended: Vec<AdmissionId>,
    conflicts: Vec<Conflict>,
}

impl Known {
    fn of(records: &[(FeedSequence, FeedRecord)]) -> Self {
        let mut known = Self::default();
        for (_place, record) in records {
            match record.clone() {
                FeedRecord::Policy(_) => known.policies = 1,
                FeedRecord::Ticket(ticket) => drop(known.tickets.insert(ticket.ticket, ticket)),
                FeedRecord::Binding(binding) => drop(known.bindings.insert(binding.ticket, binding.bound)),
                FeedRecord::Admission(entry) => {
                    known.admissions.insert(entry.id, (entry.ticket, entry.entry));
                }
                FeedRecord::Annulled(annulled) => drop(known.admissions.remove(&annulled.admission)),
                FeedRecord::Exited(exited) => known.ended.push(exited.admission),
                FeedRecord::Conflict(conflict) => known.conflicts.push(conflict),
                FeedRecord::Gate(gate) => drop(known.gates.insert(gate.gate, gate.revoked)),
                FeedRecord::Key(_)
                | FeedRecord::Staff(_)
                | FeedRecord::End(_)
                | FeedRecord::Arbiter(_)
                | FeedRecord::ClaimsFreed(_)
                | FeedRecord::Unknown(_) => {}
            }
        }
        known
    }
}

/// Every ticket's places are those of its newest records.
fn places_hold(registrar: &Registrar, event: EventId, records: &[(FeedSequence, FeedRecord)]) {
    let live = registrar.store.live(event).unwrap();
    let (mut tickets, mut bindings) = (BTreeMap::new(), BTreeMap::new());
    for (place, record) in records {
        if let FeedRecord::Ticket(record) = record {
            tickets.insert(record.ticket, *place);
        } else if let FeedRecord::Binding(record) = record {
            bindings.insert(record.ticket, *place);
        }
    }
    for (id, place) in tickets {
        let ticket = reading::ticket(&live.facts, id).unwrap().unwrap();
        assert_eq!((ticket.ticket_at, ticket.binding_at), (place, bindings.get(&id).copied()));
    }
}

#[tokio::test]
async fn after_a_cut_the_feed_tells_all_that_is_true_anew_and_again_after_another_one() {
    let mut registrar = Registrar::new();
    let event = busy_event(&registrar).await;
    let before = Known::of(&follow(&registrar.store, event).await);
    assert!(!before.conflicts.is_empty() && !before.bindings.is_empty(), "{before:?}");
    let old = registrar.store.feed_tail(event, Epoch::FIRST, 0).await.unwrap().unwrap();
    for epoch in [4, 9] {
        let view = registrar.store.cut_epoch(event, cut(&registrar, event, epoch)).await.unwrap();
        let told = follow(&registrar.store, event).await;
        assert_eq!((view.epoch, view.records), (Epoch::new(epoch), u64::try_from(told.len()).unwrap()));
        assert!(matches!(told[0].1, FeedRecord::Key(_)), "whoever signs the head is told of first: {:?}", told[0]);
        assert_eq!(Known::of(&told), before);
        places_hold(&registrar, event, &told);
        assert_eq!(registrar.store.feed_tail(event, Epoch::FIRST, 0).await.unwrap(), None, "an old address, no answer");
        let again = registrar.store.cut_epoch(event, cut(&registrar, event, epoch)).await.unwrap();
        assert_eq!(again, view, "said twice");
        registrar = registrar.restart();
        assert_eq!(follow(&registrar.store, event).await, told, "the same after a restart");
        let new = registrar.store.feed_tail(event, Epoch::new(epoch), 0).await.unwrap().unwrap();
        assert_ne!(new, old);
    }
    let (ticket, code) = registrar.ticket(event, 50).await;
    registrar.register(Action::Bind, &code, Character::SecondHolder).await.unwrap();
    let told = follow(&registrar.store, event).await;
    assert!(Known::of(&told).bindings.contains_key(&ticket), "it goes on as ever");
    places_hold(&registrar, event, &told);
}

#[tokio::test]
async fn only_the_roots_word_for_this_event_and_a_later_epoch_cuts() {
    let registrar = Registrar::new();
    let (event, other) = (registrar.event().await, registrar.event().await);
    let store = &registrar.store;
    assert_eq!((store.epoch_cut(event).unwrap(), store.known_epoch(event).unwrap()), (None, Epoch::FIRST));
    let forged = EpochCut { event, epoch: Epoch::new(3), at: NOW }.sign(&SigningKey::from_bytes(&[9; 32])).unwrap();
    let refused = store.cut_epoch(event, forged).await;
    let Err(Failed::Refused(CutRefusal::NotTheRoots(FeedError::Signature { .. }))) = refused else {
        panic!("{refused:?}")
    };
    let refused = store.cut_epoch(event, cut(&registrar, other, 3)).await;
    assert!(matches!(refused, Err(Failed::Refused(CutRefusal::NotTheRoots(FeedError::OtherEvent)))), "{refused:?}");
    let first = cut(&registrar, event, 3);
    store.cut_epoch(event, first.clone()).await.unwrap();
    assert_eq!(store.epoch_cut(event).unwrap(), Some(first.into_bytes()));
    assert_eq!(store.known_epoch(event).unwrap(), Epoch::new(3));
    let back = store.cut_epoch(event, cut(&registrar, event, 2)).await;
    assert!(matches!(back, Err(Failed::Refused(CutRefusal::NotForward { .. }))), "{back:?}");
    assert_eq!(store.event(other).unwrap().epoch, Epoch::FIRST, "one event's cut is no other's");
}

#[tokio::test]
async fn a_cut_that_broke_off_is_told_to_its_end_by_the_next_start() {
    let registrar = Registrar::new();
    let event = busy_event(&registrar).await;
    let rows = (100..1_600).map(|number| row(number).0).collect();
    registrar.store.import_tickets(event, rows, true).await.unwrap();
    let before = Known::of(&follow(&registrar.store, event).await);
    let signed = cut(&registrar, event, 7);
    let live = registrar.store.live(event).unwrap();
    let said = EpochCut::verify(signed.as_bytes(), registrar.store.root_key(), event).unwrap();
    tokio::task::spawn_blocking(move || live.begin_epoch(&signed, said.cut(), NOW)).await.unwrap().unwrap();
    let registrar = registrar.restart();
    let told = follow(&registrar.store, event).await;
    assert_eq!(Known::of(&told), before);
    assert!(told.len() > 1_500);
    places_hold(&registrar, event, &told);
    registrar.ticket(event, 99).await;
}

#[tokio::test]
async fn a_backup_from_the_middle_of_a_cut_tells_the_same_records_and_misses_what_followed() {
    let registrar = Registrar::new();
    let event = busy_event(&registrar).await;
    let signed = cut(&registrar, event, 7);
    let live = registrar.store.live(event).unwrap();
    let said = EpochCut::verify(signed.as_bytes(), registrar.store.root_key(), event).unwrap();
    let begun = tokio::task::spawn_blocking(move || live.begin_epoch(&signed, said.cut(), NOW));
    begun.await.unwrap().unwrap();
    let (registrar, backup) = backed_up(registrar);
    let (told, whole) = (follow(&registrar.store, event).await, registrar.store.event(event).unwrap().feed_length);
    registrar.ticket(event, 99).await;
    registrar.store.signed_head(event).unwrap();
    let tail = registrar.store.feed_tail(event, Epoch::new(7), 0).await.unwrap();
    let registrar = restored(registrar, &backup);
    assert_eq!(registrar.store.event(event).unwrap().feed_length, whole);
    assert_eq!(registrar.store.recovery(event).await.unwrap().stage, Some(Stage::Records), "a ticket is missed");
    let again = registrar.store.feed_tail(event, Epoch::new(7), 0).await.unwrap();
    let (tail, again) = (decode_range(&tail.unwrap()).unwrap(), decode_range(&again.unwrap()).unwrap());
    assert_eq!(tail.get(..again.len()), Some(again.as_slice()), "byte for byte");
    assert_eq!(told.len(), again.len());
}

#[tokio::test]
async fn a_cut_whose_end_could_not_be_noted_is_gone_on_with_when_it_is_said_again() {
    let registrar = Registrar::new();
    let event = busy_event(&registrar).await;
    let signed = cut(&registrar, event, 7);
    let live = registrar.store.live(event).unwrap();
    let said = EpochCut::verify(signed.as_bytes(), registrar.store.root_key(), event).unwrap();
    let begun = signed.clone();
    let told = tokio::task::spawn_blocking(move || {
        live.recovering.set(Some(Stage::Records));
        live.begin_epoch(&begun, said.cut(), NOW).unwrap();
        live.retell()
    });
    told.await.unwrap().unwrap();
    assert!(registrar.store.signed_head(event).is_err(), "nobody was told that it is whole");
    let view = registrar.store.cut_epoch(event, signed).await.unwrap();
    assert_eq!(view.epoch, Epoch::new(7));
    registrar.store.signed_head(event).unwrap();
}
