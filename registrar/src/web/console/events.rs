//! Events: listed, made, changed. What gates do without an arbiter is explained where it is chosen.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use core::time::Duration;
use kido_shared::clock::Timestamp;
use kido_shared::ids::EventId;
use kido_shared::policy::{ArbiterHome, OfflineChoice, PolicyDraft};
use kido_shared::wire::v1::operator::{CreateEvent, PolicyChoices, UpdateEvent};
use kido_web::language::Language;
use kido_web::words::Speech;

use super::clerk::{Clerk, Fields, Posted, Turned};
use super::why::why;
use super::{Desk, Page, Tab};
use crate::api::extract::EventPath;
use crate::auth::bearer::{Look, Operate};
use crate::cli::moment;
use crate::error::AppError;
use crate::state::AppState;
use crate::store::{EventView, SeatCounts};
use crate::web::buyer::moment::Wall;

/// Behind a moment as a form's field tells it: forms speak Japan time, as everything here does.
const JAPAN: &str = ":00+09:00";

const MINUTE_MS: u64 = 60_000;

/// The offline choices, in the order of what they cost.
const OFFLINE: [(&str, OfflineChoice); 3] =
    [("refuse", OfflineChoice::Refuse), ("home_gate", OfflineChoice::HomeGate), ("admit", OfflineChoice::Admit)];

/// The homes of claims that are offered.
const ARBITERS: [(&str, ArbiterHome); 2] = [("registrar", ArbiterHome::Registrar), ("local", ArbiterHome::Local)];

pub(super) fn offline_word(choice: OfflineChoice) -> &'static str {
    OFFLINE.iter().find(|(_word, known)| *known == choice).map_or("refuse", |(word, _)| word)
}

pub(super) fn arbiter_word(home: &ArbiterHome) -> &'static str {
    ARBITERS.iter().find(|(_word, known)| known == home).map_or("venue", |(word, _)| word)
}

/// One event of the list.
#[derive(Debug)]
struct Row {
    id: EventId,
    name: String,
    rehearsal: bool,
    when: String,
    tickets: u64,
    bound: u64,
    admissions: Option<u64>,
    conflicts: u64,
}

#[derive(Debug, Template)]
#[template(path = "console_events.html")]
struct EventsPage<'p> {
    page: Page<'p>,
    desk: Desk<'p>,
    rows: Vec<Row>,
}

fn all(counts: &SeatCounts) -> u64 {
    let SeatCounts { reserved, unbound, bound, suspended, returned, cancelled, admissions: _, conflicts: _ } = *counts;
    [reserved, unbound, bound, suspended, returned, cancelled].into_iter().fold(0, u64::saturating_add)
}

fn span(draft: &PolicyDraft, language: Language) -> String {
    Wall::at(draft.starts_at, language).to(Wall::at(draft.ends_at, language))
}

/// All events, the next one first.
pub(super) async fn list(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Look>,
) -> Result<Response, Turned> {
    let desk = Desk::new(&app, language, &clerk);
    let sees_uses = clerk.by.bearer.sees_uses();
    let mut events = app.store.events()?;
    let now = app.now();
    events.sort_by_key(|view| {
        let draft = view.policy.choices();
        let over = draft.ends_at < now;
        (over, if over { draft.ends_at.unix_ms().saturating_neg() } else { draft.starts_at.unix_ms() })
    });
    let row = |view: &EventView| Row {
        id: view.event,
        name: view.policy.name().to_owned(),
        rehearsal: view.policy.is_rehearsal(),
        when: span(view.policy.choices(), language),
        tickets: all(&view.counts),
        bound: view.counts.bound,
        admissions: sees_uses.then_some(view.counts.admissions),
        conflicts: if sees_uses { view.counts.conflicts } else { 0 },
    };
    let rows = events.iter().map(row).collect();
    let page = desk.page;
    Ok(page.show(&EventsPage { page, desk, rows })?)
}

#[derive(Debug, Template)]
#[template(path = "console_event.html")]
struct EventPage<'p> {
    page: Page<'p>,
    desk: Desk<'p>,
    id: EventId,
    when: String,
    retention: String,
    offline: &'static str,
    arbiter: &'static str,
    tickets_per_card: u16,
    replica_minutes: u64,
    counts: SeatCounts,
    all: u64,
    sees_uses: bool,
    gates: usize,
}

