//! An event's policy: the choices that gates, arbiters and pages follow, carried in the feed.
//!
//! [`PolicyDraft`] is what an operator writes; [`EventPolicy`] is one that cannot contradict itself.

use core::time::Duration;

use crate::clock::Timestamp;
use crate::ids::{ArbiterId, EventId};

/// Longest event name in characters: it stands on one line of a ticket and of the lane's screen.
pub const EVENT_NAME_CHARS_MAX: usize = 80;

/// How old a gate's knowledge may grow before it stops admitting, where the event does not say (`protocol.md` §6).
const REPLICA_AGE_DEFAULT: Duration = Duration::from_secs(12 * 60 * 60);

/// Time between an event's end and its retention date, where the event does not say (`protocol.md` §9): thirty days.
const RETENTION_DEFAULT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Usable tickets on one card, where the event does not say: a person and nobody else's.
const TICKETS_PER_CARD_DEFAULT: u16 = 1;

/// Most tickets that one card may be asked to hold at a time: a family and a school class, not a tout.
pub const TICKETS_PER_CARD_MAX: u16 = 1_000;

/// What a gate does while no arbiter answers. There is no default: whoever creates an event decides.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum OfflineChoice {
    /// Nobody is admitted; staff help.
    #[n(0)]
    Refuse,
    /// Only tickets whose zone is this gate's alone.
    #[n(1)]
    HomeGate,
    /// Everybody with a proof: may admit one ticket twice, at two gates.
    #[n(2)]
    Admit,
}

impl OfflineChoice {
    /// Whether a gate may admit while no arbiter answers, given whether no other gate opens its zone.
    #[must_use]
    pub const fn allows(self, zone_has_one_gate: bool) -> bool {
        match self {
            Self::Refuse => false,
            Self::HomeGate => zone_has_one_gate,
            Self::Admit => true,
        }
    }
}

/// Where claims are decided. Two gates of one event name the same one, or nobody is safe.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum ArbiterHome {
    /// Inside the registrar.
    #[n(0)]
    Registrar,
    /// Inside the event's only gate; refused as soon as there are two.
    #[n(1)]
    Local,
    /// In the venue, on one box or three.
    #[n(2)]
    Venue,
}

/// The arbiter by name: its home, and which incarnation of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct ArbiterName {
    /// Where it lives.
    #[n(0)]
    pub home: ArbiterHome,
    /// Which cluster it is.
    #[n(1)]
    pub cluster: ArbiterId,
    /// Raised when a cluster starts over.
    #[n(2)]
    pub epoch: u32,
}

/// Who may pass a bound ticket on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum TransferChoice {
    /// Nobody; a ticket is used or given back.
    #[n(0)]
    #[default]
    Nobody,
    /// The holder, to whoever gets the new code.
    #[n(1)]
    Holder,
}

/// An event's policy as it is written down, before it has been checked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct PolicyDraft {
    /// What people call the event.
    #[n(0)]
    pub name: String,
    /// Doors.
    #[n(1)]
    pub starts_at: Timestamp,
    /// When everybody has gone home.
    #[n(2)]
    pub ends_at: Timestamp,
    /// From when on gates wipe themselves and the registrar's operator may delete the event.
    #[n(3)]
    pub retention_at: Timestamp,
    /// Usable tickets on one card at a time.
    #[n(4)]
    pub tickets_per_card: u16,
    /// What a gate does while no arbiter answers.
    #[n(5)]
    pub offline: OfflineChoice,
    /// Oldest knowledge that a gate still admits with, in milliseconds.
    #[n(6)]
    pub replica_age_ms_max: u64,
    /// Who decides claims.
    #[n(7)]
    pub arbiter: ArbiterName,
    /// The event that this one rehearses. Only a rehearsal accepts test cards.
    #[n(8)]
    pub rehearsal_of: Option<EventId>,
    /// Whether a valid admission proof at the gate lifts a suspension.
    #[n(9)]
    pub resume_at_gate: bool,
    /// Whether licensed no-PIN software may give the proof.
    #[n(10)]
    pub external_proof: bool,
    /// Until when a bound ticket may be given back.
    #[n(11)]
    pub give_back_until: Option<Timestamp>,
    /// How long a paid ticket may stay unbound, in milliseconds, before it returns to the shop.
    #[n(12)]
    pub bind_within_ms: Option<u64>,
    /// Who may pass a bound ticket on.
    #[n(13)]
    pub transfer: TransferChoice,
}

impl PolicyDraft {
    /// What an event wants that says only what has no default: its dates, what an offline gate does, and who decides claims.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        (starts_at, ends_at): (Timestamp, Timestamp),
        offline: OfflineChoice,
        arbiter: ArbiterName,
    ) -> Self {
        Self {
            name: name.into(),
            starts_at,
            ends_at,
            retention_at: ends_at.after(RETENTION_DEFAULT),
            tickets_per_card: TICKETS_PER_CARD_DEFAULT,
            offline,
            replica_age_ms_max: u64::try_from(REPLICA_AGE_DEFAULT.as_millis()).unwrap_or(u64::MAX),
            arbiter,
            rehearsal_of: None,
            resume_at_gate: false,
            external_proof: false,
            give_back_until: None,
            bind_within_ms: None,
            transfer: TransferChoice::default(),
        }
    }
}

