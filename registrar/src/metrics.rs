//! What this service counts, and how it is scraped.
//!
//! Most is counted as it happens; what is only looked at (places in feeds, conflicts, what gates told last) is filled in
//! when somebody scrapes.

use core::time::Duration;

use axum::extract::MatchedPath;
use axum::http::StatusCode;
use kido_observe::{
    Answered, Count, CountBy, LabelSet, LabelWriter, Level, LevelBy, Registry, Route, Scrape, Stepped, TimesBy, Word,
};
use kido_shared::claim::{ClaimAnswer, ClaimStep};
use kido_shared::clock::Timestamp;
use kido_shared::error_chain::Chain;
use kido_shared::ids::{EventId, GateId};
use kido_shared::refusal::StaffCode;
use kido_shared::wire::v1::admissions::{AckOutcome, AdmissionAck};

use crate::reports::Heard;
use crate::state::AppState;
use crate::store::{EventView, StorageError};

/// Bounds for requests, in seconds: a gate's deadline is 0.3, an import's 60.
const REQUEST_BOUNDS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0];

/// Bounds for claims, in seconds: a holder waits, and a gate gives an attempt up after 0.3.
const CLAIM_BOUNDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.3, 1.0];

/// Most events that are told one by one, those first that begin or began nearest to now: an operator runs a few evenings
/// at once, and keeps the others until their retention date. Every gate of theirs is a handful of series.
const EVENTS_MAX: usize = 32;

/// How long after an event's end its gates are still told: they are switched off then, and silent without a fault.
const GATES_TOLD_AFTER: Duration = Duration::from_secs(6 * 60 * 60);

/// A request by its route.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct OfRoute(Route);

impl LabelSet for OfRoute {
    fn write(&self, labels: &mut LabelWriter<'_, '_>) {
        labels.route("route", &self.0);
    }
}

/// What became of an uploaded admission.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Outcome(Word);

impl LabelSet for Outcome {
    fn write(&self, labels: &mut LabelWriter<'_, '_>) {
        labels.word("outcome", self.0);
    }
}

/// An event that an operator has made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct OfEvent(EventId);

impl LabelSet for OfEvent {
    fn write(&self, labels: &mut LabelWriter<'_, '_>) {
        labels.event("event", self.0);
    }
}

/// A gate that an operator has let in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct OfGate(EventId, GateId);

impl LabelSet for OfGate {
    fn write(&self, labels: &mut LabelWriter<'_, '_>) {
        labels.event("event", self.0);
        labels.gate("gate", self.1);
    }
}

/// A gate whose lane is shut, and the code on its screen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shut(OfGate, StaffCode);

impl LabelSet for Shut {
    fn write(&self, labels: &mut LabelWriter<'_, '_>) {
        self.0.write(labels);
        labels.code("code", self.1);
    }
}

/// All numbers of this process.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: CountBy<Answered>,
    request_times: TimesBy<OfRoute>,
    steps: CountBy<Stepped>,
    step_times: TimesBy<Stepped>,
    admissions: CountBy<Outcome>,
    copied: Count,
    listeners: Level,
    events: Events,
    gates: Gates,
}

/// What is known of each event.
#[derive(Debug)]
struct Events {
    served: Level,
    unreadable: Level,
    feed_records: LevelBy<OfEvent>,
    conflicts: LevelBy<OfEvent>,
    feed_key_left: LevelBy<OfEvent>,
    recovering: LevelBy<OfEvent>,
}

/// What each gate has told last.
#[derive(Debug)]
struct Gates {
    silence: LevelBy<OfGate>,
    head_age: LevelBy<OfGate>,
    records_missing: LevelBy<OfGate>,
    arbiter_answers: LevelBy<OfGate>,
    uploads_wait: LevelBy<OfGate>,
    shut: LevelBy<Shut>,
}

