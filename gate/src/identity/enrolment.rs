//! What an enrolment has told this gate, and its stored form.

use std::path::Path;

use ed25519_dalek::VerifyingKey;
use kido_shared::challenge::Origin;
use kido_shared::feed::FeedKeyCertificate;
use kido_shared::ids::{EventId, GateId};
use kido_shared::ticket::Zone;
use minicbor::bytes::ByteArray;

use super::IdentityError;

/// What an enrolment tells a gate; nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// This gate.
    pub gate: GateId,
    /// Its event.
    pub event: EventId,
    /// What people call the event.
    pub event_name: String,
    /// Whether it is a rehearsal: only then are test cards bound to its tickets.
    pub rehearsal: bool,
    /// The part of the venue that this gate opens.
    pub zone: Zone,
    /// What is written over the entrance.
    pub entrance: String,
    /// Where the registrar is.
    pub origin: Origin,
    /// The root key that the offer named.
    pub root: VerifyingKey,
    /// The feed key under the root's signature.
    pub feed_key: FeedKeyCertificate,
}

/// The stored form.
#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    gate: GateId,
    #[n(1)]
    event: EventId,
    #[n(2)]
    event_name: String,
    #[n(3)]
    rehearsal: bool,
    #[n(4)]
    zone: Zone,
    #[n(5)]
    entrance: String,
    #[n(6)]
    origin: String,
    #[cbor(n(7), with = "minicbor::bytes")]
    root: [u8; 32],
    #[n(8)]
    feed_key: FeedKeyCertificate,
    /// Whose keys were enrolled; nothing from versions that did not keep it.
    #[n(9)]
    verifying_key: Option<ByteArray<32>>,
}

impl Enrolment {
    pub(super) fn encode(&self, enrolled: &VerifyingKey) -> Vec<u8> {
        let stored = Stored {
            gate: self.gate,
            event: self.event,
            event_name: self.event_name.clone(),
            rehearsal: self.rehearsal,
            zone: self.zone.clone(),
            entrance: self.entrance.clone(),
            origin: self.origin.as_str().to_owned(),
            root: self.root.to_bytes(),
            feed_key: self.feed_key.clone(),
            verifying_key: Some(enrolled.to_bytes().into()),
        };
        let mut bytes = Vec::new();
        match minicbor::encode(&stored, &mut bytes) {
            Ok(()) => bytes,
            // Writing to memory does not fail; an empty file would be called damaged.
            Err(_infallible) => Vec::new(),
        }
    }

    /// Gives with it whose keys were enrolled, where that was kept.
    pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<(Self, Option<[u8; 32]>), IdentityError> {
        let damaged = || IdentityError::Damaged { path: path.to_path_buf() };
        let stored: Stored = minicbor::decode(bytes).map_err(|_no_detail| damaged())?;
        let enrolled = stored.verifying_key.map(|key| *key);
        let enrolment = Self {
            gate: stored.gate,
            event: stored.event,
            event_name: stored.event_name,
            rehearsal: stored.rehearsal,
            zone: stored.zone,
            entrance: stored.entrance,
            origin: Origin::parse(&stored.origin).map_err(IdentityError::Origin)?,
            root: VerifyingKey::from_bytes(&stored.root).map_err(|_no_detail| damaged())?,
            feed_key: stored.feed_key,
        };
        Ok((enrolment, enrolled))
    }
}
