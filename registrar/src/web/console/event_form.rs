//! The form of an event: what was typed, what is wrong with it, what it makes or changes.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use kido_shared::clock::Timestamp;
use kido_shared::ids::EventId;
use kido_shared::policy::{ArbiterHome, OfflineChoice, PolicyDraft};
use kido_shared::wire::v1::operator::{CreateEvent, PolicyChoices, UpdateEvent};
use kido_web::language::Language;

use super::clerk::{Clerk, Fields, Posted, Turned};
use super::event_change::{FIELDS, WAS, ask_to_loosen, differences, is_in_use, loosened, merged};
use super::why::Why;
use super::{Around, Page, Tab};
use crate::api::extract::EventPath;
use crate::auth::bearer::Operate;
use crate::error::AppError;
use crate::moment;
use crate::state::AppState;
use crate::web::japan_time::JapanTime;

/// Behind a moment as a form's field tells it: forms speak Japan time, as everything here does.
const JAPAN: &str = ":00+09:00";

pub(super) const MINUTE_MS: u64 = 60_000;

/// Longest replica age that the form takes, in minutes: a week. Whoever lets gates admit with older knowledge than that
/// has mistyped.
const REPLICA_MINUTES_MAX: u64 = 7 * 24 * 60;

/// The offline choices, in the order of what they cost.
pub(super) const OFFLINE: [(&str, OfflineChoice); 3] =
    [("refuse", OfflineChoice::Refuse), ("home_gate", OfflineChoice::HomeGate), ("admit", OfflineChoice::Admit)];

/// The homes of claims that are offered.
const ARBITERS: [(&str, ArbiterHome); 3] =
    [("registrar", ArbiterHome::Registrar), ("local", ArbiterHome::Local), ("venue", ArbiterHome::Venue)];

pub(super) fn offline_word(choice: OfflineChoice) -> &'static str {
    OFFLINE.iter().find(|(_word, known)| *known == choice).map_or("refuse", |(word, _)| word)
}

pub(super) fn arbiter_word(home: &ArbiterHome) -> &'static str {
    ARBITERS.iter().find(|(_word, known)| known == home).map_or("registrar", |(word, _)| word)
}

/// What stands in the form: text, so that a fault loses nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) starts_at: String,
    pub(super) ends_at: String,
    pub(super) offline: String,
    pub(super) arbiter: String,
    pub(super) rehearsal_of: String,
    pub(super) tickets_per_card: String,
    pub(super) replica_minutes: String,
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
        let local = |moment| JapanTime::at(moment, Language::En).machine().trim_end_matches("+09:00").to_owned();
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

    /// A form as it was sent, or what it says that it was made from.
    fn sent(fields: &Fields, prefix: &str) -> Self {
        let text = |name| fields.text(&format!("{prefix}{name}")).to_owned();
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

    /// Its values in the order of [`FIELDS`].
    pub(super) fn values(&self) -> [&str; FIELDS.len()] {
        let Self { name, starts_at, ends_at, offline, arbiter, rehearsal_of: _, tickets_per_card, replica_minutes } =
            self;
        [name, starts_at, ends_at, offline, arbiter, tickets_per_card, replica_minutes].map(String::as_str)
    }

    pub(super) fn values_mut(&mut self) -> [&mut String; FIELDS.len()] {
        let Self { name, starts_at, ends_at, offline, arbiter, rehearsal_of: _, tickets_per_card, replica_minutes } =
            self;
        [name, starts_at, ends_at, offline, arbiter, tickets_per_card, replica_minutes]
    }

    /// Its values with the names of their fields.
    pub(super) fn named(&self) -> Vec<(&'static str, &str)> {
        FIELDS.iter().map(|(name, _key)| *name).zip(self.values()).collect()
    }

    /// What it says, or the key of the field that says nothing usable. A value that was there before is usable.
    fn read(&self, was: Option<&Self>) -> Result<Choices, &'static str> {
        let moment = |text: &str| moment::parse(&format!("{text}{JAPAN}"));
        let word = |known: &str, text: &str| known == text;
        let name = Some(self.name.clone()).filter(|name| !name.is_empty()).ok_or("name")?;
        let starts_at = moment(&self.starts_at).map_err(|_no_moment| "starts")?;
        let ends_at = moment(&self.ends_at).map_err(|_no_moment| "ends")?;
        let offline = OFFLINE.iter().find(|(known, _)| word(known, &self.offline)).ok_or("offline")?.1;
        let arbiter = ARBITERS.iter().find(|(known, _)| word(known, &self.arbiter)).ok_or("arbiter")?.1.clone();
        let minutes: u64 = self.replica_minutes.parse().map_err(|_no_number| "replica-minutes")?;
        if minutes > REPLICA_MINUTES_MAX && was.is_none_or(|was| was.replica_minutes != self.replica_minutes) {
            return Err("replica-minutes");
        }
        let tickets_per_card = self.tickets_per_card.parse().map_err(|_no_number| "tickets-per-card")?;
        let rehearsal_of = match self.rehearsal_of.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_no_event| "rehearsal-of")?),
        };
        let replica_minutes = minutes;
        Ok(Choices { name, starts_at, ends_at, offline, arbiter, rehearsal_of, tickets_per_card, replica_minutes })
    }
}

