//! The issuers: roots that sign leaves, told apart by key and not by name.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::names::{self, COUNTRY, ORGANIZATION, UNIT};
use super::{CardKey, IssuerError, SubjectKey};
use crate::der;

/// keyCertSign and cRLSign (RFC 5280 §4.2.1.3).
const KEY_USAGE_OF_A_ROOT: (u8, u8) = (1, 0x06);
/// Bytes of a key identifier.
const KEY_ID_BYTES: usize = 20;
const ROOT_NOT_BEFORE: &str = "200323020502Z";
/// Far away, so that rehearsals with these fixed bytes go on working.
const ROOT_NOT_AFTER: &str = "490322145959Z";

/// Which of the issuers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hierarchy {
    /// O=JPKI-TEST, the generation that signs the characters' certificates.
    Test2023,
    /// An older generation: the same name, another key.
    Test2019,
    /// O=JPKI and the production policy, as on cards in circulation; a root of ours all the same.
    ProductionLike,
    /// The names of [`Hierarchy::Test2023`] under a key that nobody pins.
    Foreign,
    /// The issuer of digital signature certificates (署名用).
    Signature,
}

impl Hierarchy {
    /// All of them, for lists.
    pub const ALL: [Self; 5] = [Self::Test2023, Self::Test2019, Self::ProductionLike, Self::Foreign, Self::Signature];
    /// Those that a rehearsal may pin.
    pub const ANCHORS: [Self; 3] = [Self::Test2023, Self::Test2019, Self::ProductionLike];

    /// A name for files and keys.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Test2023 => "test-2023",
            Self::Test2019 => "test-2019",
            Self::ProductionLike => "production-like",
            Self::Foreign => "foreign",
            Self::Signature => "signature",
        }
    }

    /// The organisation in its names.
    #[must_use]
    pub(super) const fn organization(self) -> &'static str {
        match self {
            Self::Test2023 | Self::Test2019 | Self::Foreign | Self::Signature => "JPKI-TEST",
            Self::ProductionLike => "JPKI",
        }
    }

    /// The organisational unit that says what its leaves are for.
    #[must_use]
    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::Test2023 | Self::Test2019 | Self::Foreign | Self::ProductionLike => "JPKI for user authentication",
            Self::Signature => "JPKI for digital signature",
        }
    }

    /// The same in Japanese, as the alternative names end.
    #[must_use]
    pub(super) const fn purpose_japanese(self) -> &'static str {
        match self {
            Self::Test2023 | Self::Test2019 | Self::Foreign | Self::ProductionLike => "利用者証明用",
            Self::Signature => "署名用",
        }
    }

    /// `1.2.392.200149.8.5.1` plus two arcs: purpose and test or production (`jpki.md` §2).
    #[must_use]
    pub(super) const fn policy(self) -> [u32; 9] {
        match self {
            Self::Test2023 | Self::Test2019 | Self::Foreign => [1, 2, 392, 200_149, 8, 5, 1, 0, 30],
            Self::ProductionLike => [1, 2, 392, 200_149, 8, 5, 1, 3, 30],
            Self::Signature => [1, 2, 392, 200_149, 8, 5, 1, 0, 20],
        }
    }

    /// Serial of the root itself.
    pub(super) const fn serial(self) -> [u8; 4] {
        match self {
            Self::Test2023 => [0x06, 0xD1, 0x8A, 0x23],
            Self::Test2019 => [0x06, 0xD1, 0x8A, 0x19],
            Self::ProductionLike => [0x06, 0xD1, 0x80, 0x03],
            Self::Foreign => [0x06, 0xD1, 0x8A, 0x24],
            Self::Signature => [0x06, 0xD1, 0x8A, 0x51],
        }
    }
}

/// One issuer with its key.
#[derive(Debug, Clone)]
pub struct Authority {
    hierarchy: Hierarchy,
    key: Arc<CardKey>,
}

impl Authority {
    /// The issuer of this hierarchy; its key is made on first use.
    ///
    /// # Errors
    /// [`IssuerError::KeyGeneration`].
    pub fn of(hierarchy: Hierarchy) -> Result<Self, IssuerError> {
        let key = CardKey::named(&format!("authority/{}", hierarchy.label()))?;
        Ok(Self { hierarchy, key })
    }

    /// Which issuer this is.
    #[must_use]
    pub const fn hierarchy(&self) -> Hierarchy {
        self.hierarchy
    }

