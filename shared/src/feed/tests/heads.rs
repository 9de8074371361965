//! Heads, feed keys and cuts: who may say what.

use coset::{CborSerializable as _, CoseSign1, CoseSign1Builder, HeaderBuilder, iana};
use ed25519_dalek::Signer as _;

use super::*;
use crate::limits::{FEED_HEAD_BYTES_MAX, FEED_LENGTH_MAX, HEAD_VALIDITY};

fn reached() -> FollowedTo {
    FollowedTo::start(EVENT, Epoch::FIRST).extend_all(&history(Epoch::FIRST, 3))
}

fn signed() -> SignedHead {
    FeedHead::issue(EVENT, reached(), NOW).sign(&feed_key()).unwrap()
}

fn verify(bytes: &[u8]) -> Result<VerifiedHead, FeedError> {
    FeedHead::verify(bytes, &trusted(), EVENT, NOW)
}

#[test]
fn a_head_says_what_was_signed() {
    let head = verify(signed().as_bytes()).unwrap();
    assert_eq!(head.reaches(), reached());
    assert_eq!(*head.head(), FeedHead::issue(EVENT, reached(), NOW));
    assert!(signed().as_bytes().len() < 300);
}

#[test]
fn an_expired_head_is_told_apart_and_not_refused() {
    let head = FeedHead::verify(signed().as_bytes(), &trusted(), EVENT, minutes(200)).unwrap();
    assert!(head.is_expired(minutes(200)));
    assert!(head.is_expired(NOW.after(HEAD_VALIDITY)), "from the very moment on");
    assert!(!head.is_expired(minutes(14)));
}

#[test]
fn an_altered_head_is_refused_whatever_byte_it_is() {
    let bytes = signed().into_bytes();
    for place in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[place] ^= 1;
        assert!(verify(&altered).is_err(), "byte {place}");
    }
}

