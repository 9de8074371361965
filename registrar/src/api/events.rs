//! Events: created, changed, looked at.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use core::time::Duration;
use kido_shared::clock::Timestamp;
use kido_shared::ids::ArbiterId;
use kido_shared::policy::{
    ArbiterHome, ArbiterName, EventPolicy, PolicyDraft, REPLICA_AGE_DEFAULT, RETENTION_DAYS_DEFAULT, TransferChoice,
};
use kido_shared::wire::v1::operator::{CreateEvent, EVENT, EVENTS, EventBody, EventList, PolicyChoices, UpdateEvent};
use kido_shared::wire::v1::problem::Problem;
use rand::{CryptoRng, RngCore};

use super::extract::{EventPath, JsonBody};
use super::render;
use crate::auth::Authenticated;
use crate::auth::bearer::{Look, Operate};
use crate::domain::event::EventRefusal;
use crate::error::AppError;
use crate::state::AppState;

/// Seconds of a day.
const DAY_S: u64 = 24 * 60 * 60;

/// Creates an event with keys of its own.
///
/// What gates do while no arbiter answers must be said; nothing else that matters is assumed.
#[utoipa::path(post, path = EVENTS, tag = "events", request_body = CreateEvent,
    responses((status = CREATED, body = EventBody), (status = "default", body = Problem)))]
pub async fn create(
    State(app): State<AppState>,
    _operator: Authenticated<Operate>,
    JsonBody(wanted): JsonBody<CreateEvent>,
) -> Result<(StatusCode, Json<EventBody>), AppError> {
    let policy = new_policy(wanted, &mut app.random())?;
    let view = app.store.create_event(policy).await?;
    Ok((StatusCode::CREATED, Json(render::event(view, true))))
}

/// Lists the events that are served.
#[utoipa::path(get, path = EVENTS, tag = "events",
    responses((status = OK, body = EventList), (status = "default", body = Problem)))]
pub async fn list(State(app): State<AppState>, bearer: Authenticated<Look>) -> Result<Json<EventList>, AppError> {
    let events = app.store.events()?;
    let events = events.into_iter().map(|view| render::event(view, bearer.sees_uses())).collect();
    Ok(Json(EventList { events }))
}

/// Shows an event.
#[utoipa::path(get, path = EVENT, tag = "events", params(("event" = String, Path)),
    responses((status = OK, body = EventBody), (status = "default", body = Problem)))]
pub async fn show(
    State(app): State<AppState>,
    bearer: Authenticated<Look>,
    EventPath { event }: EventPath,
) -> Result<Json<EventBody>, AppError> {
    Ok(Json(render::event(app.store.event(event)?, bearer.sees_uses())))
}

/// Changes an event's policy; gates learn it from the feed.
#[utoipa::path(patch, path = EVENT, tag = "events", params(("event" = String, Path)), request_body = UpdateEvent,
    responses((status = OK, body = EventBody), (status = "default", body = Problem)))]
pub async fn update(
    State(app): State<AppState>,
    _operator: Authenticated<Operate>,
    EventPath { event }: EventPath,
    JsonBody(wanted): JsonBody<UpdateEvent>,
) -> Result<Json<EventBody>, AppError> {
    let policy = changed_policy(app.store.event(event)?.policy.choices().clone(), wanted, &mut app.random())?;
    let view = app.store.change_policy(event, policy).await?;
    Ok(Json(render::event(view, true)))
}

fn new_policy(wanted: CreateEvent, random: &mut (impl RngCore + CryptoRng)) -> Result<EventPolicy, AppError> {
    let CreateEvent { name, starts_at, ends_at, offline, arbiter, rehearsal_of, choices } = wanted;
    let draft = PolicyDraft {
        name,
        starts_at,
        ends_at,
        retention_at: retention_default(ends_at),
        tickets_per_card: 1,
        offline,
        replica_age_ms_max: u64::try_from(REPLICA_AGE_DEFAULT.as_millis()).unwrap_or(u64::MAX),
        arbiter: ArbiterName { home: arbiter, cluster: ArbiterId::generate(random), epoch: 0 },
        rehearsal_of,
        resume_at_gate: false,
        external_proof: false,
        give_back_until: None,
        bind_within_ms: None,
        transfer: TransferChoice::Nobody,
    };
    Ok(EventPolicy::new(chosen(draft, choices)?)?)
}

fn retention_default(ends_at: Timestamp) -> Timestamp {
    ends_at.after(Duration::from_secs(u64::from(RETENTION_DAYS_DEFAULT) * DAY_S))
}

fn changed_policy(
    old: PolicyDraft,
    wanted: UpdateEvent,
    random: &mut (impl RngCore + CryptoRng),
) -> Result<EventPolicy, AppError> {
    let UpdateEvent { name, starts_at, ends_at, offline, arbiter, choices } = wanted;
    let mut draft = old;
    if let Some(ends_at) = ends_at {
        // A postponed event keeps what it promised: the same span between its end and its retention date.
        let kept = draft.retention_at.since(draft.ends_at);
        draft.retention_at = ends_at.after(kept);
        draft.ends_at = ends_at;
    }
    draft.name = name.unwrap_or(draft.name);
    draft.starts_at = starts_at.unwrap_or(draft.starts_at);
    draft.offline = offline.unwrap_or(draft.offline);
    draft.arbiter = moved(draft.arbiter, arbiter, random);
    Ok(EventPolicy::new(chosen(draft, choices)?)?)
}

/// Another home is another cluster: no gate may take its answers for the old one's.
fn moved(old: ArbiterName, home: Option<ArbiterHome>, random: &mut (impl RngCore + CryptoRng)) -> ArbiterName {
    match home {
        Some(home) if home != old.home => ArbiterName { home, cluster: ArbiterId::generate(random), epoch: 0 },
        Some(_) | None => old,
    }
}

/// The choices that no gate and no other part of this registrar follows yet: named only to be refused.
fn offered(choices: &PolicyChoices) -> Result<(), EventRefusal> {
    let transfer = choices.transfer.unwrap_or(TransferChoice::Nobody);
    let wanted = [
        ("resume_at_gate", choices.resume_at_gate == Some(true)),
        ("external_proof", choices.external_proof == Some(true)),
        ("give_back_until", choices.give_back_until.is_some()),
        ("bind_within_ms", choices.bind_within_ms.is_some()),
        ("transfer", transfer != TransferChoice::Nobody),
    ];
    match wanted.into_iter().find(|(_, wanted)| *wanted) {
        Some((choice, _)) => Err(EventRefusal::NotOffered(choice)),
        None => Ok(()),
    }
}

fn chosen(mut draft: PolicyDraft, choices: PolicyChoices) -> Result<PolicyDraft, EventRefusal> {
    offered(&choices)?;
    draft.retention_at = choices.retention_at.unwrap_or(draft.retention_at);
    draft.tickets_per_card = choices.tickets_per_card.unwrap_or(draft.tickets_per_card);
    draft.replica_age_ms_max = choices.replica_age_ms_max.unwrap_or(draft.replica_age_ms_max);
    Ok(draft)
}
