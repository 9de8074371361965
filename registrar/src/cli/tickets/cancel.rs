//! `tickets cancel`: one ticket by its name, or all of a shop's list.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use kido_shared::ids::EventId;
use kido_shared::limits::TICKETS_PER_BATCH;
use kido_shared::wire::v1::operator::{self, CancelTickets, EventBody, TicketsCancelled};
use kido_store::private_file::PrivateFileError;

use crate::cli::CliError;
use crate::cli::client::Client;
use crate::cli::console::Console;
use crate::cli::progress::Progress;
use crate::domain::reference::TicketRef;
use crate::operator_files::columns::{self, Bounds, FAULTS_MAX, FieldError, Fields, ROWS_MAX, TableError, TableFaults};

/// The columns of a list.
const COLUMNS: [&str; 1] = ["ticket_ref"];

pub(super) const HELP: &str = "\
Examples:
  kido-registrar tickets cancel EVENT ORDER-7-SEAT-2
  kido-registrar tickets cancel EVENT --from refunded.csv

The list has exactly one column, ticket_ref; a file with any other is refused by the column's name:
  ticket_ref
  ORDER-7-SEAT-2
  ORDER-7-SEAT-3

A list is looked at as a whole first. A reference that the event does not have is named with its line, and nothing is
cancelled then. Else you are told how many tickets it is about, how many of them lie on a card and on how many somebody is
inside, and asked to type the event's name; --yes answers for a program. Cancelling cannot be undone.
Run it again after any failure: what is void already stays so.";

#[derive(Debug, Args)]
pub(super) struct CancelArgs {
    /// The event's id
    pub(super) event: EventId,
    /// The shop's reference, or the ticket's id
    #[arg(value_parser = super::name, required_unless_present = "from", conflicts_with = "from")]
    pub(super) ticket: Option<String>,
    /// A CSV file of references, all to be cancelled
    #[arg(long, value_name = "FILE.csv")]
    pub(super) from: Option<PathBuf>,
    /// Do not ask
    #[arg(long, requires = "from")]
    pub(super) yes: bool,
}

/// A reference and where it stands.
#[derive(Debug)]
struct Listed {
    line: u64,
    reference: TicketRef,
}

/// Cancels what a list names.
pub(super) async fn list(
    client: &Client,
    console: Console,
    (event, path, yes): (EventId, &Path, bool),
) -> Result<(), CliError> {
    let listed = read_file(path)?;
    let known: EventBody = client.get(&operator::event(event)).await?;
    let (foreseen, unknown) = send(client, console, (event, &listed), true).await?;
    if !unknown.is_empty() {
        let fault =
            |line: &u64| TableError::Field { line: *line, column: "ticket_ref", reason: FieldError::NoSuchTicket };
        let faults = unknown.iter().take(FAULTS_MAX).map(fault);
        let source = TableFaults::counted(faults.collect(), unknown.len());
        return Err(CliError::Table { path: path.to_owned(), source });
    }
    if foreseen.cancelled > 0 && !yes {
        console.note(&preview(&foreseen, &known.name))?;
        let typed = console.ask("This cannot be undone. Type the event's name to cancel them: ").await?;
        if typed.trim() != known.name.trim() {
            return Err(CliError::NotCancelled);
        }
    }
    let (done, _unknown) = send(client, console, (event, &listed), false).await?;
    console.show(&done, |done| format!("{} tickets cancelled, {} were void already", done.cancelled, done.already))
}

fn preview(foreseen: &TicketsCancelled, event: &str) -> String {
    let TicketsCancelled { cancelled, with_card, inside, already, .. } = foreseen;
    let mut lines = vec![format!("{event}: {cancelled} tickets will be void, {with_card} of them lie on a card")];
    if let Some(inside) = inside.filter(|inside| *inside > 0) {
        lines.push(format!("somebody is inside on {inside} of them: that is not undone, and they are not sent out"));
    }
    if *already > 0 {
        lines.push(format!("{already} are void already"));
    }
    lines.join("\n")
}

