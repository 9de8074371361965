//! What goes on without a holder: following the feed, bringing admissions home, telling the arbiter what it has to
//! hear, asking it for a sign of life, and watching over disk and age.
//!
//! Six loops in one set, ended together. Every step of theirs is a durable transaction or a question that may be
//! repeated, so each may be cut off at any point.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kido_follow::{NoteHead, Pace, PullNow, Pulled, Schedule, follow};
use kido_shared::clock::{Clock as _, Timestamp};
use kido_shared::error_chain::Chain;
use kido_shared::ids::AdmissionId;
use kido_shared::refusal::StaffCode;
use kido_shared::trace_context::TraceContext;
use kido_shared::wire::v1::recovery::RecoveryWish;
use rand::rngs::OsRng;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::Parts;
use super::condition::{Condition, condition};
use super::report::{self, LaneNotes};
use super::retention::{Retention, delivered};
use super::unwritten::{Mended, Unwritten, mend};
use crate::claim::PROBE_INTERVAL;
use crate::claim::decider::Decider;
use crate::claim::http::ArbiterClient;
use crate::journal::{Departure, Errand, Journal, JournalError};
use crate::metrics::Call;
use crate::screen::Screen;
use crate::sync::PUSH_INTERVAL;
use crate::sync::http::{RegistrarClient, SyncError, note, set_back};
use crate::sync::recovery::bring_back;

/// How often disk, age and retention are looked at: a lane that cannot admit says so within a second.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// How often a certain moment is kept on disk: well within the jump that a start believes.
const TIME_NOTED_EVERY: Duration = Duration::from_secs(60);

/// What the lane's side may wish for; clones wish of the same household.
#[derive(Debug, Clone)]
pub(super) struct Wishes {
    pull: PullNow,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    push: Notify,
    errands: Notify,
    unwritten: Unwritten,
    lane: LaneNotes,
}

impl Wishes {
    /// Follows the feed to its end, as far as it can be reached.
    pub(super) async fn pull(&self) {
        if !self.pull.pull().await {
            tracing::debug!("the household has ended");
        }
    }

    /// Something waits for the registrar.
    pub(super) fn push(&self) {
        self.shared.push.notify_one();
    }

    /// Something waits for the arbiter.
    pub(super) fn errands(&self) {
        self.shared.errands.notify_one();
    }

    /// Somebody was not let in: told to the registrar as a number.
    pub(super) fn count_refusal(&self, code: StaffCode) {
        self.shared.lane.count(code);
    }

    /// What the lane's screen shows: told to the registrar where it is out of order.
    pub(super) fn note_screen(&self, screen: &Screen) {
        self.shared.lane.shows(screen);
    }

    /// The disk has refused: it is tried until it takes facts again.
    pub(super) fn storage_failed(&self) {
        self.shared.unwritten.fail();
    }

    /// Intents whose end could not be written down yet.
    pub(super) fn withdraw_later(&self, intents: Vec<AdmissionId>) {
        self.shared.unwritten.intents(intents);
    }

    /// Holders who went out, which could not be written down yet.
    pub(super) fn note_exited_later(&self, departures: Vec<Departure>, at: Timestamp) {
        self.shared.unwritten.exited(departures, at);
    }

    /// Lanes that opened, which could not be written down yet.
    pub(super) fn note_opened_later(&self, admissions: Vec<AdmissionId>, at: Timestamp) {
        self.shared.unwritten.opened(admissions, at);
    }
}

/// The loops.
#[derive(Debug)]
pub(super) struct Household {
    loops: JoinSet<()>,
    condition: watch::Receiver<Condition>,
}

impl Household {
    pub(super) fn begin(parts: &Parts, arbiter: ArbiterClient, registrar: RegistrarClient) -> (Self, Wishes) {
        let (pull, pulls) = PullNow::new();
        let shared = Arc::new(Shared::default());
        let (tell, condition) = watch::channel(Condition::Fit);
        let mut loops = JoinSet::new();
        let copy = (parts.replica.clone(), Heads(parts.clone()));
        let steady = Arc::new(parts.clock.steady());
        loops.spawn(follow(registrar.feed().clone(), copy, pulls, steady, Pace::default()));
        loops.spawn(tell_how_it_is(parts.clone(), (arbiter.clone(), registrar.clone()), Arc::clone(&shared)));
        loops.spawn(bring_home(parts.clone(), registrar, Arc::clone(&shared)));
        loops.spawn(run_errands(parts.clone(), arbiter.clone(), Arc::clone(&shared)));
        loops.spawn(probe(parts.clone(), arbiter.clone()));
        loops.spawn(watch_over(parts.clone(), arbiter, Arc::clone(&shared), tell));
        (Self { loops, condition }, Wishes { pull, shared })
    }

    pub(super) fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.clone()
    }

    pub(super) async fn end(mut self) {
        self.loops.shutdown().await;
    }
}

/// Takes heads for this gate: their time for its clock, their age for its replica.
struct Heads(Parts);

