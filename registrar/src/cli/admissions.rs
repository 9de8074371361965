//! `admissions import`: entries that staff ticked on paper. `admissions import-journal`: those of a gate without a line.

mod journal;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, GateId, TicketId};
use kido_shared::wire::v1::operator::{self, EnterByHand, EnteredByHand, GateBody, GateList, PaperTick, TickOutcome};
use kido_store::private_file::PrivateFileError;

use super::client::Client;
use super::console::Console;
use super::progress::Progress;
use super::{CliError, Connection};
use crate::domain::by_hand::TICKS_PER_BATCH;
use crate::domain::short_id::ShortId;
use crate::moment::{self, MomentError};
use crate::operator_files::columns::{self, Bounds, FAULTS_MAX, FieldError, Fields, ROWS_MAX, TableError, TableFaults};

/// The columns of a file of ticks.
const COLUMNS: [&str; 3] = ["ticket", "at", "gate"];

/// Where the seconds of a moment stand: behind `2027-01-10T17:05`.
const SECONDS_AT: usize = 16;

const HELP: &str = "\
The file has exactly these columns, in any order; any other is refused by its name:
  ticket,at,gate
  1AB-2CD-3EF,2027-01-10T17:05+09:00,North
ticket is the short id as the paper shows it (event export --paper), or more of the id, or all of it; at is the minute with
its offset; gate is a gate's id, or what is written over the entrance where one gate alone has it. An entry at a desk is
one of the gate beside it.

The whole file is looked at first: unknown and ambiguous tickets, unknown gates and moments still to come are named with
their lines, and nothing is put in then. Else each tick becomes an admission *by hand* through the same claim that gates
make; the card is refused after that. Whoever is in twice is shown as a conflict, here and in the console, never dropped.
Put the same file in again after any failure: the same line is the same entry.

Where a box in the venue decides, it hears of these with the feed: if its line is down, carry the feed to it (feed export)
before the doors open again. Where the event's only gate decides by itself, nothing can be put in: it would be granted there
once more.

The file is for nobody's eyes but staff's: delete it once it is in.";

/// Put in entries that were ticked on paper, or that a gate without a line has made
#[derive(Debug, Args)]
pub(super) struct AdmissionsArgs {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(subcommand)]
    command: AdmissionsCommand,
}

#[derive(Debug, Subcommand)]
enum AdmissionsCommand {
    /// Put in the ticks of a CSV file
    #[command(after_help = HELP)]
    Import {
        /// The event's id
        event: EventId,
        /// The CSV file
        file: PathBuf,
        /// Only say what would become of each line
        #[arg(long)]
        dry_run: bool,
    },
    /// Put in what a gate without a line has written down
    #[command(after_help = journal::HELP)]
    ImportJournal {
        /// The event's id
        event: EventId,
        /// The file that `kido-gate journal export` has written
        file: PathBuf,
        /// Of a gate that was revoked: you know where the file comes from, and believe it
        #[arg(long)]
        of_revoked: bool,
    },
}

/// A tick and where it stands.
#[derive(Debug)]
struct Listed {
    line: u64,
    tick: PaperTick,
}

/// What was put in, as it is printed.
#[derive(Debug, Default, serde::Serialize)]
struct Entered {
    dry_run: bool,
    stored: u64,
    repeated: u64,
    conflicts: Vec<ConflictLine>,
}

#[derive(Debug, serde::Serialize)]
struct ConflictLine {
    line: u64,
    ticket: TicketId,
}

pub(super) async fn run(args: AdmissionsArgs) -> Result<(), CliError> {
    let (client, console) = (Client::of(&args.connection)?, args.connection.console());
    match args.command {
        AdmissionsCommand::Import { event, file, dry_run } => import(&client, console, (event, file, dry_run)).await,
        AdmissionsCommand::ImportJournal { event, file, of_revoked } => {
            journal::run(&client, console, (event, file), of_revoked).await
        }
    }
}

