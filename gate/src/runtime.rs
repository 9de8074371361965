//! The one `select!`: whatever happens becomes an input of the lane, and its effects are carried out in order.
//!
//! Disk, network, barrier and decryption run beside it and come back as inputs; the lane itself waits for nobody. What
//! goes on without a holder (following the feed, bringing admissions home, asking the arbiter for a sign of life,
//! watching disk and age) is the household's, in [`household`].

mod condition;
mod effects;
mod household;
mod report;
mod retention;
mod tap_times;
mod unwritten;

use std::future::Future;
use std::sync::Arc;

use kido_follow::{Signer, Uplink, UplinkError};
use kido_reader::child::CommandFailure;
use kido_shared::challenge::{Challenge, Passage};
use kido_shared::clock::{Clock, Timestamp};
use kido_shared::error_chain::Chain;
use rand::rngs::OsRng;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::barrier::Barrier;
use crate::claim::endpoints::Endpoints;
use crate::claim::http::ArbiterClient;
use crate::display::{Display, Typed, TypedInputs};
use crate::gate_clock::{GateClock, PassedClock, RequestClock};
use crate::identity::Identity;
use crate::journal::{Journal, JournalError};
use crate::lane::{Effect, Input, Lane};
use crate::metrics::Metrics;
use crate::reader::{ReaderHandle, ReaderInput, Supervisor};
use crate::replica::{Replica, ReplicaError};
use crate::sync::http::RegistrarClient;

use condition::Condition;
use effects::Carrier;
use household::Household;
use tap_times::TapTimes;

/// How long a tap that is under way may go on once the gate was told to end: the durable steps, the arbiter's three
/// seconds, the barrier.
const LAST_TAP: std::time::Duration = std::time::Duration::from_secs(8);

