//! `tickets import`: judged as a whole, the codes written down and synced, then sent batch by batch.
//!
//! In this order nothing is half done for whoever looks: a fault of the file or a ticket that the event has with another
//! content ends it before the first ticket is sent; what ends it later (a lost line, a killed program on either side)
//! leaves tickets whose codes are all in the code file, and the same command completes them.

use std::fs::File;
use std::path::PathBuf;

use clap::Args;
use kido_shared::codes::Code;
use kido_shared::ids::{EventId, ImportRunId};
use kido_shared::limits::TICKETS_PER_BATCH;
use kido_shared::wire::v1::operator::{
    self, EventBody, HealthBody, ImportRun, ImportTicket, ImportTickets, TicketCounts, TicketsImported,
};
use kido_shared::wire::v1::routes;
use kido_store::private_file::{self, PrivateFileError};
use sha2::{Digest as _, Sha256};

use crate::cli::client::Client;
use crate::cli::console::Console;
use crate::cli::progress::Progress;
use crate::cli::{CliError, ClientError};
use crate::entropy::Entropy;
use crate::error::codes::IMPORT_UNDER_WAY;
use crate::operator_files::codes_file::{self, Codes, CodesFileError};
use crate::operator_files::columns::FAULTS_MAX;
use crate::operator_files::ticket_table::{self, TableRow};

pub(super) const HELP: &str = "\
The file has exactly these columns, in any order; any other is refused by its name:
  ticket_ref,order_ref,zone,seat_label,valid_from,valid_until,entries,party
  TICKET-1,ORDER-1,A,Row 3 seat 7,2027-01-10T17:00:00+09:00,2027-01-10T22:00:00+09:00,1,
References are 6 to 32 capital letters, digits or hyphens; moments are RFC 3339 with their offset.
entries is a number or `unlimited`: how often a holder may come in, going out by an exit lane between two entries. party
names tickets that enter together, or is empty.

All or nothing: every fault of the file is named with its line (the first hundred), and so is every ticket that the event
has already with another content; nothing is imported then.
The codes are made here and written to --codes (mode 600, synced) before anything is sent; the registrar gets hashes.
Run the same command again after any failure, with the same two files: it goes on where it stopped, nothing is imported
twice, every ticket keeps the code that is in the file. An event takes one import at a time: another one is refused until
the first has ended, or was silent for two minutes.

Next: send each buyer the link of their ticket.";

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
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

pub(super) async fn run(client: &Client, console: Console, wanted: ImportArgs) -> Result<(), CliError> {
    let rows = read(&wanted.file)?;
    // Asked first: a wrong event or token must not leave a code file behind.
    let _there: EventBody = client.get(&operator::event(wanted.event)).await?;
    let health: HealthBody = client.get(routes::HEALTH).await?;
    let codes = |source| CliError::Codes { path: wanted.codes.clone(), source };
    let mut random = Entropy::from_system().fork();
    let Codes { codes: made, taken_up } =
        codes_file::make_or_take_up(&wanted.codes, &health.origin, &rows, &mut random).map_err(&codes)?;
    let sending = Sending { client, console, wanted: &wanted, rows: &rows, codes: &made, run: run_of(&made) };
    let nothing = || Imported { codes: wanted.codes.clone(), codes_taken_up: taken_up, ..Imported::default() };
    let forget_codes = || {
        // These codes open nothing, and would stand in the way of the next try.
        let gone = if taken_up { Ok(()) } else { private_file::shred(&wanted.codes) };
        gone.map_err(|source| codes(CodesFileError::File(source)))
    };
    // From here on the event takes no other import: what is seen of it stays true until the last ticket is sent.
    if let Err(error) = sending.begin().await {
        if error.is_refused_as(IMPORT_UNDER_WAY) {
            forget_codes()?;
        }
        return Err(error);
    }
    let event: EventBody = client.get(&operator::event(wanted.event)).await?;
    // A ticket that is there with another content is found before any is sent. An event without tickets has none.
    if has_tickets(event.tickets) {
        let mut sum = nothing();
        sending.all(true, &mut sum).await?;
        if !sum.refused.is_empty() {
            sum.created = 0;
            sending.give_up().await?;
            forget_codes()?;
            let refused = sum.refused.len();
            console.show(&sum, refusals)?;
            return Err(CliError::NothingImported { refused, all: rows.len() });
        }
    }
    let mut sum = nothing();
    sending.all(false, &mut sum).await?;
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
    ticket_table::read(file).map_err(|source| CliError::Table { path: path.clone(), source })
}

