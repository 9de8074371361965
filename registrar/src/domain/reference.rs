//! References that a shop knows its tickets and orders by; kept only as keyed hashes.

use kido_shared::keys::OrderKey;

/// Shortest and longest reference in characters (`protocol.md` §5).
const REFERENCE_CHARS: core::ops::RangeInclusive<usize> = 6..=32;

/// A text is no reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reference is 6 to 32 capital letters, digits or hyphens")]
pub struct ReferenceError;

macro_rules! reference {
    ($(#[$doc:meta])* $name:ident, $label:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// Reads a reference.
            ///
            /// # Errors
            /// [`ReferenceError`] where it is too short, too long or has other characters.
            pub fn parse(text: &str) -> Result<Self, ReferenceError> {
                let clean = text.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'-'));
                let clean = clean && !text.starts_with('-');
                if clean && REFERENCE_CHARS.contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(ReferenceError) }
            }

            /// The text, for an answer to whoever sent it; it is in no store.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// All that is kept of it.
            #[must_use]
            pub fn hash(&self, key: &OrderKey) -> ReferenceHash {
                ReferenceHash(key.hash($label, self.0.as_bytes()))
            }
        }

        /// A reference names a purchase, and with the shop's books a person.
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

reference! {
    /// The shop's name for one ticket.
    TicketRef, b"ticket"
}
reference! {
    /// The shop's name for one purchase.
    OrderRef, b"order"
}

/// Sixteen bytes of HMAC-SHA-256 under the event's `order` subkey: enough that no two references of an event meet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct ReferenceHash(#[cbor(n(0), with = "minicbor::bytes")] pub(crate) [u8; 16]);

impl core::fmt::Debug for ReferenceHash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ReferenceHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_capital_letters_digits_and_hyphens() {
        for good in ["ABC-123", "000000", &"Z".repeat(32)] {
            assert!(TicketRef::parse(good).is_ok(), "{good}");
        }
        for bad in ["ABC12", "abc-123", "ABC 123", "ABC_123", "ＡＢＣ１２３", &"Z".repeat(33), ""] {
            assert_eq!(TicketRef::parse(bad), Err(ReferenceError), "{bad}");
        }
    }

    #[test]
    fn a_ticket_and_an_order_of_the_same_name_have_different_hashes() {
        let key = OrderKey::from_bytes([4; 32]);
        let ticket = TicketRef::parse("SAME-NAME").unwrap().hash(&key);
        let order = OrderRef::parse("SAME-NAME").unwrap().hash(&key);
        assert_ne!(ticket, order);
    }
}
