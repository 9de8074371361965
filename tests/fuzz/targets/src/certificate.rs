//! The user authentication certificate that a card or a helper shows, and the keys and roots inside such files.

use std::sync::OnceLock;

use kido_shared::certificate::{
    CertificateDer, CertificateProfile, CertificateReason, KeyAlgorithm, SubjectPublicKey, TrustAnchor, TrustAnchors,
    UserAuthCertificate,
};
use kido_shared::challenge::MessageDigest;
use kido_shared::clock::Timestamp;
use kido_shared::keys::EventKey;
use kido_shared::limits::{CERTIFICATE_BYTES_MAX, CERTIFICATE_BYTES_MIN};
use kido_shared::proof::CardSignature;
use kido_shared::rsa_verifier::PortableRsa;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::specimen::{CERTIFICATE, EVENT, TEST_ROOT};

/// A moment at which the specimen and its root are valid.
const THEN: Timestamp = Timestamp::from_unix_seconds(1_795_305_600);

/// Nothing but the specimen is accepted, since nobody can sign another; what is accepted seals and opens again.
pub fn run(data: &[u8]) {
    let bounded = (CERTIFICATE_BYTES_MIN..=CERTIFICATE_BYTES_MAX).contains(&data.len());
    match CertificateDer::new(data.to_vec()) {
        Ok(der) => {
            assert!(bounded, "{} bytes", data.len());
            judge(&der);
        }
        Err(_size) => assert!(!bounded, "{} bytes", data.len()),
    }
    if TrustAnchor::parse(data).is_ok() {
        assert!(data.len() <= CERTIFICATE_BYTES_MAX, "a root beyond its bound");
    }
    key(data);
}

fn judge(der: &CertificateDer) {
    // Verifying the roots once is most of an input's time.
    static ANCHORS: OnceLock<TrustAnchors> = OnceLock::new();
    let anchors = ANCHORS.get_or_init(|| TrustAnchors::rehearsal(&[TEST_ROOT]).expect("the test root is one"));
    match UserAuthCertificate::parse(der, &CertificateProfile::rehearsal(), anchors, THEN) {
        Ok(certificate) => {
            assert_eq!(der.as_ref(), CERTIFICATE, "a certificate that nobody issued");
            let key = EventKey::from_bytes([9; 32]);
            let (tag, seal) = (key.tag(), key.seal());
            let binding = certificate.binding(&EVENT, &tag, &seal, &mut StdRng::seed_from_u64(1));
            assert!(binding.tag == certificate.window().tag(&tag), "another tag than a gate's");
            let opened = binding.sealed_key.open(&EVENT, &binding.tag, certificate.window(), &seal);
            assert!(opened.is_ok_and(|opened| opened == *certificate.public_key()), "another key than was sealed");
        }
        Err(refusals) => {
            let reasons: Vec<CertificateReason> = refusals.iter().collect();
            assert!(!reasons.is_empty(), "refused for no reason");
            for reason in reasons {
                assert!(!reason.to_string().is_empty(), "a reason without words");
            }
        }
    }
}

/// A key has one form, and whatever is no signature does not verify under it.
fn key(data: &[u8]) {
    let Ok(key) = SubjectPublicKey::from_spki(data) else { return };
    let (length, digest) = match key.algorithm() {
        KeyAlgorithm::Rsa2048 => (294, MessageDigest::Sha256([7; 32])),
        KeyAlgorithm::P384 => (120, MessageDigest::Sha384([7; 48])),
    };
    assert_eq!(data.len(), length, "a key of another length");
    let signature = data.get(..data.len().min(256)).unwrap_or_default().to_vec();
    let signature = CardSignature::new(signature).expect("no longer than a signature");
    assert!(key.verify(&digest, &signature, &PortableRsa).is_err(), "a key's own bytes are no signature");
}

/// The specimen, roots, and keys of both kinds.
pub fn seeds() -> Vec<Vec<u8>> {
    let rsa = include_bytes!("../../../../shared/fixtures/proof/rsa-2048.spki.der");
    let p384 = include_bytes!("../../../../shared/fixtures/proof/p384.spki.der");
    let production = include_bytes!("../../../../shared/fixtures/jpki/user-auth-ca-03.der");
    vec![CERTIFICATE.to_vec(), TEST_ROOT.to_vec(), production.to_vec(), rsa.to_vec(), p384.to_vec()]
}
