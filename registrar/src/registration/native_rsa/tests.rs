use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding};
use kido_shared::rsa_verifier::PortableRsa;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

use super::*;

const MESSAGE: &[u8] = b"what a card or an authority has signed";

struct Signer {
    spki: Vec<u8>,
    signature: Vec<u8>,
}

fn signer(size: KeySize, padding: &'static dyn RsaEncoding) -> Signer {
    let key = KeyPair::generate(size).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), MESSAGE, &mut signature).unwrap();
    let spki: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    Signer { spki: spki.as_ref().to_vec(), signature }
}

static CARD: LazyLock<Signer> = LazyLock::new(|| signer(KeySize::Rsa2048, &RSA_PKCS1_SHA256));

fn hash() -> [u8; 32] {
    Sha256::digest(MESSAGE).into()
}

/// What both say, where they say the same.
fn both(spki: &[u8], hash: &[u8; 32], signature: &[u8]) -> bool {
    let (native, portable) = (NativeRsa.verifies(spki, hash, signature), PortableRsa.verifies(spki, hash, signature));
    assert_eq!(native, portable, "the two arithmetics disagree");
    native
}

#[test]
fn both_accept_what_a_key_of_any_allowed_size_has_signed() {
    for size in [KeySize::Rsa2048, KeySize::Rsa3072, KeySize::Rsa4096] {
        let signer = signer(size, &RSA_PKCS1_SHA256);
        assert!(both(&signer.spki, &hash(), &signer.signature), "{size:?}");
    }
}

#[test]
fn both_refuse_a_key_larger_than_an_authority_may_have() {
    let signer = signer(KeySize::Rsa8192, &RSA_PKCS1_SHA256);
    assert!(!both(&signer.spki, &hash(), &signer.signature));
}

#[test]
fn both_refuse_another_hash_under_the_same_key() {
    let signer = signer(KeySize::Rsa2048, &RSA_PKCS1_SHA512);
    assert!(!both(&signer.spki, &hash(), &signer.signature));
}

#[test]
fn both_refuse_a_signature_of_another_length() {
    let with = |change: fn(&mut Vec<u8>)| {
        let mut signature = CARD.signature.clone();
        change(&mut signature);
        both(&CARD.spki, &hash(), &signature)
    };
    assert!(with(|_signature| {}));
    assert!(!with(Vec::clear));
    assert!(!with(|signature| signature.push(0)));
    assert!(!with(|signature| signature.insert(0, 0)));
    assert!(!with(|signature| signature.truncate(255)));
    assert!(!with(|signature| signature.fill(0)));
    assert!(!with(|signature| signature.fill(0xFF)));
}

proptest! {
    #[test]
    fn both_refuse_a_signature_with_a_bit_turned(byte in 0_usize..256, bit in 0_u8..8) {
        let mut signature = CARD.signature.clone();
        signature[byte] ^= 1 << bit;
        prop_assert!(!both(&CARD.spki, &hash(), &signature));
    }

    #[test]
    fn both_refuse_another_hash(hash in any::<[u8; 32]>()) {
        prop_assert!(!both(&CARD.spki, &hash, &CARD.signature));
    }

    /// The modulus lies at the end of the key, before the five bytes of its exponent; a card's is odd and keeps its top bit.
    #[test]
    fn both_refuse_another_modulus(byte in 1_usize..255, bit in 0_u8..8) {
        let mut spki = CARD.spki.clone();
        let modulus = spki.len() - 5 - 256;
        spki[modulus + byte] ^= 1 << bit;
        prop_assert!(!both(&spki, &hash(), &CARD.signature));
    }

    #[test]
    fn neither_panics_on_any_bytes(spki in prop::collection::vec(any::<u8>(), 0..600), signature in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(!NativeRsa.verifies(&spki, &hash(), &signature));
        prop_assert!(!PortableRsa.verifies(&spki, &hash(), &signature));
    }
}
