//! One certificate of every kind, with what is wrong with it.

use crate::card::signature_certificate;
use crate::character::Character;
use crate::issuer::{Authority, Hierarchy, IssuerError, Leaf, Profile, SubjectKey, UtcTime};

/// A certificate to try a verifier on, with the test roots as its trust anchors.
#[derive(Clone)]
pub struct Sample {
    /// A name for a file.
    pub name: &'static str,
    /// The certificate.
    pub der: Vec<u8>,
    /// What is wrong with it; nothing: to be accepted.
    pub refuse_because: Option<&'static str>,
}

impl std::fmt::Debug for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sample").field("name", &self.name).field("refuse_because", &self.refuse_because).finish()
    }
}

/// Every kind. All certify the holder's key: it is the certificate that differs.
///
/// # Errors
/// Whatever keeps the issuer from making one.
pub fn samples() -> Result<Vec<Sample>, IssuerError> {
    let mut out = Vec::new();
    for (name, profile, refuse_because) in profiles()? {
        let leaf = Leaf { profile, ..Character::Holder.leaf()? };
        out.push(Sample { name, der: leaf.issue()?, refuse_because });
    }
    let short_serial = Leaf { serial: vec![0x22, 0x7B, 0x13], ..Character::Holder.leaf()? };
    out.push(Sample { name: "three-byte-serial", der: short_serial.issue()?, refuse_because: None });
    let p384 = Leaf { key: SubjectKey::p384_named("holder")?, ..Character::Holder.leaf()? };
    out.push(Sample { name: "p384", der: p384.issue()?, refuse_because: None });
    out.push(Sample {
        name: "digital-signature",
        der: signature_certificate()?,
        refuse_because: Some("the digital signature certificate"),
    });
    out.push(Sample {
        name: "root",
        der: Authority::of(Hierarchy::Test2023)?.certificate()?,
        refuse_because: Some("an issuer's own certificate"),
    });
    Ok(out)
}

type Row = (&'static str, Profile, Option<&'static str>);

fn profiles() -> Result<[Row; 12], IssuerError> {
    Ok([
        ("normal", Profile::Normal, None),
        ("older-root", Profile::OlderRoot, None),
        ("production-like", Profile::ProductionLike, None),
        ("ends-2027", Profile::EndsAt(UtcTime::end_of_day_in_japan(2027, 12, 31)?), None),
        ("long-common-name", Profile::LongCommonName, Some("the key begins after byte 255")),
        ("expired", Profile::Expired, Some("expired")),
        ("not-yet-valid", Profile::NotYetValid, Some("not yet valid")),
        ("foreign-issuer", Profile::ForeignIssuer, Some("signed by a key that is not pinned")),
        ("ca-as-leaf", Profile::CaAsLeaf, Some("calls itself a CA")),
        ("with-subject-alt-name", Profile::WithSubjectAltName, Some("has a subject alternative name")),
        ("without-extended-key-usage", Profile::WithoutExtendedKeyUsage, Some("has no extended key usage")),
        ("unknown-critical-extension", Profile::UnknownCriticalExtension, Some("has an unknown critical extension")),
    ])
}
