//! What a card's proof brings about: bound, resumed, shown. Only a verified proof leads here.

use kido_shared::binding::{BindingTag, CertificateTag, NewBinding};
use kido_shared::claim::ClaimState;
use kido_shared::clock::Timestamp;
use kido_shared::codes::CodeHash;
use kido_shared::feed::{BindingRecord, FeedRecord};
use kido_shared::ids::{EventId, TicketId};

use super::Store;
use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::reading::{self, Entries};
use super::tickets::{TicketView, change_status, view_of};
use crate::domain::history::Actor;
use crate::domain::registration::{RegistrationRefusal, may_begin, may_bind, same_card};
use crate::domain::ticket::{KeptBinding, Stage, StatusChange, Ticket, TicketAction};
use crate::fact::{Bound, Fact, Shown};

/// A ticket by the code that opened the dialogue, as both were when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodedTicket {
    /// Which ticket.
    pub ticket: TicketId,
    /// The code that was shown; dead or used by now where somebody was faster.
    pub code: CodeHash,
}

/// A card that has just given a proof, by its two tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvedCard {
    /// Its name in this event.
    pub tag: BindingTag,
    /// Its serial and key in one value.
    pub certificate_tag: CertificateTag,
}

/// A card to bind to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindRequest {
    /// What is kept of it.
    pub binding: NewBinding,
    /// Whether its certificate is valid when the event ends.
    pub outlives_event: bool,
    /// Whether it is a year later.
    pub outlives_year_after: bool,
}

/// What a proof brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardTickets {
    /// The tickets concerned, as they are now.
    pub tickets: Vec<TicketView>,
    /// Whether the new code is in force: it is not where the card alone was shown and has several tickets.
    pub code_replaced: bool,
}

type Refused = Failed<RegistrationRefusal>;

const fn refused(refusal: RegistrationRefusal) -> Refused {
    Failed::Refused(refusal)
}

/// The ticket of a code that is live; a code that was is told from one that never was.
pub(super) fn of_live_code(from: &impl Entries, code: CodeHash) -> Result<Option<(TicketId, Ticket)>, Refused> {
    let Some(id) = reading::ticket_of_code(from, code)? else { return Ok(None) };
    let ticket = reading::ticket(from, id)?.ok_or(StorageError::Entry("a ticket of a code"))?;
    match (ticket.code, &ticket.stage) {
        (Some(live), _) if live == code => Ok(Some((id, ticket))),
        (_, Stage::Returned | Stage::Cancelled(_)) => Err(refused(RegistrationRefusal::CodeDead(ticket.state()))),
        (_, Stage::Unbound | Stage::Bound(_) | Stage::Suspended(_)) => Err(refused(RegistrationRefusal::CodeUsed)),
    }
}

fn opened_with(changing: &Changing<'_, '_>, coded: CodedTicket) -> Result<Ticket, Refused> {
    match of_live_code(changing, coded.code)? {
        Some((id, ticket)) if id == coded.ticket => Ok(ticket),
        Some(_) | None => Err(refused(RegistrationRefusal::UnknownCode)),
    }
}

/// Tickets that take a place on a card: bound, their time not over, an entry left. Looked at one by one only where all
/// that were ever bound to the card would be too many.
fn on_card(changing: &Changing<'_, '_>, tag: BindingTag, most: u16, now: Timestamp) -> Result<usize, Refused> {
    let all = reading::count_of_tag(changing, tag)?;
    if all < usize::from(most) {
        return Ok(all);
    }
    let mut count = 0;
    for (id, ticket) in reading::tickets_of_tag(changing, tag)? {
        let spent = matches!(reading::claims(changing, id)?.state(), ClaimState::Spent);
        count += usize::from(!spent && ticket.occupies_a_card(now));
    }
    Ok(count)
}

fn of_card(changing: &Changing<'_, '_>, card: ProvedCard) -> Result<Vec<(TicketId, Ticket)>, Refused> {
    let tickets = reading::tickets_of_tag(changing, card.tag)?;
    let tickets: Vec<_> =
        tickets.into_iter().filter(|(_, ticket)| same_card(ticket, card.tag, card.certificate_tag).is_ok()).collect();
    if tickets.is_empty() { Err(refused(RegistrationRefusal::NoTicketOnCard)) } else { Ok(tickets) }
}

