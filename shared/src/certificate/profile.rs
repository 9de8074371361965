//! What a user authentication certificate must and must not hold (`jpki.md` §2).

use std::collections::BTreeSet;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::x509::X509Name;

use super::reasons::CertificateReason;
use crate::clock::Timestamp;

/// Object identifiers by the contents of their DER.
mod oid {
    pub(super) const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
    pub(super) const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0A];
    pub(super) const ORGANISATIONAL_UNIT: &[u8] = &[0x55, 0x04, 0x0B];
    pub(super) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

    pub(super) const KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x0F];
    pub(super) const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1D, 0x11];
    pub(super) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x13];
    pub(super) const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1D, 0x20];
    pub(super) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x25];

    /// 1.2.392.200149.8.5.1.3.30: user authentication certificates of cards.
    pub(super) const USER_AUTHENTICATION: &[u8] = &[0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 0x08, 0x05, 0x01, 0x03, 0x1E];
    /// 1.2.392.200149.8.5.1.0.30: the same of test cards.
    pub(super) const TEST_USER_AUTHENTICATION: &[u8] =
        &[0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 0x08, 0x05, 0x01, 0x00, 0x1E];
    /// 1.2.392.200149.8.5.1.1: every policy of digital signature certificates lies under it.
    pub(super) const DIGITAL_SIGNATURE_ARC: &[u8] = &[0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 0x08, 0x05, 0x01, 0x01];
    /// 1.2.392.200149.8.5.1.0.20: digital signature certificates of test cards.
    pub(super) const TEST_DIGITAL_SIGNATURE: &[u8] =
        &[0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 0x08, 0x05, 0x01, 0x00, 0x14];
    /// 1.2.392.200149.8.5.5: name, sex, date of birth, address and flags lie under it.
    pub(super) const PERSONAL_ARC: &[u8] = &[0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 0x08, 0x05, 0x05];
}

/// `KeyUsage` with `digitalSignature` alone (RFC 5280 §4.2.1.3).
const DIGITAL_SIGNATURE_ALONE: &[u8] = &[0x03, 0x02, 0x07, 0x80];

const COUNTRY: &str = "JP";
const USER_AUTHENTICATION_UNIT: &str = "JPKI for user authentication";
const DIGITAL_SIGNATURE_UNIT: &str = "JPKI for digital signature";
const OPERATOR_UNIT: &str = "Japan Agency for Local Authority Information Systems";

/// Whose certificates: the organisation in the issuer's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hierarchy {
    /// O=JPKI: people's own cards and phones.
    Production,
    /// O=JPKI-TEST: test cards, for rehearsals only.
    Test,
}

impl Hierarchy {
    const fn organisation(self) -> &'static str {
        match self {
            Self::Production => "JPKI",
            Self::Test => "JPKI-TEST",
        }
    }
}

/// Why a certificate policy cannot be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The text is no object identifier in dotted decimals.
    #[error("not an object identifier in dotted decimals")]
    NotAnOid,
    /// It belongs to digital signature certificates, which carry a name and an address.
    #[error("digital signature certificates are never allowed")]
    DigitalSignature,
    /// This profile knows no such hierarchy.
    #[error("the test hierarchy belongs to rehearsals only")]
    UnknownHierarchy,
}

/// Which certificates are acceptable, apart from who has signed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateProfile {
    allowed: Vec<(Hierarchy, BTreeSet<Vec<u8>>)>,
}

impl CertificateProfile {
    /// People's own cards: the profile of every real event.
    #[must_use]
    pub fn production() -> Self {
        Self { allowed: vec![(Hierarchy::Production, BTreeSet::from([oid::USER_AUTHENTICATION.to_vec()]))] }
    }

    /// Test cards as well as people's own: the profile of rehearsals, which open no real lane.
    #[must_use]
    pub fn rehearsal() -> Self {
        let mut profile = Self::production();
        profile.allowed.push((Hierarchy::Test, BTreeSet::from([oid::TEST_USER_AUTHENTICATION.to_vec()])));
        profile
    }

    /// Allows one more certificate policy, such as a phone's, from the configuration.
    ///
    /// # Errors
    /// [`ProfileError`] where it is none that could be allowed here.
    pub fn allow(mut self, hierarchy: Hierarchy, policy: &str) -> Result<Self, ProfileError> {
        let policy = policy.parse::<x509_parser::asn1_rs::Oid<'_>>().map_err(|_no_oid| ProfileError::NotAnOid)?;
        if is_digital_signature(policy.as_bytes()) {
            return Err(ProfileError::DigitalSignature);
        }
        let known = self.allowed.iter_mut().find(|(known, _policies)| *known == hierarchy);
        let (_hierarchy, policies) = known.ok_or(ProfileError::UnknownHierarchy)?;
        policies.insert(policy.as_bytes().to_vec());
        Ok(self)
    }

    /// Whether test cards are accepted too: then every screen and log says so.
    #[must_use]
    pub fn is_rehearsal(&self) -> bool {
        self.allowed.iter().any(|(hierarchy, _policies)| *hierarchy == Hierarchy::Test)
    }

    /// Collects every reason not to accept a certificate's fields.
    pub(super) fn inspect(
        &self,
        certificate: &X509Certificate<'_>,
        signed_part: &[u8],
        now: Timestamp,
        reasons: &mut BTreeSet<CertificateReason>,
    ) {
        inspect_validity(certificate, now, reasons);
        inspect_subject(certificate.subject(), reasons);
        inspect_extensions(certificate, reasons);
        self.inspect_issuer_and_policies(certificate, reasons);
        if signed_part.windows(oid::PERSONAL_ARC.len()).any(|bytes| bytes == oid::PERSONAL_ARC) {
            reasons.insert(CertificateReason::PersonalExtension);
        }
    }

