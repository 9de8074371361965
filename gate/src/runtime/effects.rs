//! Carries a lane's effects out. Whatever takes time runs beside the lane and comes back as an input.

use std::collections::BTreeSet;
use std::sync::Arc;

use kido_shared::binding::BindingTag;
use kido_shared::challenge::Challenge;
use kido_shared::claim::ClaimAnswer;
use kido_shared::clock::Clock as _;
use kido_shared::error_chain::Chain;
use kido_shared::ids::{AdmissionId, TicketId};
use kido_shared::policy::EventPolicy;
use kido_shared::refusal::{Refusal, StaffCode};
use kido_shared::trace_context::TraceContext;
use kido_shared::verdict::{Connectivity, KnownTicket, Used};
use kido_shared::window::KeyWindow;
use rand::rngs::OsRng;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use super::Parts;
use super::household::Wishes;
use crate::barrier::{BarrierError, Opened};
use crate::claim::decider::{Decider, offline_objection};
use crate::claim::http::ArbiterClient;
use crate::claim::is_over;
use crate::display::Display;
use crate::journal::{Departure, Errand, Journal, JournalError, LocalEntry, PlannedEntry, StoredIntent};
use crate::lane::{ClaimOutcome, Effect, Input, Knowledge, Place, TapNumber};
use crate::reader::{OrderError, ReaderHandle, ReaderOrder};
use crate::replica::{Found, FoundTicket, LookUpError, ReplicaError, Standing};

/// How long a lane waits for the feed after the arbiter has called its knowledge stale.
const CATCH_UP_TIME: std::time::Duration = std::time::Duration::from_secs(3);

/// Knows how each effect is done.
pub(super) struct Carrier {
    parts: Parts,
    arbiter: ArbiterClient,
    wishes: Wishes,
    display: Display,
    /// Claims of this tap that the arbiter has refused for good: nothing is left to withdraw of them.
    refused: BTreeSet<AdmissionId>,
    tap: Traced,
}

/// One tap in all logs: a random name, made when a card comes, from nothing of the card's.
struct Traced {
    context: TraceContext,
    span: Span,
}

impl Traced {
    fn begin() -> Self {
        let context = TraceContext::begin(&mut OsRng);
        let span = tracing::info_span!("tap", trace = %context.trace());
        Self { context, span }
    }
}

impl Carrier {
    pub(super) fn new(parts: Parts, arbiter: ArbiterClient, wishes: Wishes, display: Display) -> Self {
        Self { parts, arbiter, wishes, display, refused: BTreeSet::new(), tap: Traced::begin() }
    }

    /// What the lines about this tap stand in.
    pub(super) fn tap(&self) -> Span {
        self.tap.span.clone()
    }

    /// Begins what takes time, as part of this tap.
    fn begin(&self, work: &mut JoinSet<Option<Input>>, step: impl Future<Output = Option<Input>> + Send + 'static) {
        work.spawn(step.instrument(self.tap()));
    }

    pub(super) const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Remembers what the lane is about to be told, where its effects need it.
    pub(super) fn heard(&mut self, input: &Input) {
        if matches!(input, Input::CardPresent) {
            self.tap = Traced::begin();
        }
        if matches!(input, Input::Opened(_)) {
            self.parts.metrics.opened();
        }
        if matches!(input, Input::BarrierFailed(_)) {
            self.parts.metrics.barrier_failed();
        }
        if let Input::Claimed(_, admission, ClaimOutcome::Answered(answer)) = input
            && is_over(answer)
        {
            self.refused.insert(*admission);
        }
        if matches!(input, Input::StoreFailed(_)) {
            self.wishes.storage_failed();
        }
    }

