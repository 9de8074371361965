//! What gates ask of an arbiter, and what it answers.

use crate::admission::{AdmissionBasis, DecidedOn};
use crate::clock::Timestamp;
use crate::ids::{AdmissionId, FeedSequence, GateId, TicketId};
use crate::refusal::Refusal;
use crate::ticket::{Entries, TicketStatus};

/// Asking that a ticket's next entry be this admission's.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ClaimRequest {
    /// The admission that is to be; makes a repetition harmless.
    #[n(0)]
    pub admission: AdmissionId,
    /// Which ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// At which gate; an arbiter compares it with who signed the request.
    #[n(2)]
    pub gate: GateId,
    /// The records that the gate decided on.
    #[n(3)]
    pub decided_on: DecidedOn,
    /// When, by the gate's clock.
    #[n(4)]
    pub at: Timestamp,
    /// Whether the holder waits for the answer, or is inside already (offline, by hand).
    #[n(5)]
    pub basis: AdmissionBasis,
}

/// An admission by name, for the steps after its claim.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct NamedAdmission {
    /// Which admission.
    #[n(0)]
    pub admission: AdmissionId,
    /// Of which ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// Which gate says so; an arbiter compares it with who signed the request.
    #[n(2)]
    pub gate: GateId,
}

/// One step of one ticket's record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode)]
#[serde(tag = "step", rename_all = "snake_case")]
#[cbor(flat)]
pub enum ClaimStep {
    /// Before the admission is stored: may this be the ticket's next entry?
    #[n(0)]
    Claim(#[n(0)] ClaimRequest),
    /// After a crash: the intent was not followed by an admission, and never will be.
    #[n(1)]
    Withdraw(#[n(0)] NamedAdmission),
    /// The lane was seen to open.
    #[n(2)]
    Opened(#[n(0)] NamedAdmission),
    /// The barrier said *closed, and nobody passed*. Never on a time-out or a lost line.
    #[n(3)]
    Annul(#[n(0)] NamedAdmission),
    /// The holder went out, after a proof and through a barrier; any gate may see it.
    #[n(4)]
    Exit(#[n(0)] NamedAdmission),
}

impl ClaimStep {
    /// Whose record it changes.
    #[must_use]
    pub const fn ticket(&self) -> TicketId {
        match self {
            Self::Claim(request) => request.ticket,
            Self::Withdraw(named) | Self::Opened(named) | Self::Annul(named) | Self::Exit(named) => named.ticket,
        }
    }

    /// Which gate takes it.
    #[must_use]
    pub const fn gate(&self) -> GateId {
        match self {
            Self::Claim(request) => request.gate,
            Self::Withdraw(named) | Self::Opened(named) | Self::Annul(named) | Self::Exit(named) => named.gate,
        }
    }

    /// One word for it, for logs and counts.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Claim(_) => "claim",
            Self::Withdraw(_) => "withdraw",
            Self::Opened(_) => "opened",
            Self::Annul(_) => "annul",
            Self::Exit(_) => "exit",
        }
    }

    /// Which admission it is about.
    #[must_use]
    pub const fn admission(&self) -> AdmissionId {
        match self {
            Self::Claim(request) => request.admission,
            Self::Withdraw(named) | Self::Opened(named) | Self::Annul(named) | Self::Exit(named) => named.admission,
        }
    }
}

/// What an arbiter says to a step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
#[cbor(flat)]
pub enum ClaimAnswer {
    /// The entry with this number, from 1, is this admission's.
    #[n(0)]
    Granted {
        /// Which entry.
        #[n(0)]
        entry: u32,
    },
    /// The entry is another admission's.
    #[n(1)]
    Taken {
        /// Whose.
        #[n(0)]
        admission: AdmissionId,
        /// At which gate.
        #[n(1)]
        gate: GateId,
        /// When.
        #[n(2)]
        at: Timestamp,
    },
    /// All entries have been used.
    #[n(2)]
    Spent,
    /// The claim rests on superseded records: sync and decide again.
    #[n(3)]
    Stale {
        /// The newest ticket record.
        #[n(0)]
        ticket: FeedSequence,
        /// The newest binding record.
        #[n(1)]
        binding: FeedSequence,
    },
    /// The arbiter has not yet seen the records that the claim rests on: ask again, as if it were silent.
    #[n(4)]
    Behind,
    /// The ticket is not good for an entry.
    #[n(5)]
    NotInForce {
        /// What it is instead.
        #[n(0)]
        status: TicketStatus,
    },
    /// This admission was withdrawn, and claims nothing any more.
    #[n(6)]
    Withdrawn,
    /// This admission was annulled, and claims nothing any more.
    #[n(7)]
    Annulled,
    /// Noted: the lane opened for this admission.
    #[n(8)]
    Opened,
    /// Noted: the holder went out again.
    #[n(9)]
    Exited,
    /// The step is about an admission that does not hold this ticket, or that another gate's.
    #[n(10)]
    NotHeld,
    /// The step does not follow from where this admission stands: an opened lane is annulled, never withdrawn.
    #[n(11)]
    NotAllowed,
    /// More admissions of this ticket were closed within a day than are remembered: staff look.
    #[n(12)]
    TooManySteps,
}

impl ClaimAnswer {
    /// One word for it, for logs and counts: the one that goes over the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Granted { .. } => "granted",
            Self::Taken { .. } => "taken",
            Self::Spent => "spent",
            Self::Stale { .. } => "stale",
            Self::Behind => "behind",
            Self::NotInForce { .. } => "not_in_force",
            Self::Withdrawn => "withdrawn",
            Self::Annulled => "annulled",
            Self::Opened => "opened",
            Self::Exited => "exited",
            Self::NotHeld => "not_held",
            Self::NotAllowed => "not_allowed",
            Self::TooManySteps => "too_many_steps",
        }
    }

    /// Why this answer to a claim keeps the lane shut; nothing where it grants the entry.
    ///
    /// What is no answer to a claim, or contradicts itself, tells a holder nothing: it is as good as silence.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        Some(match self {
            Self::Granted { .. } => return None,
            Self::Taken { admission, gate, at } => Refusal::AlreadyIn { admission: *admission, gate: *gate, at: *at },
            Self::Spent => Refusal::Spent,
            Self::NotInForce { status: TicketStatus::NotPaid } => Refusal::NotPaid,
            Self::NotInForce { status: TicketStatus::Suspended } => Refusal::Suspended,
            Self::NotInForce { status: TicketStatus::Returned | TicketStatus::Cancelled } => Refusal::Cancelled,
            // In force, and yet refused for its status.
            Self::NotInForce { status: TicketStatus::InForce }
            | Self::Stale { .. }
            | Self::Behind
            | Self::Withdrawn
            | Self::Annulled
            | Self::Opened
            | Self::Exited
            | Self::NotHeld
            | Self::NotAllowed
            | Self::TooManySteps => Refusal::ArbiterSilent,
        })
    }
}