async fn import(
    client: &Client,
    console: Console,
    (event, file, dry_run): (EventId, PathBuf, bool),
) -> Result<(), CliError> {
    let gates: GateList = client.get(&operator::gates(event)).await?;
    let listed = read_file(&file, &gates.gates)?;
    let mut faults = Vec::new();
    let foreseen = send(client, console, (event, &listed, true), &mut faults).await?;
    if !faults.is_empty() {
        let all = faults.len();
        faults.truncate(FAULTS_MAX);
        return Err(CliError::Table { path: file, source: TableFaults::counted(faults, all) });
    }
    if dry_run {
        return console.show(&foreseen, describe);
    }
    let entered = send(client, console, (event, &listed, false), &mut faults).await?;
    console.show(&entered, describe)?;
    // Somebody changed the event between the look and the deed.
    if faults.is_empty() { Ok(()) } else { Err(CliError::Table { path: file, source: faults.into() }) }
}

fn read_file(path: &Path, gates: &[GateBody]) -> Result<Vec<Listed>, CliError> {
    let opened = File::open(path).map_err(PrivateFileError::storage("opening"));
    let file = opened.map_err(|source| CliError::File { path: path.to_owned(), doing: "read", source })?;
    read(file, gates).map_err(|source| CliError::Table { path: path.to_owned(), source })
}

fn read(file: impl Read, gates: &[GateBody]) -> Result<Vec<Listed>, TableFaults> {
    let names = names(gates);
    let bounds = Bounds { rows: ROWS_MAX, faults: FAULTS_MAX };
    let read = columns::read(file, &COLUMNS, bounds, |line, [ticket, at, gate], faults| {
        let mut fields = Fields { line, faults };
        let ticket = fields.read("ticket", ShortId::parse(ticket));
        let at = fields.read("at", minute(at));
        let gate = fields.read("gate", names.get(gate).copied().flatten().ok_or(FieldError::Gate));
        Some(Listed { line, tick: PaperTick { ticket: ticket?.to_string(), at: at?, gate: gate? } })
    });
    read.map_err(TableFaults::from)
}

/// Each gate by its id, and by its entrance where no other has the same; nothing where several do.
fn names(gates: &[GateBody]) -> BTreeMap<String, Option<GateId>> {
    let mut names = BTreeMap::new();
    for gate in gates {
        let entrance = names.entry(gate.entrance.to_string()).or_insert(Some(gate.gate));
        if *entrance != Some(gate.gate) {
            *entrance = None;
        }
        names.insert(gate.gate.to_string(), Some(gate.gate));
    }
    names
}

/// A moment to the minute; seconds may be left out.
fn minute(text: &str) -> Result<Timestamp, MomentError> {
    match text.split_at_checked(SECONDS_AT) {
        Some((minute, offset)) if !offset.starts_with(':') => moment::parse(&format!("{minute}:00{offset}")),
        Some(_) | None => moment::parse(text),
    }
}

async fn send(
    client: &Client,
    console: Console,
    (event, listed, check): (EventId, &[Listed], bool),
    faults: &mut Vec<TableError>,
) -> Result<Entered, CliError> {
    let mut progress = Progress::begin(console, listed.len(), if check { "looked at" } else { "put in" });
    let mut sum = Entered { dry_run: check, ..Entered::default() };
    let mut sent = 0_usize;
    for batch in listed.chunks(TICKS_PER_BATCH) {
        let ticks = batch.iter().map(|listed| listed.tick.clone()).collect();
        let done: EnteredByHand = client.post(&operator::by_hand(event), &EnterByHand { check, ticks }).await?;
        for (listed, outcome) in batch.iter().zip(done.outcomes) {
            faults.extend(note(&mut sum, listed.line, outcome));
        }
        sent = sent.saturating_add(batch.len());
        progress.reached(sent)?;
    }
    progress.end();
    Ok(sum)
}