/// One event.
pub(super) async fn show(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Look>,
    EventPath { event }: EventPath,
) -> Result<Response, Turned> {
    let view = app.store.event(event)?;
    let gates = app.store.gates(event)?.iter().filter(|gate| !gate.revoked).count();
    let desk = Desk::new(&app, language, &clerk).of_event(&view, Tab::Overview);
    let draft = view.policy.choices();
    let page = desk.page;
    Ok(page.show(&EventPage {
        page,
        desk,
        id: event,
        when: span(draft, language),
        retention: Wall::at(draft.retention_at, language).in_full(),
        offline: offline_word(draft.offline),
        arbiter: arbiter_word(&draft.arbiter.home),
        tickets_per_card: draft.tickets_per_card,
        replica_minutes: draft.replica_age_ms_max / MINUTE_MS,
        counts: view.counts,
        all: all(&view.counts),
        sees_uses: clerk.by.bearer.sees_uses(),
        gates,
    })?)
}

/// What stands in the form: text, so that a fault loses nothing of it.
#[derive(Debug, Default)]
struct Draft {
    name: String,
    starts_at: String,
    ends_at: String,
    offline: String,
    arbiter: String,
    rehearsal_of: String,
    tickets_per_card: String,
    replica_minutes: String,
}

impl Draft {
    /// A new event: the offline choice is left open on purpose, whoever makes the event decides.
    fn fresh() -> Self {
        Self {
            arbiter: "registrar".to_owned(),
            tickets_per_card: "1".to_owned(),
            replica_minutes: "720".to_owned(),
            ..Self::default()
        }
    }

    fn of(draft: &PolicyDraft) -> Self {
        let local = |moment| Wall::at(moment, Language::En).machine().trim_end_matches("+09:00").to_owned();
        Self {
            name: draft.name.clone(),
            starts_at: local(draft.starts_at),
            ends_at: local(draft.ends_at),
            offline: offline_word(draft.offline).to_owned(),
            arbiter: arbiter_word(&draft.arbiter.home).to_owned(),
            rehearsal_of: draft.rehearsal_of.map(|event| event.to_string()).unwrap_or_default(),
            tickets_per_card: draft.tickets_per_card.to_string(),
            replica_minutes: (draft.replica_age_ms_max / MINUTE_MS).to_string(),
        }
    }

    fn sent(fields: &Fields) -> Self {
        let text = |name| fields.text(name).to_owned();
        Self {
            name: text("name"),
            starts_at: text("starts_at"),
            ends_at: text("ends_at"),
            offline: text("offline"),
            arbiter: text("arbiter"),
            rehearsal_of: text("rehearsal_of"),
            tickets_per_card: text("tickets_per_card"),
            replica_minutes: text("replica_minutes"),
        }
    }

    /// What it says, or the key of the field that says nothing usable.
    fn read(&self) -> Result<Choices, &'static str> {
        let moment = |text: &str| moment::parse(&format!("{text}{JAPAN}"));
        let word = |known: &str, text: &str| known == text;
        let name = Some(self.name.clone()).filter(|name| !name.is_empty()).ok_or("name")?;
        let starts_at = moment(&self.starts_at).map_err(|_no_moment| "starts")?;
        let ends_at = moment(&self.ends_at).map_err(|_no_moment| "ends")?;
        let offline = OFFLINE.iter().find(|(known, _)| word(known, &self.offline)).ok_or("offline")?.1;
        let arbiter = ARBITERS.iter().find(|(known, _)| word(known, &self.arbiter)).ok_or("arbiter")?.1.clone();
        let minutes: u64 = self.replica_minutes.parse().map_err(|_no_number| "replica-minutes")?;
        let tickets_per_card = self.tickets_per_card.parse().map_err(|_no_number| "tickets-per-card")?;
        let rehearsal_of = match self.rehearsal_of.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_no_event| "rehearsal-of")?),
        };
        let choices = PolicyChoices {
            tickets_per_card: Some(tickets_per_card),
            replica_age_ms_max: Some(minutes.saturating_mul(MINUTE_MS)),
            ..PolicyChoices::default()
        };
        Ok(Choices { name, starts_at, ends_at, offline, arbiter, rehearsal_of, choices })
    }
}

struct Choices {
    name: String,
    starts_at: Timestamp,
    ends_at: Timestamp,
    offline: OfflineChoice,
    arbiter: ArbiterHome,
    rehearsal_of: Option<EventId>,
    choices: PolicyChoices,
}

#[derive(Debug, Template)]
#[template(path = "console_event_form.html")]
struct FormPage<'p> {
    page: Page<'p>,
    desk: Desk<'p>,
    draft: Draft,
    /// Real events that a new one may rehearse; nothing where the event is there already.
    real: Option<Vec<(String, String)>>,
    refused: Option<String>,
}

impl FormPage<'_> {
    fn offline(&self) -> [&'static str; 3] {
        OFFLINE.map(|(word, _)| word)
    }

    fn arbiters(&self) -> [&'static str; 2] {
        ARBITERS.map(|(word, _)| word)
    }
}