    /// Does what is asked, or begins it.
    pub(super) fn carry(
        &mut self,
        effect: Effect,
        reader: &ReaderHandle,
        work: &mut JoinSet<Option<Input>>,
    ) -> Result<(), OrderError> {
        match effect {
            Effect::Transmit(tap, command) => return reader.send(ReaderOrder::Transmit(tap, command)),
            Effect::DrawChallenge(tap) => {
                work.spawn(async move { Some(Input::ChallengeDrawn(tap, Challenge::generate(&mut OsRng))) });
            }
            Effect::PowerOffCard => return reader.send(ReaderOrder::PowerOff),
            Effect::Show(screen) => {
                self.wishes.note_screen(&screen);
                let screen = screen.signposted(&self.parts.replica.standing().signposts);
                self.display.show(&screen, self.parts.clock.now());
            }
            Effect::ReportRefusal(tap, refusal) => {
                self.wishes.count_refusal(refusal.code());
                self.parts.metrics.refused(refusal.code());
                tracing::info!(tap = tap.get(), reason = refusal.name(), code = refusal.code().get(), "nobody entered");
            }
            Effect::LookUp(tap, window) => self.look_up(tap, window, work),
            Effect::LookUpAgain(tap, tag) => self.look_up_again(tap, tag, work),
            Effect::StoreIntents(tap, planned) => self.store_intents(tap, planned, work),
            Effect::Claim(tap, intent) => {
                let (parts, arbiter) = (self.parts.clone(), self.arbiter.traced(self.tap.context));
                self.begin(work, async move {
                    let began = Instant::now();
                    let outcome = claim(&parts, &arbiter, &intent).await;
                    parts.metrics.claimed(&outcome, began.elapsed());
                    Some(Input::Claimed(tap, intent.admission(), outcome))
                });
            }
            Effect::CatchUp(tap) => {
                let wishes = self.wishes.clone();
                self.begin(work, async move {
                    if tokio::time::timeout(CATCH_UP_TIME, wishes.pull()).await.is_err() {
                        tracing::warn!("the feed was not followed in time");
                    }
                    Some(Input::CaughtUp(tap))
                });
            }
            Effect::DropIntents(intents) => self.drop_intents(intents.iter().map(|intent| intent.admission()), work),
            Effect::StoreAdmissions(tap, granted) => {
                let (journal, clock) = (self.parts.journal.clone(), Arc::clone(&self.parts.clock));
                self.begin(work, async move {
                    let stored = journal.store_admissions(&granted, clock.now()).await;
                    Some(stored.map_or_else(|error| store_failed(tap, &error), |all| Input::AdmissionsStored(tap, all)))
                });
            }
            Effect::AdmitHere(tap, planned) => self.admit_here(tap, planned, work),
            Effect::OpenLane(tap, admissions) => {
                let barrier = self.parts.barrier.clone();
                self.begin(work, async move { Some(barrier_said(tap, barrier.open(tap, &admissions).await)) });
            }
            Effect::OpenOut(tap, departures) => {
                let barrier = self.parts.barrier.clone();
                self.begin(work, async move { Some(barrier_said(tap, barrier.let_out(&departures).await)) });
            }
            Effect::NoteExited(departures) => self.note_exited(departures, work),
            Effect::NoteAnnulled(admissions) => self.note_annulled(admissions, work),
            Effect::NoteOpened(admissions) => self.note_opened(admissions, work),
            Effect::NoteRefused(refused) => self.note_refused(refused, work),
        }
        Ok(())
    }

    fn look_up(&self, tap: TapNumber, window: KeyWindow, work: &mut JoinSet<Option<Input>>) {
        let (parts, arbiter, tap_of) = (self.parts.clone(), self.arbiter.clone(), self.tap());
        work.spawn_blocking(move || {
            let _tap = tap_of.enter();
            let found = parts.replica.look_up(&window);
            drop(window);
            Some(match found {
                Ok(Found { tag, tickets, key }) => known(tap, &parts, &arbiter, (tag, tickets, key)),
                Err(LookUpError::Unseal(error)) => {
                    // Nobody's proof can be verified under a key that does not open: staff, and a word to the log.
                    tracing::error!(
                        tap = tap.get(),
                        error = %Chain(&error),
                        "a bound key does not open"
                    );
                    Input::LookUpFailed(tap, Refusal::ProofFailed)
                }
                Err(LookUpError::Replica(error)) => look_up_failed(tap, &error),
            })
        });
    }

