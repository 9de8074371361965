//! Every reason not to accept a certificate. None carries a content: a reason may be logged and shown.

use core::fmt;
use std::collections::BTreeSet;

use crate::limits::{CERTIFICATE_BYTES_MAX, CERTIFICATE_BYTES_MIN};

/// One reason not to accept a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateReason {
    /// Smaller or larger than any such certificate is.
    Size,
    /// No X.509 version 3 certificate, or not in the one encoding that DER allows.
    NotDer,
    /// Something follows the certificate.
    TrailingBytes,
    /// It was signed with another algorithm than SHA-256 with RSA, or names two.
    SignatureAlgorithm,
    /// No pinned root that is valid now has signed it.
    Untrusted,
    /// The issuer's name is none that the profile knows.
    ForeignIssuer,
    /// Its validity has ended.
    Expired,
    /// Its validity has not begun.
    NotYetValid,
    /// It is a digital signature certificate, which carries a name and an address.
    SignatureCertificate,
    /// None of its policies is on the list.
    WrongPolicy,
    /// Its key usage is not exactly `digitalSignature`.
    KeyUsage,
    /// Its extended key usage lacks `clientAuth`.
    ExtendedKeyUsage,
    /// It belongs to a certification authority.
    CertificateAuthority,
    /// It has a subject alternative name.
    SubjectAlternativeName,
    /// It carries personal fields of the JPKI: name, sex, birth, address.
    PersonalExtension,
    /// Its subject has other fields than one country and one common name.
    SubjectFields,
    /// It has an extension twice.
    DuplicateExtension,
    /// It has a critical extension that this profile does not know.
    UnknownCriticalExtension,
    /// Its key is neither RSA-2048 with exponent 65537 nor P-384.
    KeyAlgorithm,
    /// A gate could not read the key without reading more.
    UnsupportedLayout,
}

impl CertificateReason {
    /// The reason's name in problem documents and counters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::NotDer => "not_der",
            Self::TrailingBytes => "trailing_bytes",
            Self::SignatureAlgorithm => "signature_algorithm",
            Self::Untrusted => "untrusted",
            Self::ForeignIssuer => "foreign_issuer",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::SignatureCertificate => "signature_certificate",
            Self::WrongPolicy => "wrong_policy",
            Self::KeyUsage => "key_usage",
            Self::ExtendedKeyUsage => "extended_key_usage",
            Self::CertificateAuthority => "certificate_authority",
            Self::SubjectAlternativeName => "subject_alternative_name",
            Self::PersonalExtension => "personal_extension",
            Self::SubjectFields => "subject_fields",
            Self::DuplicateExtension => "duplicate_extension",
            Self::UnknownCriticalExtension => "unknown_critical_extension",
            Self::KeyAlgorithm => "key_algorithm",
            Self::UnsupportedLayout => "unsupported_layout",
        }
    }
}

impl fmt::Display for CertificateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size => {
                write!(f, "a certificate is {CERTIFICATE_BYTES_MIN} to {CERTIFICATE_BYTES_MAX} bytes, this is not")
            }
            Self::NotDer => f.write_str("not an X.509 version 3 certificate in DER"),
            Self::TrailingBytes => f.write_str("something follows the certificate"),
            Self::SignatureAlgorithm => f.write_str("not signed with SHA-256 and RSA"),
            Self::Untrusted => f.write_str("not signed by a trusted root that is valid now"),
            Self::ForeignIssuer => f.write_str("issued by someone else than JPKI for user authentication"),
            Self::Expired => f.write_str("its validity has ended"),
            Self::NotYetValid => f.write_str("its validity has not begun"),
            Self::SignatureCertificate => {
                f.write_str("a digital signature certificate (it carries name and address): never wanted here")
            }
            Self::WrongPolicy => f.write_str("its certificate policy is not on the list"),
            Self::KeyUsage => f.write_str("its key usage is not exactly digitalSignature"),
            Self::ExtendedKeyUsage => f.write_str("its extended key usage lacks clientAuth"),
            Self::CertificateAuthority => f.write_str("it belongs to a certification authority"),
            Self::SubjectAlternativeName => f.write_str("it has a subject alternative name"),
            Self::PersonalExtension => f.write_str("it carries personal fields"),
            Self::SubjectFields => f.write_str("its subject is not one country and one common name"),
            Self::DuplicateExtension => f.write_str("it has an extension twice"),
            Self::UnknownCriticalExtension => f.write_str("it has an unknown critical extension"),
            Self::KeyAlgorithm => f.write_str("its key is neither RSA-2048 with exponent 65537 nor P-384"),
            Self::UnsupportedLayout => f.write_str("a gate could not read its key without reading more"),
        }
    }
}

impl crate::LogSafe for CertificateReason {}

/// All reasons not to accept one certificate: at least one, each once, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRefusals(BTreeSet<CertificateReason>);

impl CertificateRefusals {
    /// The reasons collected; nothing where there is none to refuse for.
    pub(super) fn of(reasons: BTreeSet<CertificateReason>) -> Option<Self> {
        (!reasons.is_empty()).then_some(Self(reasons))
    }

    /// The reasons, in order.
    pub fn iter(&self) -> impl Iterator<Item = CertificateReason> {
        self.0.iter().copied()
    }

    /// Whether this is among the reasons.
    #[must_use]
    pub fn contains(&self, reason: CertificateReason) -> bool {
        self.0.contains(&reason)
    }
}

impl From<CertificateReason> for CertificateRefusals {
    fn from(reason: CertificateReason) -> Self {
        Self(BTreeSet::from([reason]))
    }
}

impl fmt::Display for CertificateRefusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, reason) in self.iter().enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            fmt::Display::fmt(&reason, f)?;
        }
        Ok(())
    }
}

impl core::error::Error for CertificateRefusals {}
impl crate::LogSafe for CertificateRefusals {}
