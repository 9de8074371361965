//! A cut of history: the root key's word that an epoch is over and another begins.
//!
//! It exists for the registrar that came back from a backup and cannot learn what it had said since: its gates would
//! refuse a shortened history for ever. The new epoch is numbered from 0 under another record key.

use ed25519_dalek::{SigningKey, VerifyingKey};

use super::FeedError;
use super::statement::{Kind, VERSION, decode_exactly, encode};
use crate::clock::Timestamp;
use crate::ids::{Epoch, EventId};

const KIND: Kind = Kind { name: "an epoch cut", label: b"kido/v1/epoch-cut", bytes_max: 512 };

/// The statement that an event's feed starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochCut {
    /// Which event.
    pub event: EventId,
    /// The epoch that begins.
    pub epoch: Epoch,
    /// When the operator decided so.
    pub at: Timestamp,
}

#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Payload {
    #[n(0)]
    version: u64,
    #[n(1)]
    event: EventId,
    #[n(2)]
    epoch: Epoch,
    #[n(3)]
    at: Timestamp,
}

impl EpochCut {
    /// The cut that follows on the newest epoch that is known.
    ///
    /// The epoch is called by the second of the decision, and is a later one in any case. Counted up by one, a registrar
    /// that is restored twice from the same backup would give one number to two histories, and seal both under one key.
    #[must_use]
    pub fn after(event: EventId, known: Epoch, at: Timestamp) -> Self {
        let second = u64::try_from(at.unix_seconds()).unwrap_or_default();
        Self { event, epoch: Epoch::new(second.max(known.get().saturating_add(1))), at }
    }

    /// Signs with the root key.
    ///
    /// # Errors
    /// [`FeedError::CutNotForward`] where it leads to the first epoch, which needs no cut.
    pub fn sign(&self, root: &SigningKey) -> Result<SignedEpochCut, FeedError> {
        if self.epoch == Epoch::FIRST {
            return Err(FeedError::CutNotForward { to: self.epoch });
        }
        let payload = Payload { version: VERSION, event: self.event, epoch: self.epoch, at: self.at };
        KIND.sign(encode(&payload, KIND.name)?, root).map(SignedEpochCut)
    }

    /// Reads a cut and believes it where the root key signed it.
    ///
    /// # Errors
    /// [`FeedError`], by what is wrong.
    pub fn verify(bytes: &[u8], root: &VerifyingKey, event: EventId) -> Result<VerifiedEpochCut, FeedError> {
        let unverified = KIND.read(bytes)?;
        let payload: Payload = decode_exactly(unverified.verify(root)?, KIND.name)?;
        if payload.version != VERSION {
            return Err(FeedError::Version { what: KIND.name, version: payload.version });
        }
        if payload.event != event {
            return Err(FeedError::OtherEvent);
        }
        if payload.epoch == Epoch::FIRST {
            return Err(FeedError::CutNotForward { to: payload.epoch });
        }
        Ok(VerifiedEpochCut(Self { event, epoch: payload.epoch, at: payload.at }))
    }
}

/// A signed cut's bytes, as they are published and stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEpochCut(Vec<u8>);

impl SignedEpochCut {
    /// A cut as it came: bounded, but verified only by [`EpochCut::verify`].
    ///
    /// # Errors
    /// [`FeedError::Length`] or [`FeedError::Encoding`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, FeedError> {
        KIND.read(&bytes).map(|_well_formed| Self(bytes))
    }

    /// The `COSE_Sign1` bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, moved out.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// A cut that the root key signed. There is no other way to make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedEpochCut(EpochCut);

impl VerifiedEpochCut {
    /// What it says.
    #[must_use]
    pub const fn cut(&self) -> &EpochCut {
        &self.0
    }
}
