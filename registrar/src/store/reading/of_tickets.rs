//! Tickets, and what they are found by: each a look into the index and one or two into the log.

use kido_shared::binding::BindingTag;
use kido_shared::codes::CodeHash;
use kido_shared::ids::TicketId;

use super::{Entries, EntriesAfter, ReadError, decode, read};
use crate::domain::history::{Happening, HistoryLine};
use crate::domain::reference::ReferenceHash;
use crate::domain::ticket::Ticket;
use crate::store::keys;
use crate::store::place::Place;
use crate::store::ticket_entry::{Sources, TicketEntry};

const TICKET: &str = "a ticket";

fn entry(from: &impl Entries, ticket: TicketId) -> Result<Option<TicketEntry>, ReadError> {
    read(from, &keys::ticket(ticket), TICKET)
}

/// A ticket with the parts of the log that it was read from.
pub(crate) fn kept_ticket(from: &impl Entries, ticket: TicketId) -> Result<Option<(Ticket, Sources)>, ReadError> {
    entry(from, ticket)?.map(|entry| entry.read(from, ticket)).transpose()
}

pub(crate) fn ticket(from: &impl Entries, ticket: TicketId) -> Result<Option<Ticket>, ReadError> {
    Ok(kept_ticket(from, ticket)?.map(|(ticket, _sources)| ticket))
}

/// The tickets behind this one, in the order of their ids.
pub(crate) fn tickets_after<E: EntriesAfter>(
    from: &E,
    after: Option<TicketId>,
) -> Result<impl Iterator<Item = Result<(TicketId, Ticket), ReadError>> + use<'_, E>, ReadError> {
    let after = after.map_or_else(|| keys::TICKETS.to_vec(), keys::ticket);
    let scan = from.entries_after(keys::TICKETS, &after)?;
    Ok(scan.map(move |entry| {
        let (key, value) = entry?;
        let id = keys::ticket_of(&key).ok_or(ReadError::Entry("a ticket's id"))?;
        let entry: TicketEntry = decode(&value, TICKET)?;
        Ok((id, entry.read(from, id)?.0))
    }))
}

/// The places that the keys under a prefix lead to.
fn places(
    from: &impl Entries,
    prefix: &[u8],
    what: &'static str,
) -> Result<impl Iterator<Item = Result<Place, ReadError>>, ReadError> {
    let scan = from.entries(prefix)?;
    Ok(scan.map(move |entry| keys::place_of(&entry?.0).ok_or(ReadError::Entry(what))))
}

pub(crate) fn ticket_of_reference(
    from: &impl Entries,
    reference: ReferenceHash,
) -> Result<Option<TicketId>, ReadError> {
    for place in places(from, &keys::reference(reference), "a reference")? {
        let row = place?.row(from)?;
        if row.reference == reference {
            return Ok(Some(row.ticket));
        }
    }
    Ok(None)
}

/// The ticket that has or had this code.
pub(crate) fn ticket_of_code(from: &impl Entries, code: CodeHash) -> Result<Option<TicketId>, ReadError> {
    for place in places(from, &keys::code(code), "a code")? {
        let (ticket, given) = place?.code_given(from)?;
        if given == code {
            return Ok(Some(ticket));
        }
    }
    Ok(None)
}

/// How many tickets were ever bound to one card and not taken from it: at least as many as lie on it now.
pub(crate) fn count_of_tag(from: &impl Entries, tag: BindingTag) -> Result<usize, ReadError> {
    let mut count = 0;
    for entry in from.entries(&keys::tag(tag))? {
        entry?;
        count += 1;
    }
    Ok(count)
}

/// The tickets on one card, in the order of their ids.
pub(crate) fn tickets_of_tag(from: &impl Entries, tag: BindingTag) -> Result<Vec<(TicketId, Ticket)>, ReadError> {
    let mut tickets = Vec::new();
    for place in places(from, &keys::tag(tag), "a tag")? {
        let bound = place?.bound(from)?;
        if bound.binding.tag == tag {
            let found = ticket(from, bound.ticket)?;
            tickets.push((bound.ticket, found.ok_or(ReadError::Entry("a ticket of a tag"))?));
        }
    }
    tickets.sort_by_key(|(id, _ticket)| *id);
    Ok(tickets)
}

/// What happened to a ticket, oldest first. A ticket is bound once, so that its binding is a line that the index need
/// not hold.
pub(crate) fn history(from: &impl Entries, ticket: TicketId) -> Result<Vec<HistoryLine>, ReadError> {
    let mut lines = Vec::new();
    for entry in from.entries(&keys::history(ticket))? {
        let (key, value) = entry?;
        let at = keys::fact_of_line(&key).ok_or(ReadError::Entry("the place of a line"))?;
        lines.push((at, decode(&value, "a line of history")?));
    }
    if let Some(place) = entry(from, ticket)?.and_then(|entry| entry.bound()) {
        let line = HistoryLine::new(place.bound(from)?.at, Happening::Bound);
        lines.insert(lines.partition_point(|(at, _line)| *at < place.begins()), (place.begins(), line));
    }
    Ok(lines.into_iter().map(|(_at, line)| line).collect())
}