/// A form's choices, parsed.
#[derive(Debug)]
pub(super) struct Choices {
    pub(super) name: String,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) offline: OfflineChoice,
    pub(super) arbiter: ArbiterHome,
    pub(super) rehearsal_of: Option<EventId>,
    pub(super) tickets_per_card: u16,
    pub(super) replica_minutes: u64,
}

impl Choices {
    const fn replica_age_ms_max(&self) -> u64 {
        self.replica_minutes.saturating_mul(MINUTE_MS)
    }
}

#[derive(Debug, Template)]
#[template(path = "console_event_form.html")]
struct FormPage<'p> {
    page: Page<'p>,
    around: Around<'p>,
    draft: Draft,
    /// Real events that a new one may rehearse; nothing where the event is there already.
    real: Option<Vec<(String, String)>>,
    /// What the form is made from, where the event is there already.
    was: Option<Draft>,
    refused: Option<String>,
    /// What others changed since the form was made.
    meanwhile: Vec<String>,
}

impl FormPage<'_> {
    fn offline(&self) -> [&'static str; 3] {
        OFFLINE.map(|(word, _)| word)
    }

    fn arbiters(&self) -> [&'static str; 3] {
        ARBITERS.map(|(word, _)| word)
    }
}

/// Why a form comes again.
#[derive(Debug, Default)]
struct Again {
    why: Option<Why>,
    meanwhile: Vec<String>,
}

impl Again {
    const fn refused(why: Why) -> Self {
        Self { why: Some(why), meanwhile: Vec::new() }
    }
}

/// A form that says what is wrong with it, with everything that was typed.
fn form(
    app: &AppState,
    around: Around<'_>,
    (draft, was): (Draft, Option<Draft>),
    again: Again,
) -> Result<Response, Turned> {
    let is_new = was.is_none();
    let mut real = Vec::new();
    for view in app.store.events()?.iter().filter(|view| is_new && !view.policy.is_rehearsal()) {
        real.push((view.event.to_string(), view.policy.name().to_owned()));
    }
    let (page, Again { why, meanwhile }) = (around.page, again);
    let (refused_as, refused) = Why::parts(why);
    let status = if meanwhile.is_empty() { refused_as } else { StatusCode::CONFLICT };
    let shown = FormPage { page, around, draft, real: is_new.then_some(real), was, refused, meanwhile };
    Ok(page.show_as(status, &shown)?)
}

/// The form of a new event.
pub(super) async fn new(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Operate>,
) -> Result<Response, Turned> {
    form(&app, Around::new(&app, language, &clerk), (Draft::fresh(), None), Again::default())
}

fn missing(around: &Around<'_>, field: &str) -> String {
    let name = around.say(&format!("console-event-{field}"));
    around.page.speech.say_of("console-field-needed", "field", &name)
}

