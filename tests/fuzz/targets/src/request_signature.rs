//! RFC 9421 signatures on requests of gates: four lines, *signature-input*, *signature*, *content-digest*, *kido-journal*.

use ed25519_dalek::SigningKey;
use kido_shared::request_signature::{RequestParts, SignatureHeaders, UnverifiedRequest, sign};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::specimen::{GATE, NOW};

const JOURNAL: &str = "boot=3, begun=:AAAA:, length=120, chain=:AAAA:";

fn parts(journal: Option<&str>) -> RequestParts<'_> {
    RequestParts { method: "POST", target_uri: "http://127.0.0.1:8420/api/v1/x?y=1", body: b"{\"a\":1}", journal }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

fn signed(journal: Option<&str>) -> SignatureHeaders {
    sign(&parts(journal), GATE, &key(), NOW, &mut StdRng::seed_from_u64(1))
}

/// Only what the key signed verifies; what parses is of the one profile.
pub fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (input, signature, digest, journal) = (line(), line(), line(), line());
    let Ok(request) = UnverifiedRequest::parse(input, signature) else { return };
    assert!(input.len() <= 1_024 && signature.len() <= 1_024, "a header beyond its bound");
    assert!(input.trim().starts_with("kido=(\"@method\" \"@target-uri\" \"content-digest\""), "another profile");
    assert!(input.trim().ends_with(";alg=\"ed25519\";tag=\"kido/v1\""), "another profile");
    assert_eq!(request.covers_journal(), input.contains("\"kido-journal\""), "covered without being named");
    let journal = Some(journal).filter(|journal| !journal.is_empty());
    let Ok(verified) = request.verify(&parts(journal), digest, &key().verifying_key(), NOW) else { return };
    let genuine =
        [None, Some(JOURNAL)].into_iter().find(|genuine| *genuine == journal).expect("a journal nobody signed");
    let genuine = signed(genuine);
    assert_eq!(input.trim(), genuine.signature_input, "parameters that nobody signed");
    assert_eq!(digest.trim(), genuine.content_digest, "a digest that nobody signed");
    assert_eq!(verified.gate(), GATE);
}

/// Genuine signatures, with a journal and without, and others near them.
pub fn seeds() -> Vec<Vec<u8>> {
    let text = |headers: &SignatureHeaders, journal: &str| {
        format!("{}\n{}\n{}\n{journal}", headers.signature_input, headers.signature, headers.content_digest)
    };
    let (with, without) = (signed(Some(JOURNAL)), signed(None));
    let other = text(&without, "").replace("kido/v1", "other");
    let two = text(&without, "").replace("kido=(", "a=1, kido=(");
    [text(&with, JOURNAL), text(&without, ""), text(&without, JOURNAL), other, two].map(String::into_bytes).to_vec()
}
