//! Numbers of the JPKI application: the only place where they stand (`jpki.md` §1).
//!
//! **Invariant.** Nothing here names the other applications of the card (My Number, name, address), the digital
//! signature certificate, its key or its PIN: what has no name cannot be asked for.

use crate::apdu::{Instruction, StatusWord};

/// Application identifier of JPKI (公的個人認証AP), ISO 7816-4 §8.2.
pub(crate) const APPLICATION_ID: [u8; 10] = [0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01];

/// Short identifier of the certificate file as READ BINARY carries it: bit 8 of P1, then EF 000A (ISO 7816-4 §7.2.2).
pub(crate) const CERTIFICATE_SHORT_ID: u8 = 0x8A;

/// Key reference meaning *the file selected last*.
pub(crate) const SELECTED: u8 = 0x80;

/// Reference of the user authentication PIN without a SELECT before it: EF 0018.
pub(crate) const PIN_REFERENCE: u8 = 0x98;

/// Reference of the user authentication key without a SELECT before it: EF 0017.
pub(crate) const KEY_REFERENCE: u8 = 0x97;

/// Where the key window begins in the certificate file: the last offset that a short file id can carry.
pub(crate) const WINDOW_OFFSET: u8 = 0xFF;

/// The files that may be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileId {
    /// EF 000A: the user authentication certificate.
    Certificate,
    /// EF 0018: the user authentication PIN.
    Pin,
    /// EF 0017: the user authentication key.
    Key,
}

impl FileId {
    /// The two bytes that SELECT carries.
    pub(crate) const fn to_bytes(self) -> [u8; 2] {
        match self {
            Self::Certificate => [0x00, 0x0A],
            Self::Pin => [0x00, 0x18],
            Self::Key => [0x00, 0x17],
        }
    }
}

/// How a file or key is named in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addressing {
    /// By its short id, which saves a SELECT.
    Short,
    /// By a SELECT before the command: for cards that do not know the short form.
    Selected,
}

impl Addressing {
    /// Whether a card that answers this command so does not know its short form, and gets SELECT (`protocol.md` §4).
    pub(crate) fn is_unknown_short_form(self, sent: Instruction, status: StatusWord) -> bool {
        self == Self::Short
            && sent != Instruction::GetResponse
            && [0x6A82, 0x6A86, 0x6B00, 0x6D00].contains(&status.get())
    }
}

/// Whether an answer to SELECT says that this card has no JPKI application.
///
/// Cards of other schemes refuse in many words: not found or not supported (`6Axx`), unknown instruction (`6D00`) or
/// class (`6E00`), applet selection failed (`6999`).
pub(crate) fn another_card(status: StatusWord) -> bool {
    let [high, _low] = status.get().to_be_bytes();
    matches!(high, 0x6A | 0x6D | 0x6E) || status.get() == 0x6999
}

/// Whether an answer to VERIFY without data says that the card has no PIN at all.
///
/// A guess: such cards (暗証番号設定なし, since December 2023) are described nowhere in public. Taken for it are *no such
/// reference* (`6A88`), *no such file* (`6A82`, also for the PIN's file) and *conditions of use not satisfied* (`6985`).
pub(crate) fn no_pin_set(status: StatusWord) -> bool {
    [0x6A88, 0x6A82, 0x6985].contains(&status.get())
}

/// Whether the PIN is locked: reference not usable, or method blocked (ISO 7816-4 table 6).
pub(crate) fn pin_locked(status: StatusWord) -> bool {
    [0x6984, 0x6983].contains(&status.get())
}
