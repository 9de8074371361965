//! Gates: how each is, a new one brought in, one sent away.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use core::time::Duration;
use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, GateId};
use kido_shared::ticket::Zone;
use kido_shared::wire::v1::operator::OfferGate;
use kido_shared::wire::v1::report::REPORT_EVERY_SECONDS;
use kido_web::icons;
use kido_web::language::Language;
use zeroize::Zeroizing;

use super::clerk::{Clerk, Fields, Posted, Turned};
use super::events::ago;
use super::why::Why;
use super::{Around, Page, Tab};
use crate::api::extract::{EventPath, GatePath, OfferPath};
use crate::auth::bearer::{Operate, Watch};
use crate::enrolment::{EnrolmentRefusal, Progress};
use crate::error::AppError;
use crate::reports::{EventReports, Heard};
use crate::state::AppState;
use crate::store::{EventView, GateView};
use crate::web::buyer::moment::Wall;

/// A gate that has said nothing for this long is silent: three reports and a little.
const SILENT_AFTER: Duration = Duration::from_secs(3 * REPORT_EVERY_SECONDS + 5);

/// A head this old says that the feed does not come through: heads are issued every half minute.
const OLD_AFTER: Duration = Duration::from_secs(3 * 60);

/// How a gate is, the one that needs somebody most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GateStanding {
    /// Its lane is shut, with this code.
    OutOfOrder(u8),
    /// It has told nothing for a while.
    Silent,
    /// No arbiter answers it: the event's offline choice holds there.
    Alone,
    /// What it knows is old.
    Old,
    /// It has told nothing since this registrar started.
    NeverHeard,
    /// All is well.
    InOrder,
    /// It has no rights any more.
    Revoked,
}

impl GateStanding {
    fn of(gate: &GateView, heard: Option<&Heard>, now: Timestamp) -> Self {
        if gate.revoked {
            return Self::Revoked;
        }
        let Some(Heard { at, report }) = heard else { return Self::NeverHeard };
        if now.since(*at) > SILENT_AFTER {
            return Self::Silent;
        }
        if let Some(code) = report.out_of_order {
            return Self::OutOfOrder(code);
        }
        if !report.arbiter_answers {
            return Self::Alone;
        }
        let age = report.head_issued_at.map_or(Duration::MAX, |issued_at| now.since(issued_at));
        if age > OLD_AFTER { Self::Old } else { Self::InOrder }
    }

    pub(super) const fn needs_somebody(self) -> bool {
        matches!(self, Self::OutOfOrder(_) | Self::Silent | Self::Alone | Self::Old)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OutOfOrder(_) => "out-of-order",
            Self::Silent => "silent",
            Self::Alone => "alone",
            Self::Old => "old",
            Self::NeverHeard => "never-heard",
            Self::InOrder => "in-order",
            Self::Revoked => "revoked",
        }
    }

    fn key(self) -> String {
        format!("console-gate-{}", self.name())
    }

    /// Colour and picture; the word says the same.
    const fn class(self) -> &'static str {
        match self {
            Self::OutOfOrder(_) | Self::Silent | Self::Alone | Self::Old => "needs",
            Self::InOrder => "well",
            Self::NeverHeard | Self::Revoked => "quiet",
        }
    }

    const fn icon(self) -> &'static str {
        match self {
            Self::OutOfOrder(_) => icons::FAULT,
            Self::Silent | Self::Alone | Self::Old => icons::NOTICE,
            Self::NeverHeard => icons::WAIT,
            Self::InOrder => icons::DONE,
            Self::Revoked => icons::LOCKED,
        }
    }
}

/// A gate as a row shows it.
#[derive(Debug)]
pub(super) struct GateRow {
    pub(super) standing: GateStanding,
    pub(super) word: String,
    pub(super) class: &'static str,
    pub(super) icon: &'static str,
    pub(super) id: GateId,
    pub(super) short: String,
    pub(super) entrance: String,
    pub(super) zone: String,
    pub(super) seen: String,
    pub(super) replica: String,
    pub(super) arbiter: String,
    pub(super) waits: bool,
}

/// The last letters of an id: enough to tell gates apart on a screen.
fn short(gate: GateId) -> String {
    let text = gate.to_string();
    let start = text.len().saturating_sub(6);
    format!("…{}", text.get(start..).unwrap_or_default())
}

