//! The user authentication certificate: parsed once against a profile and pinned roots, then never seen again.
//!
//! Even this certificate tells a birthday and a town, so it lives in memory only, is wiped when dropped, and has no
//! printable form. What outlives it is in [`crate::binding`]. Every reason to refuse one is collected, and none carries
//! a content (`jpki.md` §2).

mod der;
pub mod layout;
pub mod path;
pub mod profile;
pub mod reasons;
pub mod spki;

use std::collections::BTreeSet;

use rand::{CryptoRng, RngCore};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use zeroize::Zeroizing;

use crate::binding::{CertificateTag, NewBinding};
use crate::clock::Timestamp;
use crate::ids::EventId;
use crate::keys::{SealKey, TagKey};
use crate::limits::{CERTIFICATE_BYTES_MAX, CERTIFICATE_BYTES_MIN};
use crate::redact::redacted_debug;
use crate::rsa_verifier::{PortableRsa, RsaVerifier};
use crate::window::KeyWindow;
use crate::wire::base64url;
use der::Skeleton;
use path::Signed;

pub use layout::{LayoutError, PlacedKey};
pub use path::{AnchorError, TrustAnchor, TrustAnchors};
pub use profile::{CertificateProfile, Hierarchy, ProfileError};
pub use reasons::{CertificateReason, CertificateRefusals};
pub use spki::{KeyAlgorithm, SpkiError, SubjectPublicKey};

/// What was read is too short or too long to be a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a certificate is {CERTIFICATE_BYTES_MIN} to {CERTIFICATE_BYTES_MAX} bytes")]
pub struct CertificateError;

impl From<CertificateError> for CertificateRefusals {
    fn from(_: CertificateError) -> Self {
        CertificateReason::Size.into()
    }
}

/// The bytes of a certificate as a card or a helper gave them; bounded, unprintable, wiped when dropped.
#[derive(Clone)]
pub struct CertificateDer(Zeroizing<Vec<u8>>);

redacted_debug!(CertificateDer, UserAuthCertificate);

impl CertificateDer {
    /// Takes the bytes.
    ///
    /// # Errors
    /// [`CertificateError`] where they are too few or too many.
    pub fn new(bytes: Vec<u8>) -> Result<Self, CertificateError> {
        let bytes = Zeroizing::new(bytes);
        if (CERTIFICATE_BYTES_MIN..=CERTIFICATE_BYTES_MAX).contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(CertificateError)
        }
    }
}

impl TryFrom<Vec<u8>> for CertificateDer {
    type Error = CertificateError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, CertificateError> {
        Self::new(bytes)
    }
}

impl AsRef<[u8]> for CertificateDer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl serde::Serialize for CertificateDer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        base64url::serialize(self, serializer)
    }
}

impl<'de> serde::Deserialize<'de> for CertificateDer {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        base64url::deserialize(deserializer)
    }
}

/// A certificate that was signed by a pinned root and meets its profile; made by [`Self::parse`] alone.
#[derive(Clone)]
pub struct UserAuthCertificate {
    key: PlacedKey,
    /// The serial's INTEGER with tag and length.
    serial: Zeroizing<Vec<u8>>,
    not_after: Timestamp,
}

impl UserAuthCertificate {
    /// Parses and judges a certificate; the input can be dropped afterwards.
    ///
    /// # Errors
    /// Every reason not to accept it, without any content.
    pub fn parse(
        der: &CertificateDer,
        profile: &CertificateProfile,
        anchors: &TrustAnchors,
        now: Timestamp,
    ) -> Result<Self, CertificateRefusals> {
        Self::parse_with(der, profile, anchors, now, &PortableRsa)
    }

    /// The same with another arithmetic for the issuer's signature.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_with(
        der: &CertificateDer,
        profile: &CertificateProfile,
        anchors: &TrustAnchors,
        now: Timestamp,
        rsa: &dyn RsaVerifier,
    ) -> Result<Self, CertificateRefusals> {
        let file = der.as_ref();
        let skeleton = Skeleton::read(file).ok_or(CertificateReason::NotDer)?;
        let (_trailing, certificate) =
            X509Certificate::from_der(file).map_err(|_unreadable| CertificateReason::NotDer)?;

        let mut reasons = BTreeSet::new();
        if skeleton.ends != file.len() {
            reasons.insert(CertificateReason::TrailingBytes);
        }
        profile.inspect(&certificate, file.get(skeleton.tbs.clone()).unwrap_or_default(), now, &mut reasons);
        if !is_vouched_for(file, &skeleton, &certificate, (anchors, now, rsa), &mut reasons) {
            reasons.insert(CertificateReason::Untrusted);
        }
        let key = place_key(file, &skeleton, &mut reasons);
        if let Some(refusals) = CertificateRefusals::of(reasons) {
            return Err(refusals);
        }
        Ok(Self {
            key: key.ok_or(CertificateReason::UnsupportedLayout)?,
            serial: Zeroizing::new(file.get(skeleton.serial).unwrap_or_default().to_vec()),
            not_after: Timestamp::from_unix_seconds(certificate.validity().not_after.timestamp()),
        })
    }

    /// What a gate will read of the card.
    #[must_use]
    pub const fn window(&self) -> &KeyWindow {
        self.key.window()
    }

    /// The key that proofs verify under.
    #[must_use]
    pub const fn public_key(&self) -> &SubjectPublicKey {
        self.key.key()
    }

    /// When the validity ends: the holder's birthday. Never stored, never sent, never logged.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether the certificate is still valid at a moment: the only thing of its dates that is kept.
    #[must_use]
    pub fn outlives(&self, moment: Timestamp) -> bool {
        self.not_after >= moment
    }

    /// Serial and public key in one value under the event's `tag` subkey.
    #[must_use]
    pub fn certificate_tag(&self, key: &TagKey) -> CertificateTag {
        CertificateTag::from_bytes(key.hash(&[self.window().expose(), &self.serial]))
    }

    /// All that is kept of this card for one event.
    #[must_use]
    pub fn binding(
        &self,
        event: &EventId,
        tag: &TagKey,
        seal: &SealKey,
        random: &mut (impl RngCore + CryptoRng),
    ) -> NewBinding {
        let certificate_tag = self.certificate_tag(tag);
        let (tag, sealed_key) = self.key.bind(event, tag, seal, random);
        NewBinding { tag, certificate_tag, sealed_key }
    }
}

fn is_vouched_for(
    file: &[u8],
    skeleton: &Skeleton,
    certificate: &X509Certificate<'_>,
    (anchors, now, rsa): (&TrustAnchors, Timestamp, &dyn RsaVerifier),
    reasons: &mut BTreeSet<CertificateReason>,
) -> bool {
    let Some(signed) = Signed::of(file, skeleton) else {
        reasons.insert(CertificateReason::SignatureAlgorithm);
        return false;
    };
    anchors.vouch_for(&signed, path::authority_key_identifier(certificate), now, rsa)
}

fn place_key(file: &[u8], skeleton: &Skeleton, reasons: &mut BTreeSet<CertificateReason>) -> Option<PlacedKey> {
    let Ok(key) = PlacedKey::key_of(file, skeleton) else {
        reasons.insert(CertificateReason::KeyAlgorithm);
        return None;
    };
    let placed = PlacedKey::place(file, skeleton, key);
    if placed.is_none() {
        reasons.insert(CertificateReason::UnsupportedLayout);
    }
    placed
}

#[cfg(test)]
pub(crate) mod tests;
