//! Who does the arithmetic of RSA verification.
//!
//! A gate verifies one signature per tap and takes the portable arithmetic of the `rsa` crate. A registrar on the first
//! day of a sale verifies two per buyer, thousands a minute, and brings a faster one. Both answer alike; a test of the
//! registrar holds them side by side.

use core::fmt;

use rsa::pkcs8::DecodePublicKey as _;
use rsa::signature::hazmat::PrehashVerifier as _;
use rsa::{RsaPublicKey, pkcs1v15};
use sha2::Sha256;

/// Verifies RSASSA-PKCS1-v1_5 signatures over SHA-256 (RFC 8017 §8.2.2).
pub trait RsaVerifier: fmt::Debug + Send + Sync {
    /// Whether this is the signature of this hash under this key: a DER `SubjectPublicKeyInfo` of 2,048 to 4,096 bits.
    ///
    /// Anything malformed is *no*, never a panic: key and signature come from outside.
    fn verifies(&self, spki: &[u8], hash: &[u8; 32], signature: &[u8]) -> bool;
}

/// The `rsa` crate: no assembly, no C, the same on every machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct PortableRsa;

impl RsaVerifier for PortableRsa {
    fn verifies(&self, spki: &[u8], hash: &[u8; 32], signature: &[u8]) -> bool {
        let Ok(key) = RsaPublicKey::from_public_key_der(spki) else { return false };
        let Ok(signature) = pkcs1v15::Signature::try_from(signature) else { return false };
        pkcs1v15::VerifyingKey::<Sha256>::new(key).verify_prehash(hash, &signature).is_ok()
    }
}