    fn look_up_again(&self, tap: TapNumber, tag: BindingTag, work: &mut JoinSet<Option<Input>>) {
        let (parts, arbiter, tap_of) = (self.parts.clone(), self.arbiter.clone(), self.tap());
        work.spawn_blocking(move || {
            let _tap = tap_of.enter();
            Some(match parts.replica.look_up_tag(tag) {
                Ok(tickets) => known(tap, &parts, &arbiter, (tag, tickets, None)),
                Err(error) => look_up_failed(tap, &error),
            })
        });
    }

    fn store_intents(&self, tap: TapNumber, planned: Vec<PlannedEntry>, work: &mut JoinSet<Option<Input>>) {
        let (journal, clock) = (self.parts.journal.clone(), Arc::clone(&self.parts.clock));
        self.begin(work, async move {
            let stored = journal.store_intents(&planned, clock.now(), &mut OsRng).await;
            Some(stored.map_or_else(|error| store_failed(tap, &error), |all| Input::IntentsStored(tap, all)))
        });
    }

    fn drop_intents(&mut self, intents: impl Iterator<Item = AdmissionId>, work: &mut JoinSet<Option<Input>>) {
        let (refused, open): (Vec<_>, Vec<_>) = intents.partition(|admission| self.refused.contains(admission));
        self.refused.clear();
        let (journal, clock) = (self.parts.journal.clone(), Arc::clone(&self.parts.clock));
        let wishes = self.wishes.clone();
        self.begin(work, async move {
            let declined = if refused.is_empty() { Ok(()) } else { journal.decline(refused.clone()).await };
            let withdrawn = if open.is_empty() { Ok(()) } else { journal.withdraw(open.clone(), clock.now()).await };
            for (ended, left) in [(declined, refused), (withdrawn, open)] {
                if let Err(error) = ended {
                    tracing::error!(
                        error = %Chain(&error),
                        "intents could not be ended, trying again"
                    );
                    wishes.withdraw_later(left);
                }
            }
            wishes.errands();
            None
        });
    }

    fn admit_here(&self, tap: TapNumber, planned: Vec<PlannedEntry>, work: &mut JoinSet<Option<Input>>) {
        let (parts, arbiter) = (self.parts.clone(), self.arbiter.clone());
        let wishes = self.wishes.clone();
        self.begin(work, async move {
            let standing = parts.replica.standing();
            let Some(policy) = standing.policy.as_deref() else {
                return Some(Input::AdmittedHere(tap, Vec::new(), Some(Refusal::ReplicaTooOld)));
            };
            let decided = admit(&parts, policy, &standing, &arbiter, planned).await;
            wishes.push();
            Some(match decided {
                Ok((stored, refused)) => Input::AdmittedHere(tap, stored, refused),
                Err(error) => store_failed(tap, &error),
            })
        });
    }

    /// A disk that does not take it loses a line of a history and nothing else: the lane is told by what must be kept.
    fn note_refused(&self, refused: Vec<(TicketId, StaffCode)>, work: &mut JoinSet<Option<Input>>) {
        let (journal, clock) = (self.parts.journal.clone(), Arc::clone(&self.parts.clock));
        let wishes = self.wishes.clone();
        self.begin(work, async move {
            if let Err(error) = journal.note_refused(&refused, clock.now(), &mut OsRng).await {
                tracing::error!(error = %Chain(&error), "a refused proof could not be noted for its holder");
            }
            wishes.push();
            None
        });
    }

