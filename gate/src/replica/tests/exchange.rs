//! A new epoch in the place of the one that was followed.

use super::*;

/// The way behind a cut, from where the copy stands in that epoch.
fn behind_cut(replica: &Replica, feed: &Feed) -> VerifiedSpan {
    let cut = replica.trust.verify_cut(&feed.cut()).unwrap();
    let start = *Follower::resume(EVENT, replica.position()).cut(&cut).unwrap().position();
    let from = replica.staged(start.epoch).unwrap().unwrap_or(start);
    let head = replica.trust.verify_head(&feed.head(NOW), from, NOW).unwrap();
    replica.reaching(&head, &feed.head(NOW));
    let mut check = Follower::resume(EVENT, from).begin(&head).unwrap();
    while let Some(need) = check.need() {
        check.extend(need.cut(range(feed, need.range)).unwrap()).unwrap();
    }
    check.finish().unwrap()
}

fn range(feed: &Feed, number: u64) -> &[SealedRecord] {
    feed.records.chunks(1_024).nth(usize::try_from(number).unwrap()).unwrap()
}

fn store_next(replica: &Replica, feed: &Feed, span: &mut VerifiedSpan) -> Result<(), ReplicaError> {
    let need = span.need().unwrap();
    replica.store_range(span, need.cut(range(feed, need.range)).unwrap().to_vec())
}

#[test]
fn a_new_epoch_takes_the_place_of_the_old_one_with_its_last_record_and_a_crash_leaves_one_of_them() {
    let home = tempfile::tempdir().unwrap();
    let mut old = Feed::with_tickets(3);
    old.publish(&FeedRecord::Ticket(TicketRecord { status: TicketStatus::Suspended, ..ticket(1) }));
    old.publish(&FeedRecord::Admission(admission(0, 1, 1)));
    let new = Feed::anew(Epoch::new(9), 600);
    let replica = open(&home, &old);
    follow(&replica, &old, &old.records).unwrap();
    let unled = replica.verify_head(&new.head(NOW), NOW);
    assert!(matches!(unled, Err(ReplicaError::Feed(FeedError::OtherEpoch { .. }))), "no cut leads there");

    let goes_on = |replica: &Replica| {
        assert_eq!(replica.position(), old.reached);
        let found = replica.look_up_tag(tag(1)).unwrap();
        assert_eq!(found[0].ticket.record.status, TicketStatus::Suspended, "the lane goes on with what it has");
        assert!(matches!(replica.used(ticket_id(0)).unwrap(), Used::Inside { .. }));
        assert!(replica.look_up_tag(tag(500)).unwrap().is_empty());
        assert_eq!(replica.standing().gates, 2);
    };
    store_next(&replica, &new, &mut behind_cut(&replica, &new)).unwrap();
    goes_on(&replica);
    replica.close().unwrap();
    let replica = open(&home, &old);
    goes_on(&replica);
    assert_eq!(replica.staged(Epoch::new(9)).unwrap().map(|staged| staged.length), Some(1_024));
    let mut overtaken = {
        let mut longer = old.clone();
        longer.publish(&FeedRecord::Ticket(ticket(2)));
        let head = replica.verify_head(&longer.head(NOW), NOW).unwrap();
        let mut check = replica.begin(&head).unwrap();
        check.extend(&longer.records[old.records.len()..]).unwrap();
        (check.finish().unwrap(), longer.records[old.records.len()..].to_vec())
    };

    let mut rest = behind_cut(&replica, &new);
    store_next(&replica, &new, &mut rest).unwrap();
    assert_eq!(rest.need(), None, "it went on with what was stored");
    let is_exchanged = |replica: &Replica| {
        assert_eq!(replica.position(), new.reached);
        assert_eq!(replica.look_up_tag(tag(1)).unwrap()[0].ticket.record.status, TicketStatus::InForce);
        assert_eq!(replica.look_up_tag(tag(500)).unwrap().len(), 1);
        assert_eq!(replica.used(ticket_id(0)).unwrap(), Used::Never, "the new epoch tells of no entry");
        assert_eq!(replica.claim_facts(ticket_id(1)).unwrap().unwrap().newest.epoch, Epoch::new(9));
        assert_eq!(replica.standing().gates, 1);
        assert_eq!(replica.signed_head().unwrap(), Some(new.head(NOW)));
        assert_eq!(replica.proved_tail(0).unwrap().records, new.records, "of the old epoch nothing is shown any more");
    };
    is_exchanged(&replica);
    let refused = replica.store_range(&mut overtaken.0, overtaken.1);
    assert!(matches!(refused, Err(ReplicaError::Overtaken)), "there is no way back: {refused:?}");
    assert!(replica.verify_head(&old.head(NOW), NOW).is_err());
    replica.close().unwrap();
    is_exchanged(&open(&home, &old));
}
