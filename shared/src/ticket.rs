//! Tickets as gates see them: a right to enter, with no person in it.

use core::fmt;
use core::num::NonZeroU16;

use crate::clock::Timestamp;
use crate::redact::LogSafe;

/// Longest zone name in characters: it stands in one line of the lane's strip and on a ticket.
pub const ZONE_CHARS_MAX: usize = 16;

/// Longest seat label in characters (`protocol.md` §5): more would invite names.
pub const SEAT_LABEL_CHARS_MAX: usize = 24;

/// Digits in a row that a seat label may not reach: longer runs are telephone and My Numbers.
const SEAT_LABEL_DIGITS_MAX: usize = 8;

/// Endings that address a person; a seat label has none.
const HONORIFICS: [&str; 6] = ["様", "さま", "さん", "殿", "氏", "くん"];

/// Why a ticket's particulars are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// The zone is empty, too long, or has other characters than letters, digits and `-`.
    #[error("a zone is 1 to {ZONE_CHARS_MAX} letters, digits or hyphens")]
    Zone,
    /// The seat label is too long or has control characters.
    #[error("a seat label is at most {SEAT_LABEL_CHARS_MAX} printable characters")]
    SeatLabel,
    /// The seat label looks like a person, an address or a number of one.
    #[error("a seat label names no person: no @, no honorific, no nine digits in a row")]
    SeatLabelPersonal,
    /// The window ends before it begins.
    #[error("valid_until must be later than valid_from")]
    Window,
    /// Neither `unlimited` nor a number from 1 to 65,535.
    #[error("entries is a number from 1 to 65535, or unlimited")]
    Entries,
}

macro_rules! text {
    ($name:ident) => {
        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = TicketError;

            fn try_from(text: String) -> Result<Self, TicketError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                encoder: &mut minicbor::Encoder<W>,
                _context: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                encoder.str(&self.0)?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(decoder: &mut minicbor::Decoder<'b>, _context: &mut C) -> Result<Self, minicbor::decode::Error> {
                Self::new(decoder.str()?).map_err(minicbor::decode::Error::custom)
            }
        }
    };
}

/// A part of the venue that a ticket is for; each gate serves one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(String);

text!(Zone);

impl Zone {
    /// Reads a zone.
    ///
    /// # Errors
    /// [`TicketError::Zone`] where it is empty, too long or has other characters.
    pub fn new(text: &str) -> Result<Self, TicketError> {
        let fits = (1..=ZONE_CHARS_MAX).contains(&text.chars().count());
        let clean = text.chars().all(|character| character.is_alphanumeric() || character == '-');
        if fits && clean { Ok(Self(text.to_owned())) } else { Err(TicketError::Zone) }
    }
}

impl LogSafe for Zone {}

/// What is printed on a ticket for its place: `Block 12, row 3`. Names no person.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SeatLabel(String);

text!(SeatLabel);

impl SeatLabel {
    /// Reads a seat label; empty where places are not numbered.
    ///
    /// # Errors
    /// [`TicketError::SeatLabel`] or [`TicketError::SeatLabelPersonal`].
    pub fn new(text: &str) -> Result<Self, TicketError> {
        if text.chars().count() > SEAT_LABEL_CHARS_MAX || text.chars().any(char::is_control) {
            return Err(TicketError::SeatLabel);
        }
        let honorific = HONORIFICS.iter().any(|ending| text.trim_end().ends_with(ending));
        if text.contains(['@', '＠']) || honorific || longest_digit_run(text) > SEAT_LABEL_DIGITS_MAX {
            return Err(TicketError::SeatLabelPersonal);
        }
        Ok(Self(text.to_owned()))
    }
}

fn longest_digit_run(text: &str) -> usize {
    let runs = text.split(|character: char| !character.is_numeric());
    runs.map(|run| run.chars().count()).max().unwrap_or(0)
}

/// When a ticket may be used: from the first moment up to, not including, the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryWindow {
    from: Timestamp,
    until: Timestamp,
}

impl EntryWindow {
    /// A window.
    ///
    /// # Errors
    /// [`TicketError::Window`] where it would be empty.
    pub fn new(from: Timestamp, until: Timestamp) -> Result<Self, TicketError> {
        if from < until { Ok(Self { from, until }) } else { Err(TicketError::Window) }
    }

