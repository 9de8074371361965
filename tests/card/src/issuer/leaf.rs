//! Leaf certificates: the right one, and each wrong one that must be refused.

use super::authority::{Body, key_id, public_key_info};
use super::names::{self, COMMON_NAME, COUNTRY, HOLDER_ATTRIBUTE, LOCALITY, ORGANIZATION, UNIT};
use super::{Authority, Hierarchy, IssuerError, SubjectKey, UtcTime};
use crate::{der, planted};

/// digitalSignature alone, one octet with seven unused bits.
const DIGITAL_SIGNATURE: (u8, u8) = (7, 0x80);
/// digitalSignature and nonRepudiation.
const WITH_NON_REPUDIATION: (u8, u8) = (6, 0xC0);
const CPS_URI: &str = "http://www.jpki.go.jp/cps.html";
/// Where certified verifiers ask; as many characters as on the specimen.
const OCSP_URI: &str = "http://test-ocspauthnorm.jpki.go.jp";

const NOT_BEFORE: &str = "251027013542Z";
/// Longer than the five years of a real one, so that rehearsals with these fixed bytes go on working.
const NOT_AFTER_YEAR: u16 = 2045;

/// What is right or wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// Every field as on the specimen, under [`Hierarchy::Test2023`].
    Normal,
    /// The same under the older root of the same name.
    OlderRoot,
    /// O=JPKI and the production policy, under [`Hierarchy::ProductionLike`].
    ProductionLike,
    /// A CN so long that the key begins after byte 255: the window would hold the holder's CN.
    LongCommonName,
    /// Ended in 2025.
    Expired,
    /// Begins in 2044.
    NotYetValid,
    /// Valid now, and ends at the given time: to be warned about when the event is later.
    EndsAt(UtcTime),
    /// Signed by a key that nobody pins, under the pinned root's name.
    ForeignIssuer,
    /// The digital signature certificate (署名用) with name, address and date of birth.
    Signature,
    /// A leaf that calls itself a CA.
    CaAsLeaf,
    /// With a subject alternative name.
    WithSubjectAltName,
    /// Without an extended key usage.
    WithoutExtendedKeyUsage,
    /// With a critical extension that nobody knows.
    UnknownCriticalExtension,
}

impl Profile {
    /// The issuer that signs this profile.
    #[must_use]
    pub const fn hierarchy(&self) -> Hierarchy {
        match self {
            Self::OlderRoot => Hierarchy::Test2019,
            Self::ProductionLike => Hierarchy::ProductionLike,
            Self::ForeignIssuer => Hierarchy::Foreign,
            Self::Signature => Hierarchy::Signature,
            Self::Normal
            | Self::LongCommonName
            | Self::Expired
            | Self::NotYetValid
            | Self::EndsAt(_)
            | Self::CaAsLeaf
            | Self::WithSubjectAltName
            | Self::WithoutExtendedKeyUsage
            | Self::UnknownCriticalExtension => Hierarchy::Test2023,
        }
    }
}

/// What the issuer is told about one holder.
#[derive(Clone)]
pub struct Leaf {
    /// What is right or wrong with it.
    pub profile: Profile,
    /// Serial number, big-endian: three bytes on the specimen, four on cards in circulation.
    pub serial: Vec<u8>,
    /// The part of the CN before [`planted::ISSUING_WINDOW`]; fourteen characters on the specimen.
    pub opaque_name: String,
    /// Month and day of birth: `notAfter` falls on it.
    pub birthday: (u8, u8),
    /// The key certified.
    pub key: SubjectKey,
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leaf").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl Leaf {
    /// The CN as it is written.
    #[must_use]
    pub fn common_name(&self) -> String {
        let filler = if self.profile == Profile::LongCommonName { "ZZZZZZZZZZZZZZZZ" } else { "" };
        format!("{}{filler}{}", self.opaque_name, planted::ISSUING_WINDOW)
    }

    /// Both ends of the validity, as they are written.
    ///
    /// # Errors
    /// [`IssuerError::Time`] when the birthday is no date.
    pub fn validity(&self) -> Result<(UtcTime, UtcTime), IssuerError> {
        let (month, day) = self.birthday;
        let birthday_in = |year| UtcTime::end_of_day_in_japan(year, month, day);
        Ok(match &self.profile {
            Profile::Expired => (UtcTime::parse("201027013542Z")?, birthday_in(2025)?),
            Profile::NotYetValid => (UtcTime::parse("440101000000Z")?, birthday_in(2048)?),
            Profile::EndsAt(end) => (UtcTime::parse(NOT_BEFORE)?, end.clone()),
            Profile::Normal
            | Profile::OlderRoot
            | Profile::ProductionLike
            | Profile::LongCommonName
            | Profile::ForeignIssuer
            | Profile::Signature
            | Profile::CaAsLeaf
            | Profile::WithSubjectAltName
            | Profile::WithoutExtendedKeyUsage
            | Profile::UnknownCriticalExtension => (UtcTime::parse(NOT_BEFORE)?, birthday_in(NOT_AFTER_YEAR)?),
        })
    }

    /// Issues the certificate: DER, the same bytes in every run.
    ///
    /// # Errors
    /// Whatever key, time or signature is wrong with the request.
    pub fn issue(&self) -> Result<Vec<u8>, IssuerError> {
        let authority = Authority::of(self.profile.hierarchy())?;
        let (not_before, not_after) = self.validity()?;
        let spki = public_key_info(&self.key);
        authority.sign(&Body {
            serial: &self.serial,
            not_before: not_before.as_str(),
            not_after: not_after.as_str(),
            subject: &self.subject(),
            spki: &spki,
            extensions: &self.extensions(&authority, &spki)?,
        })
    }

