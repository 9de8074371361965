use kido_shared::feed::{
    FeedHead, FeedRecord, Follower, RecordCipher, SealedRecord, TrustedFeedKeys, VerifiedHead, decode_range,
};
use kido_shared::ids::{Epoch, FeedSequence};
use kido_shared::limits::{FEED_RANGE_RECORDS, HEAD_INTERVAL};
use kido_shared::ticket::TicketStatus;

use super::super::*;
use crate::testing::{Registrar, row};

fn head(store: &Store, event: EventId) -> VerifiedHead {
    let mut trusted = TrustedFeedKeys::new(*store.root_key(), event).unwrap();
    trusted.trust(&store.feed_key_certificate(event).unwrap()).unwrap();
    let bytes = store.signed_head(event).unwrap().into_bytes();
    FeedHead::verify(&bytes, &trusted, event, store.now()).unwrap()
}

/// Follows an event's feed as a gate does, from its first record to its head.
pub(super) async fn follow(store: &Store, event: EventId) -> Vec<(FeedSequence, FeedRecord)> {
    let head = head(store, event);
    let epoch = head.head().epoch;
    let cipher = RecordCipher::new(&store.gate_subkeys(event).unwrap().record, event, epoch);
    let mut sealed: Vec<SealedRecord> = Vec::new();
    for range in 0.. {
        let Some(bytes) = store.feed_range(event, epoch, range).await.unwrap() else { break };
        sealed.extend(decode_range(&bytes).unwrap());
    }
    let from = u64::try_from(sealed.len()).unwrap();
    let tail = store.feed_tail(event, epoch, from).await.unwrap().unwrap();
    sealed.extend(decode_range(&tail).unwrap());
    let mut check = Follower::start(event, epoch).begin(&head).unwrap();
    let mut parts: Vec<&[SealedRecord]> = Vec::new();
    let size = usize::try_from(FEED_RANGE_RECORDS).unwrap();
    for part in sealed.chunks(size) {
        check.extend(part).unwrap();
        parts.push(part);
    }
    let mut span = check.finish().unwrap();
    parts.into_iter().flat_map(|part| span.open(part, &cipher).unwrap()).collect()
}

#[tokio::test]
async fn a_gate_that_follows_the_feed_knows_what_the_registrar_knows() {
    let registrar = Registrar::new();
    let event = super::tickets::busy_event(&registrar).await;
    let records = follow(&registrar.store, event).await;
    assert_eq!(u64::try_from(records.len()).unwrap(), registrar.store.event(event).unwrap().feed_length);
    let live = registrar.store.live(event).unwrap();
    let mut newest = BTreeMap::new();
    let (mut bindings, mut conflicts, mut revoked) = (BTreeMap::new(), 0, 0);
    for (place, record) in records {
        match record.clone() {
            FeedRecord::Ticket(record) => drop(newest.insert(record.ticket, (place, record))),
            FeedRecord::Binding(record) => drop(bindings.insert(record.ticket, (place, record))),
            FeedRecord::Conflict(_) => conflicts += 1,
            FeedRecord::Gate(gate) => revoked += usize::from(gate.revoked),
            FeedRecord::Policy(_) | FeedRecord::Admission(_) => {}
            FeedRecord::Annulled(_)
            | FeedRecord::Exited(_)
            | FeedRecord::Staff(_)
            | FeedRecord::Key(_)
            | FeedRecord::End(_)
            | FeedRecord::Arbiter(_)
            | FeedRecord::ClaimsFreed(_)
            | FeedRecord::Unknown(_) => panic!("{record:?}"),
        }
    }
    assert_eq!((newest.len(), conflicts, revoked), (3, 1, 1));
    for (id, (place, record)) in newest {
        let ticket = reading::ticket(&live.facts, id).unwrap().unwrap();
        assert_eq!((ticket.ticket_at, ticket.record(id)), (place, record));
        let binding = bindings.get(&id);
        assert_eq!(ticket.binding_at, binding.map(|(place, _)| *place));
        let tag = binding.and_then(|(_, record)| record.bound.as_ref()).map(|(tag, _)| *tag);
        assert_eq!(ticket.binding().map(|binding| binding.tag), tag);
        assert_ne!(ticket.status(), TicketStatus::Suspended);
    }
}

#[tokio::test]
async fn a_long_feed_is_served_in_ranges_that_meet_the_signed_chain() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let rows = (0..2_500).map(|number| row(number).0).collect();
    registrar.store.import_tickets(event, rows, true).await.unwrap();
    let records = follow(&registrar.store, event).await;
    assert_eq!(records.len(), 2_501, "the policy and the tickets");
    let registrar = registrar.restart();
    assert_eq!(follow(&registrar.store, event).await, records, "the same after a restart");
    let odd = registrar.store.feed_tail(event, Epoch::FIRST, 1_500).await.unwrap().unwrap();
    assert_eq!(decode_range(&odd).unwrap().len(), 548, "up to the end of the range");
    let end = registrar.store.feed_tail(event, Epoch::FIRST, 2_501).await.unwrap().unwrap();
    assert!(decode_range(&end).unwrap().is_empty());
    assert_eq!(registrar.store.feed_tail(event, Epoch::FIRST, 2_502).await.unwrap(), None);
    assert_eq!(registrar.store.feed_range(event, Epoch::FIRST, 2).await.unwrap(), None, "not full yet");
    assert_eq!(registrar.store.feed_range(event, Epoch::new(1), 0).await.unwrap(), None);
}

#[tokio::test]
async fn a_head_is_signed_anew_when_the_feed_grew_or_half_a_minute_passed() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let first = registrar.store.signed_head(event).unwrap();
    assert_eq!(registrar.store.signed_head(event).unwrap(), first);
    registrar.ticket(event, 1).await;
    let grown = head(&registrar.store, event);
    assert_eq!(grown.head().length, 2);
    registrar.clock.advance(HEAD_INTERVAL);
    let later = head(&registrar.store, event);
    assert_eq!(later.head().length, 2);
    assert_eq!(later.head().issued_at, registrar.store.now());
}

#[tokio::test]
async fn how_far_a_feed_was_signed_is_written_by_no_thread_that_answers_requests() {
    let registrar = Registrar::new();
    let event = registrar.event().await;
    let (first, _head) = registrar.store.newest_head(event).await.unwrap();
    registrar.clock.advance(core::time::Duration::from_secs(2));
    registrar.ticket(event, 1).await;
    let (second, head) = registrar.store.newest_head(event).await.unwrap();
    assert!(second.length > first.length);
    let live = registrar.store.live(event).unwrap();
    assert_eq!(live.mark.kept().unwrap().to, second, "written before it was signed");
    assert!(live.mark.written_by().is_some_and(|thread| thread != std::thread::current().id()));
    assert_eq!(registrar.store.signed_head(event).unwrap(), head);
}