impl NoteHead for Heads {
    async fn note(&self, pulled: &Pulled) {
        let Self(parts) = self;
        match set_back(pulled, &parts.clock, &parts.replica).await {
            Ok(true) => {
                if let Err(error) = parts.journal.note_time_set_back(pulled.head.head().issued_at).await {
                    tracing::error!(error = %Chain(&error), "that the clock was set back could not be kept");
                }
            }
            Ok(false) => {}
            Err(error) => tracing::error!(error = %Chain(&error), "the head could not be kept"),
        }
        if let Err(error) = note(pulled, &parts.clock, &parts.replica).await {
            tracing::error!(error = %Chain(&error), "the head could not be kept");
        }
    }

    fn missed(&self, why: &'static str) {
        self.0.metrics.missed(Call::Feed, why);
    }
}

/// Uploads what the registrar has not acknowledged.
async fn bring_home(parts: Parts, registrar: RegistrarClient, shared: Arc<Shared>) {
    let mut schedule = Schedule::every(PUSH_INTERVAL, parts.clock.steady().now());
    loop {
        let wait = schedule.wait(parts.clock.steady().now());
        if tokio::time::timeout(wait, shared.push.notified()).await.is_ok() {
            schedule.nudge(parts.clock.steady().now());
            tokio::time::sleep(schedule.wait(parts.clock.steady().now())).await;
        }
        let trace = TraceContext::begin(&mut OsRng);
        let traced = registrar.traced(trace);
        let upload = one_upload(&parts, &traced, &mut schedule);
        upload.instrument(tracing::info_span!("upload", trace = %trace.trace())).await;
    }
}

async fn one_upload(parts: &Parts, registrar: &RegistrarClient, schedule: &mut Schedule) {
    match all_home(parts, registrar).await {
        Ok(0) => schedule.succeeded(parts.clock.steady().now()),
        Ok(acknowledged) => {
            tracing::info!(acknowledged, "facts uploaded");
            schedule.succeeded(parts.clock.steady().now());
            schedule.nudge(parts.clock.steady().now());
        }
        Err(error) => {
            parts.metrics.missed(Call::Upload, error.name());
            if schedule.failures() == 0 {
                tracing::warn!(error = %Chain(&error), "admissions wait to be uploaded");
            }
            schedule.failed(parts.clock.steady().now(), &mut OsRng);
        }
    }
}

/// Admissions first: they are what others wait for. The rest is for holders to read, and holds nothing up.
async fn all_home(parts: &Parts, registrar: &RegistrarClient) -> Result<usize, SyncError> {
    let admissions = registrar.push(&parts.journal, &parts.replica).await?;
    let showings = registrar.push_showings(&parts.journal, parts.replica.event()).await.unwrap_or_else(|error| {
        tracing::warn!(error = %Chain(&error), "refused proofs wait to be uploaded");
        0
    });
    Ok(admissions.saturating_add(showings))
}

/// Tells the registrar how this gate is. What could not be told is not kept: the next report says more.
async fn tell_how_it_is(parts: Parts, (arbiter, registrar): (ArbiterClient, RegistrarClient), shared: Arc<Shared>) {
    let mut schedule = Schedule::every(report::INTERVAL, parts.clock.steady().now());
    loop {
        tokio::time::sleep(schedule.wait(parts.clock.steady().now())).await;
        let report = report::of(&parts, &arbiter, &shared.lane);
        match registrar.report(parts.replica.event(), &report).await {
            Ok(wish) => {
                if let Some(wish) = wish.filter(|wish| *wish != RecoveryWish::Nothing) {
                    help(&parts, &registrar, wish).await;
                }
                schedule.succeeded(parts.clock.steady().now());
            }
            Err(error) => {
                parts.metrics.missed(Call::Report, error.name());
                tracing::debug!(error = %Chain(&error), "the registrar was not told how this gate is");
                schedule.failed(parts.clock.steady().now(), &mut OsRng);
            }
        }
    }
}

/// Brings a registrar back what it has lost, as far as it asks for it.
async fn help(parts: &Parts, registrar: &RegistrarClient, wish: RecoveryWish) {
    if let Err(error) = bring_back(registrar, (&parts.journal, &parts.replica), wish).await {
        tracing::warn!(error = %Chain(&error), "the registrar could not be brought back what it has lost");
    }
}

/// Tells the arbiter what it still has to hear.
async fn run_errands(parts: Parts, arbiter: ArbiterClient, shared: Arc<Shared>) {
    let mut schedule = Schedule::every(PUSH_INTERVAL, parts.clock.steady().now());
    loop {
        let wait = schedule.wait(parts.clock.steady().now());
        if tokio::time::timeout(wait, shared.errands.notified()).await.is_ok() {
            schedule.nudge(parts.clock.steady().now());
            tokio::time::sleep(schedule.wait(parts.clock.steady().now())).await;
        }
        let trace = TraceContext::begin(&mut OsRng);
        let errands = tracing::info_span!("errands", trace = %trace.trace());
        match one_round(&parts.journal, &arbiter.traced(trace)).instrument(errands).await {
            Ok(Round::Quiet) => schedule.succeeded(parts.clock.steady().now()),
            Ok(Round::Progress) => {
                schedule.succeeded(parts.clock.steady().now());
                schedule.nudge(parts.clock.steady().now());
            }
            Ok(Round::Silent) => schedule.failed(parts.clock.steady().now(), &mut OsRng),
            Err(error) => {
                tracing::error!(error = %Chain(&error), "errands could not be read or noted");
                schedule.failed(parts.clock.steady().now(), &mut OsRng);
            }
        }
    }
}

