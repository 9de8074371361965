//! The PIN a holder types, and the count of tries a card reports.

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::redact::{LogSafe, redacted_debug};

/// Digits of the user authentication PIN (`jpki.md` §1, EF 0018).
pub const PIN_DIGITS: usize = 4;

/// Largest count of tries that a status word can carry: the `x` of `63Cx` is one hexadecimal digit (ISO 7816-4 §5.6).
const PIN_TRIES_MAX: u8 = 0x0F;

/// Tries left before the card locks its PIN (0 to 15, as the card reports them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PinTries(u8);

impl PinTries {
    /// So many tries; more than a card can report counts as the most it can report.
    #[must_use]
    pub const fn new(tries: u8) -> Self {
        if tries > PIN_TRIES_MAX { Self(PIN_TRIES_MAX) } else { Self(tries) }
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for PinTries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl LogSafe for PinTries {}

/// Where a PIN is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PinEntry {
    /// On our own pad or keyboard: it passes through this program, which wipes it.
    #[default]
    Here,
    /// On the keys of the card reader: it never reaches this program.
    AtReader,
}

/// Why a text is no PIN; says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Another number of characters.
    #[error("the PIN has {PIN_DIGITS} digits")]
    Length,
    /// Something other than the digits 0 to 9 of ASCII.
    #[error("the PIN has digits only")]
    NotDigits,
}

/// The four digits of the user authentication key (利用者証明用), typed for one tap and wiped after it.
///
/// It cannot be cloned, compared or printed: it moves from the pad into one VERIFY command.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Pin([u8; PIN_DIGITS]);

redacted_debug!(Pin);

impl Pin {
    /// Reads exactly four ASCII digits.
    ///
    /// # Errors
    /// [`PinError`] where the text has another length or another character.
    pub fn parse(text: &str) -> Result<Self, PinError> {
        Self::from_digits(text.as_bytes())
    }

    /// The same from the bytes of a decoded command.
    pub(crate) fn from_digits(bytes: &[u8]) -> Result<Self, PinError> {
        let pin = Self(<[u8; PIN_DIGITS]>::try_from(bytes).map_err(|_wrong_length| PinError::Length)?);
        if pin.0.iter().all(u8::is_ascii_digit) { Ok(pin) } else { Err(PinError::NotDigits) }
    }

    /// The digits: for the VERIFY command, nothing else.
    pub(crate) const fn digits(&self) -> &[u8; PIN_DIGITS] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_four_ascii_digits() {
        assert_eq!(Pin::parse("0942").unwrap().digits(), b"0942");
        for (text, error) in [
            ("", PinError::Length),
            ("123", PinError::Length),
            ("12345", PinError::Length),
            ("12a4", PinError::NotDigits),
            (" 123", PinError::NotDigits),
            ("１２３４", PinError::Length),
        ] {
            assert_eq!(Pin::parse(text).unwrap_err(), error, "{text:?}");
        }
    }

    #[test]
    fn a_pin_prints_its_name_only() {
        assert_eq!(format!("{:?}", Pin::parse("7391").unwrap()), "Pin(..)");
    }

    #[test]
    fn tries_fit_the_status_word() {
        assert_eq!(PinTries::new(3).get(), 3);
        assert_eq!(PinTries::new(200).get(), 15);
    }
}