    /// Its distinguished name, as DER.
    pub(super) fn name(&self) -> Vec<u8> {
        names::name(&[
            (COUNTRY, "JP"),
            (ORGANIZATION, self.hierarchy.organization()),
            (UNIT, self.hierarchy.unit()),
            (UNIT, names::AGENCY),
        ])
    }

    /// Its subject key identifier.
    pub(super) fn key_id(&self) -> Result<Vec<u8>, IssuerError> {
        Ok(key_id(&public_key_info(&SubjectKey::of(&self.key)?)))
    }

    /// Its self-signed certificate: what a rehearsal event pins.
    ///
    /// # Errors
    /// [`IssuerError::Signing`].
    pub fn certificate(&self) -> Result<Vec<u8>, IssuerError> {
        let spki = public_key_info(&SubjectKey::of(&self.key)?);
        let extensions = [
            names::extension(names::KEY_USAGE, true, &der::bit_string(KEY_USAGE_OF_A_ROOT.0, &[KEY_USAGE_OF_A_ROOT.1])),
            names::extension(
                names::SUBJECT_ALT_NAME,
                false,
                &names::japanese_issuer_name(self.hierarchy.purpose_japanese()),
            ),
            names::extension(names::BASIC_CONSTRAINTS, true, &der::sequence(&[&der::boolean_true()])),
            names::extension(names::CRL_DISTRIBUTION_POINTS, false, &names::distribution_point(&self.name())),
            names::extension(names::SUBJECT_KEY_ID, false, &der::octet_string(&key_id(&spki))),
        ]
        .concat();
        self.sign(&Body {
            serial: &self.hierarchy.serial(),
            not_before: ROOT_NOT_BEFORE,
            not_after: ROOT_NOT_AFTER,
            subject: &self.name(),
            spki: &spki,
            extensions: &extensions,
        })
    }

    /// Writes the `TBSCertificate` and signs it (RFC 5280 §4.1).
    pub(super) fn sign(&self, body: &Body<'_>) -> Result<Vec<u8>, IssuerError> {
        let validity = der::sequence(&[&der::utc_time(body.not_before), &der::utc_time(body.not_after)]);
        let to_be_signed = der::sequence(&[
            &der::tagged(0, &der::unsigned_integer(&[2])),
            &der::unsigned_integer(body.serial),
            &names::sha256_with_rsa(),
            &self.name(),
            &validity,
            body.subject,
            body.spki,
            &der::tagged(3, &der::sequence(&[body.extensions])),
        ]);
        let signature = self.key.sign_sha256(&to_be_signed)?;
        Ok(der::sequence(&[&to_be_signed, &names::sha256_with_rsa(), &der::bit_string(0, &signature)]))
    }
}

/// What differs from certificate to certificate; everything is DER but the serial and the times.
pub(super) struct Body<'a> {
    pub(super) serial: &'a [u8],
    pub(super) not_before: &'a str,
    pub(super) not_after: &'a str,
    pub(super) subject: &'a [u8],
    pub(super) spki: &'a [u8],
    pub(super) extensions: &'a [u8],
}

/// `SubjectPublicKeyInfo` (RFC 3279 §2.3.1 for RSA, RFC 5480 §2 for P-384).
pub(super) fn public_key_info(key: &SubjectKey) -> Vec<u8> {
    match key {
        SubjectKey::Rsa(modulus) => {
            let public_key = der::sequence(&[
                &der::unsigned_integer(modulus.as_slice()),
                &der::unsigned_integer(&[0x01, 0x00, 0x01]),
            ]);
            let algorithm = der::sequence(&[&der::object_identifier(names::RSA_ENCRYPTION), &der::null()]);
            der::sequence(&[&algorithm, &der::bit_string(0, &public_key)])
        }
        SubjectKey::P384(point) => {
            let algorithm = der::sequence(&[
                &der::object_identifier(names::EC_PUBLIC_KEY),
                &der::object_identifier(names::SECP384R1),
            ]);
            der::sequence(&[&algorithm, &der::bit_string(0, point.as_slice())])
        }
    }
}

/// A key identifier of twenty bytes (RFC 7093 §2, method 1: leftmost bits of SHA-256).
pub(super) fn key_id(spki: &[u8]) -> Vec<u8> {
    Sha256::digest(spki).into_iter().take(KEY_ID_BYTES).collect()
}