/// The one ticket among these that has a holder's code. One code is told, so it replaces a code only where it is clear
/// which; one that was cancelled has none, and takes nobody's way back to the other.
fn only_coded(tickets: &[(TicketId, Ticket)]) -> Option<TicketId> {
    let mut coded = tickets.iter().filter(|(_, ticket)| ticket.code.is_some());
    let (id, _) = coded.next()?;
    coded.next().is_none().then_some(*id)
}

fn views(changing: &Changing<'_, '_>, tickets: &[(TicketId, Ticket)]) -> Result<Vec<TicketView>, StorageError> {
    tickets.iter().map(|(id, _)| view_of(changing, *id)).collect()
}

impl Store {
    /// The ticket that a live code opens, in whichever event it is.
    ///
    /// # Errors
    /// [`RegistrationRefusal::UnknownCode`], [`RegistrationRefusal::CodeUsed`], [`RegistrationRefusal::CodeDead`] or [`StorageError`].
    pub fn ticket_of_code(&self, code: CodeHash) -> Result<(EventId, TicketView), Refused> {
        let (event, id, ticket) = self.find_code(code)?;
        Ok((event, TicketView::of(id, ticket)))
    }

    /// The same, where an action may begin on that ticket now.
    pub(crate) fn begin_with_code(
        &self,
        action: kido_shared::challenge::Action,
        code: CodeHash,
    ) -> Result<(EventId, TicketView), Refused> {
        let (event, id, ticket) = self.find_code(code)?;
        may_begin(&ticket, action, self.now()).map_err(Failed::Refused)?;
        Ok((event, TicketView::of(id, ticket)))
    }

    pub(super) fn find_code(&self, code: CodeHash) -> Result<(EventId, TicketId, Ticket), Refused> {
        for live in self.all_live() {
            if let Some((id, ticket)) = of_live_code(&live.facts, code)? {
                return Ok((live.id(), id, ticket));
            }
        }
        Err(refused(RegistrationRefusal::UnknownCode))
    }

    /// Binds a ticket to a card: its code dies, its holder's code takes its place.
    ///
    /// # Errors
    /// [`RegistrationRefusal`] or [`StorageError`].
    pub async fn bind(
        &self,
        event: EventId,
        coded: CodedTicket,
        request: BindRequest,
        holder_code: CodeHash,
    ) -> Result<TicketView, Refused> {
        let live = self.live(event)?;
        let now = self.now();
        live.transact(move |changing| {
            let ticket = opened_with(changing, coded)?;
            let BindRequest { binding, outlives_event, outlives_year_after } = request;
            let NewBinding { tag, certificate_tag, sealed_key } = binding;
            let policy = reading::policy(changing)?;
            let on_card = on_card(changing, tag, policy.choices().tickets_per_card, now)?;
            may_bind(&ticket, on_card, &policy, now).map_err(Failed::Refused)?;
            let bound = BindingRecord { ticket: coded.ticket, bound: Some((tag, sealed_key)) };
            let record = changing.publish(&FeedRecord::Binding(bound))?;
            let certificate_tag = Some(certificate_tag);
            let binding = KeptBinding { tag, certificate_tag, outlives_event, outlives_year_after };
            let fact = Bound { ticket: coded.ticket, binding, code: holder_code, at: now, record };
            changing.append(&Fact::Bound(fact))?;
            Ok(view_of(changing, coded.ticket)?)
        })
        .await
    }

