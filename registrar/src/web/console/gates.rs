//! Gates: how each is, a new one brought in, one sent away; and the boxes in the venue that decide for them.

mod boxes;
mod offer;
mod standing;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use kido_shared::ids::EventId;
use kido_shared::ticket::Zone;
use kido_shared::wire::v1::operator::OfferGate;
use kido_web::language::Language;

use self::boxes::BoxRow;
pub(super) use self::offer::{confirm, offered, refuse};
pub(super) use self::standing::{GateRow, GateStanding, needing, rows};
use super::clerk::{Clerk, Fields, Posted, Turned};
use super::why::Why;
use super::{Around, Page, Tab};
use crate::api::extract::{EventPath, GatePath};
use crate::auth::bearer::{Operate, Watch};
use crate::error::AppError;
use crate::state::AppState;
use crate::store::EventView;

#[derive(Debug, Template)]
#[template(path = "console_gates.html")]
struct GatesPage<'p> {
    page: Page<'p>,
    around: Around<'p>,
    id: EventId,
    rows: Vec<GateRow>,
    /// None where the event is not decided in the venue and never was.
    boxes: Option<Vec<BoxRow>>,
    zone: String,
    entrance: String,
    refused: Option<String>,
}

fn listed(
    app: &AppState,
    around: Around<'_>,
    view: &EventView,
    (fields, why): (&Fields, Option<Why>),
) -> Result<Response, Turned> {
    // What each gate told last; no minutes of refusals.
    let reports = app.reports.of(view.event, i64::MAX);
    let rows = rows(&around, view, (app.store.gates(view.event)?, &reports), app.now());
    let boxes = boxes::of_event(&around, view, app.store.arbiters(view.event)?);
    let (page, id) = (around.page, view.event);
    let (zone, entrance) = (fields.text("zone").to_owned(), fields.text("entrance").to_owned());
    let (status, refused) = Why::parts(why);
    Ok(page.show_as(status, &GatesPage { page, around, id, rows, boxes, zone, entrance, refused })?)
}

/// The gates.
pub(super) async fn list(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Watch>,
    EventPath { event }: EventPath,
) -> Result<Response, Turned> {
    let view = app.store.event(event)?;
    let around = Around::new(&app, language, &clerk).of_event(&view, Tab::Gates);
    listed(&app, around, &view, (&Fields::default(), None))
}

/// Offers a place to a new gate.
pub(super) async fn offer(
    State(app): State<AppState>,
    language: Language,
    EventPath { event }: EventPath,
    Posted { clerk, fields }: Posted<Operate>,
) -> Result<Response, Turned> {
    let view = app.store.event(event)?;
    let around = Around::new(&app, language, &clerk).of_event(&view, Tab::Gates);
    let zone = Zone::new(fields.text("zone"));
    let entrance = fields.get("entrance").map(Zone::new).transpose();
    let (Ok(zone), Ok(entrance)) = (zone, entrance) else {
        let why = Why::typed(around.say("console-zone-form"));
        return listed(&app, around, &view, (&fields, Some(why)));
    };
    match app.offer_gate(&clerk.by, event, OfferGate { zone, entrance }).await {
        Ok(offered) => {
            let page = format!("/console/events/{event}/gates/offers/{}", offered.enrolment);
            Ok(Redirect::to(&page).into_response())
        }
        Err(error @ (AppError::Gate(_) | AppError::Enrolment(_))) => {
            let why = Why::of(&error, around.page.speech);
            listed(&app, around, &view, (&fields, Some(why)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Ends a gate's rights.
pub(super) async fn revoke(
    State(app): State<AppState>,
    GatePath { event, gate }: GatePath,
    Posted { clerk, .. }: Posted<Operate>,
) -> Result<Response, Turned> {
    app.revoke_gate(&clerk.by, event, gate).await?;
    Ok(Redirect::to(&format!("/console/events/{event}/gates")).into_response())
}
