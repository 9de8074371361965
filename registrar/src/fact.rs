//! The facts of one event: the registrar's truth, appended and never changed.
//!
//! Version 1. Each fact is CBOR with explicit numbers; a number is never given a second meaning, and a new field is
//! optional, so every program reads the logs of all earlier ones. The golden fixtures in the tests stay for ever.
//!
//! **Invariant** (privacy): no certificate, serial, name, date, signature or window; references only as keyed hashes,
//! codes only as SHA-256. A sealed key stands in its feed record only, as ciphertext.

mod cut;
mod tickets;
mod venue;

use kido_shared::clock::Timestamp;
use kido_shared::codes::CodeHash;
use kido_shared::feed::FeedKeyCertificate;
use kido_shared::ids::{Epoch, FeedSequence, TicketId};
use kido_shared::policy::EventPolicy;
use minicbor::bytes::ByteVec;

pub use cut::{FeedCut, RetoldTicket, TicketsRetold};
pub use tickets::{Bound, CodeReplaced, ImportedTicket, Shown, StatusChanged, TicketsImported, WindowsMoved};
pub use venue::{
    AdmissionEnded, AdmissionRecorded, ArbiterAdded, ArbiterRevoked, ClaimChanged, ConflictRecorded, ConflictSettled,
    EndingHeld, GateAdded, GateClaimsFreed, GateHeard, GateRevoked, ShowingRefused,
};

use crate::domain::postponement::Moving;
use crate::keyring::WrappedEventKey;

