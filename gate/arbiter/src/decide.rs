//! From a step that a gate has signed to a durable answer.

use std::sync::{Arc, Mutex, PoisonError};

use kido_follow::PullNow;
use kido_observe::Scrape;
use kido_shared::claim::rate::{Paces, Rates, Weight};
use kido_shared::claim::{ClaimAnswer, ClaimFacts, ClaimRequest, ClaimStep, TicketClaims, step as take_step};
use kido_shared::clock::{Clock, Timestamp};
use kido_shared::feed::FollowedTo;
use kido_shared::ids::{GateId, TicketId};
use kido_shared::keys::ClaimKey;
use kido_shared::wire::v1::admissions::{AskedArbiter, ClaimBody};

use crate::book::{Book, BookError, Standing};
use crate::metrics::Metrics;
use crate::records::{ClaimRecords, RecordName, RecordsError, Sharing, Swapped, Versioned};
use crate::request_dates::RequestDates;
use crate::runs::Runs;

/// How often a step is taken anew on a record that others changed meanwhile: each time one of them was decided, and a
/// ticket has a handful of gates that could ask for it at once.
const TRIES: usize = 16;

/// Why a step is not looked at, or not answered.
#[derive(Debug, thiserror::Error)]
pub enum StepRefusal {
    /// The step names another gate than the one that signed it.
    #[error("the step names another gate than the one that signed it")]
    OtherGate,
    /// The policy names another arbiter than this box, or the gate believes in another one.
    #[error("this event's claims are decided elsewhere")]
    Elsewhere,
    /// The box keeps its records alone where it was enrolled as one of several, or the other way round.
    #[error(
        "this box's records are not where its enrolment says: one of several boxes needs `kido-arbiter etcd`, a lone one \
         must not have it"
    )]
    OtherHome,
    /// The gate asks faster than any lane lets people in.
    #[error("the gate asks too fast")]
    TooFast,
    /// The feed that was followed has no such ticket.
    #[error("no such ticket in this event")]
    UnknownTicket,
    /// What is known here is older than the event allows: gates follow their offline choice.
    #[error("the feed was not reached for too long")]
    TooOld,
    /// The record was changed by others again and again: the gate asks anew.
    #[error("too many gates ask for one ticket at once")]
    Contended,
    /// The book cannot be read.
    #[error("the book cannot be read")]
    Book(#[from] BookError),
    /// The records cannot be read or written; the step may have been taken, and asking again tells.
    #[error("the records cannot be read or written")]
    Records(#[from] RecordsError),
}

/// What an arbiter is made of.
#[derive(Debug)]
pub struct Parts<R> {
    /// What the feed has told.
    pub book: Book,
    /// The records that it decides on.
    pub records: R,
    /// Names them.
    pub names: ClaimKey,
    /// How fast a gate may ask.
    pub paces: Paces,
    /// Asks for news of the feed.
    pub pull: PullNow,
}

/// The arbiter of one event, in this box.
pub struct Arbiter<R> {
    book: Book,
    records: R,
    names: ClaimKey,
    rates: Mutex<Rates>,
    runs: Runs,
    pull: PullNow,
    clock: Arc<dyn Clock>,
    dates: Arc<RequestDates>,
    metrics: Metrics,
}

impl<R> std::fmt::Debug for Arbiter<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arbiter").field("event", &self.book.event()).finish_non_exhaustive()
    }
}

/// Whether this box, with records of that kind, decides now; for the incarnation that the policy names.
///
/// # Errors
/// [`StepRefusal::Elsewhere`], [`StepRefusal::OtherHome`] or [`StepRefusal::TooOld`].
pub fn decides(standing: &Standing, sharing: Sharing, now: Timestamp) -> Result<AskedArbiter, StepRefusal> {
    let policy = standing.policy.as_ref().ok_or(StepRefusal::TooOld)?;
    let name = &policy.choices().arbiter;
    let own = standing.own.as_ref().filter(|own| own.serves(name)).ok_or(StepRefusal::Elsewhere)?;
    // Two boxes of one incarnation that each kept their own records would both grant the same entry.
    if Sharing::enrolled(own.shared) != sharing {
        return Err(StepRefusal::OtherHome);
    }
    if standing.age(now) > policy.replica_age_max() { Err(StepRefusal::TooOld) } else { Ok(AskedArbiter::of(name)) }
}

impl<R: ClaimRecords> Arbiter<R> {
    /// An arbiter on that clock.
    #[must_use]
    pub fn new(parts: Parts<R>, clock: Arc<dyn Clock>) -> Self {
        let Parts { book, records, names, paces, pull } = parts;
        let (rates, metrics) = (Mutex::new(Rates::new(paces)), Metrics::begin(clock.now()));
        let dates = Arc::new(RequestDates::begin());
        Self { book, records, names, rates, runs: Runs::default(), pull, clock, dates, metrics }
    }

    /// What the feed has told.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Which run of each gate asks.
    pub(crate) const fn runs(&self) -> &Runs {
        &self.runs
    }

    /// What the dates of requests are held against; told by whoever follows the feed.
    #[must_use]
    pub const fn dates(&self) -> &Arc<RequestDates> {
        &self.dates
    }