/// Why the gate could not start, or ended in disorder.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The journal failed.
    #[error("the journal failed")]
    Journal(#[from] JournalError),
    /// The replica failed.
    #[error("the replica failed")]
    Replica(#[from] ReplicaError),
    /// The HTTP client cannot be made.
    #[error("no uplink")]
    Uplink(#[from] UplinkError),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// The event's retention date has come: everything of it is to be wiped.
    Retention,
}

/// What a gate is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Who it is.
    pub identity: Identity,
    /// Its own facts.
    pub journal: Journal,
    /// Its copy of the feed.
    pub replica: Replica,
    /// Its clock.
    pub clock: Arc<GateClock>,
    /// What opens.
    pub barrier: Barrier,
    /// Which way.
    pub passage: Passage,
    /// What it counts.
    pub metrics: Metrics,
}

/// The side of the lane that people and cards touch.
#[derive(Debug)]
pub struct Front {
    /// The reader's orders and inputs.
    pub reader: ReaderHandle,
    /// Keeps the reader's process alive.
    pub supervisor: Supervisor,
    /// Shows screens.
    pub display: Display,
    /// What is typed.
    pub typed: TypedInputs,
}

/// Drives the lane until it is told to stop.
///
/// # Errors
/// [`RuntimeError`].
pub async fn run(parts: Parts, front: Front, stop: impl Future<Output = ()> + Send) -> Result<Ended, RuntimeError> {
    let Front { reader, supervisor, display, typed } = front;
    let uplink = Uplink::new(parts.identity.enrolment().origin.clone(), crate::PROGRAM)?;
    let signer = signer(&parts);
    let enrolment = parts.identity.enrolment();
    let endpoints = Endpoints::of_policy(parts.replica.clone(), uplink.clone());
    let steady: Arc<dyn Clock> = Arc::new(parts.clock.steady());
    let arbiter = ArbiterClient::new(endpoints, enrolment.event, enrolment.gate, signer.clone(), steady);
    let clock = Arc::new(PassedClock(Arc::clone(&parts.clock)));
    let registrar = RegistrarClient::new(uplink, signer, clock, parts.replica.folder().to_path_buf());
    let (household, wishes) = Household::begin(&parts, arbiter.clone(), registrar);
    let mut reader_task = JoinSet::new();
    reader_task.spawn(supervisor.run());

    let (lane, first) = Lane::new();
    let carrier = Carrier::new(parts.clone(), arbiter, wishes, display);
    let mut conductor = Conductor { lane, carrier, work: JoinSet::new(), times: TapTimes::default(), reader, typed };
    conductor.carry(vec![first]);
    let ended = conductor.conduct(household.condition(), stop).await;

    let Conductor { reader, work, .. } = conductor;
    drop(reader);
    while reader_task.join_next().await.is_some() {}
    finish(work).await;
    household.end().await;
    let ended = ended?;
    note_the_end(&parts).await;
    // A tap that was under way may have left something that others have to hear of.
    let ended = if ended == Ended::Retention && !retention::delivered(&parts) { Ended::Stopped } else { ended };
    close(parts).await?;
    Ok(ended)
}

fn signer(parts: &Parts) -> Signer {
    let key = parts.identity.keys().signing().clone();
    let clock = Arc::new(RequestClock(Arc::clone(&parts.clock)));
    let signer = Signer::new(parts.identity.enrolment().gate, key, Arc::clone(&clock) as Arc<dyn Clock>);
    signer.with_refusals(clock).with_journal(Arc::new(parts.journal.clone()))
}

/// Lets durable steps that are under way come to their end.
async fn finish(mut work: JoinSet<Option<Input>>) {
    let all = async { while work.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_TAP, all).await.is_err() {
        tracing::warn!("work was still under way at the end");
    }
}

/// Keeps the moment, so that a start soon afterwards has a clock to believe.
async fn note_the_end(parts: &Parts) {
    let reading = parts.clock.reading();
    if reading.certain
        && let Err(error) = parts.journal.note_time(reading).await
    {
        tracing::warn!(error = %Chain(&error), "the last moment could not be kept");
    }
}

async fn close(parts: Parts) -> Result<(), RuntimeError> {
    let Parts { journal, replica, .. } = parts;
    let closing = tokio::task::spawn_blocking(move || {
        let journal = journal.close();
        let replica = replica.close();
        journal?;
        Ok(replica?)
    });
    closing.await.unwrap_or(Ok(()))
}

/// The lane with everything it is wired to.
struct Conductor {
    lane: Lane,
    carrier: Carrier,
    work: JoinSet<Option<Input>>,
    times: TapTimes,
    reader: ReaderHandle,
    typed: TypedInputs,
}

impl Conductor {
    async fn conduct(
        &mut self,
        mut condition: watch::Receiver<Condition>,
        stop: impl Future<Output = ()>,
    ) -> Result<Ended, JournalError> {
        let mut stop = std::pin::pin!(stop);
        let mut viewers = true;
        loop {
            let wake = self.wake();
            tokio::select! {
                () = &mut stop => break,
                Some(input) = self.reader.inputs.recv() => {
                    for input in from_reader(input) {
                        self.take(input);
                    }
                }
                typed = self.typed.next(), if viewers => match typed {
                    Some(typed) => self.take(from_viewer(typed)),
                    None => viewers = false,
                },
                Some(done) = self.work.join_next() => self.done(done),
                changed = condition.changed() => {
                    let now = condition.borrow_and_update().clone();
                    match (changed, now) {
                        (Ok(()), Condition::Fit) => self.take(Input::BackInService),
                        (Ok(()), Condition::Unfit(refusal)) => self.take(Input::OutOfService(refusal)),
                        (Ok(()), Condition::Over) => return Ok(Ended::Retention),
                        (_, Condition::Broken(error)) => return Err(error),
                        (Err(_household_gone), _) => break,
                    }
                }
                () = tokio::time::sleep_until(wake), if self.lane.wake_at().is_some() => self.take(Input::Tick),
            }
        }
        self.last_tap().await;
        Ok(Ended::Stopped)
    }

    /// Lets the holder who stands at the lane through: a stored claim without an entry would lock somebody out.
    async fn last_tap(&mut self) {
        let until = Instant::now() + LAST_TAP;
        while self.lane.is_busy() && Instant::now() < until {
            match tokio::time::timeout_at(until, self.work.join_next()).await {
                Ok(Some(done)) => self.done(done),
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn done(&mut self, done: Result<Option<Input>, tokio::task::JoinError>) {
        match done {
            Ok(Some(input)) => self.take(input),
            Ok(None) => {}
            Err(error) => tracing::error!(error = %Chain(&error), "a step of a tap was lost"),
        }
    }

    fn take(&mut self, input: Input) {
        let begun = Instant::now();
        self.carrier.heard(&input);
        // Whatever is said from here on belongs to this tap.
        let tap = self.carrier.tap();
        let _tap = tap.enter();
        self.times.heard(&input);
        let effects = self.lane.handle(self.now(), input);
        self.times.own(begun.elapsed());
        self.carry(effects);
    }

    fn carry(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            tracing::debug!(step = effect.name(), "step");
            self.times.asked(&effect);
            if let Err(lost) = self.carrier.carry(effect, &self.reader, &mut self.work) {
                tracing::error!(error = %Chain(&lost), "the reader takes no orders");
                // Its supervisor has ended or is stuck: the lane is told once, by the next input.
                self.work.spawn(async { Some(Input::ReaderGone) });
            }
        }
    }

    /// When the lane wants its tick, by the counter that nobody moves.
    fn wake(&self) -> Instant {
        let now = Instant::now();
        self.lane.wake_at().map_or(now, |at| now + at.since(self.now()))
    }

    fn now(&self) -> Timestamp {
        self.carrier.parts().clock.steady().now()
    }
}

/// What the reader tells, as the lane hears it.
fn from_reader(input: ReaderInput) -> Vec<Input> {
    match input {
        ReaderInput::ReaderReady(name, entry) => {
            tracing::info!(reader = name, pin = ?entry, "reader ready");
            vec![Input::ReaderReady(entry)]
        }
        ReaderInput::ReaderGone(why) => {
            tracing::warn!(?why, "reader gone");
            vec![Input::ReaderGone]
        }
        ReaderInput::CardPresent => vec![Input::CardPresent],
        ReaderInput::CardGone => vec![Input::CardGone],
        ReaderInput::Answered(tap, response) => vec![Input::Answered(tap, response)],
        ReaderInput::Torn(tap) => vec![Input::Torn(tap)],
        ReaderInput::CommandFailed(tap, why) => {
            tracing::warn!(tap = tap.get(), ?why, "command failed");
            match why {
                CommandFailure::Torn | CommandFailure::ReaderFailed => vec![Input::Torn(tap)],
                // The card lies there, and says nothing that can be read.
                CommandFailure::Mute | CommandFailure::InUse | CommandFailure::Malformed => {
                    vec![Input::CardSilent(tap)]
                }
            }
        }
        ReaderInput::CommandTimedOut(tap) | ReaderInput::TapTimedOut(tap) => vec![Input::CardSilent(tap)],
        ReaderInput::ChildRestarted(before) => {
            tracing::warn!(before, "reader process replaced");
            Vec::new()
        }
    }
}

fn from_viewer(typed: Typed) -> Input {
    match typed {
        Typed::Pin(pin) => Input::PinEntered(pin, Challenge::generate(&mut OsRng)),
        Typed::Party(count) => Input::PartyChosen(count),
        Typed::Cancel => Input::Cancelled,
    }
}
