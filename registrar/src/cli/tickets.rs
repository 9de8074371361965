//! `tickets import | show | suspend | cancel | confirm | release | reissue-code`.

use std::fs::File;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use kido_shared::codes::Code;
use kido_shared::ids::{EventId, TicketId};
use kido_shared::limits::TICKETS_PER_BATCH;
use kido_shared::wire::v1::operator::{
    self, ChangeTicket, CodeReissued, EventBody, HealthBody, ImportTicket, ImportTickets, TicketBody, TicketChange,
    TicketsImported,
};
use kido_shared::wire::v1::routes;

use super::client::Client;
use super::codes_file::{self, Codes};
use super::console::Console;
use super::table::{self, TableRow};
use super::{CliError, Connection, moment};
use crate::domain::reference::TicketRef;
use crate::entropy::Entropy;
use kido_store::private_file::PrivateFileError;

const EXAMPLES: &str = "\
Examples:
  kido-registrar tickets import EVENT tickets.csv --codes codes.csv
  kido-registrar tickets show EVENT ORDER-7-SEAT-2
  kido-registrar tickets suspend EVENT ORDER-7-SEAT-2

A ticket is named by the shop's reference, or by its id.";

const IMPORT: &str = "\
The file has exactly these columns, in any order; any other is refused by its name:
  ticket_ref,order_ref,zone,seat_label,valid_from,valid_until,entries,party
  TICKET-1,ORDER-1,A,Row 3 seat 7,2027-01-10T17:00:00+09:00,2027-01-10T22:00:00+09:00,1,
References are 6 to 32 capital letters, digits or hyphens; moments are RFC 3339 with their offset.
entries is 1 for now: going out and coming back is not offered yet. party names tickets that enter together, or is empty.

The codes are made here and written to --codes (mode 600, synced) before anything is sent; the registrar gets hashes.
Run the same command again after any failure: nothing is imported twice, no code is lost.

Next: send each buyer the link of their ticket.";

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
    #[command(after_help = IMPORT)]
    Import(ImportArgs),
    /// Show a ticket and, but to the shop, its uses
    Show(Named),
    /// The card was lost: gates refuse it within a second. Only that card's own proof takes it back
    Suspend(Named),
    /// Make a ticket void, for good
    Cancel(Named),
    /// The payment of a reserved ticket has come
    Confirm(Named),
    /// The payment of a reserved ticket has not come: back to the shop
    Release(Named),
    /// Make a new code; the old one is dead at once
    ReissueCode(Named),
}

