//! How an etcd is: its members, its leader, its alarms, one question to each member by itself.

use core::convert::Infallible;
use std::collections::BTreeMap;
use std::time::Duration;

use kido_shared::challenge::Origin;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::cluster::{Cluster, ClusterError, Endpoint};
use super::wire::{Number, paths};

/// How long a member has for a question of a person: a slow one is to be seen, not to be cut off.
const LOOK_DEADLINE: Duration = Duration::from_secs(2);

/// How often a box asks each member for a sign of life.
const TOUCH_INTERVAL: Duration = Duration::from_secs(1);

/// What one member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStanding {
    /// Its version.
    pub version: String,
    /// Whether it is the leader.
    pub leads: bool,
    /// Whether it knows a leader at all; without one it neither reads nor writes.
    pub has_leader: bool,
    /// What its database holds, in bytes of its file.
    pub db_bytes: u64,
    /// How long its answer took.
    pub took: Duration,
    /// How many members the cluster has, by its own list.
    pub members: usize,
    /// The names of alarms that are raised anywhere in the cluster: `NOSPACE` is the quota's, `CORRUPT` the worst.
    pub alarms: Vec<String>,
}

/// One member, and what it says; why it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Where this box asks it.
    pub origin: Origin,
    /// What it says.
    pub standing: Result<MemberStanding, ClusterError>,
}

#[derive(Debug, Deserialize)]
struct Header {
    #[serde(default)]
    member_id: Number,
}

#[derive(Debug, Deserialize)]
struct Status {
    header: Header,
    #[serde(default)]
    version: String,
    #[serde(default, rename = "dbSize")]
    db_size: Number,
    #[serde(default)]
    leader: Number,
}

#[derive(Debug, Deserialize)]
struct Members {
    #[serde(default)]
    members: Vec<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Debug, Default, Deserialize)]
struct Alarms {
    #[serde(default)]
    alarms: Vec<Alarm>,
}

#[derive(Debug, Deserialize)]
struct Alarm {
    #[serde(default)]
    alarm: String,
}

/// Whether bytes are an answer to the questions after status, members and alarms.
pub(super) fn reads(body: &[u8]) -> [bool; 3] {
    [
        serde_json::from_slice::<Status>(body).is_ok(),
        serde_json::from_slice::<Members>(body).is_ok(),
        serde_json::from_slice::<Alarms>(body).is_ok(),
    ]
}

impl Cluster {
    /// Asks every member for a sign of life, every second, for as long as it is polled.
    ///
    /// So a connection to the next member stands when it is needed, for a handshake may take longer than an attempt; and a
    /// member that has lost the others is left before somebody at a lane waits for it.
    pub async fn stay_in_touch(&self) -> Infallible {
        loop {
            for (place, endpoint) in self.endpoints().iter().enumerate() {
                let status: Result<Status, ClusterError> = endpoint.ask(paths::STATUS, b"{}", LOOK_DEADLINE).await;
                if !status.is_ok_and(|status| status.leader != Number(0)) {
                    self.leave(Some(place));
                }
            }
            sleep(TOUCH_INTERVAL).await;
        }
    }

    /// Asks every member how it is.
    pub async fn look(&self) -> Vec<Member> {
        let mut members = Vec::with_capacity(self.endpoints().len());
        for endpoint in self.endpoints() {
            members.push(Member { origin: endpoint.origin.clone(), standing: look_at(endpoint).await });
        }
        members
    }
}

async fn look_at(endpoint: &Endpoint) -> Result<MemberStanding, ClusterError> {
    let begun = Instant::now();
    let status: Status = endpoint.ask(paths::STATUS, b"{}", LOOK_DEADLINE).await?;
    let took = begun.elapsed();
    let members: Members = endpoint.ask(paths::MEMBERS, b"{}", LOOK_DEADLINE).await?;
    let has_leader = status.leader != Number(0);
    // Asked of all members together: without a leader there is no answer to it.
    let alarms: Alarms = if has_leader {
        endpoint.ask(paths::ALARM, br#"{"action":"GET"}"#, LOOK_DEADLINE).await?
    } else {
        Alarms::default()
    };
    // One alarm stands there once for each member that has raised it.
    let alarms: BTreeMap<String, ()> = alarms.alarms.into_iter().map(|alarm| (alarm.alarm, ())).collect();
    Ok(MemberStanding {
        version: status.version,
        leads: status.leader == status.header.member_id,
        has_leader,
        db_bytes: status.db_size.0,
        took,
        members: members.members.len(),
        alarms: alarms.into_keys().collect(),
    })
}