/// One fact.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
pub enum Fact {
    /// The event began. Always the first fact.
    #[n(0)]
    EventCreated(#[n(0)] EventCreated),
    /// Its policy is another one from now on.
    #[n(1)]
    PolicyChanged(#[n(0)] PolicyChanged),
    /// Tickets came from the shop.
    #[n(2)]
    TicketsImported(#[n(0)] TicketsImported),
    /// A ticket's status changed.
    #[n(3)]
    StatusChanged(#[n(0)] StatusChanged),
    /// A ticket has a new code.
    #[n(4)]
    CodeReplaced(#[n(0)] CodeReplaced),
    /// A ticket was bound to a card.
    #[n(5)]
    Bound(#[n(0)] Bound),
    /// The bound card gave a proof that changed nothing but the code.
    #[n(6)]
    Shown(#[n(0)] Shown),
    /// A gate belongs to the event.
    #[n(7)]
    GateAdded(#[n(0)] GateAdded),
    /// A gate does so no longer.
    #[n(8)]
    GateRevoked(#[n(0)] GateRevoked),
    /// The arbiter took a step.
    #[n(9)]
    ClaimChanged(#[n(0)] ClaimChanged),
    /// A gate let a holder in.
    #[n(10)]
    AdmissionRecorded(#[n(0)] AdmissionRecorded),
    /// Two admissions of one entry.
    #[n(11)]
    ConflictRecorded(#[n(0)] ConflictRecorded),
    /// What gates may read grew by these ciphertexts.
    #[n(12)]
    FeedExtended(#[n(0)] FeedExtended),
    /// A holder's proof opened nothing at a gate.
    #[n(13)]
    ShowingRefused(#[n(0)] ShowingRefused),
    /// A venue arbiter decides for the event.
    #[n(14)]
    ArbiterAdded(#[n(0)] ArbiterAdded),
    /// A venue arbiter does so no longer.
    #[n(15)]
    ArbiterRevoked(#[n(0)] ArbiterRevoked),
    /// Tickets followed their event to its new date.
    #[n(16)]
    WindowsMoved(#[n(0)] WindowsMoved),
    /// A gate knows that it decides by itself no longer.
    #[n(20)]
    GateHeard(#[n(0)] GateHeard),
    /// Heads are signed with another key from now on.
    #[n(21)]
    FeedKeyChanged(#[n(0)] FeedKeyChanged),
    /// An admission that is not here yet has ended.
    #[n(24)]
    EndingHeld(#[n(0)] EndingHeld),
    /// An admission has ended.
    #[n(25)]
    AdmissionEnded(#[n(0)] AdmissionEnded),
    /// A conflict was none.
    #[n(26)]
    ConflictSettled(#[n(0)] ConflictSettled),
    /// The feed begins anew in another epoch.
    #[n(30)]
    FeedCut(#[n(0)] FeedCut),
    /// Tickets were told of in it.
    #[n(31)]
    TicketsRetold(#[n(0)] TicketsRetold),
    /// A revoked gate holds claims no longer that no admission followed.
    #[n(40)]
    GateClaimsFreed(#[n(0)] GateClaimsFreed),
}

/// The event began.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct EventCreated {
    /// Its choices.
    #[n(0)]
    pub policy: EventPolicy,
    /// Its key, readable with the keyring only.
    #[n(1)]
    pub key: WrappedEventKey,
    /// When.
    #[n(2)]
    pub at: Timestamp,
}

/// Another policy.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct PolicyChanged {
    /// The choices from now on.
    #[n(0)]
    pub policy: EventPolicy,
    /// The event key under another week's key, where the retention date moved to another week.
    #[n(1)]
    pub key: Option<WrappedEventKey>,
    /// When.
    #[n(2)]
    pub at: Timestamp,
    /// Where the event was moved to another date: every ticket is to follow.
    #[n(3)]
    pub moving: Option<Moving>,
    /// Place of its record in the feed; where an earlier version has not kept it, it follows on the feed before.
    #[n(4)]
    pub record: Option<FeedSequence>,
}

/// What gates may read grew.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct FeedExtended {
    /// The feed's generation.
    #[n(0)]
    pub epoch: Epoch,
    /// Place of the first of these records.
    #[n(1)]
    pub first: FeedSequence,
    /// The ciphertexts, in order.
    #[n(2)]
    pub records: Vec<ByteVec>,
}

/// Another feed key.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct FeedKeyChanged {
    /// The root key's word for it.
    #[n(0)]
    pub certificate: FeedKeyCertificate,
    /// For the key before it: the first one of an event stands in the keyring alone.
    #[n(1)]
    pub before: FeedKeyCertificate,
    /// When.
    #[n(2)]
    pub at: Timestamp,
    /// Place of its record in the feed.
    #[n(3)]
    pub record: FeedSequence,
}

/// The bytes are no fact of a version that this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a fact of this program's version")]
pub struct FactError;

impl Fact {
    /// The fact as it is appended.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match minicbor::encode(self, &mut bytes) {
            Ok(()) => bytes,
            // Writing to memory does not fail, and no field refuses its own value; an empty fact would be refused anyway.
            Err(_infallible) => Vec::new(),
        }
    }

    /// Reads a fact.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FactError> {
        let mut decoder = minicbor::Decoder::new(bytes);
        let fact = decoder.decode().map_err(|_no_detail| FactError)?;
        if decoder.position() == bytes.len() { Ok(fact) } else { Err(FactError) }
    }

    /// The event's key under a week's key, where this fact holds one.
    #[must_use]
    pub const fn wrapped_key(&self) -> Option<&WrappedEventKey> {
        if let Self::EventCreated(created) = self {
            return Some(&created.key);
        }
        if let Self::PolicyChanged(changed) = self { changed.key.as_ref() } else { None }
    }

    /// The ticket that this fact gave a code, and the code's hash; a row of an import says the same of itself.
    #[must_use]
    pub fn code_given(&self) -> Option<(TicketId, CodeHash)> {
        match self {
            Self::StatusChanged(fact) => fact.code.map(|code| (fact.ticket, code)),
            Self::CodeReplaced(fact) => Some((fact.ticket, fact.code)),
            Self::Bound(fact) => Some((fact.ticket, fact.code)),
            Self::Shown(fact) => fact.code.and_then(|code| fact.tickets.last().map(|ticket| (*ticket, code))),
            Self::EventCreated(_)
            | Self::PolicyChanged(_)
            | Self::TicketsImported(_)
            | Self::GateAdded(_)
            | Self::GateRevoked(_)
            | Self::ClaimChanged(_)
            | Self::AdmissionRecorded(_)
            | Self::ConflictRecorded(_)
            | Self::FeedExtended(_)
            | Self::ShowingRefused(_)
            | Self::ArbiterAdded(_)
            | Self::ArbiterRevoked(_)
            | Self::WindowsMoved(_)
            | Self::GateHeard(_)
            | Self::FeedKeyChanged(_)
            | Self::EndingHeld(_)
            | Self::AdmissionEnded(_)
            | Self::ConflictSettled(_)
            | Self::FeedCut(_)
            | Self::TicketsRetold(_)
            | Self::GateClaimsFreed(_) => None,
        }
    }

    /// Reads a fact's feed records; nothing where it is another kind of fact, without reading that.
    ///
    /// # Errors
    /// [`FactError`].
    pub fn feed_of_bytes(bytes: &[u8]) -> Result<Option<FeedExtended>, FactError> {
        let mut decoder = minicbor::Decoder::new(bytes);
        let mut kind = || -> Result<u32, minicbor::decode::Error> {
            decoder.array()?;
            decoder.u32()
        };
        if kind().map_err(|_no_detail| FactError)? != FEED_EXTENDED {
            return Ok(None);
        }
        decoder.decode().map(Some).map_err(|_no_detail| FactError)
    }
}

/// The number of [`Fact::TicketsImported`].
const TICKETS_IMPORTED: u32 = 2;
/// The number of [`Fact::FeedExtended`].
const FEED_EXTENDED: u32 = 12;

#[cfg(test)]
mod tests;
