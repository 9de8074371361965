//! What lies on the card: applications, files, PINs and keys (`jpki.md` §1).

use std::sync::{Arc, OnceLock};

use crate::issuer::{Authority, CardKey, Hierarchy, IssuerError, Leaf, Profile, SubjectKey};
use crate::planted;

/// The applications of a My Number Card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Application {
    /// 公的個人認証.
    Jpki,
    /// 券面事項入力補助: My Number, name, address.
    ProfileInput,
    /// 券面事項確認.
    ProfileView,
    /// 住基.
    Residence,
    /// 共通.
    Common,
}

impl Application {
    pub(super) fn by_aid(aid: &[u8]) -> Option<Self> {
        match aid {
            [0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01] => Some(Self::Jpki),
            [0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, last] => match last {
                0x08 => Some(Self::ProfileInput),
                0x02 => Some(Self::ProfileView),
                0x01 => Some(Self::Residence),
                _ => None,
            },
            [0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x01, 0x00] => Some(Self::Common),
            _ => None,
        }
    }
}

/// The PINs. Each belongs to one application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PinName {
    /// EF 0018: 利用者証明用, 4 digits, 3 tries.
    User,
    /// EF 001B: 署名用, 5 tries.
    Signature,
    /// EF 0011 of 券面事項入力補助.
    Profile,
}

/// The private keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyName {
    /// EF 0017.
    User,
    /// EF 001A.
    Signature,
}

impl KeyName {
    pub(super) const fn pin(self) -> PinName {
        match self {
            Self::User => PinName::User,
            Self::Signature => PinName::Signature,
        }
    }
}

/// A file that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    UserCertificate,
    UserAuthority,
    SignatureCertificate,
    SignatureAuthority,
    TokenInfo,
    MyNumber,
    Profile,
}

/// An elementary file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    Text(Text),
    Key(KeyName),
    Pin(PinName),
}

impl File {
    pub(super) const fn find(application: Application, id: u16) -> Option<Self> {
        match (application, id) {
            (Application::Jpki, 0x0001) => Some(Self::Text(Text::SignatureCertificate)),
            (Application::Jpki, 0x0002) => Some(Self::Text(Text::SignatureAuthority)),
            (Application::Jpki, 0x0006) => Some(Self::Text(Text::TokenInfo)),
            (Application::Jpki, 0x000A) => Some(Self::Text(Text::UserCertificate)),
            (Application::Jpki, 0x000B) => Some(Self::Text(Text::UserAuthority)),
            (Application::Jpki, 0x0017) => Some(Self::Key(KeyName::User)),
            (Application::Jpki, 0x0018) => Some(Self::Pin(PinName::User)),
            (Application::Jpki, 0x001A) => Some(Self::Key(KeyName::Signature)),
            (Application::Jpki, 0x001B) => Some(Self::Pin(PinName::Signature)),
            (Application::ProfileInput, 0x0001) => Some(Self::Text(Text::MyNumber)),
            (Application::ProfileInput, 0x0002) => Some(Self::Text(Text::Profile)),
            (Application::ProfileInput, 0x0011) => Some(Self::Pin(PinName::Profile)),
            (
                Application::Jpki
                | Application::ProfileInput
                | Application::ProfileView
                | Application::Residence
                | Application::Common,
                _,
            ) => None,
        }
    }
}

impl Text {
    /// The PIN without which the file cannot be read.
    pub(super) const fn pin(self) -> Option<PinName> {
        match self {
            Self::SignatureCertificate => Some(PinName::Signature),
            Self::MyNumber | Self::Profile => Some(PinName::Profile),
            Self::UserCertificate | Self::UserAuthority | Self::SignatureAuthority | Self::TokenInfo => None,
        }
    }
}

/// What makes one card differ from another: its certificate and its key.
///
/// The rest (the signature key and certificate, the other applications) is the same on every card, and made only when
/// something touches it, which nothing of Kido does.
#[derive(Clone)]
pub struct Contents {
    user_certificate: Vec<u8>,
    user_key: Arc<CardKey>,
    hierarchy: Hierarchy,
}

impl std::fmt::Debug for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contents(..)")
    }
}

impl Contents {
    /// A card with this certificate in EF 000A and this key in EF 0017; they need not belong together.
    #[must_use]
    pub const fn new(user_certificate: Vec<u8>, user_key: Arc<CardKey>, hierarchy: Hierarchy) -> Self {
        Self { user_certificate, user_key, hierarchy }
    }

    /// The certificate in EF 000A.
    #[must_use]
    pub fn user_certificate(&self) -> &[u8] {
        &self.user_certificate
    }

    pub(super) fn key(&self, name: KeyName) -> Result<Arc<CardKey>, IssuerError> {
        match name {
            KeyName::User => Ok(Arc::clone(&self.user_key)),
            KeyName::Signature => signature_key(),
        }
    }

    pub(super) fn read(&self, text: Text) -> Result<Vec<u8>, IssuerError> {
        match text {
            Text::UserCertificate => Ok(self.user_certificate.clone()),
            Text::UserAuthority => Authority::of(self.hierarchy)?.certificate(),
            Text::SignatureCertificate => signature_certificate(),
            Text::SignatureAuthority => Authority::of(Hierarchy::Signature)?.certificate(),
            Text::TokenInfo => Ok(token_info()),
            Text::MyNumber => Ok(planted::MY_NUMBER.as_bytes().to_vec()),
            Text::Profile => {
                Ok([planted::NAME, "\n", planted::ADDRESS, "\n", planted::DATE_OF_BIRTH].concat().into_bytes())
            }
        }
    }
}

fn signature_key() -> Result<Arc<CardKey>, IssuerError> {
    CardKey::named("card/signature")
}

/// The digital signature certificate of every card.
///
/// # Errors
/// Whatever keeps the issuer from making it.
pub fn signature_certificate() -> Result<Vec<u8>, IssuerError> {
    static CERTIFICATE: OnceLock<Result<Vec<u8>, IssuerError>> = OnceLock::new();
    CERTIFICATE
        .get_or_init(|| {
            let leaf = Leaf {
                profile: Profile::Signature,
                serial: vec![0x5D, 0x1C, 0x93, 0x07],
                opaque_name: "S1GN4TUR3P14NT".to_owned(),
                birthday: (11, 3),
                key: SubjectKey::of(signature_key()?.as_ref())?,
            };
            leaf.issue()
        })
        .clone()
}

/// EF 0006: 160 bytes, filled with spaces.
fn token_info() -> Vec<u8> {
    let mut out = b"JPKIAPICCTOKEN2".to_vec();
    out.resize(160, b' ');
    out
}
