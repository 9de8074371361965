//! What gates that were revoked could tell nobody any more.
//!
//! A registrar takes nothing from a gate that was revoked, unless an operator believes its journal or frees its claims, and no
//! evening here has such an operator. So what such a gate had not brought home is missed nowhere, and what it had claimed
//! stays claimed.

use std::collections::BTreeSet;

use kido_shared::admission::{Admission, Ending};
use kido_shared::ids::{AdmissionId, GateId, TicketId};

/// Revoked gates, and what lies on their disks alone.
#[derive(Debug, Default)]
pub(super) struct Revoked {
    gates: BTreeSet<GateId>,
    admissions: BTreeSet<AdmissionId>,
    ends: BTreeSet<AdmissionId>,
    tickets: BTreeSet<TicketId>,
}

impl Revoked {
    pub(super) fn gate(&mut self, gate: GateId) {
        self.gates.insert(gate);
    }

    pub(super) fn has(&self, gate: GateId) -> bool {
        self.gates.contains(&gate)
    }

    /// An admission that waits on a revoked gate's disk. Of any other gate's it is none.
    pub(super) fn admission(&mut self, admission: &Admission) {
        if self.has(admission.gate) {
            self.admissions.insert(admission.id);
            self.tickets.insert(admission.ticket);
        }
    }

    /// The same of an end that such a gate has seen.
    pub(super) fn ending(&mut self, ending: &Ending) {
        if self.has(ending.gate) {
            self.ends.insert(ending.admission);
            self.tickets.insert(ending.ticket);
        }
    }

    /// Whether nobody else needs to know of this admission.
    pub(super) fn keeps(&self, admission: AdmissionId) -> bool {
        self.admissions.contains(&admission)
    }

    /// Whether nobody else needs to know that it ended.
    pub(super) fn keeps_end(&self, admission: AdmissionId) -> bool {
        self.ends.contains(&admission) || self.keeps(admission)
    }

    /// Whether there is something about a ticket that nobody else needs to know.
    pub(super) fn knows_alone(&self, ticket: TicketId) -> bool {
        self.tickets.contains(&ticket)
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::admission::AdmissionBasis;
    use kido_shared::claim::ClaimAnswer;
    use kido_shared::clock::Timestamp;
    use kido_shared::policy::OfflineChoice;

    use super::super::{Evening, Published};
    use super::*;

    const GATES: [GateId; 2] = [GateId::from_bytes([1; 16]), GateId::from_bytes([2; 16])];

    fn admission(of: usize) -> Admission {
        let (id, ticket) = (AdmissionId::from_bytes([7 + u8::from(of > 0); 16]), TicketId::from_bytes([3; 16]));
        let (at, basis) = (Timestamp::from_unix_ms(1), AdmissionBasis::Offline);
        Admission { id, ticket, gate: GATES[of], entry: 1, at, basis }
    }

    /// Both gates have let somebody in on one entry as home gates, and neither has brought it home.
    fn evening(revoked: &[GateId]) -> Evening {
        let mut evening = Evening::default();
        for admission in [admission(0), admission(1)] {
            evening.stored(&admission, OfflineChoice::HomeGate);
        }
        revoked.iter().for_each(|gate| evening.gate_was_revoked(*gate));
        for admission in [admission(0), admission(1)] {
            evening.admission_not_brought_home(&admission);
        }
        evening
    }

    #[test]
    fn what_a_revoked_gate_could_not_tell_is_missed_nowhere_and_what_another_gate_kept_back_is() {
        let lost = |revoked: &[GateId]| evening(revoked).lost(|_id| None, 0).len();
        assert_eq!((lost(&[]), lost(&GATES[..1]), lost(&GATES)), (3, 2, 0), "each admission, and the count");
        let unpublished = |revoked: &[GateId]| evening(revoked).unpublished(&Published::default()).len();
        assert_eq!((unpublished(&[]), unpublished(&GATES[..1]), unpublished(&GATES)), (1, 1, 0));
        let doubles = |revoked: &[GateId]| evening(revoked).doubles(&Published::default()).len();
        assert_eq!((doubles(&[]), doubles(&GATES[..1])), (1, 0));
    }

    #[test]
    fn what_a_revoked_gate_has_claimed_stays_claimed_and_what_another_gate_holds_for_nobody_is_a_ghost() {
        let mut evening = Evening::default();
        evening.gate_was_revoked(GATES[0]);
        let held = |gate| ClaimAnswer::Taken {
            admission: AdmissionId::from_bytes([9; 16]),
            gate,
            at: Timestamp::from_unix_ms(1),
        };
        let complains = |gate| evening.holding(TicketId::from_bytes([3; 16]), Some(&held(gate))).is_some();
        assert!(!complains(GATES[0]) && complains(GATES[1]));
    }
}
