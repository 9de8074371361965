//! Tickets from the shop's file: read and judged as a whole, then imported batch by batch, the codes kept with the session.
//!
//! The file's every fault is named before anything is imported. The codes are made when the file is read and can be saved
//! before the first ticket is sent, in the same form as the command line's; they are in this process's memory only, until
//! the session ends, they are forgotten on purpose, or the import was over an hour ago. What a browser asks for again it
//! gets again. A token holds one import at a time: what is held is never replaced, it is forgotten first.

pub(super) mod held;
mod paper;
pub(super) mod reading;
mod stage;

use std::sync::Arc;

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
use self::stage::{ImportPage, SHOWN_MAX, Stage, fault, stage};
use super::clerk::{Clerk, Posted, Scripted, Turned};
use super::sessions::NotHeld;
use super::{Around, Tab};

use crate::api::extract::EventPath;
use crate::auth::bearer::Sell;
use crate::error::{AppError, RequestError};
use crate::operator_files::ticket_table;
use crate::state::AppState;

/// Largest file: some hundred thousand rows. Larger ones are for the command line.
pub(super) const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// When to try again while other files are being read, in seconds.
const TRY_AGAIN: HeaderValue = HeaderValue::from_static("10");

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
    let name = app.store.event(import.event()).map(|view| match (view.policy.name(), view.policy.is_rehearsal()) {
        // A rehearsal has the name of what it rehearses.
        (name, true) => format!("{name} · {}", speech.say("console-rehearsal")),
        (name, false) => name.to_owned(),
    });
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
    let (page, columns) = (around.page, ticket_table::COLUMNS.join(","));
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
        app.imports().enter(event, import.id().run(), app.now()).map_err(AppError::from)?;
        let report = app.import_tickets(&clerk.by, event, step.rows, import.is_paid()).await?;
        if import.note(step.done, &report.outcomes, app.now()) {
            app.imports().leave(event, import.id().run());
        }
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