    /// Takes back that a card was lost, on that card's own proof: one ticket by its code, or all suspended ones of the card.
    ///
    /// # Errors
    /// [`RegistrationRefusal`] or [`StorageError`].
    pub async fn resume(
        &self,
        event: EventId,
        coded: Option<CodedTicket>,
        card: ProvedCard,
        new_code: CodeHash,
    ) -> Result<CardTickets, Refused> {
        let live = self.live(event)?;
        let now = self.now();
        live.transact(move |changing| {
            let tickets = match coded {
                Some(coded) => vec![(coded.ticket, opened_with(changing, coded)?)],
                None => of_card(changing, card)?,
            };
            let (replaced, suspended) =
                (only_coded(&tickets), |ticket: &Ticket| matches!(ticket.stage, Stage::Suspended(_)));
            let tickets: Vec<_> =
                tickets.into_iter().filter(|(_, ticket)| coded.is_some() || suspended(ticket)).collect();
            let code_of = |id: TicketId| (replaced == Some(id)).then_some(new_code);
            let code_replaced = tickets.iter().any(|(id, _)| code_of(*id).is_some());
            if tickets.is_empty() {
                return Err(refused(RegistrationRefusal::NoTicketOnCard));
            }
            for (id, ticket) in &tickets {
                same_card(ticket, card.tag, card.certificate_tag).map_err(Failed::Refused)?;
                may_begin(ticket, kido_shared::challenge::Action::Resume, now).map_err(Failed::Refused)?;
                change_status(changing, (*id, ticket), StatusChange::Resumed, (Actor::Holder, code_of(*id)), now)?;
            }
            Ok(CardTickets { tickets: views(changing, &tickets)?, code_replaced })
        })
        .await
    }

    /// Notes that a card was tried: for one ticket by its code, or for all of the card.
    ///
    /// # Errors
    /// [`RegistrationRefusal`] or [`StorageError`].
    pub async fn show(
        &self,
        event: EventId,
        coded: Option<CodedTicket>,
        card: ProvedCard,
        new_code: CodeHash,
    ) -> Result<CardTickets, Refused> {
        let live = self.live(event)?;
        let now = self.now();
        live.transact(move |changing| {
            let tickets = match coded {
                Some(coded) => {
                    let ticket = opened_with(changing, coded)?;
                    may_begin(&ticket, kido_shared::challenge::Action::Show, now).map_err(Failed::Refused)?;
                    same_card(&ticket, card.tag, card.certificate_tag).map_err(Failed::Refused)?;
                    vec![(coded.ticket, ticket)]
                }
                None => of_card(changing, card)?,
            };
            // One code is told, so one ticket gets it; and a look is never refused for the day's changes.
            let may_change = |id: &TicketId| {
                let ticket = tickets.iter().find(|(other, _)| other == id);
                ticket.is_some_and(|(_, ticket)| ticket.may_change(TicketAction::Show, now).is_ok())
            };
            let replaced = only_coded(&tickets).filter(may_change);
            let (one, others): (Vec<_>, Vec<_>) =
                tickets.iter().map(|(id, _)| *id).partition(|id| replaced == Some(*id));
            for (ids, code) in [(one, Some(new_code)), (others, None)] {
                if !ids.is_empty() {
                    changing.append(&Fact::Shown(Shown { tickets: ids, code, at: now }))?;
                }
            }
            Ok(CardTickets { tickets: views(changing, &tickets)?, code_replaced: replaced.is_some() })
        })
        .await
    }

    /// *Lost card*: suspends the ticket whose holder code this is. The code stays, so that a finder of the card cannot
    /// lock the holder out.
    ///
    /// # Errors
    /// [`RegistrationRefusal`] or [`StorageError`].
    pub async fn suspend_by_code(&self, code: CodeHash) -> Result<TicketView, Refused> {
        let (event, ..) = self.find_code(code)?;
        let live = self.live(event)?;
        let now = self.now();
        live.transact(move |changing| {
            let found = of_live_code(changing, code)?;
            let (id, ticket) = found.ok_or(refused(RegistrationRefusal::UnknownCode))?;
            let decided = ticket.decide(TicketAction::Suspend, now);
            if let Some(change) = decided.map_err(|refusal| refused(RegistrationRefusal::of(refusal)))? {
                change_status(changing, (id, &ticket), change, (Actor::Holder, None), now)?;
            }
            Ok(view_of(changing, id)?)
        })
        .await
    }
}
