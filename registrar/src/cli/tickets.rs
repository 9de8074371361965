//! `tickets import | show | suspend | cancel | confirm | release | reissue-code`.

mod cancel;
mod import;

use clap::{Args, Subcommand};
use kido_shared::ids::{EventId, TicketId};
use kido_shared::wire::v1::operator::{self, ChangeTicket, CodeReissued, TicketBody, TicketChange};

use super::client::Client;
use super::console::Console;
use super::{CliError, Connection, moment};
use crate::domain::reference::TicketRef;

use cancel::CancelArgs;
use import::ImportArgs;

const EXAMPLES: &str = "\
Examples:
  kido-registrar tickets import EVENT tickets.csv --codes codes.csv
  kido-registrar tickets show EVENT ORDER-7-SEAT-2
  kido-registrar tickets suspend EVENT ORDER-7-SEAT-2

A ticket is named by the shop's reference, or by its id.";

/// Import tickets, look at them, suspend, cancel, confirm
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TicketsArgs {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(subcommand)]
    command: TicketsCommand,
}

#[derive(Debug, Subcommand)]
enum TicketsCommand {
    /// Import tickets from a CSV file
    #[command(after_help = import::HELP)]
    Import(ImportArgs),
    /// Show a ticket, and its entries unless the token is a shop's
    Show(Named),
    /// The card was lost: gates refuse it within a second. Only that card's own proof takes it back
    Suspend(Named),
    /// Make a ticket void, or all of a list, for good
    #[command(after_help = cancel::HELP)]
    Cancel(CancelArgs),
    /// The payment of a reserved ticket has come
    Confirm(Named),
    /// The payment of a reserved ticket has not come: back to the shop
    Release(Named),
    /// Make a new code; the old one is dead at once
    ReissueCode(Named),
}

#[derive(Debug, Args)]
struct Named {
    /// The event's id
    event: EventId,
    /// The shop's reference, or the ticket's id
    #[arg(value_parser = name)]
    ticket: String,
}

/// A reference or an id, and nothing that could leave its place in a path.
fn name(text: &str) -> Result<String, &'static str> {
    if text.parse::<TicketId>().is_ok() || TicketRef::parse(text).is_ok() {
        Ok(text.to_owned())
    } else {
        Err("a reference is 6 to 32 capital letters, digits or hyphens; an id begins with ticket-")
    }
}

pub(super) async fn run(args: TicketsArgs) -> Result<(), CliError> {
    let (client, console) = (Client::of(&args.connection)?, args.connection.console());
    let (named, change) = match args.command {
        TicketsCommand::Import(wanted) => return import::run(&client, console, wanted).await,
        TicketsCommand::Show(named) => {
            let ticket: TicketBody = client.get(&operator::ticket(named.event, &named.ticket)).await?;
            return console.show(&ticket, describe);
        }
        TicketsCommand::ReissueCode(named) => return reissue_code(&client, console, &named).await,
        TicketsCommand::Suspend(named) => (named, TicketChange::Suspend),
        TicketsCommand::Cancel(CancelArgs { event, ticket: Some(ticket), .. }) => {
            (Named { event, ticket }, TicketChange::Cancel)
        }
        TicketsCommand::Cancel(CancelArgs { event, ticket: None, from, yes }) => {
            let from = from.unwrap_or_default();
            return cancel::list(&client, console, (event, &from, yes)).await;
        }
        TicketsCommand::Confirm(named) => (named, TicketChange::Confirm),
        TicketsCommand::Release(named) => (named, TicketChange::Release),
    };
    let path = operator::ticket_status(named.event, &named.ticket);
    let ticket: TicketBody = client.post(&path, &ChangeTicket { change }).await?;
    console.show(&ticket, describe)
}

async fn reissue_code(client: &Client, console: Console, named: &Named) -> Result<(), CliError> {
    let reissued: CodeReissued = client.order(&operator::ticket_code(named.event, &named.ticket)).await?;
    console.show(&reissued, |reissued| format!("link: {}\n{}", reissued.link.as_str(), describe(&reissued.ticket)))
}

fn describe(ticket: &TicketBody) -> String {
    let paid = if ticket.paid { "paid" } else { "not paid" };
    let mut lines = vec![
        format!("ticket: {}", ticket.ticket),
        format!("state: {}, {paid}", ticket.state),
        format!("place: {} {}", ticket.zone, ticket.seat_label),
        format!("from {} until {}", moment::show(ticket.valid_from), moment::show(ticket.valid_until)),
        format!("entries: {}", ticket.entries),
    ];
    for line in ticket.uses.iter().flat_map(|uses| &uses.history) {
        let by = line.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        let gate = line.gate.map(|gate| format!(" at {gate}")).unwrap_or_default();
        let code = line.code.map(|code| format!(" ({code})")).unwrap_or_default();
        lines.push(format!("{}  {}{by}{gate}{code}", moment::show(line.at), line.what));
    }
    lines.join("\n")
}