/// Makes an event.
pub(super) async fn create(
    State(app): State<AppState>,
    language: Language,
    Posted { clerk, fields }: Posted<Operate>,
) -> Result<Response, Turned> {
    let (around, draft) = (Around::new(&app, language, &clerk), Draft::sent(&fields, ""));
    let read = match draft.read(None) {
        Ok(read) => read,
        Err(field) => {
            let again = Again::refused(Why::typed(missing(&around, field)));
            return form(&app, around, (draft, None), again);
        }
    };
    let choices = PolicyChoices {
        tickets_per_card: Some(read.tickets_per_card),
        replica_age_ms_max: Some(read.replica_age_ms_max()),
        ..PolicyChoices::default()
    };
    let Choices { name, starts_at, ends_at, offline, arbiter, rehearsal_of, .. } = read;
    let wanted = CreateEvent { name, starts_at, ends_at, offline, arbiter, rehearsal_of, choices };
    match app.create_event(&clerk.by, wanted).await {
        Ok(view) => Ok(Redirect::to(&format!("/console/events/{}", view.event)).into_response()),
        Err(error) => refused(&app, around, (draft, None), error),
    }
}

/// Shows a refusal on the form; what failed inside is no refusal.
fn refused(
    app: &AppState,
    around: Around<'_>,
    drafts: (Draft, Option<Draft>),
    error: AppError,
) -> Result<Response, Turned> {
    if matches!(error, AppError::Storage(_) | AppError::Bug) {
        return Err(error.into());
    }
    let again = Again::refused(Why::of(&error, around.page.speech));
    form(app, around, drafts, again)
}

/// The form of an event that is there.
pub(super) async fn edit(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Operate>,
    EventPath { event }: EventPath,
) -> Result<Response, Turned> {
    let view = app.store.event(event)?;
    let around = Around::new(&app, language, &clerk).of_event(&view, Tab::Overview);
    let draft = Draft::of(view.policy.choices());
    form(&app, around, (draft.clone(), Some(draft)), Again::default())
}

/// Changes an event: what was changed in the form and nothing else. Where that lets in more people and somebody relies
/// on the event already, it is asked for once more.
pub(super) async fn change(
    State(app): State<AppState>,
    language: Language,
    EventPath { event }: EventPath,
    Posted { clerk, fields }: Posted<Operate>,
) -> Result<Response, Turned> {
    let view = app.store.event(event)?;
    let around = Around::new(&app, language, &clerk).of_event(&view, Tab::Overview);
    let (draft, was) = (Draft::sent(&fields, ""), Draft::sent(&fields, WAS));
    let (old, now) = (view.policy.choices(), Draft::of(view.policy.choices()));
    let meanwhile = differences(&was, &now);
    if !meanwhile.is_empty() {
        let meanwhile = meanwhile.iter().map(|one| one.say(&around)).collect();
        let merged = merged(draft, &was, &now);
        return form(&app, around, (merged, Some(now)), Again { why: None, meanwhile });
    }
    let read = match draft.read(Some(&was)) {
        Ok(read) => read,
        Err(field) => {
            let again = Again::refused(Why::typed(missing(&around, field)));
            return form(&app, around, (draft, Some(was)), again);
        }
    };
    let looser = loosened(old, &read);
    let confirmed = looser.join(",");
    if !looser.is_empty() && fields.text("confirmed") != confirmed && is_in_use(&app, &view)? {
        return ask_to_loosen(around, event, (draft, was), (&looser, confirmed));
    }
    let touched: Vec<&str> = differences(&was, &draft).iter().map(|difference| difference.key).collect();
    match app.change_event(&clerk.by, event, only(&touched, read)).await {
        Ok(_view) => Ok(Redirect::to(&format!("/console/events/{event}")).into_response()),
        Err(error) => refused(&app, around, (draft, Some(was)), error),
    }
}

/// What was not touched is not said: nothing is undone that the form never showed, and an event may know seconds where a
/// form shows minutes.
fn only(touched: &[&str], read: Choices) -> UpdateEvent {
    let is = |key: &str| touched.contains(&key);
    let replica_age_ms_max = is("replica-minutes").then_some(read.replica_age_ms_max());
    let tickets_per_card = is("tickets-per-card").then_some(read.tickets_per_card);
    UpdateEvent {
        name: is("name").then_some(read.name),
        starts_at: is("starts").then_some(read.starts_at),
        ends_at: is("ends").then_some(read.ends_at),
        offline: is("offline").then_some(read.offline),
        arbiter: is("arbiter").then_some(read.arbiter),
        choices: PolicyChoices { tickets_per_card, replica_age_ms_max, ..PolicyChoices::default() },
    }
}