    fn inspect_issuer_and_policies(
        &self,
        certificate: &X509Certificate<'_>,
        reasons: &mut BTreeSet<CertificateReason>,
    ) {
        let policies = policies_of(certificate);
        let issuer = attributes(certificate.issuer());
        let known = self.allowed.iter().find(|(hierarchy, _policies)| issuer == issuer_of(*hierarchy));
        if known.is_none() {
            reasons.insert(CertificateReason::ForeignIssuer);
        }
        // With an issuer of neither hierarchy a policy of any is judged, so that only what is wrong is named.
        let allowed = |policy: &[u8]| match known {
            Some((_hierarchy, allowed)) => allowed.contains(policy),
            None => self.allowed.iter().any(|(_hierarchy, allowed)| allowed.contains(policy)),
        };
        if !policies.iter().any(|policy| allowed(policy)) {
            reasons.insert(CertificateReason::WrongPolicy);
        }
        let names_signature = issuer.contains(&(oid::ORGANISATIONAL_UNIT, DIGITAL_SIGNATURE_UNIT));
        if names_signature || policies.iter().any(|policy| is_digital_signature(policy)) {
            reasons.insert(CertificateReason::SignatureCertificate);
        }
    }
}

fn is_digital_signature(policy: &[u8]) -> bool {
    policy.starts_with(oid::DIGITAL_SIGNATURE_ARC) || policy == oid::TEST_DIGITAL_SIGNATURE
}

fn inspect_validity(certificate: &X509Certificate<'_>, now: Timestamp, reasons: &mut BTreeSet<CertificateReason>) {
    // Both ends belong to the validity, to the second (RFC 5280 §4.1.2.5).
    let validity = certificate.validity();
    if now.unix_seconds() < validity.not_before.timestamp() {
        reasons.insert(CertificateReason::NotYetValid);
    }
    if now.unix_seconds() > validity.not_after.timestamp() {
        reasons.insert(CertificateReason::Expired);
    }
}

fn inspect_subject(subject: &X509Name<'_>, reasons: &mut BTreeSet<CertificateReason>) {
    let mut fields: Vec<&[u8]> = subject.iter_attributes().map(|attribute| attribute.attr_type().as_bytes()).collect();
    fields.sort_unstable();
    if fields != [oid::COMMON_NAME, oid::COUNTRY] {
        reasons.insert(CertificateReason::SubjectFields);
    }
}

fn inspect_extensions(certificate: &X509Certificate<'_>, reasons: &mut BTreeSet<CertificateReason>) {
    let distinct: BTreeSet<&[u8]> = certificate.extensions().iter().map(|one| one.oid.as_bytes()).collect();
    if distinct.len() != certificate.extensions().len() {
        reasons.insert(CertificateReason::DuplicateExtension);
    }
    let (mut key_usage, mut client_auth) = (false, false);
    for extension in certificate.extensions() {
        match extension.oid.as_bytes() {
            oid::KEY_USAGE => key_usage = extension.value == DIGITAL_SIGNATURE_ALONE,
            oid::EXTENDED_KEY_USAGE => client_auth = has_client_auth(extension),
            oid::BASIC_CONSTRAINTS if !is_end_entity(extension) => {
                reasons.insert(CertificateReason::CertificateAuthority);
            }
            oid::SUBJECT_ALTERNATIVE_NAME => {
                reasons.insert(CertificateReason::SubjectAlternativeName);
            }
            oid::BASIC_CONSTRAINTS | oid::CERTIFICATE_POLICIES => {}
            _ if extension.critical => {
                reasons.insert(CertificateReason::UnknownCriticalExtension);
            }
            _ => {}
        }
    }
    if !key_usage {
        reasons.insert(CertificateReason::KeyUsage);
    }
    if !client_auth {
        reasons.insert(CertificateReason::ExtendedKeyUsage);
    }
}

fn has_client_auth(extension: &X509Extension<'_>) -> bool {
    matches!(extension.parsed_extension(), ParsedExtension::ExtendedKeyUsage(usage) if usage.client_auth)
}

fn is_end_entity(extension: &X509Extension<'_>) -> bool {
    matches!(extension.parsed_extension(), ParsedExtension::BasicConstraints(constraints) if !constraints.ca)
}

fn policies_of<'a>(certificate: &'a X509Certificate<'_>) -> Vec<&'a [u8]> {
    let mut found = Vec::new();
    for extension in certificate.extensions() {
        if let ParsedExtension::CertificatePolicies(policies) = extension.parsed_extension() {
            found.extend(policies.iter().map(|policy| policy.policy_id.as_bytes()));
        }
    }
    found
}

/// The attributes of a name in order; empty where one is no text or shares its place with another.
fn attributes<'a>(name: &'a X509Name<'_>) -> Vec<(&'a [u8], &'a str)> {
    let single = |rdn: &'a x509_parser::x509::RelativeDistinguishedName<'_>| {
        let mut attributes = rdn.iter();
        let attribute = attributes.next()?;
        let text = attribute.as_str().ok()?;
        attributes.next().is_none().then_some((attribute.attr_type().as_bytes(), text))
    };
    name.iter_rdn().map(single).collect::<Option<_>>().unwrap_or_default()
}

fn issuer_of(hierarchy: Hierarchy) -> [(&'static [u8], &'static str); 4] {
    [
        (oid::COUNTRY, COUNTRY),
        (oid::ORGANISATION, hierarchy.organisation()),
        (oid::ORGANISATIONAL_UNIT, USER_AUTHENTICATION_UNIT),
        (oid::ORGANISATIONAL_UNIT, OPERATOR_UNIT),
    ]
}
