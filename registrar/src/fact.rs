//! The facts of one event: the registrar's truth, appended and never changed.
//!
//! Version 1. Each fact is CBOR with explicit numbers; a number is never given a second meaning, and a new field is
//! optional, so every program reads the logs of all earlier ones. The golden fixtures in the tests stay for ever.
//!
//! **Invariant** (privacy): no certificate, serial, name, date, signature or window; references only as keyed hashes,
//! codes only as SHA-256. A sealed key stands in its feed record only, as ciphertext.

use kido_shared::admission::Admission;
use kido_shared::claim::{ClaimStep, TicketClaims};
use kido_shared::clock::Timestamp;
use kido_shared::codes::CodeHash;
use kido_shared::feed::Conflict;
use kido_shared::ids::{ArbiterId, Epoch, FeedSequence, GateId, TicketId};
use kido_shared::policy::EventPolicy;
use kido_shared::showing::RefusedShowing;
use kido_shared::ticket::Zone;
use minicbor::bytes::ByteVec;

use crate::domain::arbiter::Arbiter;
use crate::domain::history::Actor;
use crate::domain::postponement::Moving;
use crate::domain::reference::ReferenceHash;
use crate::domain::ticket::{ChangesOfDay, KeptBinding, Particulars, Stage, StatusChange, Ticket};
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
}

/// Tickets on their event's new date.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct WindowsMoved {
    /// Which tickets; how far stands with the event.
    #[n(0)]
    pub tickets: Vec<TicketId>,
    /// Place of the first ticket's new record in the feed; the others follow in order.
    #[n(1)]
    pub first_record: FeedSequence,
    /// The last ticket that was looked at; none where no further one is left.
    #[n(2)]
    pub reached: Option<TicketId>,
    /// When.
    #[n(3)]
    pub at: Timestamp,
}

/// A batch of tickets.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct TicketsImported {
    /// Whether they were paid for.
    #[n(0)]
    pub paid: bool,
    /// Place of the first ticket's record in the feed; the others follow in order.
    #[n(1)]
    pub first_record: FeedSequence,
    /// The tickets.
    #[n(2)]
    pub tickets: Vec<ImportedTicket>,
    /// When.
    #[n(3)]
    pub at: Timestamp,
}

/// One ticket of a batch.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct ImportedTicket {
    /// Its id.
    #[n(0)]
    pub ticket: TicketId,
    /// The shop's name for it.
    #[n(1)]
    pub reference: ReferenceHash,
    /// The shop's name for the purchase.
    #[n(2)]
    pub order: ReferenceHash,
    /// What it is for.
    #[n(3)]
    pub particulars: Particulars,
    /// Hash of its registration code.
    #[n(4)]
    pub code: CodeHash,
}

impl ImportedTicket {
    /// The ticket as its import leaves it, with its record at this place of the feed.
    #[must_use]
    pub fn into_ticket(self, paid: bool, ticket_at: FeedSequence) -> Ticket {
        let Self { reference, order, particulars, code, .. } = self;
        let (stage, changes) = (Stage::Unbound, ChangesOfDay::default());
        Ticket { particulars, reference, order, paid, stage, code: Some(code), ticket_at, binding_at: None, changes }
    }
}

/// A ticket's status changed.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct StatusChanged {
    /// Which ticket.
    #[n(0)]
    pub ticket: TicketId,
    /// How.
    #[n(1)]
    pub change: StatusChange,
    /// Through whom.
    #[n(2)]
    pub actor: Actor,
    /// When.
    #[n(3)]
    pub at: Timestamp,
    /// Place of the ticket's new record in the feed.
    #[n(4)]
    pub record: FeedSequence,
    /// Place of the record that takes its card away, where it had one.
    #[n(5)]
    pub unbound_record: Option<FeedSequence>,
    /// Hash of the code that replaced the one of a card's proof.
    #[n(6)]
    pub code: Option<CodeHash>,
}