fn row(around: &Around<'_>, view: &EventView, gate: GateView, heard: Option<&Heard>, now: Timestamp) -> GateRow {
    let (standing, none) = (GateStanding::of(&gate, heard, now), || "–".to_owned());
    let word = match standing {
        GateStanding::OutOfOrder(code) => {
            let fills = [("code", u64::from(code).into()), ("why", around.say(&format!("console-code-{code}")).into())];
            around.page.speech.say_with(&standing.key(), &fills)
        }
        GateStanding::Silent
        | GateStanding::Alone
        | GateStanding::Old
        | GateStanding::NeverHeard
        | GateStanding::InOrder
        | GateStanding::Revoked => around.say(&standing.key()),
    };
    let replica = heard.map_or_else(none, |heard| {
        let behind = view.feed_length.saturating_sub(heard.report.feed_length);
        let age =
            heard.report.head_issued_at.map_or_else(none, |issued_at| ago(now.since(issued_at), around.page.speech));
        let fills = [("length", heard.report.feed_length.into()), ("behind", behind.into()), ("age", age.into())];
        around.page.speech.say_with("console-replica", &fills)
    });
    let arbiter = heard.map_or_else(none, |heard| {
        around.say(if heard.report.arbiter_answers { "console-arbiter-answers" } else { "console-arbiter-silent" })
    });
    GateRow {
        standing,
        word,
        class: standing.class(),
        icon: standing.icon(),
        id: gate.gate,
        short: short(gate.gate),
        entrance: gate.entrance.to_string(),
        zone: gate.zone.to_string(),
        seen: heard.map_or_else(none, |heard| ago(now.since(heard.at), around.page.speech)),
        replica,
        arbiter,
        waits: heard.is_some_and(|heard| heard.report.waits_to_upload),
    }
}

/// All gates of an event, those that need somebody first.
pub(super) fn rows(
    around: &Around<'_>,
    view: &EventView,
    (gates, reports): (Vec<GateView>, &EventReports),
    now: Timestamp,
) -> Vec<GateRow> {
    let row = |gate: GateView| {
        let heard = reports.gates.get(&gate.gate);
        row(around, view, gate, heard, now)
    };
    let mut rows: Vec<GateRow> = gates.into_iter().map(row).collect();
    rows.sort_by(|one, other| (one.standing, &one.entrance, one.id).cmp(&(other.standing, &other.entrance, other.id)));
    rows
}

#[derive(Debug, Template)]
#[template(path = "console_gates.html")]
struct GatesPage<'p> {
    page: Page<'p>,
    around: Around<'p>,
    id: EventId,
    rows: Vec<GateRow>,
    zone: String,
    entrance: String,
    refused: Option<String>,
}

pub(super) fn needing(rows: &[GateRow]) -> u64 {
    u64::try_from(rows.iter().filter(|row| row.standing.needs_somebody()).count()).unwrap_or(u64::MAX)
}

impl Around<'_> {
    /// How the gates are, in one sentence. All is well only where every gate has said so.
    pub(super) fn of_gates(&self, rows: &[GateRow]) -> String {
        let needing = needing(rows);
        let unheard = rows.iter().any(|row| row.standing == GateStanding::NeverHeard);
        if needing == 0 && unheard {
            self.say("console-not-all-heard")
        } else {
            self.count("console-needing", &needing)
        }
    }
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
    let (page, id) = (around.page, view.event);
    let (zone, entrance) = (fields.text("zone").to_owned(), fields.text("entrance").to_owned());
    let (status, refused) = Why::parts(why);
    Ok(page.show_as(status, &GatesPage { page, around, id, rows, zone, entrance, refused })?)
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
    let standing = app.enrolments.progress(*event, *enrolment, now);
    let offer = app.enrolments.offered(*event, *enrolment, now);
    let (mut zone, mut entrance, mut until) = Default::default();
    let step = match (standing, offer) {
        (Ok(progress), Ok(offer)) => {
            (zone, entrance) = (offer.zone.to_string(), offer.entrance.to_string());
            until = Wall::at(offer.expires_at, page.speech.language()).in_short();
            match progress {
                Progress::Waiting => {
                    let link = app.enrolment_link(offer.token);
                    // A link is under 200 bytes: it always fits.
                    let picture = kido_web::qr::svg(&link).unwrap_or_default();
                    OfferStep::Waiting { link, picture }
                }
                Progress::ShowsCode(_) => OfferStep::ShowsCode,
                Progress::Confirmed(_) => OfferStep::Confirmed,
            }
        }
        (Err(EnrolmentRefusal::NoOffer), _) | (_, Err(EnrolmentRefusal::NoOffer)) => OfferStep::Over,
        (Err(error), _) | (_, Err(error)) => return Err(error.into()),
    };
    let (status, refused) = Why::parts(why);
    let (id, enrolment) = (*event, enrolment.to_string());
    let shown = OfferedPage { page, around, id, enrolment, zone, entrance, until, step, refused };
    Ok(page.show_as(status, &shown)?)
}

/// An offer: what to do next with the new gate.
pub(super) async fn offered(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Operate>,
    path: OfferPath,
) -> Result<Response, Turned> {
    let around = Around::new(&app, language, &clerk).of_event(&app.store.event(path.event)?, Tab::Gates);
    offer_page(&app, around, &path, None)
}

/// Compares the digits.
pub(super) async fn confirm(
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
pub(super) async fn refuse(
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

/// Ends a gate's rights.
pub(super) async fn revoke(
    State(app): State<AppState>,
    GatePath { event, gate }: GatePath,
    Posted { clerk, .. }: Posted<Operate>,
) -> Result<Response, Turned> {
    app.revoke_gate(&clerk.by, event, gate).await?;
    Ok(Redirect::to(&format!("/console/events/{event}/gates")).into_response())
}
