//! The cast: cards with a name, a part and the same bytes in every run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::card::{Contents, Fault, ShortFormRefusal, VirtualCard};
use crate::issuer::{CardKey, IssuerError, Leaf, Profile, SubjectKey, UtcTime};
use crate::planted::Marker;

/// What the names of the crowd begin with.
const CROWD: &str = "crowd-";

/// One card of the cast. All have the PIN [`crate::planted::PIN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Character {
    /// The one who bought the ticket.
    Holder,
    /// Another holder, with a card as good.
    SecondHolder,
    /// The holder's certificate with another key: a copied card.
    Copy,
    /// A good card that no ticket is bound to.
    Stranger,
    /// No try left.
    Locked,
    /// One try left at first.
    OneTry,
    /// Issued without a PIN.
    NoPin,
    /// The digital signature certificate where the other should be.
    SignatureIn000a,
    /// Ended in 2025.
    Expired,
    /// Begins in 2044.
    NotYetValid,
    /// Ends on 31 December 2027: before events that are later.
    EndsSoon,
    /// Signed by a key that nobody pins, under the pinned root's name.
    ForeignIssuer,
    /// Signed by the older root of the same name.
    OlderRoot,
    /// O=JPKI, the production policy and a root of ours.
    ProductionLike,
    /// A CN so long that it reaches into the window.
    WrongLayout,
    /// A CA certificate as a leaf.
    CaAsLeaf,
    /// With a subject alternative name.
    WithSubjectAltName,
    /// Without an extended key usage.
    WithoutExtendedKeyUsage,
    /// With an unknown critical extension.
    UnknownCriticalExtension,
    /// An Android phone: PIN before anything.
    Phone,
    /// Knows no short EF identifiers and no key references.
    OldForms,
    /// No certificate in EF 000A.
    Garbage,
    /// A certificate longer than any.
    Oversized,
    /// 300 ms a command, 600 ms more for a signature.
    Slow,
    /// Never answers from the second command on.
    Endless,
    /// One of the crowd, by number: a card as good as the holder's.
    Crowd(u8),
}

impl Character {
    /// The whole cast but for the crowd.
    pub const ALL: [Self; 25] = [
        Self::Holder,
        Self::SecondHolder,
        Self::Copy,
        Self::Stranger,
        Self::Locked,
        Self::OneTry,
        Self::NoPin,
        Self::SignatureIn000a,
        Self::Expired,
        Self::NotYetValid,
        Self::EndsSoon,
        Self::ForeignIssuer,
        Self::OlderRoot,
        Self::ProductionLike,
        Self::WrongLayout,
        Self::CaAsLeaf,
        Self::WithSubjectAltName,
        Self::WithoutExtendedKeyUsage,
        Self::UnknownCriticalExtension,
        Self::Phone,
        Self::OldForms,
        Self::Garbage,
        Self::Oversized,
        Self::Slow,
        Self::Endless,
    ];

    /// The name on the command line and in JSON.
    #[must_use]
    pub fn name(self) -> String {
        let name = match self {
            Self::Crowd(number) => return format!("{CROWD}{number}"),
            Self::Holder => "holder",
            Self::SecondHolder => "second-holder",
            Self::Copy => "copy",
            Self::Stranger => "stranger",
            Self::Locked => "locked",
            Self::OneTry => "one-try",
            Self::NoPin => "no-pin",
            Self::SignatureIn000a => "signature-in-000a",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::EndsSoon => "ends-soon",
            Self::ForeignIssuer => "foreign-issuer",
            Self::OlderRoot => "older-root",
            Self::ProductionLike => "production-like",
            Self::WrongLayout => "wrong-layout",
            Self::CaAsLeaf => "ca-as-leaf",
            Self::WithSubjectAltName => "with-subject-alt-name",
            Self::WithoutExtendedKeyUsage => "without-extended-key-usage",
            Self::UnknownCriticalExtension => "unknown-critical-extension",
            Self::Phone => "phone",
            Self::OldForms => "old-forms",
            Self::Garbage => "garbage",
            Self::Oversized => "oversized",
            Self::Slow => "slow",
            Self::Endless => "endless",
        };
        name.to_owned()
    }

    fn profile(self) -> Result<Profile, IssuerError> {
        Ok(match self {
            Self::Expired => Profile::Expired,
            Self::NotYetValid => Profile::NotYetValid,
            Self::EndsSoon => Profile::EndsAt(UtcTime::end_of_day_in_japan(2027, 12, 31)?),
            Self::ForeignIssuer => Profile::ForeignIssuer,
            Self::OlderRoot => Profile::OlderRoot,
            Self::ProductionLike => Profile::ProductionLike,
            Self::WrongLayout => Profile::LongCommonName,
            Self::CaAsLeaf => Profile::CaAsLeaf,
            Self::WithSubjectAltName => Profile::WithSubjectAltName,
            Self::WithoutExtendedKeyUsage => Profile::WithoutExtendedKeyUsage,
            Self::UnknownCriticalExtension => Profile::UnknownCriticalExtension,
            Self::Holder
            | Self::SecondHolder
            | Self::Copy
            | Self::Stranger
            | Self::Locked
            | Self::OneTry
            | Self::NoPin
            | Self::SignatureIn000a
            | Self::Phone
            | Self::OldForms
            | Self::Garbage
            | Self::Oversized
            | Self::Slow
            | Self::Endless
            | Self::Crowd(_) => Profile::Normal,
        })
    }

