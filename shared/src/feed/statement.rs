//! Signed statements: `COSE_Sign1` (RFC 9052 §4.2) with `EdDSA`, in the one encoding that this protocol writes.
//!
//! Each kind of statement has its own external additional data, so that one can never be taken for another, whatever
//! its payload happens to decode as.

use coset::{
    CborSerializable as _, CoseSign1, CoseSign1Builder, Header, HeaderBuilder, RegisteredLabelWithPrivate, iana,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::FeedError;

/// One kind of statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// What errors call it.
    pub(crate) name: &'static str,
    /// The external additional data under the signature.
    pub(crate) label: &'static [u8],
    /// Longest encoding.
    pub(crate) bytes_max: usize,
}

/// The only version of every statement so far.
pub(crate) const VERSION: u64 = 1;

impl Kind {
    pub(crate) const fn length(self) -> FeedError {
        FeedError::Length { what: self.name }
    }

    pub(crate) const fn encoding(self) -> FeedError {
        FeedError::Encoding { what: self.name }
    }

    /// Signs a payload. `EdDSA` is deterministic (RFC 8032 §5.1.6): the same statement is the same bytes.
    pub(crate) fn sign(self, payload: Vec<u8>, key: &SigningKey) -> Result<Vec<u8>, FeedError> {
        let statement = CoseSign1Builder::new()
            .protected(protected())
            .payload(payload)
            .create_signature(self.label, |signed| key.sign(signed).to_bytes().to_vec())
            .build();
        let bytes = statement.to_vec().map_err(|_no_detail| self.encoding())?;
        if bytes.len() > self.bytes_max { Err(self.length()) } else { Ok(bytes) }
    }

    /// Reads a statement whose signature has not been looked at.
    pub(crate) fn read(self, bytes: &[u8]) -> Result<Unverified, FeedError> {
        if bytes.len() > self.bytes_max {
            return Err(self.length());
        }
        let statement = CoseSign1::from_slice(bytes).map_err(|_no_detail| self.encoding())?;
        let eddsa = Some(RegisteredLabelWithPrivate::Assigned(iana::Algorithm::EdDSA));
        if statement.protected.header.alg != eddsa {
            return Err(FeedError::Signature { what: self.name });
        }
        let signature = Signature::from_slice(&statement.signature).map_err(|_length| self.encoding())?;
        let payload = statement.payload.clone().ok_or_else(|| self.encoding())?;
        // Written anew it must be the same bytes: no other header, no unprotected one, no trailing byte, no other form.
        let again =
            CoseSign1 { protected: coset::ProtectedHeader { original_data: None, header: protected() }, ..statement };
        let signed = again.tbs_data(self.label);
        let again = CoseSign1 { unprotected: Header::default(), ..again };
        if again.to_vec().map_err(|_no_detail| self.encoding())? != bytes {
            return Err(self.encoding());
        }
        Ok(Unverified { kind: self, payload, signed, signature })
    }
}

/// A statement in the right form, whoever signed it.
pub(crate) struct Unverified {
    kind: Kind,
    payload: Vec<u8>,
    signed: Vec<u8>,
    signature: Signature,
}

impl Unverified {
    /// What it says, whoever signed it: to find out whose key to look up, or what somebody carries; to believe nothing of.
    pub(crate) fn claimed(&self) -> &[u8] {
        &self.payload
    }

    /// The payload, where this key signed it; weak keys and malleable signatures never did.
    pub(crate) fn verify(&self, key: &VerifyingKey) -> Result<&[u8], FeedError> {
        let signed = key.verify_strict(&self.signed, &self.signature);
        signed.map_or(Err(FeedError::Signature { what: self.kind.name }), |()| Ok(&self.payload))
    }
}

fn protected() -> Header {
    HeaderBuilder::new().algorithm(iana::Algorithm::EdDSA).build()
}

/// Reads deterministic CBOR (RFC 8949 §4.2): what writing the value anew does not give again is refused.
pub(crate) fn decode_exactly<'b, T>(bytes: &'b [u8], what: &'static str) -> Result<T, FeedError>
where
    T: minicbor::Decode<'b, ()> + minicbor::Encode<()>,
{
    let value = minicbor::decode::<T>(bytes).map_err(|_no_detail| FeedError::Encoding { what })?;
    if encode(&value, what)? == bytes { Ok(value) } else { Err(FeedError::Encoding { what }) }
}

/// Deterministic CBOR of a value.
pub(crate) fn encode<T: minicbor::Encode<()>>(value: &T, what: &'static str) -> Result<Vec<u8>, FeedError> {
    minicbor::to_vec(value).map_err(|_no_detail| FeedError::Encoding { what })
}
