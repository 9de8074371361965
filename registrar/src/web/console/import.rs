//! Tickets from the shop's file: read and judged as a whole, then imported batch by batch, the codes kept with the session.
//!
//! The file's every fault is named before anything is imported. The codes are made when the file is read and can be saved
//! before the first ticket is sent, in the same form as the command line's; they are in this process's memory only, until
//! the session ends or they are forgotten on purpose. What a browser asks for again it gets again.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Redirect, Response};
use kido_shared::codes::Code;
use kido_shared::ids::EventId;
use kido_shared::ticket::EntryWindow;
use kido_web::language::Language;
use kido_web::words::Speech;
use zeroize::Zeroizing;

use super::clerk::{Clerk, Posted, Scripted, Turned};
use super::{Desk, Page, Tab};
use crate::api::extract::EventPath;
use crate::audit::Deed;
use crate::auth::bearer::Sell;
use crate::cli::codes_file;
use crate::cli::table::{self, TableError, TableRow};
use crate::domain::party::PartyLabel;
use crate::error::{AppError, RequestError};
use crate::state::AppState;
use crate::store::{ImportOutcome, RowRefusal, StorageError, TicketRow};

/// Largest file: a hundred thousand rows. Larger ones are for the command line, which keeps them on its own machine.
pub(super) const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Imports that are held at a time, all sessions together: some 40 MB each at the largest.
const IMPORTS_MAX: usize = 8;

/// Faults of a file that are shown: who has more has another file in hand.
const FAULTS_SHOWN: usize = 100;

/// Tickets of one step: on a slow disk a second, so that progress is seen.
const STEP: usize = 500;

/// Codes on one page of the print: thirty sheets.
const CODES_PER_PRINT: usize = 300;

/// An import of one session.
#[derive(Debug)]
pub(super) struct Import {
    event: EventId,
    paid: bool,
    rows: Vec<TableRow>,
    codes: Vec<Code>,
    done: usize,
    created: u64,
    unchanged: u64,
    refused: Vec<RefusedLine>,
}

/// A row that was not imported, by its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RefusedLine {
    line: u64,
    place: usize,
    refusal: RowRefusal,
}

impl Import {
    fn is_over(&self) -> bool {
        self.done >= self.rows.len()
    }

    /// Tickets and their codes, those that were refused left out: a link that opens nothing helps nobody.
    fn given_out(&self) -> Vec<(&TableRow, &Code)> {
        let refused: BTreeSet<usize> = self.refused.iter().map(|refused| refused.place).collect();
        let pairs = self.rows.iter().zip(&self.codes).enumerate();
        pairs.filter(|(place, _)| !refused.contains(place)).map(|(_place, pair)| pair).collect()
    }
}

/// One step's tickets, parsed again from what was judged before.
fn step(import: &Import) -> Result<Vec<TicketRow>, AppError> {
    let pairs = import.rows.iter().zip(&import.codes).skip(import.done).take(STEP);
    pairs.map(|(row, code)| ticket(row, code)).collect()
}

fn ticket(row: &TableRow, code: &Code) -> Result<TicketRow, AppError> {
    let judged = |_cannot_be: &dyn core::error::Error| AppError::Bug;
    let party = Some(row.party.as_str()).filter(|party| !party.is_empty()).map(PartyLabel::parse).transpose();
    Ok(TicketRow {
        reference: row.ticket_ref.clone(),
        order: row.order_ref.clone(),
        zone: row.zone.clone(),
        seat_label: row.seat_label.clone(),
        window: EntryWindow::new(row.valid_from, row.valid_until).map_err(|error| judged(&error))?,
        entries: row.entries,
        party: party.map_err(|error| judged(&error))?,
        code: code.hash(),
    })
}

/// Where an import stands, as the page shows it.
#[derive(Debug)]
enum Stage {
    /// No file yet, or one with faults.
    Choose { faults: Vec<String>, more: bool, reserved: bool },
    /// The file is good.
    Ready { rows: u64, paid: bool },
    /// Under way.
    Running { done: u64, rows: u64 },
    /// Over.
    Over { created: u64, unchanged: u64, refused: Vec<String>, given_out: u64 },
}

impl Stage {
    const NOTHING_YET: Self = Self::Choose { faults: Vec::new(), more: false, reserved: false };
}

#[derive(Debug, Template)]
#[template(path = "console_import.html")]
struct ImportPage<'p> {
    page: Page<'p>,
    desk: Desk<'p>,
    id: EventId,
    stage: Stage,
    columns: String,
    /// Whether the event waits for its first gate.
    no_gate: bool,
}

