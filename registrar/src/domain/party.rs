//! Tickets that belong together.

use kido_shared::ids::PartyId;
use kido_shared::keys::OrderKey;

/// Longest label in characters: a row number, an order's place, a class.
pub const PARTY_LABEL_CHARS_MAX: usize = 32;

/// A text is no party label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a party is 1 to {PARTY_LABEL_CHARS_MAX} letters, digits or hyphens")]
pub struct PartyLabelError;

/// What an import calls tickets that are admitted by one proof. It ends with the import; what stays is a [`PartyId`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyLabel(String);

impl PartyLabel {
    /// Reads a label.
    ///
    /// # Errors
    /// [`PartyLabelError`].
    pub fn parse(text: &str) -> Result<Self, PartyLabelError> {
        let clean = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let fits = (1..=PARTY_LABEL_CHARS_MAX).contains(&text.len());
        if clean && fits { Ok(Self(text.to_owned())) } else { Err(PartyLabelError) }
    }

    /// The party's id: the same label names the same party in every batch of an event, so that a repeated import changes nothing.
    ///
    /// Two imports that both call a party `1` do no harm: a party only groups tickets that lie on one card.
    #[must_use]
    pub fn id(&self, key: &OrderKey) -> PartyId {
        PartyId::from_bytes(key.hash(b"party", self.0.as_bytes()))
    }
}