/// Why a policy is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The name is empty or too long.
    #[error("an event's name is 1 to {EVENT_NAME_CHARS_MAX} printable characters")]
    Name,
    /// Start, end and retention are not in that order.
    #[error("starts_at, ends_at and retention_at must follow each other")]
    Order,
    /// No ticket, or more than any card should hold.
    #[error("tickets_per_card is 1 to {TICKETS_PER_CARD_MAX}")]
    TicketsPerCard,
    /// A gate that may never be a moment out of date admits nobody.
    #[error("replica_age_ms_max must be at least one minute")]
    ReplicaAge,
    /// Giving back must end before the doors open.
    #[error("give_back_until must not be later than starts_at")]
    GiveBack,
}

/// A policy that does not contradict itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPolicy(PolicyDraft);

impl EventPolicy {
    /// Takes a draft that holds together.
    ///
    /// # Errors
    /// The first [`PolicyError`] found.
    pub fn new(draft: PolicyDraft) -> Result<Self, PolicyError> {
        let length = draft.name.chars().count();
        if !(1..=EVENT_NAME_CHARS_MAX).contains(&length) || draft.name.chars().any(char::is_control) {
            return Err(PolicyError::Name);
        }
        if draft.starts_at >= draft.ends_at || draft.ends_at >= draft.retention_at {
            return Err(PolicyError::Order);
        }
        if !(1..=TICKETS_PER_CARD_MAX).contains(&draft.tickets_per_card) {
            return Err(PolicyError::TicketsPerCard);
        }
        if draft.replica_age_ms_max < 60_000 {
            return Err(PolicyError::ReplicaAge);
        }
        if draft.give_back_until.is_some_and(|until| until > draft.starts_at) {
            return Err(PolicyError::GiveBack);
        }
        Ok(Self(draft))
    }

    /// What people call the event.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether this is a rehearsal: test cards are accepted, and every screen and log says so.
    #[must_use]
    pub const fn is_rehearsal(&self) -> bool {
        self.0.rehearsal_of.is_some()
    }

    /// Oldest knowledge that a gate still admits with.
    #[must_use]
    pub const fn replica_age_max(&self) -> Duration {
        Duration::from_millis(self.0.replica_age_ms_max)
    }

    /// The choices one by one, as they were written.
    #[must_use]
    pub const fn choices(&self) -> &PolicyDraft {
        &self.0
    }
}

impl<C> minicbor::Encode<C> for EventPolicy {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        self.0.encode(encoder, context)
    }
}

impl<'b, C> minicbor::Decode<'b, C> for EventPolicy {
    fn decode(decoder: &mut minicbor::Decoder<'b>, context: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::new(PolicyDraft::decode(decoder, context)?).map_err(minicbor::decode::Error::custom)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn draft() -> PolicyDraft {
        let dates = (Timestamp::from_unix_seconds(1_000_000), Timestamp::from_unix_seconds(1_020_000));
        let cluster = ArbiterId::from_bytes([3; 16]);
        let arbiter = ArbiterName { home: ArbiterHome::Registrar, cluster, epoch: 0 };
        let retention_at = Timestamp::from_unix_seconds(4_000_000);
        PolicyDraft { retention_at, ..PolicyDraft::new("千穐楽", dates, OfflineChoice::Refuse, arbiter) }
    }

    #[test]
    fn a_policy_that_contradicts_itself_is_refused() {
        let refused = |change: fn(&mut PolicyDraft)| {
            let mut changed = draft();
            change(&mut changed);
            EventPolicy::new(changed).unwrap_err()
        };
        assert_eq!(refused(|draft| draft.name.clear()), PolicyError::Name);
        assert_eq!(refused(|draft| draft.ends_at = draft.starts_at), PolicyError::Order);
        assert_eq!(refused(|draft| draft.tickets_per_card = 0), PolicyError::TicketsPerCard);
        assert_eq!(refused(|draft| draft.replica_age_ms_max = 0), PolicyError::ReplicaAge);
        assert_eq!(refused(|draft| draft.give_back_until = Some(draft.ends_at)), PolicyError::GiveBack);
    }

    #[test]
    fn offline_a_home_gate_admits_only_where_its_zone_has_no_other() {
        for alone in [true, false] {
            assert!(!OfflineChoice::Refuse.allows(alone));
            assert_eq!(OfflineChoice::HomeGate.allows(alone), alone);
            assert!(OfflineChoice::Admit.allows(alone));
        }
    }

    #[test]
    fn a_policy_reads_back_from_its_record() {
        let policy = EventPolicy::new(draft()).unwrap();
        let bytes = minicbor::to_vec(&policy).unwrap();
        assert_eq!(minicbor::decode::<EventPolicy>(&bytes).unwrap(), policy);
    }
}
