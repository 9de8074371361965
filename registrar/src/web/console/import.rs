//! Tickets from the shop's file: read and judged as a whole, then imported batch by batch, the codes kept with the session.
//!
//! The file's every fault is named before anything is imported. The codes are made when the file is read and can be saved
//! before the first ticket is sent, in the same form as the command line's; they are in this process's memory only, until
//! the session ends, they are forgotten on purpose, or the import was over an hour ago. What a browser asks for again it
//! gets again. A token holds one import at a time: what is held is never replaced, it is forgotten first.

pub(super) mod held;
mod paper;
pub(super) mod reading;

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Query, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse as _, Redirect, Response};
use kido_shared::ids::EventId;
use kido_web::language::Language;
use kido_web::words::Speech;

use self::held::{Import, ImportId, Judged};
pub(super) use self::paper::{codes, print};
use super::clerk::{Clerk, Posted, Scripted, Turned};
use super::session::NotHeld;
use super::{Around, Page, Tab};
use crate::api::extract::EventPath;
use crate::auth::bearer::Sell;
use crate::cli::table::{self, TableError};
use crate::error::{AppError, RequestError};
use crate::state::AppState;
use crate::store::RowRefusal;

/// Largest file: some hundred thousand rows. Larger ones are for the command line.
pub(super) const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Faults of a file, and rows that were refused, that are shown: who has more has another file in hand.
const SHOWN_MAX: usize = 100;

/// When to try again while other files are being read, in seconds.
const TRY_AGAIN: HeaderValue = HeaderValue::from_static("10");

/// Where an import stands, as the page shows it.
#[derive(Debug)]
enum Stage {
    /// No file yet, or one with faults, or one that was not read.
    Choose { notice: Option<&'static str>, faults: Vec<String>, more: bool, reserved: bool },
    /// The token holds another import: of another event, or on another screen.
    Elsewhere { what: String, look: Option<EventId> },
    /// The file is good.
    Ready { rows: u64, paid: bool },
    /// Under way.
    Running { done: u64, rows: u64 },
    /// Over.
    Over { created: u64, unchanged: u64, refused: Vec<String>, more: u64, given_out: u64 },
}

impl Stage {
    const fn choose(notice: Option<&'static str>) -> Self {
        Self::Choose { notice, faults: Vec::new(), more: false, reserved: false }
    }
}

#[derive(Debug, Template)]
#[template(path = "console_import.html")]
struct ImportPage<'p> {
    page: Page<'p>,
    around: Around<'p>,
    id: EventId,
    held: Option<ImportId>,
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
        self.around.page.speech.say_with("console-import-progress", &fills)
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn stage(import: &Import, speech: Speech<'_>) -> Stage {
    let (rows, standing) = (import.rows(), import.standing(SHOWN_MAX));
    if standing.done >= rows {
        let refused = standing.refused.iter().map(|(line, refusal)| {
            let key = match refusal {
                RowRefusal::Different => "console-import-different",
                RowRefusal::CodeTaken => "console-import-code-taken",
            };
            speech.say_count(key, "line", *line)
        });
        return Stage::Over {
            created: standing.created,
            unchanged: standing.unchanged,
            refused: refused.collect(),
            more: count(standing.refused_in_all.saturating_sub(standing.refused.len())),
            given_out: count(rows.saturating_sub(standing.refused_in_all)),
        };
    }
    match standing.done {
        0 => Stage::Ready { rows: count(rows), paid: import.is_paid() },
        done => Stage::Running { done: count(done), rows: count(rows) },
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
        TableError::TooManyRows(rows) => speech.say_count("console-fault-too-many", "count", count(*rows)),
        TableError::Read(_) => speech.say("console-fault-read"),
    }
}

/// What this session holds for this event; where an import is named, that one and no other.
fn held_here(app: &AppState, clerk: &Clerk<Sell>, event: EventId, named: Option<ImportId>) -> Option<Arc<Import>> {
    let mut sessions = app.clerks.sessions();
    let import = sessions.get(&clerk.session, app.now())?.import()?;
    let is_it = import.event() == event && named.is_none_or(|named| named == import.id());
    is_it.then(|| Arc::clone(import))
}

/// Where the import of this token stands, seen from this event's page.
fn standing(
    app: &AppState,
    (clerk, event): (&Clerk<Sell>, EventId),
    speech: Speech<'_>,
) -> Result<(Option<ImportId>, Stage), AppError> {
    let Some((session, import)) = app.clerks.sessions().import_of(clerk.token) else {
        return Ok((None, Stage::choose(None)));
    };
    let here = session == clerk.session;
    if here && import.event() == event {
        return Ok((Some(import.id()), stage(&import, speech)));
    }
    // An event that was deleted after this import was found has its id alone.
    let name = app.store.event(import.event()).map(|view| view.policy.name().to_owned());
    let name = name.unwrap_or_else(|_gone| import.event().to_string());
    let key = if here { "console-import-elsewhere" } else { "console-import-other-screen" };
    let what = speech.say_of(key, "event", &name);
    Ok((Some(import.id()), Stage::Elsewhere { what, look: here.then_some(import.event()) }))
}

fn shown(
    app: &AppState,
    language: Language,
    (clerk, event): (&Clerk<Sell>, EventId),
    (status, (held, stage)): (StatusCode, (Option<ImportId>, Stage)),
) -> Result<Response, Turned> {
    let around = Around::new(app, language, clerk).of_event(&app.store.event(event)?, Tab::Import);
    let (page, columns) = (around.page, table::COLUMNS.join(","));
    let no_gate = app.store.gates(event)?.iter().all(|gate| gate.revoked);
    Ok(page.show_as(status, &ImportPage { page, around, id: event, held, stage, columns, no_gate })?)
}

/// The page as it is, for whoever asks for what is not possible now.
fn unchanged(
    app: &AppState,
    language: Language,
    at: (&Clerk<Sell>, EventId),
    status: StatusCode,
) -> Result<Response, Turned> {
    shown(app, language, at, (status, standing(app, at, app.pages.page(language).speech)?))
}

/// The page with a sentence why the file was not read, and when to try again.
fn busy(
    app: &AppState,
    language: Language,
    at: (&Clerk<Sell>, EventId),
    notice: &'static str,
) -> Result<Response, Turned> {
    let choose = (None, Stage::choose(Some(notice)));
    let mut response = shown(app, language, at, (StatusCode::SERVICE_UNAVAILABLE, choose))?;
    response.headers_mut().insert(RETRY_AFTER, TRY_AGAIN);
    Ok(response)
}

/// Where the import stands.
pub(super) async fn show(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Sell>,
    EventPath { event }: EventPath,
) -> Result<Response, Turned> {
    unchanged(&app, language, (&clerk, event), StatusCode::OK)
}

/// Whether the tickets of a file are paid for.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Reserved {
    #[serde(default)]
    reserved: bool,
}

