//! What a holder can see of the uses of a ticket (`protocol.md` §9): what happened, through whom, to the minute.

use kido_shared::clock::Timestamp;
use kido_shared::ids::GateId;
use kido_shared::refusal::StaffCode;

/// Who acted. Never a person: a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Actor {
    /// Whoever runs the event.
    #[n(0)]
    Operator,
    /// The shop.
    #[n(1)]
    Sales,
    /// The staffed desk.
    #[n(2)]
    Desk,
    /// The holder, by code or by card.
    #[n(3)]
    Holder,
}

impl Actor {
    /// The word in an answer.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Sales => "sales",
            Self::Desk => "desk",
            Self::Holder => "holder",
        }
    }
}

/// One thing that happened to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
pub enum Happening {
    /// Bound to a card.
    #[n(0)]
    Bound,
    /// The bound card gave a proof: tried, or the page was opened.
    #[n(1)]
    Shown,
    /// Suspended.
    #[n(2)]
    Suspended(#[n(0)] Actor),
    /// In force again.
    #[n(3)]
    Resumed(#[n(0)] Actor),
    /// Cancelled for good.
    #[n(4)]
    Cancelled(#[n(0)] Actor),
    /// The shop confirmed the payment.
    #[n(5)]
    Paid(#[n(0)] Actor),
    /// The shop took the reservation back.
    #[n(6)]
    Released(#[n(0)] Actor),
    /// A new code was made; the old one is dead.
    #[n(7)]
    CodeReplaced(#[n(0)] Actor),
    /// Came in at this gate.
    #[n(8)]
    Admitted(#[n(0)] GateId),
    /// The barrier of this gate said that nobody passed.
    #[n(9)]
    Annulled(#[n(0)] GateId),
    /// Went out at this gate.
    #[n(10)]
    Exited(#[n(0)] GateId),
    /// A second admission of the same entry, at this gate.
    #[n(11)]
    Conflict(#[n(0)] GateId),
    /// The bound card gave its proof at this gate and did not enter, for the reason of this code.
    #[n(12)]
    Refused(#[n(0)] GateId, #[n(1)] StaffCode),
    /// That second admission, at this gate, was none: one of the two had ended.
    #[n(13)]
    ConflictSettled(#[n(0)] GateId),
}

impl Happening {
    /// The word in an answer.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Shown => "shown",
            Self::Suspended(_) => "suspended",
            Self::Resumed(_) => "resumed",
            Self::Cancelled(_) => "cancelled",
            Self::Paid(_) => "paid",
            Self::Released(_) => "released",
            Self::CodeReplaced(_) => "code_replaced",
            Self::Admitted(_) => "admitted",
            Self::Annulled(_) => "annulled",
            Self::Exited(_) => "exited",
            Self::Conflict(_) => "conflict",
            Self::Refused(..) => "refused",
            Self::ConflictSettled(_) => "conflict_settled",
        }
    }

    /// Who acted, where it was a role.
    #[must_use]
    pub const fn actor(&self) -> Option<Actor> {
        match self {
            Self::Suspended(actor)
            | Self::Resumed(actor)
            | Self::Cancelled(actor)
            | Self::Paid(actor)
            | Self::Released(actor)
            | Self::CodeReplaced(actor) => Some(*actor),
            Self::Bound | Self::Shown => Some(Actor::Holder),
            Self::Admitted(_)
            | Self::Annulled(_)
            | Self::Exited(_)
            | Self::Conflict(_)
            | Self::Refused(..)
            | Self::ConflictSettled(_) => None,
        }
    }

    /// At which gate, where it was at one.
    #[must_use]
    pub const fn gate(&self) -> Option<GateId> {
        match self {
            Self::Admitted(gate)
            | Self::Annulled(gate)
            | Self::Exited(gate)
            | Self::Conflict(gate)
            | Self::ConflictSettled(gate)
            | Self::Refused(gate, _) => Some(*gate),
            Self::Bound
            | Self::Shown
            | Self::Suspended(_)
            | Self::Resumed(_)
            | Self::Cancelled(_)
            | Self::Paid(_)
            | Self::Released(_)
            | Self::CodeReplaced(_) => None,
        }
    }

    /// Why the card did not enter, where it did not.
    #[must_use]
    pub const fn code(&self) -> Option<StaffCode> {
        if let Self::Refused(_, code) = self { Some(*code) } else { None }
    }
}

/// One line of a ticket's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct HistoryLine {
    /// Minutes since 1970: a holder needs no more, and who reads over a shoulder gets no more.
    #[n(0)]
    minute: i64,
    /// What.
    #[n(1)]
    pub happening: Happening,
}

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

impl HistoryLine {
    /// A line, its time cut to the minute.
    #[must_use]
    pub const fn new(at: Timestamp, happening: Happening) -> Self {
        Self { minute: at.unix_ms().div_euclid(MINUTE_MS), happening }
    }

    /// The minute in which it happened.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.minute.saturating_mul(MINUTE_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_tells_minutes_and_no_more() {
        let line = HistoryLine::new(Timestamp::from_unix_ms(119_999), Happening::Shown);
        assert_eq!(line.at(), Timestamp::from_unix_ms(60_000));
    }
}
