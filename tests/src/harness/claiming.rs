//! A gate's claims without its lane: enrolled, following the feed, asking the arbiter as gates do, as fast as it is told.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kido_follow::{JournalWitness, Pace, Signer, Uplink};
use kido_gate::claim::endpoints::Endpoints;
use kido_gate::claim::http::ArbiterClient;
use kido_gate::lane::ClaimOutcome;
use kido_gate::replica::Replica;
use kido_shared::admission::{AdmissionBasis, DecidedOn};
use kido_shared::claim::{ClaimRequest, ClaimStep};
use kido_shared::clock::{Clock, SystemClock};
use kido_shared::ids::{AdmissionId, FeedSequence, GateId, TicketId};
use kido_shared::journal_head::JournalHead;
use rand::rngs::OsRng;
use tokio::time::Instant;

use super::follower::{Follower, MemoryCopy, enrol_follower};
use super::{HarnessError, Venue};

/// How long it may take to know the whole feed.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(60);

/// The journal of a gate that has written nothing since its start.
struct JustStarted;

impl JournalWitness for JustStarted {
    fn journal_head(&self) -> JournalHead {
        JournalHead { boot: 1, begun: [1; 32], length: 1, chain: [1; 32] }
    }
}

/// One claim, and what became of it.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// What was asked for; asking again is harmless.
    pub request: ClaimRequest,
    /// What a lane was told.
    pub outcome: ClaimOutcome,
    /// How long it waited for that.
    pub took: Duration,
}

/// A lane that claims.
#[derive(Debug)]
pub struct ClaimingLane {
    gate: GateId,
    client: ArbiterClient,
    tickets: Follower<MemoryCopy>,
    replica: Follower<Replica>,
}

impl ClaimingLane {
    /// Enrols a gate and follows the feed of so many records.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn enrol(venue: &Venue, event: &str, folder: &Path) -> Result<Self, HarnessError> {
        let identity =
            enrol_follower(venue.programs(), &venue.registrar, event, (&folder.join("gate"), venue.logs())).await?;
        let unusable = |what: &'static str| move || HarnessError::Shape { what, text: folder.display().to_string() };
        let (followed, enrolment) = (identity.followed(), identity.enrolment());
        let tickets = MemoryCopy::new(&followed).map_err(|_own| unusable("the feed's keys")())?;
        let replica = Replica::open(&folder.join("replica"), followed).map_err(|_own| unusable("the replica")())?;
        let origin = &enrolment.origin;
        let follow = |_own| unusable("the origin")();
        let tickets = Follower::begin(tickets, origin, folder.join("tickets"), Pace::default()).map_err(follow)?;
        let following =
            Follower::begin(replica.clone(), origin, folder.join("spool"), Pace::default()).map_err(follow)?;
        let uplink = Uplink::new(origin.clone(), "claiming").map_err(follow)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let signer = Signer::new(enrolment.gate, identity.keys().signing().clone(), Arc::clone(&clock));
        let signer = signer.with_journal(Arc::new(JustStarted));
        let endpoints = Endpoints::of_policy(replica, uplink);
        let client = ArbiterClient::new(endpoints, enrolment.event, enrolment.gate, signer, clock);
        Ok(Self { gate: enrolment.gate, client, tickets, replica: following })
    }

    /// The tickets that no card is bound to, once so many records are known.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn tickets(&self, records: u64) -> Result<Vec<(TicketId, u64)>, HarnessError> {
        self.replica.knows(records, FOLLOWS_WITHIN).await?;
        self.tickets.knows(records, FOLLOWS_WITHIN).await?;
        Ok(self.tickets.copy.unbound())
    }

    /// Every ticket that the feed has told of.
    #[must_use]
    pub fn known(&self) -> Vec<TicketId> {
        self.tickets.copy.tickets()
    }

    /// Whether the feed tells of a card that a ticket is bound to.
    #[must_use]
    pub fn is_bound(&self, ticket: TicketId) -> bool {
        self.replica.copy.claim_facts(ticket).is_ok_and(|facts| facts.is_some())
    }

    /// Asks for a ticket as the feed has it, under a name that nobody used before: what the arbiter holds shows in what
    /// it says. Nothing where the feed tells of no card that the ticket is bound to.
    pub async fn asks_for(&self, ticket: TicketId) -> Option<Claimed> {
        let facts = self.replica.copy.claim_facts(ticket).ok().flatten()?;
        let (admission, basis) = (AdmissionId::generate(&mut OsRng), AdmissionBasis::Claimed);
        let (gate, at) = (self.gate, SystemClock.now());
        let decided_on = facts.newest;
        Some(self.again(ClaimRequest { admission, ticket, gate, decided_on, at, basis }).await)
    }

    /// Claims a ticket that no card is bound to; its last record has this number.
    pub async fn claim(&self, (ticket, record): (TicketId, u64)) -> Claimed {
        let at = FeedSequence::new(record);
        let decided_on = DecidedOn { ticket: at, binding: at, epoch: kido_shared::ids::Epoch::FIRST };
        let (admission, basis) = (AdmissionId::generate(&mut OsRng), AdmissionBasis::Claimed);
        let at = SystemClock.now();
        self.again(ClaimRequest { admission, ticket, gate: self.gate, decided_on, at, basis }).await
    }

    /// Asks for the very same claim once more.
    pub async fn again(&self, request: ClaimRequest) -> Claimed {
        let begun = Instant::now();
        let outcome = self.client.ask_patiently(&ClaimStep::Claim(request.clone())).await;
        Claimed { request, outcome, took: begun.elapsed() }
    }
}