    /// What is counted.
    pub(crate) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes a step that this gate has signed; the answer is durable.
    ///
    /// # Errors
    /// [`StepRefusal`].
    pub async fn step(&self, signed_by: GateId, body: ClaimBody) -> Result<ClaimAnswer, StepRefusal> {
        let ClaimBody { step, arbiter } = body;
        if step.gate() != signed_by {
            return Err(StepRefusal::OtherGate);
        }
        let (now, standing) = (self.now(), self.book.standing());
        if Some(decides(&standing, R::SHARING, now)?) != arbiter {
            return Err(StepRefusal::Elsewhere);
        }
        let told = self.told(step.ticket())?;
        let weight = Weight::of(&step, told.holding());
        if !self.rates.lock().unwrap_or_else(PoisonError::into_inner).take(signed_by, weight, now) {
            return Err(StepRefusal::TooFast);
        }
        let answer = match self.book.facts(step.ticket())? {
            Some(facts) => {
                let decided = self.decide(&step, &facts, (&told, &standing), now).await;
                if matches!(decided, Err(StepRefusal::Records(RecordsError::Silent))) {
                    // The gate repeats this very step: a box that has no answer must not count it as one too many.
                    self.give_back(signed_by, weight);
                }
                decided?
            }
            None => not_known_yet(&step, &standing)?,
        };
        if answer == ClaimAnswer::Behind {
            // Nothing was taken, and the gate is to ask again: this box lacks something, not the gate patience.
            self.give_back(signed_by, weight);
            self.pull.nudge();
        }
        Ok(answer)
    }

    fn give_back(&self, gate: GateId, weight: Weight) {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner).give_back(gate, weight);
    }

    async fn decide(
        &self,
        step: &ClaimStep,
        facts: &ClaimFacts,
        (told, standing): (&TicketClaims, &Standing),
        now: Timestamp,
    ) -> Result<ClaimAnswer, StepRefusal> {
        let name = RecordName::from_bytes(self.names.name(step.ticket()));
        // Most tickets are claimed once: where a read costs a round between boxes, a claim presumes that nothing stands
        // there. Its write finds out, and no answer is ever given on a presumption.
        let mut presumed = R::SHARING == Sharing::Shared && matches!(step, ClaimStep::Claim(_));
        let mut stands = if presumed { None } else { self.records.get(name).await? };
        for _try in 0..TRIES {
            let (before, version) = match &stands {
                Some(Versioned { claims, version }) => (claims.clone(), Some(*version)),
                None => (TicketClaims::default(), None),
            };
            let known = self.without_freed(before.clone().with_endings_of(told), standing)?.with_holding_of(told);
            let (next, answer) = take_step(&known, step, facts, now);
            // What the feed told this box the others may not have heard: where they share records, it is written before
            // anything is said that rests on it.
            let heard = R::SHARING == Sharing::Shared && known != before;
            match next.or_else(|| (heard && !presumed).then(|| known.revised())) {
                None if presumed => stands = self.records.get(name).await?,
                None => return Ok(answer),
                Some(next) => match self.records.compare_and_set(name, version, next).await? {
                    Swapped::Stored => return Ok(answer),
                    Swapped::Other(other) => stands = other,
                },
            }
            presumed = false;
        }
        Err(StepRefusal::Contended)
    }

    /// Who the feed says is inside: counted wherever the record has nobody, so that a new box, and one that was not asked
    /// while gates were offline, grants no entry twice.
    fn told(&self, ticket: TicketId) -> Result<TicketClaims, BookError> {
        Ok(self.book.admitted(ticket)?.unwrap_or_default())
    }

    /// This record without a claim that an operator has set free, where the feed tells of no admission behind it: not of one
    /// that stands in conflict either, whose entry another one holds.
    fn without_freed(&self, record: TicketClaims, standing: &Standing) -> Result<TicketClaims, BookError> {
        let Some(holding) = record.holding() else { return Ok(record) };
        match standing.gates.get(&holding.gate).and_then(|gate| gate.freed) {
            Some(freed) if !self.book.tells_of(holding.admission)? => Ok(record.set_free(freed)),
            Some(_) | None => Ok(record),
        }
    }
}

/// A gate that is ahead of this box knows tickets that are not here yet.
///
/// One that decided in an earlier epoch decides again: what it knew was given up.
fn not_known_yet(step: &ClaimStep, standing: &Standing) -> Result<ClaimAnswer, StepRefusal> {
    let FollowedTo { epoch, length, .. } = standing.position;
    match step {
        ClaimStep::Claim(ClaimRequest { decided_on, .. }) if decided_on.epoch < epoch => {
            Ok(ClaimAnswer::Stale { ticket: decided_on.ticket, binding: decided_on.binding })
        }
        ClaimStep::Claim(ClaimRequest { decided_on, .. })
            if (decided_on.epoch, decided_on.ticket.get()) >= (epoch, length) =>
        {
            Ok(ClaimAnswer::Behind)
        }
        ClaimStep::Claim(_)
        | ClaimStep::Withdraw(_)
        | ClaimStep::Opened(_)
        | ClaimStep::Annul(_)
        | ClaimStep::Exit(_) => Err(StepRefusal::UnknownTicket),
    }
}

impl<R: ClaimRecords> Scrape for Arbiter<R> {
    fn scrape(&self) -> String {
        self.metrics.write(&self.book.standing(), R::SHARING, self.now())
    }
}

#[cfg(test)]
mod tests;