    /// What is wrong with this card wherever it is put; more can be added when it is put in.
    #[must_use]
    pub fn faults(self) -> Vec<Fault> {
        match self {
            Self::NoPin => vec![Fault::NoPin],
            Self::SignatureIn000a => vec![Fault::SignatureCertificate],
            Self::Phone => vec![Fault::Phone],
            Self::OldForms => vec![Fault::NoShortForms(ShortFormRefusal::WrongP1P2)],
            Self::Garbage => vec![Fault::GarbageCertificate],
            Self::Oversized => vec![Fault::OversizedCertificate],
            Self::Slow => vec![Fault::SlowCommand(300), Fault::SlowSignature(600)],
            Self::Endless => vec![Fault::SilentFrom(2)],
            Self::Holder
            | Self::SecondHolder
            | Self::Copy
            | Self::Stranger
            | Self::Locked
            | Self::OneTry
            | Self::Expired
            | Self::NotYetValid
            | Self::EndsSoon
            | Self::ForeignIssuer
            | Self::OlderRoot
            | Self::ProductionLike
            | Self::WrongLayout
            | Self::CaAsLeaf
            | Self::WithSubjectAltName
            | Self::WithoutExtendedKeyUsage
            | Self::UnknownCriticalExtension
            | Self::Crowd(_) => Vec::new(),
        }
    }

    /// Whose certificate the card shows.
    const fn shows(self) -> Self {
        if matches!(self, Self::Copy) { Self::Holder } else { self }
    }

    /// The key of the card; made on first use.
    ///
    /// # Errors
    /// [`IssuerError::KeyGeneration`].
    pub fn key(self) -> Result<std::sync::Arc<CardKey>, IssuerError> {
        CardKey::named(&format!("card/{}", self.name()))
    }

    /// What the issuer was told about the holder of the certificate that this card shows.
    ///
    /// # Errors
    /// Whatever keeps the issuer from making the key.
    pub fn leaf(self) -> Result<Leaf, IssuerError> {
        let shown = self.shows();
        let identity = Identity::of(&shown.name());
        Ok(Leaf {
            profile: shown.profile()?,
            serial: identity.serial,
            opaque_name: identity.opaque_name,
            birthday: identity.birthday,
            key: SubjectKey::of(shown.key()?.as_ref())?,
        })
    }

    /// The certificate in EF 000A (of a card that holds none there: the one it should hold).
    ///
    /// # Errors
    /// Whatever keeps the issuer from making it.
    pub fn certificate(self) -> Result<Vec<u8>, IssuerError> {
        if self == Self::SignatureIn000a { crate::card::signature_certificate() } else { self.leaf()?.issue() }
    }

    /// The card itself, new.
    ///
    /// # Errors
    /// Whatever keeps the issuer from making its key or certificate.
    pub fn card(self) -> Result<VirtualCard, IssuerError> {
        let leaf = self.leaf()?;
        let contents = Contents::new(leaf.issue()?, self.key()?, leaf.profile.hierarchy());
        let mut card = VirtualCard::new(contents);
        card.put_in(self.faults());
        if self == Self::Locked {
            card.set_tries_left(0);
        } else if self == Self::OneTry {
            card.set_tries_left(1);
        }
        Ok(card)
    }

    /// What of this card must never be found outside it: serial, CN, end of validity, key window, modulus.
    ///
    /// # Errors
    /// Whatever keeps the issuer from making its certificate.
    pub fn markers(self) -> Result<Vec<Marker>, IssuerError> {
        let leaf = self.leaf()?;
        let certificate = self.certificate()?;
        let (_, not_after) = leaf.validity()?;
        let window = certificate.iter().copied().skip(0xFF).take(256).collect();
        let modulus = self.shows().key()?.modulus();
        Ok(vec![
            Marker { label: "serial", bytes: leaf.serial.clone() },
            Marker { label: "CN", bytes: leaf.common_name().into_bytes() },
            Marker { label: "end of validity", bytes: not_after.as_str().as_bytes().to_vec() },
            Marker { label: "key window", bytes: window },
            Marker { label: "modulus", bytes: modulus },
        ])
    }
}

impl fmt::Display for Character {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// A name that nobody in the cast has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no card is called {0:?}; the cast: {cast}", cast = Character::ALL.map(Character::name).join(", "))]
pub struct UnknownCharacter(String);

impl FromStr for Character {
    type Err = UnknownCharacter;

    fn from_str(name: &str) -> Result<Self, UnknownCharacter> {
        if let Some(number) = name.strip_prefix(CROWD).and_then(|number| number.parse().ok()) {
            return Ok(Self::Crowd(number));
        }
        Self::ALL
            .into_iter()
            .find(|character| character.name() == name)
            .ok_or_else(|| UnknownCharacter(name.to_owned()))
    }
}

impl TryFrom<String> for Character {
    type Error = UnknownCharacter;

    fn try_from(name: String) -> Result<Self, UnknownCharacter> {
        name.parse()
    }
}

impl From<Character> for String {
    fn from(character: Character) -> Self {
        character.name()
    }
}

/// Serial, CN and birthday from a name: unlike each other, and long enough to be no chance hit of a search.
struct Identity {
    serial: Vec<u8>,
    opaque_name: String,
    birthday: (u8, u8),
}

impl Identity {
    fn of(name: &str) -> Self {
        let hash: [u8; 32] =
            Sha256::new().chain_update(b"kido/virtual-card/identity/1/").chain_update(name).finalize().into();
        let mut bytes = hash.into_iter();
        let top = bytes.next().unwrap_or(0) & 0x3F | 0x40;
        let serial = std::iter::once(top).chain(bytes.by_ref().take(3)).collect();
        let opaque_name = bytes.by_ref().take(14).map(|byte| char::from(b'A' + byte % 26)).collect();
        let month = bytes.next().unwrap_or(0) % 12 + 1;
        let day = bytes.next().unwrap_or(0) % 28 + 1;
        Self { serial, opaque_name, birthday: (month, day) }
    }
}
