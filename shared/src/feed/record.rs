//! The facts that a feed is made of, and their one encoding.
//!
//! A record is a CBOR map `{0: kind, 1: true, 2: body}`; 1 is there only where an unknown kind must not be ignored.
//! Encoding is deterministic (RFC 8949 §4.2) and reading is exact: a body of a known kind never grows a field, what is
//! new gets a kind of its own. So every program reads every record in the same way or says that it cannot.

use super::statement::{decode_exactly, encode};
use super::{FeedError, FeedKeyCertificate};
use crate::admission::Admission;
use crate::binding::{BindingTag, SealedKey};
use crate::challenge::Origin;
use crate::claim::FreedClaims;
use crate::clock::Timestamp;
use crate::ids::{AdmissionId, ArbiterId, GateId, PartyId, TicketId};
use crate::limits::FEED_RECORD_BYTES_MAX;
use crate::policy::{ArbiterHome, ArbiterName, EventPolicy};
use crate::ticket::{Entries, EntryWindow, SeatLabel, TicketStatus, Zone};

const WHAT: &str = "a record";

/// What a gate knows of a ticket, whoever holds it. A later record of the same ticket replaces an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct TicketRecord {
    /// Which ticket.
    #[n(0)]
    pub ticket: TicketId,
    /// What it is good for.
    #[n(1)]
    pub status: TicketStatus,
    /// Which part of the venue.
    #[n(2)]
    pub zone: Zone,
    /// Which place there.
    #[n(3)]
    pub seat_label: SeatLabel,
    /// When.
    #[n(4)]
    pub window: EntryWindow,
    /// How often.
    #[n(5)]
    pub entries: Entries,
    /// With which others.
    #[n(6)]
    pub party: Option<PartyId>,
}

/// Which card a ticket is bound to. A later record of the same ticket replaces an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct BindingRecord {
    /// Which ticket.
    #[n(0)]
    pub ticket: TicketId,
    /// The card's tag and the key that only this card's holder can open; nothing where it is bound no longer.
    #[n(1)]
    pub bound: Option<(BindingTag, SealedKey)>,
}

/// An admission that did not happen: the barrier said *closed, and nobody passed*.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Annulled {
    /// Which admission.
    #[n(0)]
    pub admission: AdmissionId,
    /// Of which ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// Whose barrier.
    #[n(2)]
    pub gate: GateId,
    /// When, by the gate's clock.
    #[n(3)]
    pub at: Timestamp,
}

/// A holder went out, after a proof and through a barrier.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Exited {
    /// Which admission ended.
    #[n(0)]
    pub admission: AdmissionId,
    /// Of which ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// At which gate.
    #[n(2)]
    pub gate: GateId,
    /// When, by the gate's clock.
    #[n(3)]
    pub at: Timestamp,
}

/// Two admissions of one entry, without annulment or exit between: shown, never dropped.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Conflict {
    /// Which ticket.
    #[n(0)]
    pub ticket: TicketId,
    /// Which of its entries, from 1.
    #[n(1)]
    pub entry: u32,
    /// The admission that was known first.
    #[n(2)]
    pub first: AdmissionId,
    /// The other one.
    #[n(3)]
    pub second: AdmissionId,
    /// When the two met.
    #[n(4)]
    pub found_at: Timestamp,
}

/// SHA-256 of a staff credential: 32 random bytes that a member of staff carries, so that the hash names nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct StaffCredential(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);
crate::redact::redacted_debug!(StaffCredential);

impl StaffCredential {
    /// The hash of a credential's bytes.
    #[must_use]
    pub fn of(credential: &[u8; 32]) -> Self {
        Self(<sha2::Sha256 as sha2::Digest>::digest(credential).into())
    }
}

/// What a member of staff may do at a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum StaffRole {
    /// Admits by hand, with a reason from the list.
    #[n(0)]
    Desk,
    /// Also opens lanes in an emergency and readmits afterwards.
    #[n(1)]
    Supervisor,
}

/// A credential that gates accept from staff, also while nothing else can be reached.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct StaffRecord {
    /// Whose: a hash.
    #[n(0)]
    pub credential: StaffCredential,
    /// For what.
    #[n(1)]
    pub role: StaffRole,
    /// When. A withdrawn credential gets a record whose window has ended.
    #[n(2)]
    pub window: EntryWindow,
}

/// A gate of this event.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct GateRecord {
    /// Which gate.
    #[n(0)]
    pub gate: GateId,
    /// Its Ed25519 key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub verifying_key: [u8; 32],
    /// The part of the venue that it opens.
    #[n(2)]
    pub zone: Zone,
    /// What people call it: the entrance on signs and tickets.
    #[n(3)]
    pub entrance: Zone,
    /// Whether it is a gate of this event no longer.
    #[n(4)]
    pub revoked: bool,
}

/// Most addresses of one arbiter: three boxes and a name that leads to any of them.
pub const ARBITER_ADDRESSES_MAX: usize = 4;