/// What the arbiter itself knows of the ticket, from the same feed that gates follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimFacts {
    /// How often the ticket lets in.
    pub entries: Entries,
    /// What it is good for.
    pub status: TicketStatus,
    /// The places of its newest records.
    pub newest: DecidedOn,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_keeps_the_lane_shut_for_what_it_says_and_a_contradiction_says_nothing() {
        let (admission, gate) = (AdmissionId::from_bytes([1; 16]), GateId::from_bytes([2; 16]));
        let at = Timestamp::from_unix_seconds(1_800_000_000);
        let not_in_force = |status| ClaimAnswer::NotInForce { status };
        let (ticket, binding) = (FeedSequence::new(1), FeedSequence::new(2));
        let table = [
            (ClaimAnswer::Granted { entry: 1 }, None),
            (ClaimAnswer::Taken { admission, gate, at }, Some(Refusal::AlreadyIn { admission, gate, at })),
            (ClaimAnswer::Spent, Some(Refusal::Spent)),
            (not_in_force(TicketStatus::NotPaid), Some(Refusal::NotPaid)),
            (not_in_force(TicketStatus::Suspended), Some(Refusal::Suspended)),
            (not_in_force(TicketStatus::Returned), Some(Refusal::Cancelled)),
            (not_in_force(TicketStatus::Cancelled), Some(Refusal::Cancelled)),
            (not_in_force(TicketStatus::InForce), Some(Refusal::ArbiterSilent)),
            (ClaimAnswer::Stale { ticket, binding }, Some(Refusal::ArbiterSilent)),
            (ClaimAnswer::Opened, Some(Refusal::ArbiterSilent)),
        ];
        for (answer, refusal) in table {
            assert_eq!(answer.refusal(), refusal, "{answer:?}");
        }
    }
}
