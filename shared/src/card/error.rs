//! Why a card exchange ended without a proof.

use super::pin::PinTries;
use crate::apdu::{ApduError, Instruction, StatusWord};
use crate::refusal::Refusal;

/// Why a card exchange ended without a proof; carries no byte that the card sent but its status word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The card has no JPKI application: another kind of card.
    #[error("no My Number Card")]
    NotMyNumberCard,
    /// The card answered a command it must support with a status word we did not expect.
    #[error("the card refused {instruction} with {status}")]
    Refused {
        /// What was asked.
        instruction: Instruction,
        /// What it answered.
        status: StatusWord,
    },
    /// A phone, which wants its PIN before it has shown anything.
    #[error("a phone, which wants the PIN first")]
    Phone,
    /// The PIN was wrong. The card keeps the count; it is only reported, and never tried again.
    #[error("wrong PIN, tries left: {0}")]
    WrongPin(PinTries),
    /// Nobody finished a PIN at the reader: cancelled, too late, or too few digits. No try was spent.
    #[error("no PIN was entered at the reader")]
    PinNotEntered,
    /// The card has locked its PIN.
    #[error("the PIN is locked")]
    PinLocked,
    /// A wrong PIN here would lock the card: not asked.
    #[error("too few tries to risk one: {0}")]
    TooFewTries(PinTries),
    /// The card was issued without a PIN.
    #[error("the card has no PIN")]
    NoPin,
    /// The card says a PIN was verified, and it was not us: power off and begin once more, then the desk.
    #[error("a PIN was verified before this exchange began")]
    VerifiedWithoutUs,
    /// The card was taken away in the middle of a command.
    #[error("the card left in the middle")]
    Torn,
    /// The card made the exchange longer than any honest card does.
    #[error("the card asked for more commands than an exchange has")]
    TooManyCommands,
    /// What came back is no answer to the command.
    #[error("the card's answer is malformed")]
    Malformed(#[source] ApduError),
    /// The certificate file ends inside the key window.
    #[error("the key window is incomplete")]
    WindowIncomplete,
    /// The certificate file does not begin like a certificate.
    #[error("the certificate file holds no certificate")]
    NotACertificate,
    /// The certificate file ends before its certificate does.
    #[error("the certificate file ends too early")]
    CertificateIncomplete,
    /// The certificate is longer than any that is read.
    #[error("the certificate is too large")]
    CertificateTooLarge,
    /// The signature is empty or longer than any key makes.
    #[error("the card's signature has no possible length")]
    SignatureLength,
}

impl CardError {
    /// What the lane says and counts.
    #[must_use]
    pub const fn refusal(&self) -> Refusal {
        match self {
            Self::NotMyNumberCard => Refusal::NotMyNumberCard,
            Self::Phone => Refusal::Phone,
            Self::WrongPin(tries) => Refusal::WrongPin(*tries),
            Self::PinNotEntered => Refusal::PinNotEntered,
            Self::PinLocked => Refusal::PinLocked,
            Self::TooFewTries(_) => Refusal::TooFewTries,
            Self::NoPin => Refusal::NoPin,
            Self::Torn => Refusal::CardLeft,
            Self::Refused { .. }
            | Self::VerifiedWithoutUs
            | Self::TooManyCommands
            | Self::Malformed(_)
            | Self::WindowIncomplete
            | Self::NotACertificate
            | Self::CertificateIncomplete
            | Self::CertificateTooLarge
            | Self::SignatureLength => Refusal::Unreadable,
        }
    }
}

/// An empty answer is a card that left (`jpki.md` §1); any other wrong length is the card's fault.
impl From<ApduError> for CardError {
    fn from(error: ApduError) -> Self {
        match error {
            ApduError::Empty => Self::Torn,
            ApduError::TooShort | ApduError::TooLong { .. } => Self::Malformed(error),
        }
    }
}