/// A venue arbiter: which incarnation it serves, and where gates ask it. It decides only while the policy names that one.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ArbiterRecord {
    /// Which box.
    #[n(0)]
    pub arbiter: ArbiterId,
    /// The cluster that it was enrolled for.
    #[n(1)]
    pub cluster: ArbiterId,
    /// The incarnation of the cluster that it was enrolled for.
    #[n(2)]
    pub epoch: u32,
    /// Where gates ask it, the first one first.
    #[cbor(n(3), decode_with = "decode_addresses")]
    pub addresses: Vec<Origin>,
    /// Whether it is the event's no longer.
    #[n(4)]
    pub revoked: bool,
    /// Whether it decides on records that it shares with other boxes. One that keeps them itself is always alone. Absent
    /// where it does not, so that records from before this field read and write as they were.
    #[cbor(n(5), default, skip_if = "is_alone")]
    pub shared: bool,
}

const fn is_alone(shared: &bool) -> bool {
    !*shared
}

impl ArbiterRecord {
    /// Whether it is the one that the policy names.
    #[must_use]
    pub fn serves(&self, name: &ArbiterName) -> bool {
        !self.revoked && name.home == ArbiterHome::Venue && (self.cluster, self.epoch) == (name.cluster, name.epoch)
    }
}

fn decode_addresses<C>(
    decoder: &mut minicbor::Decoder<'_>,
    context: &mut C,
) -> Result<Vec<Origin>, minicbor::decode::Error> {
    let addresses: Vec<Origin> = decoder.decode_with(context)?;
    if (1..=ARBITER_ADDRESSES_MAX).contains(&addresses.len()) {
        Ok(addresses)
    } else {
        Err(minicbor::decode::Error::message("an arbiter has one to four addresses"))
    }
}

/// An operator's decision: claims of a revoked gate that no admission has followed are free. A later one widens it.
///
/// Arbiters alone need it. A program that does not know it leaves those claims where they are, which admits nobody.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct ClaimsFreed {
    /// Whose claims.
    #[n(0)]
    pub gate: GateId,
    /// Which of them.
    #[n(1)]
    pub freed: FreedClaims,
    /// When it was decided, by the registrar's clock.
    #[n(2)]
    pub at: Timestamp,
}

/// A feed key under the root's signature: heads signed with it are believed from then on.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct KeyRecord {
    /// What the root says; a follower passes it to [`TrustedFeedKeys::trust`](super::TrustedFeedKeys::trust).
    #[n(0)]
    pub certificate: FeedKeyCertificate,
}

/// The event is over; what gates hold of it is wiped at the retention date.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct EndRecord {
    /// When the operator ended it.
    #[n(0)]
    pub ended_at: Timestamp,
    /// From when on gates wipe themselves.
    #[n(1)]
    pub retention_at: Timestamp,
}

/// A record of a kind that this program does not know: kept as it came, chained, otherwise ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRecord {
    kind: u64,
    critical: bool,
    bytes: Vec<u8>,
}

impl UnknownRecord {
    /// The number of its kind.
    #[must_use]
    pub const fn kind(&self) -> u64 {
        self.kind
    }

    /// Whether a program that does not know it must stop.
    #[must_use]
    pub const fn is_critical(&self) -> bool {
        self.critical
    }

    /// The whole record.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// One fact of an event's feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedRecord {
    /// The event's choices.
    Policy(EventPolicy),
    /// A ticket.
    Ticket(TicketRecord),
    /// A ticket's card.
    Binding(BindingRecord),
    /// An entry.
    Admission(Admission),
    /// An entry that did not happen.
    Annulled(Annulled),
    /// The end of an entry.
    Exited(Exited),
    /// Two admissions of one entry.
    Conflict(Conflict),
    /// A staff credential.
    Staff(StaffRecord),
    /// A gate.
    Gate(GateRecord),
    /// A feed key.
    Key(KeyRecord),
    /// The end of the event.
    End(EndRecord),
    /// A venue arbiter.
    Arbiter(ArbiterRecord),
    /// Claims of a revoked gate that are free.
    ClaimsFreed(ClaimsFreed),
    /// A kind of a later version.
    Unknown(UnknownRecord),
}