    fn subject(&self) -> Vec<u8> {
        let common_name = self.common_name();
        if self.profile == Profile::Signature {
            names::name(&[
                (COUNTRY, "JP"),
                (LOCALITY, planted::PREFECTURE),
                (LOCALITY, planted::MUNICIPALITY),
                (COMMON_NAME, &common_name),
            ])
        } else {
            names::name(&[(COUNTRY, "JP"), (COMMON_NAME, &common_name)])
        }
    }

    fn extensions(&self, authority: &Authority, spki: &[u8]) -> Result<Vec<u8>, IssuerError> {
        let hierarchy = authority.hierarchy();
        let signature = self.profile == Profile::Signature;
        let (unused, usage) = if signature { WITH_NON_REPUDIATION } else { DIGITAL_SIGNATURE };
        let mut out = names::extension(names::KEY_USAGE, true, &der::bit_string(unused, &[usage]));
        if !signature && self.profile != Profile::WithoutExtendedKeyUsage {
            let purposes = der::sequence(&[&der::object_identifier(names::CLIENT_AUTH)]);
            out.extend(names::extension(names::EXTENDED_KEY_USAGE, false, &purposes));
        }
        out.extend(names::extension(names::CERTIFICATE_POLICIES, true, &policies(&hierarchy.policy())));
        if let Some(alternative) = self.subject_alt_name() {
            out.extend(names::extension(names::SUBJECT_ALT_NAME, false, &alternative));
        }
        let issuer_alt_name = names::japanese_issuer_name(hierarchy.purpose_japanese());
        out.extend(names::extension(names::ISSUER_ALT_NAME, false, &issuer_alt_name));
        if self.profile == Profile::CaAsLeaf {
            let ca = der::sequence(&[&der::boolean_true()]);
            out.extend(names::extension(names::BASIC_CONSTRAINTS, true, &ca));
        }
        out.extend(names::extension(names::CRL_DISTRIBUTION_POINTS, false, &revocation_list(hierarchy)));
        out.extend(names::extension(names::AUTHORITY_INFORMATION_ACCESS, false, &ocsp_access()));
        out.extend(names::extension(names::AUTHORITY_KEY_ID, false, &authority_key_id(authority)?));
        out.extend(names::extension(names::SUBJECT_KEY_ID, false, &der::octet_string(&key_id(spki))));
        if self.profile == Profile::UnknownCriticalExtension {
            out.extend(names::extension(names::UNKNOWN_EXTENSION, true, &der::null()));
        }
        Ok(out)
    }

    fn subject_alt_name(&self) -> Option<Vec<u8>> {
        match self.profile {
            Profile::Signature => Some(holder_attributes()),
            Profile::WithSubjectAltName => Some(der::sequence(&[&der::tagged_primitive(1, b"holder@example.invalid")])),
            Profile::Normal
            | Profile::OlderRoot
            | Profile::ProductionLike
            | Profile::LongCommonName
            | Profile::Expired
            | Profile::NotYetValid
            | Profile::EndsAt(_)
            | Profile::ForeignIssuer
            | Profile::CaAsLeaf
            | Profile::WithoutExtendedKeyUsage
            | Profile::UnknownCriticalExtension => None,
        }
    }
}

fn policies(policy: &[u32]) -> Vec<u8> {
    let qualifier =
        der::sequence(&[&der::object_identifier(names::CPS_QUALIFIER), &der::element(0x16, CPS_URI.as_bytes())]);
    let information = der::sequence(&[&der::object_identifier(policy), &der::sequence(&[&qualifier])]);
    der::sequence(&[&information])
}

/// The list that the leaf points to: its name tells prefecture and municipality.
fn revocation_list(hierarchy: Hierarchy) -> Vec<u8> {
    let list = format!("{} CRLDP", planted::MUNICIPALITY);
    names::distribution_point(&names::name(&[
        (COUNTRY, "JP"),
        (ORGANIZATION, hierarchy.organization()),
        (UNIT, hierarchy.unit()),
        (UNIT, "CRL Distribution Points"),
        (UNIT, planted::PREFECTURE),
        (COMMON_NAME, &list),
    ]))
}

fn ocsp_access() -> Vec<u8> {
    let location = der::tagged_primitive(6, OCSP_URI.as_bytes());
    der::sequence(&[&der::sequence(&[&der::object_identifier(names::OCSP), &location])])
}

/// Key identifier, name and serial of the issuer, as the specimen has them.
fn authority_key_id(authority: &Authority) -> Result<Vec<u8>, IssuerError> {
    Ok(der::sequence(&[
        &der::tagged_primitive(0, &authority.key_id()?),
        &der::tagged(1, &der::tagged(4, &authority.name())),
        &der::tagged_primitive(2, &authority.hierarchy().serial()),
    ]))
}

/// `otherName` entries 1 to 6: name, flags, sex, date of birth, address, flags (`jpki.md` §2).
fn holder_attributes() -> Vec<u8> {
    let values = [planted::NAME, "00000", "2", planted::DATE_OF_BIRTH, planted::ADDRESS, "000000000000"];
    let entries: Vec<u8> = (1u32..)
        .zip(values)
        .flat_map(|(number, text)| {
            let arcs: Vec<u32> = HOLDER_ATTRIBUTE.iter().copied().chain([number]).collect();
            let value = der::tagged(0, &der::utf8_string(text));
            der::tagged(0, &[der::object_identifier(&arcs), value].concat())
        })
        .collect();
    der::sequence(&[&entries])
}