/// How one round of errands went.
enum Round {
    /// There were none.
    Quiet,
    /// Some were answered.
    Progress,
    /// Nobody answers, or not yet.
    Silent,
}

/// Only silence ends a round early: what the arbiter refuses, or does not take yet, keeps nothing behind it waiting, but the
/// same admission's later steps. An end that came before its claim would end nothing, and the claim hold the entry then.
async fn one_round(journal: &Journal, arbiter: &ArbiterClient) -> Result<Round, JournalError> {
    let (mut told, mut left, mut waiting) = (false, 0_usize, BTreeSet::new());
    loop {
        let errands = journal.errands_behind(left)?;
        if errands.is_empty() {
            break;
        }
        for errand in &errands {
            if waiting.contains(&errand.admission()) {
                left = left.saturating_add(1);
                continue;
            }
            match arbiter.step(errand.step()).await {
                Ok(answer) if Errand::is_ended_by(&answer) => {
                    tracing::info!(admission = %errand.admission(), ?answer, "the arbiter has heard");
                    journal.note_told(errand).await?;
                    told = true;
                }
                Ok(_not_yet) => {
                    waiting.insert(errand.admission());
                    left = left.saturating_add(1);
                }
                Err(error) if error.is_an_answer() => {
                    tracing::warn!(admission = %errand.admission(), error = %Chain(&error), "an errand was refused");
                    waiting.insert(errand.admission());
                    left = left.saturating_add(1);
                }
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "errands wait");
                    // Who has heard some of it, and wants to be told the rest more slowly, is told on.
                    return Ok(if told && error.is_too_fast() { Round::Progress } else { Round::Silent });
                }
            }
        }
    }
    Ok(match (told, left) {
        (true, _) => Round::Progress,
        (false, 0) => Round::Quiet,
        (false, _) => Round::Silent,
    })
}

/// Asks the arbiter for a sign of life, every second in which nothing else was asked.
async fn probe(parts: Parts, arbiter: ArbiterClient) {
    let mut before = None;
    loop {
        let now = parts.clock.steady().now();
        tokio::time::sleep(arbiter.probe_at().since(now).clamp(Duration::from_millis(50), PROBE_INTERVAL)).await;
        let standing = parts.replica.standing();
        let gates = standing.gates;
        if standing.policy.as_deref().is_some_and(|policy| Decider::of(policy, gates) == Decider::Elsewhere) {
            let connectivity = arbiter.probe().await;
            if before.replace(connectivity) != Some(connectivity) {
                tracing::info!(?connectivity, "arbiter");
            }
        }
    }
}

/// Watches over disk, age and retention, and tells the lane.
async fn watch_over(parts: Parts, arbiter: ArbiterClient, shared: Arc<Shared>, tell: watch::Sender<Condition>) {
    let mut time_noted: Option<Timestamp> = None;
    let (mut retention, mut held_back) = (Retention::default(), false);
    loop {
        tokio::time::sleep(WATCH_INTERVAL).await;
        let now = parts.clock.steady().now();
        if shared.unwritten.has_failed() {
            match mend(&parts.journal, parts.clock.reading(), &shared.unwritten).await {
                Mended::Yes => {
                    shared.push.notify_one();
                    shared.errands.notify_one();
                }
                Mended::NotYet => {}
                Mended::Never(error) => {
                    tell.send_replace(Condition::Broken(error));
                    return;
                }
            }
        } else if time_noted.is_none_or(|noted| now.since(noted) >= TIME_NOTED_EVERY) {
            let reading = parts.clock.reading();
            if reading.certain {
                time_noted = Some(now);
                if parts.journal.note_time(reading).await.is_err() {
                    shared.unwritten.fail();
                }
            }
        }
        retention.look(&parts);
        let holds_back = retention.has_come(now) && !delivered(&parts);
        if holds_back && !held_back {
            tracing::warn!("the retention date has come, and nothing is wiped before registrar and arbiter have all");
        }
        held_back = holds_back;
        parts.metrics.measured(&report::measure(&parts, &arbiter, &shared.lane));
        let condition = condition(&parts, &arbiter, &retention, shared.unwritten.has_failed());
        tell.send_if_modified(|told| {
            let changed = !told.is_as(&condition);
            if changed {
                tracing::info!(?condition, "the lane's condition");
                told.clone_from(&condition);
            }
            changed
        });
    }
}

#[cfg(test)]
pub(super) mod tests;
