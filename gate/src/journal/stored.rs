//! What only the journal can make: intents and admissions that survive a power cut.

#[cfg(test)]
pub(crate) mod scratch;

use kido_shared::admission::{Admission, DecidedOn};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, TicketId};
use kido_store::Stored;
use rand::{CryptoRng, RngCore};

use super::PlannedEntry;

/// That an entry of this ticket is about to be claimed.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Intent {
    /// The admission that it may become.
    #[n(0)]
    pub admission: AdmissionId,
    /// Which ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// The records that the verdict rests on.
    #[n(2)]
    pub decided_on: DecidedOn,
    /// When, by the gate's clock.
    #[n(3)]
    pub at: Timestamp,
}

impl Intent {
    pub(super) fn new(planned: &PlannedEntry, at: Timestamp, random: &mut (impl RngCore + CryptoRng)) -> Self {
        let admission = AdmissionId::generate(random);
        Self { admission, ticket: planned.ticket, decided_on: planned.decided_on, at }
    }
}

/// An intent that survives a power cut: only now may the arbiter be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIntent(Stored<Intent>);

impl StoredIntent {
    pub(super) fn all(stored: Stored<Vec<Intent>>) -> Vec<Self> {
        each(&stored).map(Self).collect()
    }

    /// What was stored.
    #[must_use]
    pub const fn intent(&self) -> &Intent {
        self.0.get()
    }

    /// The admission that it may become.
    #[must_use]
    pub const fn admission(&self) -> AdmissionId {
        self.0.get().admission
    }

    /// Which ticket.
    #[must_use]
    pub const fn ticket(&self) -> TicketId {
        self.0.get().ticket
    }
}

/// An admission that survives a power cut: only now may the lane open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAdmission(Stored<Admission>);

impl StoredAdmission {
    pub(super) fn all(stored: Stored<Vec<Admission>>) -> Vec<Self> {
        each(&stored).map(Self).collect()
    }

    /// What was stored.
    #[must_use]
    pub const fn admission(&self) -> &Admission {
        self.0.get()
    }
}

/// The facts of one transaction are durable together, so each value of it is.
fn each<T: Clone>(stored: &Stored<Vec<T>>) -> impl Iterator<Item = Stored<T>> {
    stored.get().iter().map(|value| stored.clone().map(|_all| value.clone()))
}