impl Metrics {
    /// Nothing counted yet.
    pub(crate) fn begin(now: Timestamp) -> Self {
        let mut registry = Registry::begin("kido-registrar", env!("CARGO_PKG_VERSION"), now);
        let told = &mut registry;
        let requests = told.count_by("kido_registrar_http_requests", "Requests by route and kind of answer");
        let help = "How long requests took until their answer began";
        let request_times = told.times_by("kido_registrar_http_request_duration_seconds", help, REQUEST_BOUNDS);
        let steps = told.count_by("kido_registrar_claims", "Steps on tickets' records, by what was said to them");
        let help = "How long steps on tickets' records took, until they were durable";
        let step_times = told.times_by("kido_registrar_claim_duration_seconds", help, CLAIM_BOUNDS);
        let admissions = told.count_by("kido_registrar_admissions", "Uploaded admissions, by what became of them");
        let help = "Gates that lost their rights because two machines ran with their keys";
        let copied = told.count("kido_registrar_gates_copied", help);
        let listeners = told.level("kido_registrar_live_feed_listeners", "Streams of live feeds that are open");
        let (events, gates) = (Events::declare(told), Gates::declare(told));
        for outcome in [AckOutcome::Stored, AckOutcome::Repeated, AckOutcome::Conflict, AckOutcome::Refused] {
            // There before the first one: a rate of what begins with 1 misses that one.
            admissions.add(Outcome(word(outcome)), 0);
        }
        Self { registry, requests, request_times, steps, step_times, admissions, copied, listeners, events, gates }
    }

    /// A request was answered, or its answer has begun.
    pub(crate) fn answered(&self, route: Option<&MatchedPath>, status: StatusCode, took: Duration) {
        self.request_times.took(OfRoute(Route::of(route)), took);
        self.requests.add_one(Answered::of(route, status));
    }

    /// A step on a ticket's record was answered, or refused.
    pub(crate) fn stepped(&self, step: &ClaimStep, answer: Option<&ClaimAnswer>, took: Duration) {
        let labels = Stepped::of(step, answer);
        self.step_times.took(labels.clone(), took);
        self.steps.add_one(labels);
    }

    /// A batch of admissions was taken.
    pub(crate) fn ingested(&self, acks: &[AdmissionAck]) {
        for ack in acks {
            self.admissions.add_one(Outcome(word(ack.outcome)));
        }
    }

    /// A gate's keys were seen on two machines.
    pub(crate) fn copied(&self) {
        self.copied.add_one();
    }
}

const fn word(outcome: AckOutcome) -> Word {
    Word::new(match outcome {
        AckOutcome::Stored => "stored",
        AckOutcome::Repeated => "repeated",
        AckOutcome::Conflict => "conflict",
        AckOutcome::Refused => "refused",
        AckOutcome::Later => "later",
    })
}

impl Events {
    fn declare(told: &mut Registry) -> Self {
        Self {
            served: told.level("kido_registrar_events_served", "Events whose store answers"),
            unreadable: told.level("kido_registrar_events_failed", "Events whose store does not answer"),
            feed_records: told.level_by("kido_registrar_feed_records", "Records in an event's feed: its head's number"),
            conflicts: told.level_by("kido_registrar_conflicts", "Entries that two admissions hold"),
            feed_key_left: told
                .level_by("kido_registrar_feed_key_left_seconds", "How long the root key's word for a feed key lasts"),
            recovering: told.level_by("kido_registrar_recovering", "Whether an event is got back after a restore"),
        }
    }

    fn look(&self, app: &AppState, event: &EventView) -> Result<(), StorageError> {
        let labels = OfEvent(event.event);
        self.feed_records.of(labels.clone()).number(event.feed_length);
        self.conflicts.of(labels.clone()).number(event.counts.standing_conflicts());
        self.recovering.of(labels.clone()).truth(event.recovering);
        let left = app.store.feed_key_ends(event.event)?.since(app.now());
        self.feed_key_left.of(labels).seconds(left);
        Ok(())
    }
}