/// Counts what is in, and gives the fault of what is not.
fn note(sum: &mut Entered, line: u64, outcome: TickOutcome) -> Option<TableError> {
    let fault = |column, reason| Some(TableError::Field { line, column, reason });
    match outcome {
        TickOutcome::Stored { .. } => sum.stored = sum.stored.saturating_add(1),
        TickOutcome::Repeated { .. } => sum.repeated = sum.repeated.saturating_add(1),
        TickOutcome::Conflict { ticket } => sum.conflicts.push(ConflictLine { line, ticket }),
        TickOutcome::Unknown => return fault("ticket", FieldError::NoSuchTicket),
        TickOutcome::Ambiguous => return fault("ticket", FieldError::Ambiguous),
        TickOutcome::UnknownGate => return fault("gate", FieldError::Gate),
        TickOutcome::ToCome => return fault("at", FieldError::ToCome),
    }
    None
}

fn describe(entered: &Entered) -> String {
    let Entered { dry_run, stored, repeated, conflicts } = entered;
    let put = if *dry_run { "would be put in" } else { "were put in" };
    let mut lines = vec![format!("{stored} entries {put}, {repeated} were there already")];
    if !conflicts.is_empty() {
        lines.push(format!("{} in conflict: somebody was in with the ticket already", conflicts.len()));
        lines.extend(conflicts.iter().map(|conflict| format!("  line {}: {}", conflict.line, conflict.ticket)));
    }
    if *dry_run {
        lines.push("nothing was changed; say it without --dry-run to do it".to_owned());
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kido_shared::ticket::Zone;

    fn gate(number: u8, entrance: &str) -> GateBody {
        let (zone, added_at) = (Zone::new("A").unwrap(), Timestamp::from_unix_seconds(0));
        let (gate, entrance) = (GateId::from_bytes([number; 16]), Zone::new(entrance).unwrap());
        GateBody { gate, zone, entrance, revoked: false, copied: false, added_at }
    }

    #[test]
    fn a_tick_is_read_as_a_hand_wrote_it() {
        let gates = [gate(1, "North"), gate(2, "South"), gate(3, "South")];
        let file = format!(
            "gate,at,ticket\nNorth,2027-01-10T17:05+09:00,1ab 2cd 3ef\n{},2027-01-10T17:05:59+09:00,1AB-2CD-3EF\n",
            gates[1].gate
        );
        let listed = read(file.as_bytes(), &gates).unwrap();
        assert_eq!(listed[0].tick.ticket, "1AB-2CD-3EF");
        assert_eq!(listed[0].tick.at.minute(), listed[1].tick.at.minute());
        assert_eq!((listed[0].tick.gate, listed[1].tick.gate), (gates[0].gate, gates[1].gate));
    }

    #[test]
    fn every_fault_of_every_tick_is_named() {
        let gates = [gate(1, "North"), gate(2, "South"), gate(3, "South")];
        let file = "ticket,at,gate\n1AB,tomorrow,South\n1AB-2CD-3EF,2027-01-10T17:05+09:00,West\n";
        let said = read(file.as_bytes(), &gates).unwrap_err().to_string();
        for fault in ["line 2, ticket:", "line 2, at:", "line 2, gate:", "line 3, gate:", "4 faults"] {
            assert!(said.contains(fault), "{fault}: {said}");
        }
        assert!(!said.contains("tomorrow"));
    }

    #[test]
    fn what_is_not_in_is_told_by_its_line() {
        let mut sum = Entered::default();
        let ticket = TicketId::from_bytes([1; 16]);
        assert!(note(&mut sum, 2, TickOutcome::Stored { ticket }).is_none());
        assert!(note(&mut sum, 3, TickOutcome::Conflict { ticket }).is_none());
        let fault = note(&mut sum, 4, TickOutcome::Ambiguous).unwrap().to_string();
        assert!(fault.starts_with("line 4, ticket: several"), "{fault}");
        assert!(describe(&sum).contains("1 in conflict") && describe(&sum).contains("line 3"));
    }
}