/// Sends the list batch by batch; gives the sums, and the lines of references that nobody knows.
async fn send(
    client: &Client,
    console: Console,
    (event, listed): (EventId, &[Listed]),
    check: bool,
) -> Result<(TicketsCancelled, Vec<u64>), CliError> {
    let mut progress = Progress::begin(console, listed.len(), if check { "looked at" } else { "cancelled" });
    let (mut sum, mut unknown, mut sent) = (TicketsCancelled::default(), Vec::new(), 0_usize);
    for batch in listed.chunks(TICKETS_PER_BATCH) {
        let ticket_refs = batch.iter().map(|listed| listed.reference.as_str().to_owned()).collect();
        let body = CancelTickets { check, ticket_refs };
        let done: TicketsCancelled = client.post(&operator::tickets_cancel(event), &body).await?;
        let places = done.unknown.iter().filter_map(|row| usize::try_from(*row).ok());
        unknown.extend(places.filter_map(|row| batch.get(row)).map(|listed| listed.line));
        add(&mut sum, &done);
        sent = sent.saturating_add(batch.len());
        progress.reached(sent)?;
    }
    progress.end();
    Ok((sum, unknown))
}

fn add(sum: &mut TicketsCancelled, done: &TicketsCancelled) {
    sum.cancelled = sum.cancelled.saturating_add(done.cancelled);
    sum.with_card = sum.with_card.saturating_add(done.with_card);
    sum.already = sum.already.saturating_add(done.already);
    if let Some(inside) = done.inside {
        sum.inside = Some(sum.inside.unwrap_or(0).saturating_add(inside));
    }
}

fn read_file(path: &Path) -> Result<Vec<Listed>, CliError> {
    let opened = File::open(path).map_err(PrivateFileError::storage("opening"));
    let file = opened.map_err(|source| CliError::File { path: path.to_owned(), doing: "read", source })?;
    read(file).map_err(|source| CliError::Table { path: path.to_owned(), source })
}

fn read(file: impl Read) -> Result<Vec<Listed>, TableFaults> {
    let mut seen = BTreeMap::new();
    let bounds = Bounds { rows: ROWS_MAX, faults: FAULTS_MAX };
    let read = columns::read(file, &COLUMNS, bounds, |line, [reference], faults| {
        let reference = Fields { line, faults }.read("ticket_ref", TicketRef::parse(reference))?;
        if let Some(first) = columns::earlier(&mut seen, reference.clone(), line) {
            faults.push(TableError::Repeated { line, first });
        }
        Some(Listed { line, reference })
    });
    read.map_err(TableFaults::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_one_column_and_every_fault_is_named() {
        let listed = read("ticket_ref\nTICKET-1\nTICKET-2\n".as_bytes()).unwrap();
        assert_eq!(listed.iter().map(|listed| listed.line).collect::<Vec<_>>(), [2, 3]);
        let refused = read("ticket_ref\nTICKET-1\nTaro\nTICKET-1\n".as_bytes()).unwrap_err().to_string();
        assert!(refused.contains("line 3, ticket_ref:") && refused.contains("line 4: the ticket_ref of line 2 again"));
        assert!(!refused.contains("Taro"));
        let named = read("ticket_ref,name\nTICKET-1,Taro\n".as_bytes()).unwrap_err().to_string();
        assert!(named.contains("\"name\" is not one of ticket_ref"), "{named}");
    }

    #[test]
    fn whoever_is_asked_knows_how_many_and_who_is_inside() {
        let foreseen =
            TicketsCancelled { cancelled: 3, with_card: 2, inside: Some(1), already: 4, ..TicketsCancelled::default() };
        let said = preview(&foreseen, "Opening night");
        for words in ["Opening night: 3 tickets", "2 of them lie on a card", "inside on 1", "4 are void already"] {
            assert!(said.contains(words), "{said}");
        }
    }
}