/// Reads a file: all of its faults, or its codes. Before its first byte there must be room for it.
pub(super) async fn read(
    State(app): State<AppState>,
    language: Language,
    EventPath { event }: EventPath,
    Query(Reserved { reserved }): Query<Reserved>,
    Scripted { clerk, unread }: Scripted<Sell>,
) -> Result<Response, Turned> {
    app.store.event(event)?;
    let at = (&clerk, event);
    if app.clerks.sessions().import_of(clerk.token).is_some() {
        return unchanged(&app, language, at, StatusCode::CONFLICT);
    }
    let Some(place) = app.clerks.readings.begin(clerk.token) else {
        return busy(&app, language, at, "console-import-busy");
    };
    let file =
        Bytes::from_request(unread, &app).await.map_err(|rejection| RequestError::of_body(rejection.status()))?;
    let mut random = app.random();
    // The place goes with the judging: who goes away meanwhile makes no room before it is over.
    let judging = move || (Judged::read(&file, SHOWN_MAX, &mut random), place);
    let (judged, _place) = tokio::task::spawn_blocking(judging).await.map_err(AppError::Lost)?;
    let judged = match judged {
        Ok(judged) => judged,
        Err(faults) => {
            let (speech, more) = (app.pages.page(language).speech, faults.len() >= SHOWN_MAX);
            let faults = faults.iter().map(|one| fault(one, speech)).collect();
            let stage = Stage::Choose { notice: None, faults, more, reserved };
            return shown(&app, language, at, (StatusCode::OK, (None, stage)));
        }
    };
    let holding = app.clerks.sessions().hold(&clerk.session, (event, !reserved, judged), app.now());
    match holding {
        Ok(_import) => unchanged(&app, language, at, StatusCode::OK),
        Err(NotHeld::SessionOver) => Err(Turned::SignIn),
        Err(NotHeld::Another) => unchanged(&app, language, at, StatusCode::CONFLICT),
        Err(NotHeld::Full) => busy(&app, language, at, "console-import-full"),
    }
}

/// Which import a page was about when it asked.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Named {
    import: Option<ImportId>,
}

/// Imports the next batch of the import that is named. A step that is asked for twice is done once: the store knows the
/// tickets. A page of an import that was forgotten is shown what is held now, and nothing is done.
pub(super) async fn next(
    State(app): State<AppState>,
    language: Language,
    EventPath { event }: EventPath,
    Query(Named { import }): Query<Named>,
    Scripted { clerk, .. }: Scripted<Sell>,
) -> Result<Response, Turned> {
    let named = import.and_then(|import| held_here(&app, &clerk, event, Some(import)));
    let Some(import) = named else { return unchanged(&app, language, (&clerk, event), StatusCode::CONFLICT) };
    let step = import.step()?;
    if !step.rows.is_empty() {
        let report = app.import_tickets(&clerk.by, event, step.rows, import.is_paid()).await?;
        import.note(step.done, &report.outcomes, app.now());
    }
    unchanged(&app, language, (&clerk, event), StatusCode::OK)
}

/// Lets go of the import that is named and of its codes, on whichever screen of the same token it was begun.
pub(super) async fn forget(
    State(app): State<AppState>,
    EventPath { event }: EventPath,
    Posted { clerk, fields }: Posted<Sell>,
) -> Result<Response, Turned> {
    if let Some(id) = fields.get("import").and_then(ImportId::parse) {
        let forgotten = app.clerks.sessions().forget(clerk.token, id);
        // Wiped here, where nobody waits for the lock.
        drop(forgotten);
    }
    Ok(Redirect::to(&format!("/console/events/{event}/import")).into_response())
}