    fn note_exited(&self, departures: Vec<Departure>, work: &mut JoinSet<Option<Input>>) {
        let (journal, clock) = (self.parts.journal.clone(), Arc::clone(&self.parts.clock));
        let wishes = self.wishes.clone();
        self.begin(work, async move {
            let now = clock.now();
            if let Err(error) = journal.note_exited(departures.clone(), now).await {
                tracing::error!(error = %Chain(&error), "who went out could not be noted yet");
                wishes.note_exited_later(departures, now);
            }
            wishes.push();
            wishes.errands();
            None
        });
    }

    /// A disk that does not take it leaves an entry that was stored and not opened: staff look.
    fn note_annulled(&self, admissions: Vec<AdmissionId>, work: &mut JoinSet<Option<Input>>) {
        let (journal, clock) = (self.parts.journal.clone(), Arc::clone(&self.parts.clock));
        let wishes = self.wishes.clone();
        self.begin(work, async move {
            if let Err(error) = journal.note_annulled(admissions, clock.now()).await {
                tracing::error!(error = %Chain(&error), "that nobody passed could not be noted");
                wishes.storage_failed();
            }
            wishes.push();
            wishes.errands();
            None
        });
    }

    fn note_opened(&self, admissions: Vec<AdmissionId>, work: &mut JoinSet<Option<Input>>) {
        let (journal, clock) = (self.parts.journal.clone(), Arc::clone(&self.parts.clock));
        let wishes = self.wishes.clone();
        self.begin(work, async move {
            let now = clock.now();
            if let Err(error) = journal.note_opened(admissions.clone(), now).await {
                tracing::error!(error = %Chain(&error), "an opened lane could not be noted yet");
                wishes.note_opened_later(admissions, now);
            }
            wishes.push();
            wishes.errands();
            None
        });
    }
}

/// What the lane hears of its barrier.
fn barrier_said(tap: TapNumber, said: Result<Opened, BarrierError>) -> Input {
    match said {
        Ok(Opened) => Input::Opened(tap),
        Err(BarrierError::NobodyPassed) => Input::NobodyPassed(tap),
        Err(error) => {
            tracing::error!(tap = tap.get(), error = %Chain(&error), "barrier failed");
            Input::BarrierFailed(tap)
        }
    }
}

/// Claims, after the arbiter has heard what this gate admitted of the same ticket while nobody answered, or gave up.
async fn claim(parts: &Parts, arbiter: &ArbiterClient, intent: &StoredIntent) -> ClaimOutcome {
    match tell_earlier(&parts.journal, arbiter, intent).await {
        Ok(true) => arbiter.claim(intent).await,
        // The claim itself knows the difference between a hiccup and offline.
        Ok(false) if arbiter.connectivity(parts.clock.steady().now()) == Connectivity::Offline => ClaimOutcome::Offline,
        Ok(false) => ClaimOutcome::Silent,
        Err(error) => {
            tracing::error!(error = %Chain(&error), "errands could not be read or noted");
            ClaimOutcome::Silent
        }
    }
}

