//! A ticket's state and the changes it may take (`protocol.md` §5).
//!
//! ```text
//! Unbound ──bind──▶ Bound ──suspend──▶ Suspended ──resume──▶ Bound        any ──cancel──▶ Cancelled
//!    └──────────────┴── release (where not paid) ──▶ Returned
//! ```
//! Whether it is paid for is a second, independent fact: `reserved` is *unbound and not paid*.

use core::fmt;

use kido_shared::binding::{BindingTag, CertificateTag};
use kido_shared::clock::Timestamp;
use kido_shared::codes::CodeHash;
use kido_shared::feed::TicketRecord;
use kido_shared::ids::{FeedSequence, PartyId, TicketId};
use kido_shared::ticket::{Entries, EntryWindow, SeatLabel, TicketStatus, Zone};

use super::history::{Actor, Happening};
use super::reference::ReferenceHash;

/// Most changes of one ticket within a day (UTC).
///
/// A person changes a mind, a program in a loop is stopped. Suspending and cancelling are never stopped: they only
/// take away.
pub const CHANGES_PER_DAY: u8 = 10;

/// What is kept of the card that a ticket is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct KeptBinding {
    /// The card's name in this event.
    #[n(0)]
    pub tag: BindingTag,
    /// Compared when the whole certificate is presented again. Nothing where the binding was read back from gates, which do
    /// not know it: then the card is told by its key alone.
    #[n(1)]
    pub certificate_tag: Option<CertificateTag>,
    /// Whether the certificate is still valid when the event ends.
    #[n(2)]
    pub outlives_event: bool,
    /// Whether it is a year later: for a postponement.
    #[n(3)]
    pub outlives_year_after: bool,
}

/// Where a ticket stands between shop and card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
pub enum Stage {
    /// No card yet: whoever has the code may bind.
    #[n(0)]
    Unbound,
    /// Bound to a card.
    #[n(1)]
    Bound(#[n(0)] KeptBinding),
    /// Bound, but reported lost.
    #[n(2)]
    Suspended(#[n(0)] KeptBinding),
    /// With the shop again.
    #[n(3)]
    Returned,
    /// Void. The binding stays, so that its holder is told the reason after a proof.
    #[n(4)]
    Cancelled(#[n(0)] Option<KeptBinding>),
}

/// The state that people and programs are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TicketState {
    /// No card, not paid.
    Reserved,
    /// No card, paid.
    Unbound,
    /// With a card.
    Bound,
    /// With a card, reported lost.
    Suspended,
    /// With the shop again.
    Returned,
    /// Void.
    Cancelled,
}

impl TicketState {
    /// The word of the protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Unbound => "unbound",
            Self::Bound => "bound",
            Self::Suspended => "suspended",
            Self::Returned => "returned",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for TicketState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a ticket is for; fixed by its import.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Particulars {
    /// Which part of the venue.
    #[n(0)]
    pub zone: Zone,
    /// Which place there.
    #[n(1)]
    pub seat_label: SeatLabel,
    /// When.
    #[n(2)]
    pub window: EntryWindow,
    /// How often.
    #[n(3)]
    pub entries: Entries,
    /// With which others.
    #[n(4)]
    pub party: Option<PartyId>,
}

/// Changes of one ticket on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct ChangesOfDay {
    #[n(0)]
    day: i64,
    #[n(1)]
    count: u8,
}

impl ChangesOfDay {
    fn on(self, at: Timestamp) -> u8 {
        if self.day == day(at) { self.count } else { 0 }
    }

    fn one_more(self, at: Timestamp) -> Self {
        Self { day: day(at), count: self.on(at).saturating_add(1) }
    }
}

const fn day(at: Timestamp) -> i64 {
    at.unix_seconds().div_euclid(24 * 60 * 60)
}

/// All that the registrar knows of a ticket, claims and history aside.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Ticket {
    /// What it is for.
    #[n(0)]
    pub particulars: Particulars,
    /// The shop's name for it, hashed.
    #[n(1)]
    pub reference: ReferenceHash,
    /// The shop's name for the purchase, hashed.
    #[n(2)]
    pub order: ReferenceHash,
    /// Whether payment is confirmed.
    #[n(3)]
    pub paid: bool,
    /// Where it stands.
    #[n(4)]
    pub stage: Stage,
    /// The code that opens it now; none once nothing may be done with it.
    #[n(5)]
    pub code: Option<CodeHash>,
    /// Its newest record in the feed.
    #[n(6)]
    pub ticket_at: FeedSequence,
    /// Its newest binding record; none where it was never bound.
    #[n(7)]
    pub binding_at: Option<FeedSequence>,
    /// Changes today.
    #[n(8)]
    pub changes: ChangesOfDay,
}

/// What somebody wants done with a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketAction {
    /// Bind it to a card.
    Bind,
    /// Try the card, or look at the ticket.
    Show,
    /// Report the card lost.
    Suspend,
    /// Take that back.
    Resume,
    /// Make it void.
    Cancel,
    /// Payment has come.
    Confirm,
    /// Payment has not come.
    Release,
    /// Make a new code.
    ReissueCode,
}

