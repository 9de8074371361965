//! Identifiers as types, so that a ticket is never taken for a gate.
//!
//! Each is 16 random bytes: signed messages and the feed carry the raw bytes, people and links see a short prefix and
//! 26 characters of Crockford base32. Ids are pseudonyms, never secrets, and may be logged.

use core::fmt;
use core::str::FromStr;

use rand::{CryptoRng, RngCore};

use crate::base32;
use crate::cbor_form::cbor_bytes;

/// Length of every identifier in bytes.
pub const ID_BYTES: usize = 16;

/// Why a text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The prefix names another kind of thing, or none.
    #[error("expected an id beginning with {expected:?}")]
    Prefix {
        /// What the text should begin with.
        expected: &'static str,
    },
    /// The rest is not 26 characters of Crockford base32.
    #[error("the part behind the prefix is not 26 characters of base32")]
    Base32,
    /// The byte form is not 16 bytes.
    #[error("an id is 16 bytes")]
    Length,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; ID_BYTES]);

        impl $name {
            /// What the text form begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id from the given source of randomness.
            pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
                let mut bytes = [0; ID_BYTES];
                random.fill_bytes(&mut bytes);
                Self(bytes)
            }

            /// The id with exactly these bytes, as they stand in a record or a signed message.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
                Self(bytes)
            }

            /// The 16 raw bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; ID_BYTES] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = IdError;

            fn try_from(bytes: &[u8]) -> Result<Self, IdError> {
                <[u8; ID_BYTES]>::try_from(bytes).map(Self).map_err(|_wrong_length| IdError::Length)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, base32::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let rest = text.strip_prefix($prefix).ok_or(IdError::Prefix { expected: $prefix })?;
                base32::decode(rest).map(Self).ok_or(IdError::Base32)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        cbor_bytes!($name, |bytes| Self::try_from(bytes).map_err(minicbor::decode::Error::custom));
    };
}

id! {
    /// One sold thing that people enter: a concert, a match, or a rehearsal of one.
    EventId, "event-"
}
id! {
    /// The right to enter an event, once or as often as its entries say.
    TicketId, "ticket-"
}
id! {
    /// Tickets bound together and admitted by one proof, such as a parent's and a child's.
    PartyId, "party-"
}
id! {
    /// One gate process with its keys.
    GateId, "gate-"
}
id! {
    /// One recorded fact that a holder entered; also what makes a repeated claim or upload harmless.
    AdmissionId, "admission-"
}
id! {
    /// One proof that a gate did not let in; also what makes a repeated upload of it harmless.
    ShowingId, "showing-"
}
id! {
    /// One registration, resume or show dialogue between a card helper and the registrar.
    SessionId, "session-"
}
id! {
    /// One run of an import, or the same begun again: many batches of one whole.
    ImportRunId, "import-"
}
id! {
    /// One enrolment dialogue between a new gate or venue arbiter and the registrar.
    EnrolmentId, "enrolment-"
}
id! {
    /// One home of claims: gates that name the same cluster and epoch ask the same arbiter.
    ArbiterId, "arbiter-"
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $first:literal) => {
        $(#[$doc])*
        #[derive(
            Clone,
            Copy,
            Debug,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            serde::Serialize,
            serde::Deserialize,
            minicbor::Encode,
            minicbor::Decode,
        )]
        #[serde(transparent)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] u64);

        impl $name {
            #[doc = $first]
            pub const FIRST: Self = Self(0);

            /// The one with this number.
            #[must_use]
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number itself.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number! {
    /// Place of a record in an event's feed, from 0.
    FeedSequence, "The place of the first record."
}
number! {
    /// Generation of an event's feed: a cut of history, signed with the root key, starts the next one.
    Epoch, "The generation that a new event starts with."
}

impl FeedSequence {
    /// The next place; `None` where numbers end.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_reads_back_from_its_text(bytes in any::<[u8; ID_BYTES]>()) {
            let id = TicketId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse::<TicketId>(), Ok(id));
        }
    }

    #[test]
    fn a_gate_id_is_no_ticket_id() {
        let gate = GateId::from_bytes([7; ID_BYTES]).to_string();
        assert_eq!(gate.parse::<TicketId>(), Err(IdError::Prefix { expected: "ticket-" }));
    }

    #[test]
    fn an_id_has_one_text_form_only() {
        let text = TicketId::from_bytes([0; ID_BYTES]).to_string();
        let padded = text.replacen("ticket-0", "ticket-Z", 1);
        assert_eq!(padded.parse::<TicketId>(), Err(IdError::Base32), "bits beyond the 128th are refused");
    }
}