/// Whether the arbiter has heard everything of this ticket.
async fn tell_earlier(journal: &Journal, arbiter: &ArbiterClient, intent: &StoredIntent) -> Result<bool, JournalError> {
    for errand in journal.untold(intent.intent().ticket)? {
        match arbiter.step(errand.step()).await {
            Ok(answer) if Errand::is_ended_by(&answer) => journal.note_told(&errand).await?,
            Ok(_not_yet) => return Ok(false),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "errands wait");
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Decides inside this gate: as the event's arbiter, or as its offline choice allows.
async fn admit(
    parts: &Parts,
    policy: &EventPolicy,
    standing: &Standing,
    arbiter: &ArbiterClient,
    planned: Vec<PlannedEntry>,
) -> Result<(Vec<crate::journal::StoredAdmission>, Option<Refusal>), JournalError> {
    let now = parts.clock.now();
    let connectivity = arbiter.connectivity(parts.clock.steady().now());
    match Decider::of(policy, standing.gates) {
        Decider::Nobody => Ok((Vec::new(), Some(Refusal::OfflineNotAllowed))),
        Decider::Elsewhere => {
            let allowed = policy.choices().offline.allows(standing.zone_has_one_gate());
            if let Some(refusal) = offline_objection(connectivity, allowed) {
                return Ok((Vec::new(), Some(refusal)));
            }
            let admitted = parts.journal.admit_offline(planned, now, &mut OsRng).await?;
            Ok((admitted.stored, None))
        }
        Decider::Here => {
            let mut entries = Vec::with_capacity(planned.len());
            for planned in planned {
                let known = (parts.replica.claim_facts(planned.ticket), parts.replica.used(planned.ticket));
                match known {
                    (Ok(Some(facts)), Ok(elsewhere)) => entries.push(LocalEntry { planned, facts, elsewhere }),
                    (Ok(None) | Err(_), _) | (_, Err(_)) => return Ok((Vec::new(), Some(Refusal::StorageFailed))),
                }
            }
            let admitted = parts.journal.admit_as_arbiter(entries, now, &mut OsRng).await?;
            Ok((admitted.stored, admitted.refused.as_ref().and_then(ClaimAnswer::refusal)))
        }
    }
}

/// What the gate knows about a card, with its own journal laid over the feed.
fn known(
    tap: TapNumber,
    parts: &Parts,
    arbiter: &ArbiterClient,
    (tag, tickets, key): (BindingTag, Vec<FoundTicket>, Option<kido_shared::certificate::SubjectPublicKey>),
) -> Input {
    let standing = parts.replica.standing();
    let Some(policy) = standing.policy.clone() else { return Input::LookUpFailed(tap, Refusal::ReplicaTooOld) };
    let with_own = |found: FoundTicket| -> Result<KnownTicket, JournalError> {
        let own = parts.journal.used(found.ticket.record.ticket)?;
        let mut known = found.with_own(own);
        // Who went out by this lane has gone, whether or not the feed tells of it yet.
        if let Used::Inside { entry, admission, .. } = known.used
            && parts.journal.left(admission)?
        {
            known.used = Used::Left { entries: entry };
        }
        Ok(known)
    };
    let tickets = match tickets.into_iter().map(with_own).collect::<Result<Vec<_>, _>>() {
        Ok(tickets) => tickets,
        Err(error) => {
            tracing::error!(
                tap = tap.get(),
                error = %Chain(&error),
                "the journal could not be asked"
            );
            return Input::LookUpFailed(tap, Refusal::StorageFailed);
        }
    };
    let reading = parts.clock.reading();
    let answers = arbiter.connectivity(parts.clock.steady().now());
    let enrolment = parts.identity.enrolment();
    let place = Place {
        zone: standing.zone(&enrolment.zone).clone(),
        now: reading.now,
        clock_certain: reading.certain,
        connectivity: Decider::of(&policy, standing.gates).connectivity(answers),
        replica_age: standing.age(reading.now),
        zone_has_one_gate: standing.zone_has_one_gate(),
        policy,
        passage: parts.passage,
    };
    let knowledge = Knowledge { event: enrolment.event, gate: enrolment.gate, tag, key, tickets, place };
    Input::Known(tap, Box::new(knowledge))
}

fn store_failed(tap: TapNumber, error: &JournalError) -> Input {
    tracing::error!(tap = tap.get(), error = %Chain(error), "the journal refused");
    Input::StoreFailed(tap)
}

fn look_up_failed(tap: TapNumber, error: &ReplicaError) -> Input {
    tracing::error!(tap = tap.get(), error = %Chain(error), "the replica could not be asked");
    Input::LookUpFailed(tap, Refusal::StorageFailed)
}

#[cfg(test)]
mod tests;