impl FeedRecord {
    /// The record's bytes; the same record gives the same bytes.
    ///
    /// # Errors
    /// [`FeedError::Length`] where it is larger than any record may be.
    pub fn encode(&self) -> Result<Vec<u8>, FeedError> {
        let bytes = match self {
            Self::Policy(body) => known(0, body)?,
            Self::Ticket(body) => known(1, body)?,
            Self::Binding(body) => known(2, body)?,
            Self::Admission(body) => known(3, body)?,
            Self::Annulled(body) => known(4, body)?,
            Self::Exited(body) => known(5, body)?,
            Self::Conflict(body) => known(6, body)?,
            Self::Staff(body) => known(7, body)?,
            Self::Gate(body) => known(8, body)?,
            Self::Key(body) => known(9, body)?,
            Self::End(body) => known(10, body)?,
            Self::Arbiter(body) => known(11, body)?,
            Self::ClaimsFreed(body) => known(12, body)?,
            Self::Unknown(record) => record.bytes.clone(),
        };
        if bytes.len() > FEED_RECORD_BYTES_MAX { Err(FeedError::Length { what: WHAT }) } else { Ok(bytes) }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`FeedError::Length`], or [`FeedError::Encoding`] where these are not exactly the bytes of one record.
    pub fn decode(bytes: &[u8]) -> Result<Self, FeedError> {
        if bytes.len() > FEED_RECORD_BYTES_MAX {
            return Err(FeedError::Length { what: WHAT });
        }
        let Frame { kind, critical, body } = Frame::read(bytes).map_err(|_no_detail| ENCODING)?;
        let record = match kind {
            0 => decode_exactly(body, WHAT).map(Self::Policy),
            1 => decode_exactly(body, WHAT).map(Self::Ticket),
            2 => decode_exactly(body, WHAT).map(Self::Binding),
            3 => decode_exactly(body, WHAT).map(Self::Admission),
            4 => decode_exactly(body, WHAT).map(Self::Annulled),
            5 => decode_exactly(body, WHAT).map(Self::Exited),
            6 => decode_exactly(body, WHAT).map(Self::Conflict),
            7 => decode_exactly(body, WHAT).map(Self::Staff),
            8 => decode_exactly(body, WHAT).map(Self::Gate),
            9 => decode_exactly(body, WHAT).map(Self::Key),
            10 => decode_exactly(body, WHAT).map(Self::End),
            11 => decode_exactly(body, WHAT).map(Self::Arbiter),
            12 => decode_exactly(body, WHAT).map(Self::ClaimsFreed),
            kind => {
                return Ok(Self::Unknown(UnknownRecord { kind, critical, bytes: bytes.to_vec() }));
            }
        }?;
        // Every reader knows the kinds of version 1, so none of them carries the mark.
        if critical { Err(ENCODING) } else { Ok(record) }
    }

    /// # Errors
    /// [`FeedError::UnknownCritical`] where this program must not go on without understanding the record.
    pub(super) const fn must_be_understood(&self) -> Result<(), FeedError> {
        match self {
            Self::Unknown(UnknownRecord { kind, critical: true, .. }) => {
                Err(FeedError::UnknownCritical { kind: *kind })
            }
            Self::Policy(_)
            | Self::Ticket(_)
            | Self::Binding(_)
            | Self::Admission(_)
            | Self::Annulled(_)
            | Self::Exited(_)
            | Self::Conflict(_)
            | Self::Staff(_)
            | Self::Gate(_)
            | Self::Key(_)
            | Self::End(_)
            | Self::Arbiter(_)
            | Self::ClaimsFreed(_)
            | Self::Unknown(_) => Ok(()),
        }
    }
}

const ENCODING: FeedError = FeedError::Encoding { what: WHAT };

fn known<T: minicbor::Encode<()>>(kind: u64, body: &T) -> Result<Vec<u8>, FeedError> {
    let mut bytes = Frame::head(kind, false).map_err(|_infallible| ENCODING)?;
    bytes.extend_from_slice(&encode(body, WHAT)?);
    Ok(bytes)
}

/// `{0: kind, 1: true, 2: body}`.
struct Frame<'b> {
    kind: u64,
    critical: bool,
    body: &'b [u8],
}

impl<'b> Frame<'b> {
    /// Everything before the body.
    fn head(kind: u64, critical: bool) -> Result<Vec<u8>, minicbor::encode::Error<core::convert::Infallible>> {
        let mut encoder = minicbor::Encoder::new(Vec::new());
        encoder.map(if critical { 3 } else { 2 })?.u8(0)?.u64(kind)?;
        if critical {
            encoder.u8(1)?.bool(true)?;
        }
        encoder.u8(2)?;
        Ok(encoder.into_writer())
    }

    fn read(bytes: &'b [u8]) -> Result<Self, minicbor::decode::Error> {
        let wrong = || minicbor::decode::Error::message("not a record");
        let mut decoder = minicbor::Decoder::new(bytes);
        let critical = match decoder.map()? {
            Some(2) => false,
            Some(3) => true,
            Some(_) | None => return Err(wrong()),
        };
        decoder.u8()?;
        let kind = decoder.u64()?;
        if critical {
            decoder.u8()?;
            decoder.bool()?;
        }
        decoder.u8()?;
        let start = decoder.position();
        decoder.skip()?;
        let end = decoder.position();
        let body = bytes.get(start..end).ok_or_else(wrong)?;
        let head = Self::head(kind, critical).map_err(|_infallible| wrong())?;
        if end == bytes.len() && bytes.get(..start) == Some(head.as_slice()) {
            Ok(Self { kind, critical, body })
        } else {
            Err(wrong())
        }
    }
}
