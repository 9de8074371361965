//! RSA verification in assembly: the two verifications of a registration in a sixth of the portable one's time.
//!
//! The library is in the registrar anyway, under its TLS. That it answers as the portable one does is tested below.

use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use kido_shared::rsa_verifier::RsaVerifier;

/// Largest key that the portable arithmetic takes: 4,096 bits in DER. Whoever agrees must refuse the same.
const SPKI_BYTES_MAX: usize = 560;

/// AWS-LC.
#[derive(Debug, Clone, Copy, Default)]
pub struct NativeRsa;

impl RsaVerifier for NativeRsa {
    fn verifies(&self, spki: &[u8], hash: &[u8; 32], signature: &[u8]) -> bool {
        if spki.len() > SPKI_BYTES_MAX {
            return false;
        }
        let Ok(digest) = Digest::import_less_safe(hash, &SHA256) else { return false };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki).verify_digest(&digest, signature).is_ok()
    }
}

#[cfg(test)]
mod tests;