/// A new code.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct CodeReplaced {
    /// Which ticket.
    #[n(0)]
    pub ticket: TicketId,
    /// Hash of the code that opens it now.
    #[n(1)]
    pub code: CodeHash,
    /// Through whom.
    #[n(2)]
    pub actor: Actor,
    /// When.
    #[n(3)]
    pub at: Timestamp,
}

/// A ticket was bound.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Bound {
    /// Which ticket.
    #[n(0)]
    pub ticket: TicketId,
    /// What is kept of the card.
    #[n(1)]
    pub binding: KeptBinding,
    /// Hash of the holder code; the registration code is dead.
    #[n(2)]
    pub code: CodeHash,
    /// When.
    #[n(3)]
    pub at: Timestamp,
    /// Place of the binding record in the feed.
    #[n(4)]
    pub record: FeedSequence,
}

/// A card was tried.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Shown {
    /// The tickets that it was tried for.
    #[n(0)]
    pub tickets: Vec<TicketId>,
    /// Hash of the code that replaced the one shown; none where the card alone was shown.
    #[n(1)]
    pub code: Option<CodeHash>,
    /// When.
    #[n(2)]
    pub at: Timestamp,
}

/// A new gate.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct GateAdded {
    /// Its id.
    #[n(0)]
    pub gate: GateId,
    /// Its Ed25519 key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub verifying_key: [u8; 32],
    /// The part of the venue that it opens.
    #[n(2)]
    pub zone: Zone,
    /// What is written over the entrance.
    #[n(3)]
    pub entrance: Zone,
    /// When.
    #[n(4)]
    pub at: Timestamp,
    /// Place of its record in the feed.
    #[n(5)]
    pub record: FeedSequence,
}

/// A gate was revoked.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct GateRevoked {
    /// Which gate.
    #[n(0)]
    pub gate: GateId,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// Place of its record in the feed.
    #[n(2)]
    pub record: FeedSequence,
    /// Whether by the registrar itself, because two machines ran with its keys.
    #[n(3)]
    pub copied: Option<bool>,
}

/// A new venue arbiter.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ArbiterAdded {
    /// The arbiter as it is kept.
    #[n(0)]
    pub arbiter: Arbiter,
}

/// A venue arbiter was revoked.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ArbiterRevoked {
    /// Which.
    #[n(0)]
    pub arbiter: ArbiterId,
    /// When.
    #[n(1)]
    pub at: Timestamp,
}

/// The arbiter took a step.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ClaimChanged {
    /// The step.
    #[n(0)]
    pub step: ClaimStep,
    /// The ticket's record after it.
    #[n(1)]
    pub claims: TicketClaims,
    /// When, by the registrar's clock.
    #[n(2)]
    pub at: Timestamp,
    /// Place of the record that tells gates, where they must know.
    #[n(3)]
    pub record: Option<FeedSequence>,
}

/// A gate let a holder in.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct AdmissionRecorded {
    /// The admission as the gate stored it.
    #[n(0)]
    pub admission: Admission,
    /// When it arrived here.
    #[n(1)]
    pub at: Timestamp,
    /// Place of its record in the feed.
    #[n(2)]
    pub record: FeedSequence,
    /// Whether its entry is its own: false where the entry had been given back or another admission holds it.
    #[n(3)]
    pub holds_entry: bool,
}

/// Two admissions of one entry.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ConflictRecorded {
    /// Which.
    #[n(0)]
    pub conflict: Conflict,
    /// At which gate the second one came in.
    #[n(1)]
    pub gate: GateId,
    /// Place of its record in the feed.
    #[n(2)]
    pub record: FeedSequence,
}

/// A holder's proof opened nothing.
#[derive(Debug, Clone, PartialEq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ShowingRefused {
    /// The showing as the gate stored it.
    #[n(0)]
    pub showing: RefusedShowing,
    /// When it arrived here.
    #[n(1)]
    pub at: Timestamp,
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

/// The number of [`Fact::FeedExtended`].
const FEED_EXTENDED: u32 = 12;

#[cfg(test)]
mod tests;
