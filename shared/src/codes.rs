//! Codes that a person holds: what a link carries, what a holder keeps.
//!
//! 128 random bits in Crockford base32, shown in groups. Whoever stores one keeps its SHA-256 only, and looks it up by
//! that hash, so that neither a store nor a timing tells a code (`protocol.md` §1).

use rand::{CryptoRng, RngCore};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::base32;
use crate::cbor_form::{cbor_bytes, exactly};
use crate::redact::redacted_debug;

/// A text is no code: not 26 characters of base32, hyphens and spaces aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code is 26 letters and digits, usually written in groups")]
pub struct CodeError;

/// Characters between two hyphens where a code is shown.
const GROUP: usize = 5;

/// A secret that opens one ticket: a registration code until it is bound, a holder code after.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Code([u8; 16]);

impl Code {
    /// A new code.
    pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; 16];
        random.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Reads a code as people type it.
    ///
    /// # Errors
    /// [`CodeError`] where it is none.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        base32::decode(text.trim()).map(Self).ok_or(CodeError)
    }

    /// The code in groups, to be shown to the one person it is for.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let plain = Zeroizing::new(base32::encode(&self.0));
        let mut grouped = Zeroizing::new(String::with_capacity(plain.len() + plain.len() / GROUP));
        for (place, character) in plain.chars().enumerate() {
            if place > 0 && place % GROUP == 0 {
                grouped.push('-');
            }
            grouped.push(character);
        }
        grouped
    }

    /// What may be stored of it.
    #[must_use]
    pub fn hash(&self) -> CodeHash {
        CodeHash(Sha256::digest(self.0).into())
    }
}

/// SHA-256 of a code's 16 bytes: all that is kept of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodeHash([u8; 32]);

impl CodeHash {
    /// A hash as it stands in a store or an import.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

redacted_debug!(Code, CodeHash);

cbor_bytes!(CodeHash, |bytes| exactly(bytes, "a code hash is 32 bytes").map(Self));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_back_as_people_type_it() {
        let code = Code([0x5A; 16]);
        let typed = code.reveal().to_lowercase().replace('-', " ");
        assert_eq!(Code::parse(&typed).unwrap().hash(), code.hash());
        assert_eq!(Code::parse("too short").unwrap_err(), CodeError);
    }

    #[test]
    fn a_code_prints_nothing_of_itself() {
        assert_eq!(format!("{:?}", Code([1; 16])), "Code(..)");
    }
}
