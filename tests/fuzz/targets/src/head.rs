//! Signed statements: heads, feed key certificates, cuts.
//!
//! The first byte chooses: a statement as it comes, or a payload that is signed first, since nothing else than the key
//! brings bytes as far as the payload's parser.

use std::sync::OnceLock;

use coset::{CborSerializable as _, CoseSign1Builder, HeaderBuilder, iana};
use ed25519_dalek::{Signer as _, SigningKey};
use kido_shared::feed::{EpochCut, FeedHead, FeedKeyCertificate, FeedKeyStatement, TrustedFeedKeys};
use kido_shared::limits::{FEED_HEAD_BYTES_MAX, FEED_LENGTH_MAX, HEAD_VALIDITY};

use crate::specimen::{EVENT, NOW, STATEMENTS, choice, chosen, feed_key, root, unhex};

/// Longest certificate and cut.
const STATEMENT_BYTES_MAX: usize = 512;

/// What is believed is what the key signed, in the one form, within its bounds.
pub fn run(data: &[u8]) {
    let (chosen, rest) = choice(data);
    match chosen % 6 {
        0 => head(rest),
        1 => certificate(rest),
        2 => cut(rest),
        3 => head(&signed(rest, b"kido/v1/head", &feed_key())),
        4 => certificate(&signed(rest, b"kido/v1/feed-key", &root())),
        _ => cut(&signed(rest, b"kido/v1/epoch-cut", &root())),
    }
}

fn signed(payload: &[u8], label: &[u8], key: &SigningKey) -> Vec<u8> {
    let header = HeaderBuilder::new().algorithm(iana::Algorithm::EdDSA).build();
    let statement = CoseSign1Builder::new().protected(header).payload(payload.to_vec());
    let statement = statement.create_signature(label, |bytes| key.sign(bytes).to_bytes().to_vec()).build();
    statement.to_vec().unwrap_or_default()
}

fn trusted() -> &'static TrustedFeedKeys {
    static KEYS: OnceLock<TrustedFeedKeys> = OnceLock::new();
    KEYS.get_or_init(certified)
}

fn certified() -> TrustedFeedKeys {
    let statement = FeedKeyStatement {
        event: EVENT,
        verifying_key: feed_key().verifying_key().to_bytes(),
        valid_from: NOW.before(HEAD_VALIDITY),
        valid_until: NOW.after(HEAD_VALIDITY * 4),
        revokes_before: None,
    };
    let certificate = statement.sign(&root()).expect("a key that may be certified");
    let mut keys = TrustedFeedKeys::new(root().verifying_key(), EVENT).expect("a root that may be trusted");
    keys.trust(&certificate).expect("a key of this root");
    keys
}

fn head(bytes: &[u8]) {
    let Ok(verified) = FeedHead::verify(bytes, trusted(), EVENT, NOW) else { return };
    let head = verified.head();
    assert!(bytes.len() <= FEED_HEAD_BYTES_MAX && head.length <= FEED_LENGTH_MAX, "beyond its bound");
    assert!(head.expires_at <= head.issued_at.after(HEAD_VALIDITY), "good for too long");
    let again = head.sign(&feed_key()).expect("what was believed can be signed");
    assert_eq!(again.as_bytes(), bytes, "another form of the same head");
}

fn certificate(bytes: &[u8]) {
    let Ok(certificate) = FeedKeyCertificate::from_bytes(bytes.to_vec()) else { return };
    assert!(bytes.len() <= STATEMENT_BYTES_MAX, "beyond its bound");
    let Ok(statement) = certificate.verify(&root().verifying_key(), EVENT) else { return };
    let again = statement.sign(&root()).expect("what was believed can be signed");
    assert_eq!(again.as_bytes(), bytes, "another form of the same certificate");
}

fn cut(bytes: &[u8]) {
    if EpochCut::verify(bytes, &root().verifying_key(), EVENT).is_ok() {
        assert!(bytes.len() <= STATEMENT_BYTES_MAX, "beyond its bound");
    }
}

/// Recorded statements whole, and their payloads.
pub fn seeds() -> Vec<Vec<u8>> {
    let whole = STATEMENTS.iter().enumerate();
    whole
        .flat_map(|(kind, statement)| {
            let kind = u8::try_from(kind).unwrap_or_default();
            let bytes = unhex(statement);
            let payload = coset::CoseSign1::from_slice(&bytes).ok().and_then(|statement| statement.payload);
            [chosen(kind, &bytes), chosen(kind + 3, &payload.unwrap_or_default())]
        })
        .collect()
}
