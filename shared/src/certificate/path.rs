//! The certification path (RFC 5280 §6), which here has one step: a pinned root has signed the certificate.

use core::fmt;

use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

use super::der::Skeleton;
use crate::clock::Timestamp;
use crate::limits::CERTIFICATE_BYTES_MAX;
use crate::rsa_verifier::{PortableRsa, RsaVerifier};

/// The roots of cards in circulation (`jpki.md` §2), as J-LIS publishes them.
const PRODUCTION_ROOTS: [&[u8]; 2] = [
    include_bytes!("../../fixtures/jpki/user-auth-ca-02.der"),
    include_bytes!("../../fixtures/jpki/user-auth-ca-03.der"),
];

/// Anchors that a rehearsal may configure: each costs one RSA verification per refused certificate.
pub const CONFIGURED_ANCHORS_MAX: usize = 8;

/// `sha256WithRSAEncryption` with its NULL (RFC 4055 §5): the only signature algorithm of the pinned roots.
pub(super) const SHA256_WITH_RSA: &[u8] =
    &[0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B, 0x05, 0x00];

/// Shortest modulus of a root in bytes: 2,048 bits. The library takes at most 4,096.
const ROOT_MODULUS_BYTES_MIN: usize = 256;

/// Why a file cannot be a trust anchor. Whoever configured it is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// It is no version 3 certificate in DER, or too large.
    #[error("not an X.509 version 3 certificate in DER")]
    NotDer,
    /// It does not belong to a certification authority.
    #[error("not a certification authority's certificate")]
    NotAnAuthority,
    /// Its key is no RSA key of 2,048 to 4,096 bits.
    #[error("not an RSA key of 2048 to 4096 bits")]
    Key,
    /// Its own signature does not verify: the file is damaged or is no root.
    #[error("not signed by its own key")]
    NotSelfSigned,
    /// More than a rehearsal may configure.
    #[error("at most {CONFIGURED_ANCHORS_MAX} anchors can be configured")]
    TooMany,
}

/// One pinned root: a name, a key and when they are good. Public material, so it may be printed.
#[derive(Clone)]
pub struct TrustAnchor {
    name: Vec<u8>,
    spki: Vec<u8>,
    key_identifier: Option<Vec<u8>>,
    not_before: Timestamp,
    not_after: Timestamp,
    fingerprint: [u8; 32],
}

impl fmt::Debug for TrustAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TrustAnchor(")?;
        for byte in self.fingerprint {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

impl TrustAnchor {
    /// Reads a root and verifies that it is whole.
    ///
    /// # Errors
    /// [`AnchorError`] where it cannot be one.
    pub fn parse(der: &[u8]) -> Result<Self, AnchorError> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(AnchorError::NotDer);
        }
        let skeleton = Skeleton::read(der).filter(|parts| parts.ends == der.len()).ok_or(AnchorError::NotDer)?;
        let (_rest, certificate) = X509Certificate::from_der(der).map_err(|_unreadable| AnchorError::NotDer)?;
        if !is_authority(&certificate) {
            return Err(AnchorError::NotAnAuthority);
        }
        let spki = der.get(skeleton.public_key.clone()).unwrap_or_default();
        let key = RsaPublicKey::from_public_key_der(spki).map_err(|_unreadable| AnchorError::Key)?;
        if key.size() < ROOT_MODULUS_BYTES_MIN {
            return Err(AnchorError::Key);
        }
        let anchor = Self {
            name: certificate.subject().as_raw().to_vec(),
            spki: spki.to_vec(),
            key_identifier: subject_key_identifier(&certificate).map(<[u8]>::to_vec),
            not_before: Timestamp::from_unix_seconds(certificate.validity().not_before.timestamp()),
            not_after: Timestamp::from_unix_seconds(certificate.validity().not_after.timestamp()),
            fingerprint: Sha256::digest(der).into(),
        };
        let signed = Signed::of(der, &skeleton).ok_or(AnchorError::NotSelfSigned)?;
        if anchor.has_signed(&signed, &PortableRsa) { Ok(anchor) } else { Err(AnchorError::NotSelfSigned) }
    }

    /// SHA-256 of the whole certificate: what people compare with the published one.
    #[must_use]
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.not_before.unix_seconds()..=self.not_after.unix_seconds()).contains(&now.unix_seconds())
    }

    fn has_signed(&self, signed: &Signed<'_>, rsa: &dyn RsaVerifier) -> bool {
        self.name == signed.issuer && rsa.verifies(&self.spki, &signed.hash, signed.signature)
    }
}