impl TicketAction {
    /// What is done on somebody's word, in the order of what can be taken back. Binding and resuming take a proof by the
    /// card; showing changes nothing.
    const BY_WORD: [Self; 5] = [Self::Confirm, Self::Suspend, Self::Release, Self::Cancel, Self::ReissueCode];

    /// The word in an answer.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Show => "show",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Confirm => "confirm",
            Self::Release => "release",
            Self::ReissueCode => "reissue_code",
        }
    }

    /// Whether it only takes something away, so that nobody may be stopped from doing it.
    const fn only_takes_away(self) -> bool {
        matches!(self, Self::Suspend | Self::Cancel)
    }
}

/// Why nothing is done with a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketRefusal {
    /// No such ticket in this event.
    #[error("no such ticket")]
    UnknownTicket,
    /// The ticket's state does not allow it.
    #[error("{} is not possible with a ticket that is {state}", action.name())]
    NotPossible {
        /// What was wanted.
        action: TicketAction,
        /// What the ticket is.
        state: TicketState,
    },
    /// The code of a ticket with a card opens its history, which the shop never sees (`protocol.md` §8).
    #[error("a new code for a ticket with a card is made by an operator, or by its holder with the card")]
    HolderCode,
    /// The payment is confirmed already, so the ticket cannot be released.
    #[error("the ticket is paid: cancel it instead")]
    Paid,
    /// Too many changes within a day.
    #[error("a ticket changes at most {CHANGES_PER_DAY} times a day")]
    TooManyChanges,
}

/// A change of a ticket's status, as the facts name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum StatusChange {
    /// Reported lost.
    #[n(0)]
    Suspended,
    /// Found again.
    #[n(1)]
    Resumed,
    /// Void.
    #[n(2)]
    Cancelled,
    /// Paid.
    #[n(3)]
    Confirmed,
    /// Not paid: with the shop again.
    #[n(4)]
    Released,
}

impl StatusChange {
    /// The line in the ticket's history.
    #[must_use]
    pub const fn happening(self, actor: Actor) -> Happening {
        match self {
            Self::Suspended => Happening::Suspended(actor),
            Self::Resumed => Happening::Resumed(actor),
            Self::Cancelled => Happening::Cancelled(actor),
            Self::Confirmed => Happening::Paid(actor),
            Self::Released => Happening::Released(actor),
        }
    }
}

impl Ticket {
    /// The state in one word.
    #[must_use]
    pub const fn state(&self) -> TicketState {
        match (&self.stage, self.paid) {
            (Stage::Unbound, false) => TicketState::Reserved,
            (Stage::Unbound, true) => TicketState::Unbound,
            (Stage::Bound(_), _) => TicketState::Bound,
            (Stage::Suspended(_), _) => TicketState::Suspended,
            (Stage::Returned, _) => TicketState::Returned,
            (Stage::Cancelled(_), _) => TicketState::Cancelled,
        }
    }

    /// What gates are told.
    #[must_use]
    pub const fn status(&self) -> TicketStatus {
        match (&self.stage, self.paid) {
            (Stage::Returned, _) => TicketStatus::Returned,
            (Stage::Cancelled(_), _) => TicketStatus::Cancelled,
            (Stage::Suspended(_), _) => TicketStatus::Suspended,
            (Stage::Unbound | Stage::Bound(_), false) => TicketStatus::NotPaid,
            (Stage::Unbound | Stage::Bound(_), true) => TicketStatus::InForce,
        }
    }

    /// The card, where there is one; also where the ticket is void.
    #[must_use]
    pub const fn binding(&self) -> Option<&KeptBinding> {
        match &self.stage {
            Stage::Bound(binding) | Stage::Suspended(binding) | Stage::Cancelled(Some(binding)) => Some(binding),
            Stage::Unbound | Stage::Returned | Stage::Cancelled(None) => None,
        }
    }

    /// Whether it takes one of the places that a card has: bound, and its time not over.
    #[must_use]
    pub fn occupies_a_card(&self, now: Timestamp) -> bool {
        matches!(self.stage, Stage::Bound(_) | Stage::Suspended(_)) && now < self.particulars.window.until()
    }

    /// The record that gates get.
    #[must_use]
    pub fn record(&self, ticket: TicketId) -> TicketRecord {
        let Particulars { zone, seat_label, window, entries, party } = self.particulars.clone();
        TicketRecord { ticket, status: self.status(), zone, seat_label, window, entries, party }
    }