impl ImportPage<'_> {
    const fn bytes_max(&self) -> usize {
        FILE_BYTES_MAX
    }

    fn progress(&self, done: &u64, rows: &u64) -> String {
        let fills = [("done", (*done).into()), ("rows", (*rows).into())];
        self.desk.page.speech.say_with("console-import-progress", &fills)
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn stage(import: &Import, speech: Speech<'_>) -> Stage {
    let rows = count(import.rows.len());
    if import.is_over() {
        let refused = import.refused.iter().map(|refused| {
            let key = match refused.refusal {
                RowRefusal::Different => "console-import-different",
                RowRefusal::CodeTaken => "console-import-code-taken",
            };
            speech.say_count(key, "line", refused.line)
        });
        return Stage::Over {
            created: import.created,
            unchanged: import.unchanged,
            refused: refused.collect(),
            given_out: count(import.given_out().len()),
        };
    }
    match import.done {
        0 => Stage::Ready { rows, paid: import.paid },
        done => Stage::Running { done: count(done), rows },
    }
}

/// A fault of the file, in words; never what stands there.
fn fault(fault: &TableError, speech: Speech<'_>) -> String {
    let columns = table::COLUMNS.join(", ");
    match fault {
        TableError::NoHeader => speech.say_of("console-fault-header", "columns", &columns),
        TableError::Column(name) => speech.say_of("console-fault-column", "column", name),
        TableError::Missing(column) => speech.say_of("console-fault-missing", "column", column),
        TableError::Twice(column) => speech.say_of("console-fault-twice", "column", column),
        TableError::Row(line) => speech.say_count("console-fault-row", "line", *line),
        TableError::Field { line, column, .. } => {
            let expected = speech.say(&format!("console-expects-{}", column.replace('_', "-")));
            let fills = [("line", (*line).into()), ("column", (*column).into()), ("expected", expected.into())];
            speech.say_with("console-fault-field", &fills)
        }
        TableError::Repeated { line, first } => {
            speech.say_with("console-fault-repeated", &[("line", (*line).into()), ("first", (*first).into())])
        }
        TableError::Empty => speech.say("console-fault-empty"),
        TableError::TooManyRows => speech.say("console-fault-too-many"),
        TableError::Read(_) => speech.say("console-fault-read"),
    }
}

/// What this session holds for this event.
fn held<T>(app: &AppState, clerk: &Clerk<Sell>, event: EventId, look: impl FnOnce(&mut Import) -> T) -> Option<T> {
    let now = app.now();
    let mut sessions = app.clerks.sessions();
    let import = sessions.get(&clerk.session, now)?.import.as_mut();
    import.filter(|import| import.event == event).map(look)
}

fn shown(
    app: &AppState,
    language: Language,
    (clerk, event): (&Clerk<Sell>, EventId),
    stage: Stage,
) -> Result<Response, Turned> {
    let desk = Desk::new(app, language, clerk).of_event(&app.store.event(event)?, Tab::Import);
    let (page, columns) = (desk.page, table::COLUMNS.join(","));
    let no_gate = app.store.gates(event)?.iter().all(|gate| gate.revoked);
    Ok(page.show(&ImportPage { page, desk, id: event, stage, columns, no_gate })?)
}

/// Where the import stands.
pub(super) async fn show(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Sell>,
    EventPath { event }: EventPath,
) -> Result<Response, Turned> {
    let speech = app.pages.page(language).speech;
    let stage = held(&app, &clerk, event, |import| stage(import, speech));
    shown(&app, language, (&clerk, event), stage.unwrap_or(Stage::NOTHING_YET))
}

/// Whether the tickets of a file are paid for.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Reserved {
    #[serde(default)]
    reserved: bool,
}

/// Reads a file: all of its faults, or its codes.
pub(super) async fn read(
    State(app): State<AppState>,
    language: Language,
    EventPath { event }: EventPath,
    Query(Reserved { reserved }): Query<Reserved>,
    Scripted { clerk, body }: Scripted<Sell>,
) -> Result<Response, Turned> {
    app.store.event(event)?;
    let speech = app.pages.page(language).speech;
    let random = app.random();
    let judged = tokio::task::spawn_blocking(move || judge(&body, random)).await;
    let (rows, codes) = match judged.map_err(AppError::Lost)? {
        Ok(good) => good,
        Err(faults) => {
            let more = faults.len() >= FAULTS_SHOWN;
            let faults = faults.iter().map(|one| fault(one, speech)).collect();
            return shown(&app, language, (&clerk, event), Stage::Choose { faults, more, reserved });
        }
    };
    let (now, paid) = (app.now(), !reserved);
    let (done, created, unchanged, refused) = (0, 0, 0, Vec::new());
    let import = Import { event, paid, rows, codes, done, created, unchanged, refused };
    let stage = stage(&import, speech);
    let mut sessions = app.clerks.sessions();
    let held = sessions.imports(now);
    let session = sessions.get(&clerk.session, now).ok_or(Turned::SignIn)?;
    if session.import.is_none() && held >= IMPORTS_MAX {
        return Err(StorageError::Busy.into());
    }
    session.import = Some(import);
    drop(sessions);
    shown(&app, language, (&clerk, event), stage)
}

type Judged = Result<(Vec<TableRow>, Vec<Code>), Vec<TableError>>;

