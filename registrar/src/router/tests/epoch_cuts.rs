use kido_shared::feed::{EpochCut, FeedHead, decode_range};
use kido_shared::ids::Epoch;
use kido_shared::wire::v1::{operator, routes};

use super::*;
use crate::audit::Deed;
use crate::keyring::read_root_key;

fn signed(served: &Served, event: EventId, epoch: u64) -> Vec<u8> {
    let root = read_root_key(&served.registrar.folder.path().join("root.key")).unwrap();
    EpochCut { event, epoch: Epoch::new(epoch), at: NOW }.sign(&root).unwrap().into_bytes()
}

fn body(cut: &[u8]) -> Value {
    json!({"cut": base64url::encode(cut)})
}

#[tokio::test]
async fn an_operator_with_the_root_keys_word_begins_a_feed_anew() {
    let served = Served::new();
    let event = served.event().await;
    served
        .post(Some(Role::Sales), &operator::tickets(event), &json!({"reserved": false, "tickets": [row(1)]}))
        .await
        .ok();
    let path = operator::feed_cuts(event);
    assert_eq!(served.get(None, &routes::feed_cut(event)).await.problem(), problem(404, "no_cut"));
    let known = served.get(Some(Role::Viewer), &path).await.ok();
    assert_eq!(known["epoch"], 0);
    let (cut, operator) = (signed(&served, event, 8), Some(Role::Operator));
    for role in [Role::Sales, Role::Desk, Role::Viewer] {
        assert_eq!(served.post(Some(role), &path, &body(&cut)).await.problem(), problem(403, "role"), "{role:?}");
    }
    assert_eq!(served.post(operator, &path, &body(&[0; 40])).await.problem(), problem(422, "field"));
    let other = served.event().await;
    let of_other = body(&signed(&served, other, 8));
    assert_eq!(served.post(operator, &path, &of_other).await.problem(), problem(403, "not_the_roots"));
    for _again in 0..2 {
        let told = served.post(operator, &path, &body(&cut)).await.ok();
        assert_eq!((&told["epoch"], &told["records"]), (&json!(8), &json!(3)), "the key, the policy, the ticket");
    }
    let back = body(&signed(&served, event, 8 - 1));
    assert_eq!(served.post(operator, &path, &back).await.problem(), problem(409, "not_forward"));
    let told = served.get(None, &routes::feed_cut(event)).await;
    assert_eq!((told.status, told.bytes.as_slice()), (StatusCode::OK, cut.as_slice()));
    assert_eq!(told.headers["cache-control"], "no-store");
    let head = served.get(None, &routes::feed_head(event)).await.bytes;
    let head = FeedHead::read_unverified(&head).unwrap();
    assert_eq!((head.epoch, head.length), (Epoch::new(8), 3));
    let new = served.get(None, &routes::feed_tail(event, Epoch::new(8), 0)).await;
    assert_eq!(decode_range(&new.bytes).unwrap().len(), 3);
    let old = served.get(None, &routes::feed_tail(event, Epoch::FIRST, 0)).await;
    assert_eq!(old.problem(), problem(404, "no_such_range"), "an address of before has no other answer");
    let lines = served.app.audit.page(None).unwrap().lines;
    let done = lines.iter().filter(|line| line.deed == Deed::FeedCut && line.refused.is_none());
    assert_eq!(done.count(), 2);
}
