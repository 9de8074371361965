use proptest::prelude::*;

use super::*;
use crate::challenge::tests::golden_bind;
use crate::challenge::{Action, Challenge, Origin};
use crate::codes::CodeHash;
use crate::ids::{EventId, TicketId};
use crate::rsa_verifier::PortableRsa;

const RSA_KEY: &[u8] = include_bytes!("../../fixtures/proof/rsa-2048.spki.der");
const RSA_SIGNATURE: &[u8] = include_bytes!("../../fixtures/proof/rsa-2048.bind.sig");
const P384_KEY: &[u8] = include_bytes!("../../fixtures/proof/p384.spki.der");
const P384_SIGNATURE: &[u8] = include_bytes!("../../fixtures/proof/p384.bind.sig");

fn key(spki: &[u8]) -> SubjectPublicKey {
    SubjectPublicKey::from_spki(spki).unwrap()
}

fn verify(message: RegistrationMessage, signature: &[u8], spki: &[u8]) -> Result<(), ProofError> {
    let signature = CardSignature::new(signature.to_vec()).unwrap();
    UnverifiedProof::new(message, signature).verify(&key(spki)).map(|_proof| ())
}

#[test]
fn a_signature_made_by_openssl_verifies() {
    assert_eq!(verify(golden_bind(), RSA_SIGNATURE, RSA_KEY), Ok(()));
    assert_eq!(verify(golden_bind(), P384_SIGNATURE, P384_KEY), Ok(()));
}

/// Neither kind of signature over the golden message verifies once one thing of it has changed.
fn refuse(what: &str, change: impl Fn(&mut RegistrationMessage)) {
    let mut message = golden_bind();
    change(&mut message);
    assert_eq!(verify(message.clone(), RSA_SIGNATURE, RSA_KEY), Err(ProofError::Signature), "{what}");
    assert_eq!(verify(message, P384_SIGNATURE, P384_KEY), Err(ProofError::Signature), "{what}");
}

#[test]
fn a_proof_is_worthless_for_any_other_message() {
    refuse("resume", |message| message.action = Action::Resume);
    refuse("give back", |message| message.action = Action::GiveBack);
    refuse("rebind", |message| message.action = Action::Rebind);
    refuse("show", |message| message.action = Action::Show);
    refuse("origin", |message| message.origin = Origin::parse("https://tickets.example.net").unwrap());
    refuse("event", |message| message.event = EventId::from_bytes([0; 16]));
    refuse("ticket", |message| message.ticket = Some(TicketId::from_bytes([0; 16])));
    refuse("no ticket", |message| message.ticket = None);
    refuse("code", |message| message.code = Some(CodeHash::from_bytes([0; 32])));
    refuse("no code", |message| message.code = None);
    refuse("challenge", |message| message.challenge = Challenge::from_bytes([0; 32]));
}

#[test]
fn a_copy_with_another_key_proves_nothing() {
    let another = &crate::certificate::tests::SPECIMEN[252..=545];
    assert_eq!(verify(golden_bind(), RSA_SIGNATURE, another), Err(ProofError::Signature));
    assert_eq!(verify(golden_bind(), RSA_SIGNATURE, P384_KEY), Err(ProofError::Signature));
    assert_eq!(verify(golden_bind(), P384_SIGNATURE, RSA_KEY), Err(ProofError::Signature));
}

#[test]
fn a_digest_for_the_other_kind_of_key_is_our_fault() {
    let digest = golden_bind().digest(KeyAlgorithm::P384);
    let signature = CardSignature::new(RSA_SIGNATURE.to_vec()).unwrap();
    assert_eq!(key(RSA_KEY).verify(&digest, &signature, &PortableRsa), Err(ProofError::Algorithm));
}

#[test]
fn a_signature_is_bounded_and_prints_nothing() {
    assert_eq!(CardSignature::new(vec![]).unwrap_err(), CardSignatureError);
    assert_eq!(CardSignature::new(vec![0; CARD_SIGNATURE_BYTES_MAX + 1]).unwrap_err(), CardSignatureError);
    let signature = CardSignature::new(RSA_SIGNATURE.to_vec()).unwrap();
    assert_eq!(format!("{signature:?}"), "CardSignature(..)");
    let text = serde_json::to_string(&signature).unwrap();
    let read: CardSignature = serde_json::from_str(&text).unwrap();
    assert_eq!(read.as_ref(), RSA_SIGNATURE);
}

proptest! {
    #[test]
    fn no_changed_signature_verifies(place in 0usize..256, change in 1u8.., cut in 1usize..=256) {
        let mut signature = RSA_SIGNATURE.to_vec();
        signature[place] ^= change;
        prop_assert_eq!(verify(golden_bind(), &signature, RSA_KEY), Err(ProofError::Signature));
        if cut < RSA_SIGNATURE.len() {
            prop_assert_eq!(verify(golden_bind(), &RSA_SIGNATURE[..cut], RSA_KEY), Err(ProofError::Signature));
        }
        let mut signature = P384_SIGNATURE.to_vec();
        let place = place % signature.len();
        signature[place] ^= change;
        prop_assert_eq!(verify(golden_bind(), &signature, P384_KEY), Err(ProofError::Signature));
    }

    #[test]
    fn no_bytes_are_a_signature(bytes in prop::collection::vec(any::<u8>(), 1..=CARD_SIGNATURE_BYTES_MAX)) {
        prop_assert_eq!(verify(golden_bind(), &bytes, RSA_KEY), Err(ProofError::Signature));
        prop_assert_eq!(verify(golden_bind(), &bytes, P384_KEY), Err(ProofError::Signature));
    }
}