#[derive(Debug, Args)]
struct ImportArgs {
    /// The event's id
    event: EventId,
    /// The CSV file
    file: PathBuf,
    /// Where to write the links that buyers get
    #[arg(long, value_name = "OUT.csv")]
    codes: PathBuf,
    /// The tickets are reserved, not paid for yet
    #[arg(long)]
    reserved: bool,
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
        TicketsCommand::Import(wanted) => return import(&client, console, wanted).await,
        TicketsCommand::Show(named) => {
            let ticket: TicketBody = client.get(&operator::ticket(named.event, &named.ticket)).await?;
            return console.show(&ticket, describe);
        }
        TicketsCommand::ReissueCode(named) => return reissue_code(&client, console, &named).await,
        TicketsCommand::Suspend(named) => (named, TicketChange::Suspend),
        TicketsCommand::Cancel(named) => (named, TicketChange::Cancel),
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

/// What an import did, as it is printed.
#[derive(Debug, Default, serde::Serialize)]
struct Imported {
    created: u64,
    unchanged: u64,
    refused: Vec<RefusedLine>,
    codes: PathBuf,
    codes_taken_up: bool,
}

#[derive(Debug, serde::Serialize)]
struct RefusedLine {
    line: u64,
    reason: String,
}

async fn import(client: &Client, console: Console, wanted: ImportArgs) -> Result<(), CliError> {
    let rows = read(&wanted.file)?;
    // Asked first: a wrong event or token must not leave a code file behind.
    let event: EventBody = client.get(&operator::event(wanted.event)).await?;
    let health: HealthBody = client.get(routes::HEALTH).await?;
    let codes = |source| CliError::Codes { path: wanted.codes.clone(), source };
    let mut random = Entropy::from_system().fork();
    let Codes { codes, taken_up } =
        codes_file::make_or_take_up(&wanted.codes, &health.origin, &rows, &mut random).map_err(codes)?;
    let mut sum = Imported { codes: wanted.codes.clone(), codes_taken_up: taken_up, ..Imported::default() };
    send(client, console, &wanted, (&rows, &codes), &mut sum).await?;
    let rehearsal = if event.rehearsal { " (REHEARSAL)" } else { "" };
    console.show(&sum, |sum| summary(sum, &event.name, rehearsal))?;
    match sum.refused.len() {
        0 => Ok(()),
        refused => Err(CliError::Rows { refused, all: rows.len() }),
    }
}

fn read(path: &PathBuf) -> Result<Vec<TableRow>, CliError> {
    let opened = File::open(path).map_err(PrivateFileError::storage("opening"));
    let file = opened.map_err(|source| CliError::File { path: path.clone(), doing: "read", source })?;
    table::read(file).map_err(|source| CliError::Table { path: path.clone(), source })
}

async fn send(
    client: &Client,
    console: Console,
    wanted: &ImportArgs,
    (rows, codes): (&[TableRow], &[Code]),
    sum: &mut Imported,
) -> Result<(), CliError> {
    let bar = progress(console, rows.len());
    let path = operator::tickets(wanted.event);
    for (rows, codes) in rows.chunks(TICKETS_PER_BATCH).zip(codes.chunks(TICKETS_PER_BATCH)) {
        let tickets = rows.iter().zip(codes).map(|(row, code)| ticket(row, code)).collect();
        let batch = ImportTickets { reserved: wanted.reserved, tickets };
        let done: TicketsImported = client.post(&path, &batch).await?;
        sum.created = sum.created.saturating_add(done.created);
        sum.unchanged = sum.unchanged.saturating_add(done.unchanged);
        for refused in done.refused {
            let row = usize::try_from(refused.row).ok().and_then(|row| rows.get(row));
            let line = row.map_or(0, |row| row.line);
            sum.refused.push(RefusedLine { line, reason: refused.detail });
        }
        bar.inc(u64::try_from(rows.len()).unwrap_or(0));
    }
    bar.finish_and_clear();
    Ok(())
}

/// On standard error, and only where that is a person's terminal.
fn progress(console: Console, rows: usize) -> ProgressBar {
    if console.is_json() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(rows).unwrap_or(u64::MAX));
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} tickets, {eta} left");
    bar.with_style(style.unwrap_or_else(|_template| ProgressStyle::default_bar()))
}

fn ticket(row: &TableRow, code: &Code) -> ImportTicket {
    ImportTicket {
        ticket_ref: row.ticket_ref.as_str().to_owned(),
        order_ref: row.order_ref.as_str().to_owned(),
        zone: row.zone.to_string(),
        seat_label: row.seat_label.to_string(),
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        entries: row.entries.into(),
        party: row.party.clone(),
        code_hash: *code.hash().as_bytes(),
    }
}

fn summary(sum: &Imported, event: &str, rehearsal: &str) -> String {
    let mut lines = vec![format!("{} tickets imported into {event}{rehearsal}", sum.created)];
    if sum.unchanged > 0 {
        lines.push(format!("{} were there already", sum.unchanged));
    }
    lines.extend(sum.refused.iter().map(|refused| format!("line {}: {}", refused.line, refused.reason)));
    let taken_up = if sum.codes_taken_up { ", taken up from an earlier run" } else { "" };
    lines.push(format!("links: {}{taken_up}", sum.codes.display()));
    lines.join("\n")
}