/// What an issuer has signed, ready to be verified under several keys.
pub(super) struct Signed<'a> {
    issuer: &'a [u8],
    hash: [u8; 32],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Finds it in a certificate; nothing where the algorithm is another or the two places that name it differ.
    pub(super) fn of(file: &'a [u8], skeleton: &Skeleton) -> Option<Self> {
        let inner = file.get(skeleton.inner_algorithm.clone())?;
        let outer = file.get(skeleton.outer_algorithm.clone())?;
        if inner != SHA256_WITH_RSA || outer != SHA256_WITH_RSA {
            return None;
        }
        Some(Self {
            issuer: file.get(skeleton.issuer.clone())?,
            hash: Sha256::digest(file.get(skeleton.tbs.clone())?).into(),
            signature: file.get(skeleton.signature.clone())?,
        })
    }
}

/// The pinned roots. Several may bear one name; only a key says who has signed.
#[derive(Debug, Clone)]
pub struct TrustAnchors {
    anchors: Vec<TrustAnchor>,
    rehearsal: bool,
}

impl TrustAnchors {
    /// The roots of cards in circulation, compiled in.
    #[must_use]
    pub fn production() -> Self {
        let anchors = PRODUCTION_ROOTS.into_iter().map(compiled_in).collect();
        Self { anchors, rehearsal: false }
    }

    /// The same and configured ones: for rehearsals only, and every screen and log then says so.
    ///
    /// # Errors
    /// [`AnchorError`] where a configured file cannot be an anchor.
    pub fn rehearsal<D: AsRef<[u8]>>(configured: &[D]) -> Result<Self, AnchorError> {
        if configured.len() > CONFIGURED_ANCHORS_MAX {
            return Err(AnchorError::TooMany);
        }
        let mut anchors = Self::production().anchors;
        for der in configured {
            anchors.push(TrustAnchor::parse(der.as_ref())?);
        }
        Ok(Self { anchors, rehearsal: true })
    }

    /// Whether other roots than the compiled-in ones may be among them.
    #[must_use]
    pub const fn is_rehearsal(&self) -> bool {
        self.rehearsal
    }

    /// The anchors, to be listed.
    pub fn iter(&self) -> impl Iterator<Item = &TrustAnchor> {
        self.anchors.iter()
    }

    /// Whether one of the anchors, valid now, has signed this.
    ///
    /// The authority key identifier only says which to try first: it is the certificate's own claim.
    pub(super) fn vouch_for(
        &self,
        signed: &Signed<'_>,
        authority_key: Option<&[u8]>,
        now: Timestamp,
        rsa: &dyn RsaVerifier,
    ) -> bool {
        let named_first = |anchor: &&TrustAnchor| {
            let named = authority_key.is_some() && anchor.key_identifier.as_deref() == authority_key;
            u8::from(!named)
        };
        let mut candidates: Vec<&TrustAnchor> = self.anchors.iter().filter(|anchor| anchor.is_valid_at(now)).collect();
        candidates.sort_by_key(named_first);
        candidates.into_iter().any(|anchor| anchor.has_signed(signed, rsa))
    }
}

/// The key that a certificate says it was signed with.
pub(super) fn authority_key_identifier<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    certificate.extensions().iter().find_map(|extension| {
        let ParsedExtension::AuthorityKeyIdentifier(authority) = extension.parsed_extension() else {
            return None;
        };
        authority.key_identifier.as_ref().map(|key| key.0)
    })
}

fn subject_key_identifier<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    certificate.extensions().iter().find_map(|extension| {
        let ParsedExtension::SubjectKeyIdentifier(key) = extension.parsed_extension() else {
            return None;
        };
        Some(key.0)
    })
}

fn is_authority(certificate: &X509Certificate<'_>) -> bool {
    let signs = certificate.extensions().iter().any(
        |extension| matches!(extension.parsed_extension(), ParsedExtension::KeyUsage(usage) if usage.key_cert_sign()),
    );
    certificate.is_ca() && signs
}

#[expect(clippy::panic, reason = "the compiled-in roots are constants, and a test reads both")]
fn compiled_in(der: &[u8]) -> TrustAnchor {
    TrustAnchor::parse(der).unwrap_or_else(|error| panic!("a compiled-in root: {error}"))
}
