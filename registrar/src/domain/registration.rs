//! The rules of a dialogue with a card: what may be begun, and what a proof then brings about (`protocol.md` §5).

use kido_shared::binding::{BindingTag, CertificateTag};
use kido_shared::certificate::CertificateRefusals;
use kido_shared::challenge::Action;
use kido_shared::clock::Timestamp;
use kido_shared::policy::EventPolicy;
use kido_shared::proof::ProofError;

use super::ticket::{Stage, Ticket, TicketAction, TicketRefusal, TicketState};

/// Why a dialogue does not begin, or a proof brings about nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationRefusal {
    /// No ticket has this code, and none ever had.
    #[error("no ticket has this code")]
    UnknownCode,
    /// The code was used: its ticket is bound, or the code was replaced since.
    #[error("this code has been used or replaced")]
    CodeUsed,
    /// The code's ticket is void or with the shop again.
    #[error("the ticket of this code is {0}")]
    CodeDead(TicketState),
    /// The ticket's state does not allow this action.
    #[error("{} is not possible with a ticket that is {state}", action.name())]
    NotPossible {
        /// What was wanted.
        action: TicketAction,
        /// What the ticket is.
        state: TicketState,
    },
    /// This registrar does not offer the action.
    #[error("this action is not offered here")]
    NotOffered(Action),
    /// Neither a code nor, for a look at a card's tickets, an event was named.
    #[error("a code is needed, or an event to show a card's tickets of")]
    NothingNamed,
    /// The session is unknown: never begun, over, or used. Which of them is not told.
    #[error("this dialogue is over or was used; begin again")]
    NoSession,
    /// More dialogues are open than are remembered.
    #[error("too many dialogues are open; try again in a minute")]
    TooManySessions,
    /// The certificate is refused, with every reason.
    #[error("the certificate is refused")]
    Certificate(#[source] CertificateRefusals),
    /// The signature does not verify: another card, challenge, action, origin, ticket or code.
    #[error("the proof is refused")]
    Proof(#[source] ProofError),
    /// Another card, or another certificate, than the bound one.
    #[error("this is not the card that the ticket is bound to")]
    OtherCard,
    /// The card has no ticket of this event.
    #[error("this card has no ticket of this event")]
    NoTicketOnCard,
    /// The card holds as many tickets of this event as one may.
    #[error("a card holds at most {most} tickets of this event")]
    CardFull {
        /// How many.
        most: u16,
    },
    /// Too many changes of the ticket within a day.
    #[error("the ticket has changed too often today")]
    TooManyChanges,
}

impl RegistrationRefusal {
    pub(crate) const fn of(refusal: TicketRefusal) -> Self {
        match refusal {
            TicketRefusal::UnknownTicket => Self::UnknownCode,
            TicketRefusal::NotPossible { action, state } => Self::NotPossible { action, state },
            // Only a release is refused because of a payment, and only a shop's wish for a holder's code as such: no
            // dialogue is either.
            TicketRefusal::Paid | TicketRefusal::HolderCode | TicketRefusal::TooManyChanges => Self::TooManyChanges,
        }
    }
}

/// Whether a dialogue with this action may begin on a ticket, whose live code was shown.
///
/// # Errors
/// [`RegistrationRefusal`].
pub fn may_begin(ticket: &Ticket, action: Action, now: Timestamp) -> Result<(), RegistrationRefusal> {
    let action = match action {
        Action::Bind => TicketAction::Bind,
        Action::Resume => TicketAction::Resume,
        Action::Show => TicketAction::Show,
        Action::GiveBack | Action::Rebind => return Err(RegistrationRefusal::NotOffered(action)),
    };
    let fits = match (&ticket.stage, action) {
        (Stage::Returned | Stage::Cancelled(_), _) => return Err(RegistrationRefusal::CodeDead(ticket.state())),
        (Stage::Unbound, TicketAction::Bind) | (Stage::Bound(_) | Stage::Suspended(_), TicketAction::Show) => true,
        (Stage::Suspended(_), TicketAction::Resume) => true,
        (Stage::Unbound | Stage::Bound(_) | Stage::Suspended(_), _) => false,
    };
    if !fits {
        return Err(RegistrationRefusal::NotPossible { action, state: ticket.state() });
    }
    ticket.may_change(action, now).map_err(RegistrationRefusal::of)
}

/// Whether a ticket may be bound to a card on which so many tickets of the event lie already.
///
/// # Errors
/// [`RegistrationRefusal`].
pub fn may_bind(
    ticket: &Ticket,
    on_card: usize,
    policy: &EventPolicy,
    now: Timestamp,
) -> Result<(), RegistrationRefusal> {
    may_begin(ticket, Action::Bind, now)?;
    let most = policy.choices().tickets_per_card;
    if on_card < usize::from(most) { Ok(()) } else { Err(RegistrationRefusal::CardFull { most }) }
}

/// Whether a certificate is the one that the ticket was bound with: the same serial and the same key. Of a binding that was
/// read back from gates the key alone is known.
///
/// # Errors
/// [`RegistrationRefusal::OtherCard`].
pub fn same_card(ticket: &Ticket, tag: BindingTag, presented: CertificateTag) -> Result<(), RegistrationRefusal> {
    let same = ticket.binding().is_some_and(|binding| {
        binding.tag == tag && binding.certificate_tag.is_none_or(|certificate_tag| certificate_tag == presented)
    });
    if same { Ok(()) } else { Err(RegistrationRefusal::OtherCard) }
}
