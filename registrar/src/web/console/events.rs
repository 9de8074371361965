//! Events: all of them, and one.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use kido_shared::ids::EventId;
use kido_shared::policy::PolicyDraft;
use kido_web::language::Language;

use super::clerk::{Clerk, Turned};
use super::event_form::{MINUTE_MS, arbiter_word, offline_word};
use super::{Around, Page, Tab};
use crate::api::extract::EventPath;
use crate::auth::bearer::Look;
use crate::keyring::FEED_KEY_NOTICE;
use crate::state::AppState;
use crate::store::{EventView, SeatCounts};
use crate::web::japan_time::JapanTime;

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
    around: Around<'p>,
    rows: Vec<Row>,
}

fn all(counts: &SeatCounts) -> u64 {
    let SeatCounts { reserved, unbound, bound, suspended, returned, cancelled, .. } = *counts;
    [reserved, unbound, bound, suspended, returned, cancelled].into_iter().fold(0, u64::saturating_add)
}

fn span(draft: &PolicyDraft, language: Language) -> String {
    JapanTime::at(draft.starts_at, language).to(JapanTime::at(draft.ends_at, language))
}

/// All events, the next one first.
pub(super) async fn list(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Look>,
) -> Result<Response, Turned> {
    let around = Around::new(&app, language, &clerk);
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
        conflicts: if sees_uses { view.counts.standing_conflicts() } else { 0 },
    };
    let rows = events.iter().map(row).collect();
    let page = around.page;
    Ok(page.show(&EventsPage { page, around, rows })?)
}

#[derive(Debug, Template)]
#[template(path = "console_event.html")]
struct EventPage<'p> {
    page: Page<'p>,
    around: Around<'p>,
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
    /// When the feed key ends, where that is soon or before the event is over for good.
    key_ends: Option<String>,
    recovering: bool,
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
    let around = Around::new(&app, language, &clerk).of_event(&view, Tab::Overview);
    let draft = view.policy.choices();
    let key_ends = app.store.feed_key_ends(event)?;
    let is_early = key_ends < draft.retention_at || key_ends < app.now().after(FEED_KEY_NOTICE);
    let page = around.page;
    Ok(page.show(&EventPage {
        page,
        around,
        id: event,
        when: span(draft, language),
        retention: JapanTime::at(draft.retention_at, language).in_full(),
        offline: offline_word(draft.offline),
        arbiter: arbiter_word(&draft.arbiter.home),
        tickets_per_card: draft.tickets_per_card,
        replica_minutes: draft.replica_age_ms_max / MINUTE_MS,
        counts: view.counts,
        all: all(&view.counts),
        key_ends: is_early.then(|| JapanTime::at(key_ends, language).in_full()),
        sees_uses: clerk.by.bearer.sees_uses(),
        gates,
        recovering: view.recovering,
    })?)
}
