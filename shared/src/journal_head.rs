//! Where a gate's journal stands: what every signed request of a gate carries, so that a copied disk shows as a fork.
//!
//! Two machines with one disk sign with one key. Their journals are the same up to the copy and never again after the
//! next start: each start writes a fact with random bytes, so its chain hash names the run.

use core::fmt;

use sfv::{BareItem, Dictionary, ListEntry, Parser};

/// The header field that carries it: `boot=3, begun=:…:, length=120, chain=:…:` (RFC 9651, a dictionary of this order).
pub const JOURNAL_HEADER: &str = "kido-journal";

/// Longest header value that is parsed: ours take under 150 characters.
const HEADER_CHARS_MAX: usize = 256;

/// One gate's journal at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalHead {
    /// How often the gate has started, this run included.
    pub boot: u64,
    /// The journal's chain hash right behind the start of this run.
    pub begun: [u8; 32],
    /// Facts in the journal.
    pub length: u64,
    /// Its chain hash.
    pub chain: [u8; 32],
}

/// The header field is not one that a gate of this protocol writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the journal's head is not readable")]
pub struct JournalHeadError;

impl fmt::Display for JournalHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boot, begun, length, chain } = self;
        write!(f, "boot={boot}, begun=:{}:, length={length}, chain=:{}:", base64(begun), base64(chain))
    }
}

impl core::str::FromStr for JournalHead {
    type Err = JournalHeadError;

    /// Reads the one form that [`Self`] is written in.
    fn from_str(field: &str) -> Result<Self, JournalHeadError> {
        if field.len() > HEADER_CHARS_MAX {
            return Err(JournalHeadError);
        }
        let fields: Dictionary = Parser::new(field).parse().map_err(|_no_detail| JournalHeadError)?;
        let head = Self {
            boot: number(&fields, "boot")?,
            begun: hash(&fields, "begun")?,
            length: number(&fields, "length")?,
            chain: hash(&fields, "chain")?,
        };
        // One form only: nothing else that a parser would take rides along.
        if head.to_string() == field { Ok(head) } else { Err(JournalHeadError) }
    }
}

fn item<'a>(fields: &'a Dictionary, name: &str) -> Result<&'a BareItem, JournalHeadError> {
    match fields.get(name) {
        Some(ListEntry::Item(item)) => Ok(&item.bare_item),
        Some(ListEntry::InnerList(_)) | None => Err(JournalHeadError),
    }
}

fn number(fields: &Dictionary, name: &str) -> Result<u64, JournalHeadError> {
    let BareItem::Integer(number) = item(fields, name)? else { return Err(JournalHeadError) };
    u64::try_from(i64::from(*number)).map_err(|_negative| JournalHeadError)
}

fn hash(fields: &Dictionary, name: &str) -> Result<[u8; 32], JournalHeadError> {
    let BareItem::ByteSequence(bytes) = item(fields, name)? else { return Err(JournalHeadError) };
    bytes.as_slice().try_into().map_err(|_length| JournalHeadError)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The largest integer of a structured field: a gate that starts once a second reaches it in thirty million years.
    const NUMBERS: std::ops::Range<u64> = 0..1_000_000_000_000_000;

    #[test]
    fn only_the_form_that_gates_write_is_read() {
        let head = JournalHead { boot: 3, begun: [1; 32], length: 120, chain: [2; 32] };
        let written = head.to_string();
        assert_eq!(written.parse(), Ok(head));
        for other in [
            written.replace(", ", ","),
            written.replace("boot=3, ", ""),
            written.replace("boot=3", "boot=-3"),
            written.replace("boot=3", "boot=\"3\""),
            format!("{written}, more=1"),
            format!("{written};a=1"),
            String::new(),
            "x".repeat(HEADER_CHARS_MAX + 1),
        ] {
            assert_eq!(other.parse::<JournalHead>(), Err(JournalHeadError), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_head_reads_back(boot in NUMBERS, length in NUMBERS, begun in any::<[u8; 32]>(), chain in any::<[u8; 32]>()) {
            let head = JournalHead { boot, begun, length, chain };
            prop_assert_eq!(head.to_string().parse(), Ok(head));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[ -~]{0,300}") {
            if let Ok(head) = text.parse::<JournalHead>() {
                prop_assert_eq!(head.to_string(), text);
            }
        }
    }
}
