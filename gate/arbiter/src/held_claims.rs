//! How many tickets each gate holds that no admission has followed: what an operator asks before setting them free.
//!
//! Read beside the running box, from its log or from the etcd: the box goes on deciding, and nothing is changed.

use std::collections::BTreeMap;

use kido_shared::claim::{FreedClaims, TicketClaims};
use kido_shared::ids::GateId;

use crate::book::LogSummary;

/// What one gate holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct HeldByGate {
    /// Whether its rights have ended.
    pub revoked: bool,
    /// Claims whose lane it has not said to have opened.
    pub unopened: u64,
    /// Claims whose lane it has.
    pub opened: u64,
    /// Which of them are free: the next who asks for such a ticket gets it.
    pub freed: Option<FreedClaims>,
}

/// Counts claims by the gate that holds them.
#[derive(Debug)]
pub struct HeldClaims {
    told: LogSummary,
    gates: BTreeMap<GateId, HeldByGate>,
}

impl HeldClaims {
    /// Begins with what the feed has told.
    #[must_use]
    pub fn new(told: LogSummary) -> Self {
        let of = |(gate, revoked): (&GateId, &bool)| {
            (*gate, HeldByGate { revoked: *revoked, freed: told.freed.get(gate).copied(), ..HeldByGate::default() })
        };
        let gates = told.gates.iter().map(of).collect();
        Self { told, gates }
    }

    /// Looks at one ticket's record.
    pub fn look(&mut self, record: &TicketClaims) {
        let Some(holding) = record.holding() else { return };
        if self.told.admissions.contains(&holding.admission) {
            return;
        }
        let of = self.gates.entry(holding.gate).or_default();
        let is_unopened = FreedClaims::Unopened.covers(record.state());
        let count = if is_unopened { &mut of.unopened } else { &mut of.opened };
        *count = count.saturating_add(1);
    }

    /// What each gate holds.
    #[must_use]
    pub fn finish(self) -> BTreeMap<GateId, HeldByGate> {
        self.gates
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::admission::{Admission, AdmissionBasis};
    use kido_shared::claim::rate::Paces;
    use kido_shared::claim::{ClaimRequest, ClaimStep, NamedAdmission};
    use kido_shared::feed::{ClaimsFreed, FeedRecord};
    use kido_shared::ids::AdmissionId;
    use kido_shared::wire::v1::admissions::{AskedArbiter, ClaimBody};

    use super::*;
    use crate::book::read_log;
    use crate::records::StoredRecords;
    use crate::testing::{CLUSTER, EVENT, Feed, GATES, NOW, Venue, gate, ticket_id};

    fn body(step: ClaimStep) -> ClaimBody {
        ClaimBody { step, arbiter: Some(AskedArbiter { cluster: CLUSTER, epoch: 0 }) }
    }

    fn named(number: u8) -> NamedAdmission {
        NamedAdmission { admission: AdmissionId::from_bytes([number; 16]), ticket: ticket_id(number), gate: GATES[0] }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_gate_is_counted_beside_the_box_that_decides_without_what_the_feed_knows() {
        let (feed, home) = (Feed::with_tickets(4), tempfile::tempdir().unwrap());
        let records = StoredRecords::open(home.path(), EVENT).unwrap();
        let mut venue = Venue::with(feed, records, Paces::LANE).await;
        for number in 0..4 {
            let NamedAdmission { admission, ticket, gate } = named(number);
            let decided_on = venue.arbiter.book().facts(ticket).unwrap().unwrap().newest;
            let basis = AdmissionBasis::Claimed;
            let claim = ClaimStep::Claim(ClaimRequest { admission, ticket, gate, decided_on, at: NOW, basis });
            venue.arbiter.step(gate, body(claim)).await.unwrap();
        }
        for step in [ClaimStep::Opened(named(1)), ClaimStep::Withdraw(named(2))] {
            venue.arbiter.step(GATES[0], body(step)).await.unwrap();
        }
        let NamedAdmission { admission: id, ticket, gate: at_gate } = named(3);
        let known = Admission { id, ticket, gate: at_gate, entry: 1, at: NOW, basis: AdmissionBasis::Claimed };
        venue.publish(&FeedRecord::Admission(known)).await;
        venue.publish(&gate(GATES[0], true)).await;
        let freed = FreedClaims::Unopened;
        venue.publish(&FeedRecord::ClaimsFreed(ClaimsFreed { gate: GATES[0], freed, at: NOW })).await;
        let mut counting = HeldClaims::new(read_log(&venue.home.path().join("book"), &venue.feed.followed()).unwrap());
        for record in StoredRecords::newest(home.path(), EVENT).unwrap() {
            counting.look(&record);
        }
        let held = HeldByGate { revoked: true, unopened: 1, opened: 1, freed: Some(freed) };
        assert_eq!(counting.finish(), BTreeMap::from([(GATES[0], held), (GATES[1], HeldByGate::default())]));
    }
}
