//! The short form of a ticket's id: what stands on paper, and what a hand can copy.
//!
//! Nine characters of the id's 26, in threes: 43 bits, so that among 100,000 tickets two share one in less than one of
//! a thousand events. Where they do, the paper shows as many characters more as it takes, and whoever reads it back says
//! that the short one is ambiguous.

use core::fmt;

use kido_shared::ids::TicketId;

/// Characters of an ordinary short id.
pub const SHORT_ID_CHARS: usize = 9;

/// Characters of a whole id.
const ID_CHARS: usize = 26;

/// Characters between two hyphens.
const GROUP: usize = 3;

/// A text is no short id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a ticket's short id is at least {SHORT_ID_CHARS} letters and digits, as the list on paper shows it")]
pub struct ShortIdError;

/// The beginning of a ticket's id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShortId(String);

impl ShortId {
    /// So many characters of an id, at least the ordinary number.
    #[must_use]
    pub fn of(ticket: TicketId, chars: usize) -> Self {
        let text = ticket.to_string();
        let id = text.strip_prefix(TicketId::PREFIX).unwrap_or(&text);
        Self(id.chars().take(chars.max(SHORT_ID_CHARS)).collect())
    }

    /// Reads one as a hand wrote it: small letters, hyphens, spaces, `O` for `0`, `I` and `L` for `1`; or a whole id.
    ///
    /// # Errors
    /// [`ShortIdError`].
    pub fn parse(text: &str) -> Result<Self, ShortIdError> {
        let text = text.trim();
        let text = text.strip_prefix(TicketId::PREFIX).unwrap_or(text);
        let mut id = String::with_capacity(ID_CHARS);
        for character in text.chars().filter(|character| !matches!(character, '-' | ' ')) {
            id.push(match character.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                'U' => return Err(ShortIdError),
                upper if upper.is_ascii_digit() || upper.is_ascii_uppercase() => upper,
                _ => return Err(ShortIdError),
            });
        }
        // 26 characters carry two bits more than an id has: none begins above 7.
        let fits = (SHORT_ID_CHARS..=ID_CHARS).contains(&id.len()) && id.starts_with(|first| first <= '7');
        if fits { Ok(Self(id)) } else { Err(ShortIdError) }
    }

    /// Whether it is this ticket's.
    #[must_use]
    pub fn names(&self, ticket: TicketId) -> bool {
        ticket.to_string().strip_prefix(TicketId::PREFIX).is_some_and(|id| id.starts_with(&self.0))
    }

    /// The last id that sorts before every ticket that this names; none where nothing does.
    #[must_use]
    pub fn before(&self) -> Option<TicketId> {
        let padded = format!("{}{:0<ID_CHARS$}", TicketId::PREFIX, self.0);
        let first: TicketId = padded.parse().ok()?;
        let before = u128::from_be_bytes(*first.as_bytes()).checked_sub(1)?;
        Some(TicketId::from_bytes(before.to_be_bytes()))
    }
}

impl fmt::Display for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, character) in self.0.chars().enumerate() {
            let hyphen = if place > 0 && place.is_multiple_of(GROUP) { "-" } else { "" };
            write!(f, "{hyphen}{character}")?;
        }
        Ok(())
    }
}

/// The short ids of tickets in the order of their ids: each as long as it takes to be no other's.
#[must_use]
pub fn of_all(sorted: &[TicketId]) -> Vec<ShortId> {
    let shared = |pair: &[TicketId]| match pair {
        [one, other] => {
            let (one, other) = (one.to_string(), other.to_string());
            let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
            same.saturating_sub(TicketId::PREFIX.len())
        }
        _ => 0,
    };
    let between: Vec<usize> = sorted.windows(2).map(shared).collect();
    let beside = |place: Option<usize>| place.and_then(|place| between.get(place)).copied().unwrap_or(0);
    let short = |(place, ticket): (usize, &TicketId)| {
        let same = beside(Some(place)).max(beside(place.checked_sub(1)));
        ShortId::of(*ticket, same.saturating_add(1))
    };
    sorted.iter().enumerate().map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_stands_on_paper_names_its_ticket_however_it_was_copied(bytes in any::<[u8; 16]>(), other in any::<[u8; 16]>()) {
            let (ticket, other) = (TicketId::from_bytes(bytes), TicketId::from_bytes(other));
            let mut sorted = [ticket, other];
            sorted.sort_unstable();
            for (ticket, short) in sorted.iter().zip(of_all(&sorted)) {
                let copied = short.to_string().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
                let read = ShortId::parse(&copied).unwrap();
                prop_assert_eq!(&read, &short);
                prop_assert!(read.names(*ticket));
                prop_assert!(read.before().is_none_or(|before| before < *ticket));
                prop_assert_eq!(sorted.iter().filter(|ticket| read.names(**ticket)).count(), 1 + usize::from(sorted[0] == sorted[1]));
            }
        }
    }

    #[test]
    fn two_tickets_that_begin_alike_are_told_apart_on_paper() {
        let (mut one, mut other) = ([7; 16], [7; 16]);
        (one[15], other[15]) = (1, 2);
        let sorted = [TicketId::from_bytes(one), TicketId::from_bytes(other)];
        let short = of_all(&sorted);
        assert_ne!(short[0], short[1]);
        let ordinary = ShortId::of(sorted[0], 0);
        assert!(ordinary.names(sorted[0]) && ordinary.names(sorted[1]), "the ordinary one is ambiguous");
    }

    #[test]
    fn a_short_id_has_nine_characters_or_more() {
        assert_eq!(ShortId::of(TicketId::from_bytes([0; 16]), 0).to_string(), "000-000-000");
        for bad in ["", "1BC-DEF-GH", "1BC-DEF-GH!", "1BC-DEF-GHU", "8BC-DEF-GHJ", "0123456789012345678901234567"] {
            assert_eq!(ShortId::parse(bad), Err(ShortIdError), "{bad}");
        }
        assert!(ShortId::parse("ticket-00000000000000000000000000").is_ok());
    }
}