    /// Decides a change of status; nothing where the ticket is so already.
    ///
    /// # Errors
    /// [`TicketRefusal`].
    pub fn decide(&self, action: TicketAction, now: Timestamp) -> Result<Option<StatusChange>, TicketRefusal> {
        let change = match (action, &self.stage) {
            (TicketAction::Suspend, Stage::Bound(_)) => StatusChange::Suspended,
            (TicketAction::Resume, Stage::Suspended(_)) => StatusChange::Resumed,
            (TicketAction::Suspend, Stage::Suspended(_))
            | (TicketAction::Resume, Stage::Bound(_))
            | (TicketAction::Cancel, Stage::Cancelled(_)) => return Ok(None),
            (TicketAction::Cancel, _) => StatusChange::Cancelled,
            (TicketAction::Confirm, Stage::Unbound | Stage::Bound(_) | Stage::Suspended(_)) if self.paid => {
                return Ok(None);
            }
            (TicketAction::Confirm, Stage::Unbound | Stage::Bound(_) | Stage::Suspended(_)) => StatusChange::Confirmed,
            (TicketAction::Release, Stage::Returned) => return Ok(None),
            (TicketAction::Release, _) if self.paid => return Err(TicketRefusal::Paid),
            (TicketAction::Release, Stage::Unbound | Stage::Bound(_) | Stage::Suspended(_)) => StatusChange::Released,
            (_, _) => return Err(TicketRefusal::NotPossible { action, state: self.state() }),
        };
        self.may_change(action, now)?;
        Ok(Some(change))
    }

    /// Decides whether a new code may be made, and given to whoever asks.
    ///
    /// # Errors
    /// [`TicketRefusal`].
    pub fn decide_reissue(&self, actor: Actor, now: Timestamp) -> Result<(), TicketRefusal> {
        match self.stage {
            Stage::Bound(_) | Stage::Suspended(_) if actor == Actor::Sales => Err(TicketRefusal::HolderCode),
            Stage::Unbound | Stage::Bound(_) | Stage::Suspended(_) => self.may_change(TicketAction::ReissueCode, now),
            Stage::Returned | Stage::Cancelled(_) => {
                Err(TicketRefusal::NotPossible { action: TicketAction::ReissueCode, state: self.state() })
            }
        }
    }

    /// What this actor's word would change now: what is refused is left out, and what is so already.
    ///
    /// The rules themselves are asked, so whatever offers these and whatever decides them cannot come apart. What a role
    /// may ask for at all is not the ticket's to say.
    #[must_use]
    pub fn possible(&self, actor: Actor, now: Timestamp) -> Vec<TicketAction> {
        let is_possible = |action: &TicketAction| match action {
            TicketAction::ReissueCode => self.decide_reissue(actor, now).is_ok(),
            TicketAction::Bind
            | TicketAction::Show
            | TicketAction::Suspend
            | TicketAction::Resume
            | TicketAction::Cancel
            | TicketAction::Confirm
            | TicketAction::Release => matches!(self.decide(*action, now), Ok(Some(_))),
        };
        TicketAction::BY_WORD.into_iter().filter(is_possible).collect()
    }

    /// Whether one more change fits into the day.
    ///
    /// # Errors
    /// [`TicketRefusal::TooManyChanges`].
    pub fn may_change(&self, action: TicketAction, now: Timestamp) -> Result<(), TicketRefusal> {
        if action.only_takes_away() || self.changes.on(now) < CHANGES_PER_DAY {
            Ok(())
        } else {
            Err(TicketRefusal::TooManyChanges)
        }
    }

    /// The ticket after a change of its status. A change that does not fit its state leaves it as it is.
    #[must_use]
    pub fn with_status(self, change: StatusChange, at: Timestamp) -> Self {
        let changes = self.changes.one_more(at);
        let binding = self.binding().copied();
        let paid = self.paid || change == StatusChange::Confirmed;
        let (stage, code) = match (change, self.stage) {
            (StatusChange::Suspended, Stage::Bound(binding)) => (Stage::Suspended(binding), self.code),
            (StatusChange::Resumed, Stage::Suspended(binding)) => (Stage::Bound(binding), self.code),
            (StatusChange::Cancelled, _) => (Stage::Cancelled(binding), None),
            (StatusChange::Released, _) => (Stage::Returned, None),
            (StatusChange::Confirmed | StatusChange::Suspended | StatusChange::Resumed, stage) => (stage, self.code),
        };
        Self { paid, stage, code, changes, ..self }
    }

    /// The ticket bound to a card, with its holder's code.
    #[must_use]
    pub fn bound(self, binding: KeptBinding, code: CodeHash, at: Timestamp, record_at: FeedSequence) -> Self {
        let changes = self.changes.one_more(at);
        Self { stage: Stage::Bound(binding), code: Some(code), binding_at: Some(record_at), changes, ..self }
    }

    /// The ticket under a new code.
    #[must_use]
    pub fn with_code(self, code: CodeHash, at: Timestamp) -> Self {
        let changes = self.changes.one_more(at);
        Self { code: Some(code), changes, ..self }
    }
}

#[cfg(test)]
mod tests;
