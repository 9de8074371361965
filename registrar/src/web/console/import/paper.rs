//! What an import gives out: the code file, and the links on paper. Whoever takes them is in the audit list first.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kido_shared::ids::EventId;
use kido_web::language::Language;
use zeroize::Zeroizing;

use super::held::ImportId;
use super::{Named, held_here};
use crate::api::extract::EventPath;
use crate::audit::Deed;
use crate::auth::bearer::Sell;
use crate::domain::link;
use crate::error::{AppError, RequestError};
use crate::state::AppState;
use crate::web::console::clerk::{Clerk, Turned};
use crate::web::console::{Around, Page, Tab};

/// Codes on one page of the print: thirty sheets.
const CODES_PER_PRINT: usize = 300;

/// The code file. A page names its import; an address without one means what is held.
pub(in crate::web::console) async fn codes(
    State(app): State<AppState>,
    clerk: Clerk<Sell>,
    EventPath { event }: EventPath,
    Query(Named { import }): Query<Named>,
) -> Result<Response, Turned> {
    let import = held_here(&app, &clerk, event, import).ok_or(RequestError::NoRoute)?;
    app.note(&clerk.by, Deed::CodesTaken, Some(event)).await?;
    let origin = app.origin.as_str().to_owned();
    let writing = tokio::task::spawn_blocking(move || import.code_file(&origin));
    let text = Bytes::from_owner(writing.await.map_err(AppError::Lost)?);
    let kind = [
        (CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"kido-codes.csv\"")),
    ];
    Ok((kind, text).into_response())
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
    around: Around<'p>,
    id: EventId,
    held: ImportId,
    slips: Vec<Slip>,
    sheet: usize,
    more: bool,
}

/// Which part of the print.
#[derive(Debug, serde::Deserialize)]
pub(in crate::web::console) struct Sheet {
    import: Option<ImportId>,
    #[serde(default)]
    sheet: usize,
}

/// The links on paper.
pub(in crate::web::console) async fn print(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Sell>,
    EventPath { event }: EventPath,
    Query(Sheet { import, sheet }): Query<Sheet>,
) -> Result<Response, Turned> {
    let around = Around::new(&app, language, &clerk).of_event(&app.store.event(event)?, Tab::Import);
    let import = held_here(&app, &clerk, event, import).ok_or(RequestError::NoRoute)?;
    app.note(&clerk.by, Deed::CodesTaken, Some(event)).await?;
    let (held, origin, first) = (import.id(), app.origin.clone(), sheet.saturating_mul(CODES_PER_PRINT));
    let putting = tokio::task::spawn_blocking(move || {
        import.sheet(first, CODES_PER_PRINT, |row, code| Slip {
            reference: row.ticket_ref.as_str().to_owned(),
            place: format!("{} {}", row.zone, row.seat_label),
            link: link::registration(origin.as_str(), code),
        })
    });
    let (slips, more) = putting.await.map_err(AppError::Lost)?;
    let page = around.page;
    Ok(page.show_secret(StatusCode::OK, &PrintPage { page, around, id: event, held, slips, sheet, more })?)
}