    /// The first moment.
    #[must_use]
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// The moment after the last.
    #[must_use]
    pub const fn until(&self) -> Timestamp {
        self.until
    }
}

impl<C> minicbor::Encode<C> for EntryWindow {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        (self.from, self.until).encode(encoder, context)
    }
}

impl<'b, C> minicbor::Decode<'b, C> for EntryWindow {
    fn decode(decoder: &mut minicbor::Decoder<'b>, context: &mut C) -> Result<Self, minicbor::decode::Error> {
        let (from, until) = <(Timestamp, Timestamp)>::decode(decoder, context)?;
        Self::new(from, until).map_err(minicbor::decode::Error::custom)
    }
}

/// How often a ticket lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Entries {
    /// This many times in all; a further entry needs an exit before it.
    Times(NonZeroU16),
    /// As often as wished, an exit between two entries.
    Unlimited,
}

impl Entries {
    /// The ordinary ticket: one entry.
    pub const ONCE: Self = Self::Times(NonZeroU16::MIN);

    /// Whether an entry with this number, counted from 1, may still happen.
    #[must_use]
    pub fn allows(self, entry: u32) -> bool {
        match self {
            Self::Times(times) => (1..=u32::from(times.get())).contains(&entry),
            Self::Unlimited => entry >= 1,
        }
    }
}

impl TryFrom<String> for Entries {
    type Error = TicketError;

    fn try_from(text: String) -> Result<Self, TicketError> {
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        text.parse().map(Self::Times).map_err(|_not_a_number| TicketError::Entries)
    }
}

impl From<Entries> for String {
    fn from(entries: Entries) -> Self {
        match entries {
            Entries::Times(times) => times.to_string(),
            Entries::Unlimited => "unlimited".to_owned(),
        }
    }
}

impl<C> minicbor::Encode<C> for Entries {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let number = match self {
            Self::Times(times) => times.get(),
            Self::Unlimited => 0,
        };
        encoder.u16(number)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Entries {
    fn decode(decoder: &mut minicbor::Decoder<'b>, _context: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(NonZeroU16::new(decoder.u16()?).map_or(Self::Unlimited, Self::Times))
    }
}

/// What a ticket is good for at a gate, apart from time, place and use.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum TicketStatus {
    /// Paid and in force; whether a card is bound is another record.
    #[n(0)]
    InForce,
    /// Reserved: payment is not confirmed yet.
    #[n(1)]
    NotPaid,
    /// Reported lost, by the holder or the shop.
    #[n(2)]
    Suspended,
    /// Given back to the shop for resale.
    #[n(3)]
    Returned,
    /// Cancelled for good.
    #[n(4)]
    Cancelled,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_label_names_no_person() {
        for personal in ["taro@example.jp", "木戸太郎様", "090123456", "０９０１２３４５６", "Kido さん"]
        {
            assert_eq!(SeatLabel::new(personal), Err(TicketError::SeatLabelPersonal), "{personal}");
        }
        for place in ["", "1階 3列 12番", "Block 12, row 3", "12345678"] {
            assert!(SeatLabel::new(place).is_ok(), "{place}");
        }
    }

    #[test]
    fn a_seat_label_and_a_zone_have_a_bound() {
        assert_eq!(SeatLabel::new(&"席".repeat(25)), Err(TicketError::SeatLabel));
        assert_eq!(Zone::new(""), Err(TicketError::Zone));
        assert_eq!(Zone::new("A B"), Err(TicketError::Zone));
        assert_eq!(Zone::new(&"Z".repeat(17)), Err(TicketError::Zone));
    }

    #[test]
    fn one_entry_means_entry_number_one() {
        assert!(Entries::ONCE.allows(1));
        assert!(!Entries::ONCE.allows(2));
        assert!(!Entries::ONCE.allows(0));
        assert!(Entries::Unlimited.allows(70_000));
    }

    #[test]
    fn an_empty_window_is_refused() {
        let moment = Timestamp::from_unix_ms(5);
        assert_eq!(EntryWindow::new(moment, moment), Err(TicketError::Window));
        let stored = minicbor::to_vec((moment, moment)).unwrap();
        assert!(minicbor::decode::<EntryWindow>(&stored).is_err(), "nor does one come out of a record");
    }
}
