//! How a gate stands, as its doctor tells it: read from the stores of one that stands still, asked of one that runs.

use kido_shared::challenge::Origin;
use kido_shared::clock::Timestamp;
use kido_shared::policy::ArbiterHome;

use crate::replica::Standing;

/// What a technician asks about a gate's copy of the feed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GateStanding {
    /// Records in it.
    pub records: u64,
    /// How old what it knows is, in seconds.
    pub age_s: u64,
    /// Up to which age it admits, in seconds; nothing before the event's choices have come.
    pub admits_up_to_s: Option<u64>,
    /// Whether the feed says that the gate belongs to the event no longer.
    pub revoked: bool,
    /// Where it asks for claims.
    pub arbiter: AskedAt,
    /// Whether all of its journal has been acknowledged; nothing where that was not looked at.
    pub delivered: Option<bool>,
}

impl GateStanding {
    /// That of a replica.
    #[must_use]
    pub fn of(standing: &Standing, now: Timestamp) -> Self {
        Self {
            records: standing.position.length,
            age_s: standing.age(now).as_secs(),
            admits_up_to_s: standing.policy.as_deref().map(|policy| policy.replica_age_max().as_secs()),
            revoked: standing.is_revoked(),
            arbiter: AskedAt::of(standing),
            delivered: None,
        }
    }
}

/// Where a gate asks for claims, as far as its replica says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedAt {
    /// Inside the registrar.
    Registrar,
    /// In the venue, at these addresses.
    Venue(Vec<Origin>),
    /// This gate decides by itself.
    Here,
    /// The replica cannot be read, or says nothing of it yet.
    Unknown,
}

impl AskedAt {
    fn of(standing: &Standing) -> Self {
        match standing.policy.as_deref().map(|policy| &policy.choices().arbiter.home) {
            Some(ArbiterHome::Registrar) => Self::Registrar,
            Some(ArbiterHome::Venue) => Self::Venue(standing.arbiter_addresses()),
            Some(ArbiterHome::Local) => Self::Here,
            None => Self::Unknown,
        }
    }
}
