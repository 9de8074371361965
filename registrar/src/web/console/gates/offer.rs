//! An offer of a place to a new gate: its link, its digits, its end.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use kido_shared::ids::EventId;
use kido_web::language::Language;
use zeroize::Zeroizing;

use crate::api::extract::OfferPath;
use crate::auth::bearer::Operate;
use crate::enrolment::{EnrolmentRefusal, OfferFor, Progress, StandingOffer};
use crate::error::AppError;
use crate::state::AppState;
use crate::web::console::clerk::{Clerk, Posted, Turned};
use crate::web::console::why::Why;
use crate::web::console::{Around, Page, Tab};
use crate::web::japan_time::JapanTime;

/// How far an offer is, as the page shows it.
#[derive(Debug)]
enum OfferStep {
    /// The link is to be taken to the gate.
    Waiting { link: Zeroizing<String>, picture: String },
    /// The gate shows six digits.
    ShowsCode,
    /// It belongs to the event.
    Confirmed,
    /// The offer has ended, whatever ended it.
    Over,
}

impl OfferStep {
    fn of(app: &AppState, offer: StandingOffer) -> Self {
        match (offer.progress, offer.token) {
            (Progress::Waiting, Some(token)) => {
                let link = app.enrolment_link(token);
                // A link is under 200 bytes: it always fits.
                let picture = kido_web::qr::svg(&link).unwrap_or_default();
                Self::Waiting { link, picture }
            }
            (Progress::Waiting, None) | (Progress::ShowsCode(_), _) => Self::ShowsCode,
            (Progress::Confirmed(_), _) => Self::Confirmed,
        }
    }

    const fn is_open(&self) -> bool {
        matches!(self, Self::Waiting { .. } | Self::ShowsCode)
    }

    const fn stamp(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::ShowsCode => "shows-code",
            Self::Confirmed => "confirmed",
            Self::Over => "over",
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "console_offer.html")]
struct OfferedPage<'p> {
    page: Page<'p>,
    around: Around<'p>,
    id: EventId,
    enrolment: String,
    zone: String,
    entrance: String,
    until: String,
    step: OfferStep,
    refused: Option<String>,
}

fn offer_page(
    app: &AppState,
    around: Around<'_>,
    OfferPath { event, enrolment }: &OfferPath,
    why: Option<Why>,
) -> Result<Response, Turned> {
    let (now, page) = (app.now(), around.page);
    let (mut zone, mut entrance, mut until) = Default::default();
    let step = match app.enrolments.standing_offer(*event, *enrolment, now) {
        Ok(offer) => {
            // An arbiter's offer is the command line's: here it is as if it had ended.
            let OfferFor::Gate { zone: of, entrance: over } = &offer.place else {
                return Err(EnrolmentRefusal::NoOffer.into());
            };
            (zone, entrance) = (of.to_string(), over.to_string());
            until = JapanTime::at(offer.expires_at, page.speech.language()).in_short();
            OfferStep::of(app, offer)
        }
        Err(EnrolmentRefusal::NoOffer) => OfferStep::Over,
        Err(error) => return Err(error.into()),
    };
    let (status, refused) = Why::parts(why);
    let (id, enrolment) = (*event, enrolment.to_string());
    let shown = OfferedPage { page, around, id, enrolment, zone, entrance, until, step, refused };
    Ok(page.show_as(status, &shown)?)
}

/// An offer: what to do next with the new gate.
pub(in crate::web::console) async fn offered(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Operate>,
    path: OfferPath,
) -> Result<Response, Turned> {
    let around = Around::new(&app, language, &clerk).of_event(&app.store.event(path.event)?, Tab::Gates);
    offer_page(&app, around, &path, None)
}

/// Compares the digits.
pub(in crate::web::console) async fn confirm(
    State(app): State<AppState>,
    language: Language,
    path: OfferPath,
    Posted { clerk, fields }: Posted<Operate>,
) -> Result<Response, Turned> {
    let around = Around::new(&app, language, &clerk).of_event(&app.store.event(path.event)?, Tab::Gates);
    match app.confirm_gate(&clerk.by, (path.event, path.enrolment), fields.text("short_code")).await {
        Ok(_gate) => Ok(Redirect::to(&offer_address(&path)).into_response()),
        Err(error @ (AppError::Gate(_) | AppError::Enrolment(_))) => {
            let why = Why::of(&error, around.page.speech);
            offer_page(&app, around, &path, Some(why))
        }
        Err(error) => Err(error.into()),
    }
}

fn offer_address(path: &OfferPath) -> String {
    format!("/console/events/{}/gates/offers/{}", path.event, path.enrolment)
}

/// Takes an offer back.
pub(in crate::web::console) async fn refuse(
    State(app): State<AppState>,
    path: OfferPath,
    Posted { clerk, .. }: Posted<Operate>,
) -> Result<Response, Turned> {
    match app.refuse_gate(&clerk.by, (path.event, path.enrolment)).await {
        // Over already: what was wanted.
        Ok(()) | Err(AppError::Enrolment(EnrolmentRefusal::NoOffer)) => {
            Ok(Redirect::to(&format!("/console/events/{}/gates", path.event)).into_response())
        }
        Err(AppError::Enrolment(EnrolmentRefusal::Order)) => Ok(Redirect::to(&offer_address(&path)).into_response()),
        Err(error) => Err(error.into()),
    }
}
