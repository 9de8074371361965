//! What gates that were revoked could tell nobody any more.
//!
//! A registrar takes nothing from a gate that was revoked: whoever has stolen its keys would say it as well. So what such
//! a gate had not brought home is lost to the venue, and what it had claimed stays claimed: its holder goes to the desk.

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