#[test]
fn a_head_has_one_encoding_only() {
    let bytes = signed().into_bytes();
    let encoding = Err(FeedError::Encoding { what: "a head" });
    assert_eq!(verify(&[bytes.as_slice(), &[0]].concat()), encoding, "a trailing byte");
    assert_eq!(verify(&[&[0xD2], bytes.as_slice()].concat()), encoding, "the tag of COSE_Sign1");
    let mut unprotected = CoseSign1::from_slice(&bytes).unwrap();
    unprotected.unprotected.key_id = b"surprise".to_vec();
    assert_eq!(verify(&unprotected.to_vec().unwrap()), encoding, "an unprotected header");
    let mut detached = CoseSign1::from_slice(&bytes).unwrap();
    detached.payload = None;
    assert_eq!(verify(&detached.to_vec().unwrap()), encoding, "no payload");
    assert_eq!(verify(&vec![0; FEED_HEAD_BYTES_MAX + 1]), Err(FeedError::Length { what: "a head" }));
    for cut in 0..bytes.len() {
        assert!(verify(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}

/// A head over the same payload under another protected header or label, properly signed.
fn resigned(header: coset::Header, label: &[u8]) -> Vec<u8> {
    let payload = CoseSign1::from_slice(signed().as_bytes()).unwrap().payload.unwrap();
    let sign = |bytes: &[u8]| feed_key().sign(bytes).to_bytes().to_vec();
    CoseSign1Builder::new().protected(header).payload(payload).create_signature(label, sign).build().to_vec().unwrap()
}

#[test]
fn only_the_one_algorithm_and_label_verify() {
    let eddsa = || HeaderBuilder::new().algorithm(iana::Algorithm::EdDSA);
    assert!(verify(&resigned(eddsa().build(), b"kido/v1/head")).is_ok());
    let unsigned = Err(FeedError::Signature { what: "a head" });
    assert_eq!(verify(&resigned(eddsa().build(), b"kido/v1/feed-key")), unsigned);
    assert_eq!(verify(&resigned(eddsa().build(), b"")), unsigned);
    let other = HeaderBuilder::new().algorithm(iana::Algorithm::ES256).build();
    assert_eq!(verify(&resigned(other, b"kido/v1/head")), unsigned);
    assert_eq!(verify(&resigned(coset::Header::default(), b"kido/v1/head")), unsigned);
    let more = eddsa().key_id(b"surprise".to_vec()).build();
    assert_eq!(verify(&resigned(more, b"kido/v1/head")), Err(FeedError::Encoding { what: "a head" }));
}

#[test]
fn a_head_of_another_event_is_refused() {
    let other = FeedHead::issue(OTHER_EVENT, FollowedTo::start(OTHER_EVENT, Epoch::FIRST), NOW);
    assert_eq!(verify(other.sign(&feed_key()).unwrap().as_bytes()), Err(FeedError::OtherEvent));
}

#[test]
fn a_head_under_an_uncertified_key_is_refused() {
    let stranger = SigningKey::from_bytes(&[3; 32]);
    let head = FeedHead::issue(EVENT, reached(), NOW);
    let unsigned = Err(FeedError::Signature { what: "a head" });
    assert_eq!(verify(head.sign(&stranger).unwrap().as_bytes()), unsigned);
    assert_eq!(verify(head.sign(&root()).unwrap().as_bytes()), unsigned, "not even the root signs heads");
}

#[test]
fn a_key_signs_within_its_validity_only() {
    let issued = |at| FeedHead::issue(EVENT, reached(), at).sign(&feed_key()).unwrap().into_bytes();
    let verify = |bytes: Vec<u8>, now| FeedHead::verify(&bytes, &trusted(), EVENT, now).map(|_head| ());
    let outside = Err(FeedError::KeyNotValid { what: "a head" });
    assert_eq!(verify(issued(minutes(-721)), NOW), outside);
    assert_eq!(verify(issued(minutes(720)), NOW), outside);
    assert_eq!(verify(issued(minutes(719)), NOW), Ok(()));
    assert_eq!(verify(issued(NOW), minutes(720)), outside, "an ended key does not date a head back");
}

#[test]
fn a_head_that_no_registrar_may_sign_is_refused_also_when_signed() {
    let head = FeedHead::issue(EVENT, reached(), NOW);
    let lasting = FeedHead { expires_at: NOW.after(HEAD_VALIDITY * 2), ..head };
    assert_eq!(lasting.sign(&feed_key()), Err(FeedError::Validity { what: "a head" }));
    let ended = FeedHead { expires_at: NOW, ..head };
    assert_eq!(ended.sign(&feed_key()), Err(FeedError::Validity { what: "a head" }));
    let endless = FeedHead { length: FEED_LENGTH_MAX + 1, ..head };
    assert_eq!(endless.sign(&feed_key()), Err(FeedError::Length { what: "the feed" }));
    let invented = FeedHead { length: 0, ..head };
    assert_eq!(invented.sign(&feed_key()), Err(FeedError::Forked { length: 0 }));
}

#[test]
fn a_certificate_is_believed_under_its_root_and_for_its_event_only() {
    let certificate = certificate();
    assert!(certificate.verify(&root().verifying_key(), EVENT).is_ok());
    let unsigned = Err(FeedError::Signature { what: "a feed key certificate" });
    assert_eq!(certificate.verify(&feed_key().verifying_key(), EVENT), unsigned);
    assert_eq!(certificate.verify(&root().verifying_key(), OTHER_EVENT), Err(FeedError::OtherEvent));
    assert_eq!(
        FeedKeyCertificate::from_bytes(signed().into_bytes()).unwrap().verify(&root().verifying_key(), EVENT),
        unsigned
    );
    assert!(FeedKeyCertificate::from_bytes(vec![0; 40]).is_err());
}

#[test]
fn no_weak_key_is_certified() {
    // The neutral element: under it, one signature fits many messages.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let statement = FeedKeyStatement {
        event: EVENT,
        verifying_key: neutral,
        valid_from: NOW,
        valid_until: minutes(1),
        revokes_before: None,
    };
    assert!(statement.sign(&root()).is_err());
    let weak = ed25519_dalek::VerifyingKey::from_bytes(&neutral).unwrap();
    assert!(TrustedFeedKeys::new(weak, EVENT).is_err());
    let reversed = FeedKeyStatement { verifying_key: [8; 32], valid_until: NOW, ..statement };
    assert_eq!(reversed.sign(&root()), Err(FeedError::Validity { what: "a feed key certificate" }));
    let suicidal = FeedKeyStatement { verifying_key: [8; 32], revokes_before: Some(minutes(1)), ..statement };
    assert_eq!(
        suicidal.sign(&root()),
        Err(FeedError::Validity { what: "a feed key certificate" }),
        "it revokes itself"
    );
}

/// The key of a number, from its minute on.
fn numbered(number: u8) -> (SigningKey, FeedKeyStatement) {
    let key = SigningKey::from_bytes(&[number; 32]);
    let statement = FeedKeyStatement {
        event: EVENT,
        verifying_key: key.verifying_key().to_bytes(),
        valid_from: minutes(i64::from(number)),
        valid_until: minutes(1_000),
        revokes_before: None,
    };
    (key, statement)
}

fn verified(keys: &TrustedFeedKeys, signer: &SigningKey) -> Result<(), FeedError> {
    let head = FeedHead::issue(EVENT, reached(), minutes(100)).sign(signer).unwrap();
    FeedHead::verify(head.as_bytes(), keys, EVENT, minutes(101)).map(|_head| ())
}

#[test]
fn of_two_keys_either_signs_until_one_is_revoked() {
    let unsigned = Err(FeedError::Signature { what: "a head" });
    let ((old, of_old), (new, of_new)) = (numbered(10), numbered(20));
    let mut keys = TrustedFeedKeys::new(root().verifying_key(), EVENT).unwrap();
    let certificate = of_old.sign(&root()).unwrap();
    keys.trust(&certificate).unwrap();
    keys.trust(&of_new.sign(&root()).unwrap()).unwrap();
    assert_eq!((verified(&keys, &old), verified(&keys, &new)), (Ok(()), Ok(())), "what is under way arrives");
    let (next, of_next) = numbered(30);
    let of_next = FeedKeyStatement { revokes_before: Some(minutes(20)), ..of_next };
    keys.trust(&of_next.sign(&root()).unwrap()).unwrap();
    assert_eq!(verified(&keys, &old), unsigned, "at once, whatever its statement says");
    assert_eq!(
        (verified(&keys, &new), verified(&keys, &next)),
        (Ok(()), Ok(())),
        "one that is as old as was said stays"
    );
    assert_eq!(keys.trust(&certificate), Err(FeedError::KeyRevoked), "its old statement revives nothing");
    keys.trust(&of_new.sign(&root()).unwrap()).unwrap();
    assert_eq!(keys.trust(&certificate), Err(FeedError::KeyRevoked), "nor do others that revoke nothing");
    keys.forget_ended(minutes(2_000));
    assert_eq!(keys.trust(&certificate), Err(FeedError::KeyRevoked), "nor that the statement has ended");
}

#[test]
fn a_statement_of_another_event_revokes_nothing_here() {
    let ((old, of_old), (_, of_next)) = (numbered(10), numbered(20));
    let mut keys = TrustedFeedKeys::new(root().verifying_key(), EVENT).unwrap();
    keys.trust(&of_old.sign(&root()).unwrap()).unwrap();
    let elsewhere = FeedKeyStatement { event: OTHER_EVENT, revokes_before: Some(minutes(20)), ..of_next };
    assert_eq!(keys.trust(&elsewhere.sign(&root()).unwrap()), Err(FeedError::OtherEvent));
    let forged = FeedKeyStatement { event: EVENT, ..elsewhere }.sign(&old).unwrap();
    assert_eq!(keys.trust(&forged), Err(FeedError::Signature { what: "a feed key certificate" }));
    assert_eq!(verified(&keys, &old), Ok(()));
}

#[test]
fn trusted_keys_have_a_bound_and_the_oldest_make_room() {
    let mut keys = TrustedFeedKeys::new(root().verifying_key(), EVENT).unwrap();
    let mut trust = |number: u8| keys.trust(&numbered(number).1.sign(&root()).unwrap()).map(|_statement| ());
    for number in 10..26 {
        trust(number).unwrap();
    }
    trust(10).unwrap();
    assert_eq!(verified(&keys, &numbered(10).0), Ok(()), "a repetition takes no room");
    keys.trust(&numbered(26).1.sign(&root()).unwrap()).unwrap();
    assert!(verified(&keys, &numbered(10).0).is_err());
    for number in 11..27 {
        assert_eq!(verified(&keys, &numbered(number).0), Ok(()), "{number}");
    }
}

#[test]
fn a_head_a_certificate_and_a_cut_are_never_taken_for_each_other() {
    let cut = EpochCut { event: EVENT, epoch: Epoch::new(1), at: NOW }.sign(&root()).unwrap();
    let root = root().verifying_key();
    assert!(EpochCut::verify(cut.as_bytes(), &root, EVENT).is_ok());
    assert!(EpochCut::verify(certificate().as_bytes(), &root, EVENT).is_err());
    assert!(verify(cut.as_bytes()).is_err());
    assert!(verify(certificate().as_bytes()).is_err());
    assert!(FeedKeyCertificate::from_bytes(cut.into_bytes()).unwrap().verify(&root, EVENT).is_err());
}

#[test]
fn a_cut_is_the_roots_and_leads_on() {
    let cut = |epoch| EpochCut { event: EVENT, epoch, at: NOW };
    assert_eq!(cut(Epoch::FIRST).sign(&root()), Err(FeedError::CutNotForward { to: Epoch::FIRST }));
    let forged = cut(Epoch::new(1)).sign(&feed_key()).unwrap();
    let unsigned = Err(FeedError::Signature { what: "an epoch cut" });
    assert_eq!(EpochCut::verify(forged.as_bytes(), &root().verifying_key(), EVENT), unsigned);
    let good = cut(Epoch::new(1)).sign(&root()).unwrap();
    assert_eq!(EpochCut::verify(good.as_bytes(), &root().verifying_key(), OTHER_EVENT), Err(FeedError::OtherEvent));
}