/// A form that says what is wrong with it, with everything that was typed.
fn form(app: &AppState, desk: Desk<'_>, draft: Draft, refused: Option<String>) -> Result<Response, Turned> {
    let is_new = desk.event.is_none();
    let mut real = Vec::new();
    for view in app.store.events()?.iter().filter(|view| is_new && !view.policy.is_rehearsal()) {
        real.push((view.event.to_string(), view.policy.name().to_owned()));
    }
    let (page, status) = (desk.page, refused.is_some());
    let page = FormPage { page, desk, draft, real: is_new.then_some(real), refused };
    let mut response = page.page.show(&page)?;
    if status {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// The form of a new event.
pub(super) async fn new(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Operate>,
) -> Result<Response, Turned> {
    form(&app, Desk::new(&app, language, &clerk), Draft::fresh(), None)
}

fn missing(desk: &Desk<'_>, field: &str) -> String {
    let name = desk.say(&format!("console-event-{field}"));
    desk.page.speech.say_of("console-field-needed", "field", &name)
}

/// Makes an event.
pub(super) async fn create(
    State(app): State<AppState>,
    language: Language,
    Posted { clerk, fields }: Posted<Operate>,
) -> Result<Response, Turned> {
    let (desk, draft) = (Desk::new(&app, language, &clerk), Draft::sent(&fields));
    let Choices { name, starts_at, ends_at, offline, arbiter, rehearsal_of, choices } = match draft.read() {
        Ok(choices) => choices,
        Err(field) => {
            let refused = missing(&desk, field);
            return form(&app, desk, draft, Some(refused));
        }
    };
    let wanted = CreateEvent { name, starts_at, ends_at, offline, arbiter, rehearsal_of, choices };
    match app.create_event(&clerk.by, wanted).await {
        Ok(view) => Ok(Redirect::to(&format!("/console/events/{}", view.event)).into_response()),
        Err(error) => refused(&app, desk, draft, error),
    }
}

/// Shows a refusal on the form; what failed inside is no refusal.
fn refused(app: &AppState, desk: Desk<'_>, draft: Draft, error: AppError) -> Result<Response, Turned> {
    if matches!(error, AppError::Storage(_) | AppError::Bug) {
        return Err(error.into());
    }
    let refused = why(desk.page.speech, &error);
    form(app, desk, draft, Some(refused))
}

/// The form of an event that is there.
pub(super) async fn edit(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Operate>,
    EventPath { event }: EventPath,
) -> Result<Response, Turned> {
    let view = app.store.event(event)?;
    let desk = Desk::new(&app, language, &clerk).of_event(&view, Tab::Overview);
    form(&app, desk, Draft::of(view.policy.choices()), None)
}

/// Changes an event.
pub(super) async fn change(
    State(app): State<AppState>,
    language: Language,
    EventPath { event }: EventPath,
    Posted { clerk, fields }: Posted<Operate>,
) -> Result<Response, Turned> {
    let view = app.store.event(event)?;
    let desk = Desk::new(&app, language, &clerk).of_event(&view, Tab::Overview);
    let draft = Draft::sent(&fields);
    let Choices { name, starts_at, ends_at, offline, arbiter, rehearsal_of: _, choices } = match draft.read() {
        Ok(choices) => choices,
        Err(field) => {
            let refused = missing(&desk, field);
            return form(&app, desk, draft, Some(refused));
        }
    };
    // What was not touched is not said: a form shows minutes, and the event may know seconds.
    let old = view.policy.choices();
    let moved = |old: Timestamp, new: Timestamp| (minutes(old) != minutes(new)).then_some(new);
    let wanted = UpdateEvent {
        name: Some(name),
        starts_at: moved(old.starts_at, starts_at),
        ends_at: moved(old.ends_at, ends_at),
        offline: Some(offline),
        arbiter: Some(arbiter),
        choices,
    };
    match app.change_event(&clerk.by, event, wanted).await {
        Ok(_view) => Ok(Redirect::to(&format!("/console/events/{event}")).into_response()),
        Err(error) => refused(&app, desk, draft, error),
    }
}

const fn minutes(moment: Timestamp) -> i64 {
    moment.unix_seconds().div_euclid(60)
}

/// How long ago something was, in the largest unit that says it: `12 s ago`, `5分前`, `3 h ago`.
pub(super) fn ago(span: Duration, speech: Speech<'_>) -> String {
    let seconds = span.as_secs();
    let (unit, count) = match seconds {
        0..=119 => ("seconds", seconds),
        120..=7_199 => ("minutes", seconds / 60),
        _ => ("hours", seconds / 3_600),
    };
    speech.say_count(&format!("console-ago-{unit}"), "count", count)
}