impl Gates {
    fn declare(told: &mut Registry) -> Self {
        let help = "How long a gate has told nothing";
        let silence = told.level_by("kido_registrar_gate_silence_seconds", help);
        let help = "How long ago the head was signed that a gate has reached";
        let head_age = told.level_by("kido_registrar_gate_head_age_seconds", help);
        let help = "Records of the feed that a gate did not have when it told last";
        let records_missing = told.level_by("kido_registrar_gate_records_missing", help);
        let help = "Whether an arbiter answers a gate";
        let arbiter_answers = told.level_by("kido_registrar_gate_arbiter_answers", help);
        let help = "Whether a gate holds entries that nobody else knows";
        let uploads_wait = told.level_by("kido_registrar_gate_uploads_wait", help);
        let shut = told.level_by("kido_registrar_gate_out_of_order", "1 for a gate whose lane is shut, by its code");
        Self { silence, head_age, records_missing, arbiter_answers, uploads_wait, shut }
    }

    fn clear(&self) {
        for levels in [&self.silence, &self.head_age, &self.records_missing, &self.arbiter_answers, &self.uploads_wait]
        {
            levels.clear();
        }
        self.shut.clear();
    }

    /// Gates in force only: what a revoked one told last says nothing any more.
    fn look(&self, app: &AppState, event: &EventView) -> Result<(), StorageError> {
        let (now, heard) = (app.now(), app.reports.of(event.event, i64::MAX).gates);
        for gate in app.store.gates(event.event)?.iter().filter(|gate| !gate.revoked) {
            if let Some(heard) = heard.get(&gate.gate) {
                self.tell(&OfGate(event.event, gate.gate), heard, event, now);
            }
        }
        Ok(())
    }

    fn tell(&self, gate: &OfGate, Heard { at, report }: &Heard, event: &EventView, now: Timestamp) {
        self.silence.of(gate.clone()).seconds(now.since(*at));
        // One that has reached none yet is as old as can be.
        let issued = report.head_issued_at.unwrap_or_default();
        self.head_age.of(gate.clone()).seconds(now.since(issued));
        let has = if report.feed_epoch == event.epoch.get() { report.feed_length } else { 0 };
        self.records_missing.of(gate.clone()).number(event.feed_length.saturating_sub(has));
        self.arbiter_answers.of(gate.clone()).truth(report.arbiter_answers);
        self.uploads_wait.of(gate.clone()).truth(report.waits_to_upload);
        if let Some(code) = report.out_of_order.and_then(StaffCode::parse) {
            self.shut.of(Shut(gate.clone(), code)).truth(true);
        }
    }
}

/// Everything of this registrar, as it is now.
impl Scrape for AppState {
    fn scrape(&self) -> String {
        let Metrics { registry, listeners, events, gates, .. } = &self.metrics;
        listeners.count(self.live_feeds.listeners());
        let health = self.store.health();
        let served = health.iter().filter(|event| event.served).count();
        events.served.count(served);
        events.unreadable.count(health.len().saturating_sub(served));
        events.feed_records.clear();
        events.conflicts.clear();
        events.feed_key_left.clear();
        events.recovering.clear();
        gates.clear();
        look(self);
        registry.write()
    }
}

/// Each event by itself: one whose store has failed must not silence the alarms of the others.
fn look(app: &AppState) {
    let (mut all, now) = (Vec::new(), app.now());
    for event in app.store.event_ids() {
        match app.store.event(event) {
            Ok(view) => all.push(view),
            Err(error) => unseen(event, &error),
        }
    }
    all.sort_by_cached_key(|event| {
        let starts_at = event.policy.choices().starts_at;
        now.since(starts_at).max(starts_at.since(now))
    });
    for event in all.iter().take(EVENTS_MAX) {
        let told = app.metrics.events.look(app, event).and_then(|()| {
            let open = now.since(event.policy.choices().ends_at) < GATES_TOLD_AFTER;
            if open { app.metrics.gates.look(app, event) } else { Ok(()) }
        });
        if let Err(error) = told {
            unseen(event.event, &error);
        }
    }
}

fn unseen(event: EventId, error: &StorageError) {
    tracing::warn!(%event, error = %Chain(error), "an event could not be looked at for its metrics");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_that_come_along_watch_what_is_told() {
        let rules = include_str!("../../deploy/prometheus/kido.rules.yml");
        let told = Metrics::begin(Timestamp::default());
        let lacking = told.registry.not_told(rules, "kido_registrar_");
        assert!(lacking.is_empty(), "{lacking:?}");
    }
}