const fn has_tickets(counts: TicketCounts) -> bool {
    let TicketCounts { reserved, unbound, bound, suspended, returned, cancelled } = counts;
    reserved | unbound | bound | suspended | returned | cancelled != 0
}

/// All that is sent.
struct Sending<'s> {
    client: &'s Client,
    console: Console,
    wanted: &'s ImportArgs,
    rows: &'s [TableRow],
    codes: &'s [Code],
    run: ImportRunId,
}

/// The run that these codes belong to: the same files are the same run, whoever says the command once more.
fn run_of(codes: &[Code]) -> ImportRunId {
    let mut all = Sha256::new();
    for code in codes {
        all.update(code.hash().as_bytes());
    }
    let mut id = [0; 16];
    id.iter_mut().zip(all.finalize()).for_each(|(to, from)| *to = from);
    ImportRunId::from_bytes(id)
}

impl Sending<'_> {
    /// Takes the event for this run.
    async fn begin(&self) -> Result<(), CliError> {
        self.nothing(false).await
    }

    /// Lets another run have it.
    async fn give_up(&self) -> Result<(), CliError> {
        self.nothing(true).await
    }

    async fn nothing(&self, last: bool) -> Result<(), CliError> {
        let run = Some(ImportRun { id: self.run, last });
        let batch = ImportTickets { reserved: self.wanted.reserved, check: true, run, tickets: Vec::new() };
        let _nothing: TicketsImported = self.client.post(&operator::tickets(self.wanted.event), &batch).await?;
        Ok(())
    }

    async fn all(&self, check: bool, sum: &mut Imported) -> Result<(), CliError> {
        let mut progress = Progress::begin(self.console, self.rows.len(), if check { "checked" } else { "imported" });
        let path = operator::tickets(self.wanted.event);
        let mut sent = 0_usize;
        for (rows, codes) in self.rows.chunks(TICKETS_PER_BATCH).zip(self.codes.chunks(TICKETS_PER_BATCH)) {
            let tickets = rows.iter().zip(codes).map(|(row, code)| ticket(row, code)).collect();
            let last = !check && sent.saturating_add(rows.len()) >= self.rows.len();
            let run = Some(ImportRun { id: self.run, last });
            let batch = ImportTickets { reserved: self.wanted.reserved, check, run, tickets };
            let done = self.client.post(&path, &batch).await.map_err(|error| self.interrupted(error, sent))?;
            note(done, rows, sum);
            sent = sent.saturating_add(rows.len());
            progress.reached(sent)?;
        }
        progress.end();
        Ok(())
    }

    /// What breaks off in the middle is told with the way on.
    fn interrupted(&self, error: CliError, sent: usize) -> CliError {
        if !matches!(error, CliError::Client(ClientError::Unreachable { .. })) {
            return error;
        }
        let CliError::Client(source) = error else { return error };
        CliError::ImportInterrupted { sent, all: self.rows.len(), source }
    }
}

fn note(done: TicketsImported, rows: &[TableRow], sum: &mut Imported) {
    sum.created = sum.created.saturating_add(done.created);
    sum.unchanged = sum.unchanged.saturating_add(done.unchanged);
    for refused in done.refused {
        let row = usize::try_from(refused.row).ok().and_then(|row| rows.get(row));
        let line = row.map_or(0, |row| row.line);
        sum.refused.push(RefusedLine { line, reason: refused.detail });
    }
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

fn refusals(sum: &Imported) -> String {
    let named = sum.refused.iter().take(FAULTS_MAX);
    let mut lines: Vec<_> = named.map(|refused| format!("line {}: {}", refused.line, refused.reason)).collect();
    if sum.refused.len() > FAULTS_MAX {
        lines.push(format!("… and {} more", sum.refused.len().saturating_sub(FAULTS_MAX)));
    }
    lines.join("\n")
}

fn summary(sum: &Imported, event: &str, rehearsal: &str) -> String {
    let mut lines = vec![format!("{} tickets imported into {event}{rehearsal}", sum.created)];
    if sum.unchanged > 0 {
        lines.push(format!("{} were there already", sum.unchanged));
    }
    if !sum.refused.is_empty() {
        lines.push(refusals(sum));
    }
    let taken_up = if sum.codes_taken_up { ", taken up from an earlier run" } else { "" };
    lines.push(format!("links: {}{taken_up}", sum.codes.display()));
    lines.join("\n")
}