fn judge(file: &[u8], mut random: rand::rngs::StdRng) -> Judged {
    let rows = table::read_to(file, FAULTS_SHOWN)?;
    let codes = rows.iter().map(|_row| Code::generate(&mut random)).collect();
    Ok((rows, codes))
}

/// Imports the next batch. A step that is asked for twice is done once: the store knows the tickets.
pub(super) async fn next(
    State(app): State<AppState>,
    language: Language,
    EventPath { event }: EventPath,
    Scripted { clerk, .. }: Scripted<Sell>,
) -> Result<Response, Turned> {
    let speech = app.pages.page(language).speech;
    let begun = held(&app, &clerk, event, |import| (import.done, import.paid, step(import)));
    let Some((done, paid, rows)) = begun else {
        return shown(&app, language, (&clerk, event), Stage::NOTHING_YET);
    };
    let rows = rows?;
    if !rows.is_empty() {
        let report = app.import_tickets(&clerk.by, event, rows, paid).await?;
        held(&app, &clerk, event, |import| note(import, done, &report.outcomes));
    }
    let stage = held(&app, &clerk, event, |import| stage(import, speech)).ok_or(Turned::SignIn)?;
    shown(&app, language, (&clerk, event), stage)
}

fn note(import: &mut Import, done: usize, outcomes: &[ImportOutcome]) {
    // Another tab's step was noted meanwhile: it was the same one.
    if import.done != done {
        return;
    }
    for (offset, outcome) in outcomes.iter().enumerate() {
        let place = done.saturating_add(offset);
        match outcome {
            ImportOutcome::Created(_) => import.created = import.created.saturating_add(1),
            ImportOutcome::Unchanged(_) => import.unchanged = import.unchanged.saturating_add(1),
            ImportOutcome::Refused(refusal) => {
                let line = import.rows.get(place).map_or(0, |row| row.line);
                import.refused.push(RefusedLine { line, place, refusal: *refusal });
            }
        }
    }
    import.done = done.saturating_add(outcomes.len());
}

/// Lets go of an import and its codes.
pub(super) async fn forget(
    State(app): State<AppState>,
    EventPath { event }: EventPath,
    Posted { clerk, .. }: Posted<Sell>,
) -> Result<Response, Turned> {
    if let Some(session) = app.clerks.sessions().get(&clerk.session, app.now()) {
        session.import = None;
    }
    Ok(Redirect::to(&format!("/console/events/{event}/import")).into_response())
}

/// The code file, byte for byte as the command line writes it. Whoever takes it is in the audit list first.
pub(super) async fn codes(
    State(app): State<AppState>,
    clerk: Clerk<Sell>,
    EventPath { event }: EventPath,
) -> Result<Response, Turned> {
    let text = held(&app, &clerk, event, |import| {
        let pairs = import.given_out();
        codes_file::text(app.origin.as_str(), pairs.into_iter().map(|(row, code)| (&row.ticket_ref, code)))
    });
    let Some(text) = text else { return Err(RequestError::NoRoute.into()) };
    app.note(&clerk.by, Deed::CodesTaken, Some(event)).await?;
    let kind = [
        (CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"kido-codes.csv\"")),
    ];
    Ok((kind, text.to_string()).into_response())
}

/// One ticket of the print.
#[derive(Debug)]
struct Slip {
    reference: String,
    place: String,
    link: Zeroizing<String>,
}

#[derive(Debug, Template)]
#[template(path = "console_print.html")]
struct PrintPage<'p> {
    page: Page<'p>,
    desk: Desk<'p>,
    id: EventId,
    slips: Vec<Slip>,
    sheet: usize,
    more: bool,
}

/// Which part of the print.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Sheet {
    #[serde(default)]
    sheet: usize,
}

/// The links on paper.
pub(super) async fn print(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Sell>,
    EventPath { event }: EventPath,
    Query(Sheet { sheet }): Query<Sheet>,
) -> Result<Response, Turned> {
    let desk = Desk::new(&app, language, &clerk).of_event(&app.store.event(event)?, Tab::Import);
    let first = sheet.saturating_mul(CODES_PER_PRINT);
    let slips = held(&app, &clerk, event, |import| {
        let pairs = import.given_out();
        let slip = |(row, code): &(&TableRow, &Code)| Slip {
            reference: row.ticket_ref.as_str().to_owned(),
            place: format!("{} {}", row.zone, row.seat_label),
            link: Zeroizing::new(format!("{}/r#{}", app.origin, code.reveal().as_str())),
        };
        let slips: Vec<Slip> = pairs.iter().skip(first).take(CODES_PER_PRINT).map(slip).collect();
        (slips, pairs.len() > first.saturating_add(CODES_PER_PRINT))
    });
    let Some((slips, more)) = slips else { return Err(RequestError::NoRoute.into()) };
    app.note(&clerk.by, Deed::CodesTaken, Some(event)).await?;
    let page = desk.page;
    Ok(page.show(&PrintPage { page, desk, id: event, slips, sheet, more })?)
}
