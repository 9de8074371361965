//! Asks an arbiter elsewhere, over signed requests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kido_follow::uplink::JSON_BYTES_MAX;
use kido_follow::{Signer, Uplink, UplinkError};
use kido_shared::admission::AdmissionBasis;
use kido_shared::claim::{ClaimAnswer, ClaimRequest, ClaimStep};
use kido_shared::clock::{Clock, Timestamp};
use kido_shared::error_chain::Chain;
use kido_shared::ids::{EventId, GateId};
use kido_shared::trace_context::TraceContext;
use kido_shared::verdict::Connectivity;
use kido_shared::wire::v1::admissions::{AskedArbiter, ClaimAnswerBody, ClaimBody};
use kido_shared::wire::v1::routes;

use super::endpoints::Endpoints;
use super::{ATTEMPT_DEADLINE, Next, Patience, Reachability};
use crate::journal::StoredIntent;
use crate::lane::ClaimOutcome;

/// The arbiter of one event, as this gate reaches it. Clones share what is known of its reachability.
#[derive(Clone)]
pub struct ArbiterClient {
    endpoints: Endpoints,
    event: EventId,
    gate: GateId,
    signer: Signer,
    clock: Arc<dyn Clock>,
    reachability: Arc<Mutex<Reachability>>,
    /// The place of the endpoint that answered last.
    favourite: Arc<AtomicUsize>,
    trace: Option<TraceContext>,
}

impl std::fmt::Debug for ArbiterClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArbiterClient").field("endpoints", &self.endpoints.now().uplinks.len()).finish_non_exhaustive()
    }
}

impl ArbiterClient {
    /// The arbiter behind these endpoints, asked in their order from the one that answered last.
    #[must_use]
    pub fn new(endpoints: Endpoints, event: EventId, gate: GateId, signer: Signer, clock: Arc<dyn Clock>) -> Self {
        let reachability = Arc::new(Mutex::new(Reachability::begin(clock.now())));
        Self { endpoints, event, gate, signer, clock, reachability, favourite: Arc::default(), trace: None }
    }

    /// The same one, for steps that belong together, as those of one tap.
    #[must_use]
    pub fn traced(&self, trace: TraceContext) -> Self {
        Self { trace: Some(trace), ..self.clone() }
    }

    /// Claims, and repeats the same claim until it is answered or the time is up.
    pub async fn claim(&self, intent: &StoredIntent) -> ClaimOutcome {
        if self.connectivity(self.clock.now()) == Connectivity::Offline {
            return ClaimOutcome::Offline;
        }
        let intent = intent.intent();
        let request = ClaimRequest {
            admission: intent.admission,
            ticket: intent.ticket,
            gate: self.gate,
            decided_on: intent.decided_on,
            at: intent.at,
            basis: AdmissionBasis::Claimed,
        };
        self.ask_patiently(&ClaimStep::Claim(request)).await
    }

    /// Asks for one step, endpoint after endpoint, until it is answered or the time is up.
    pub async fn ask_patiently(&self, step: &ClaimStep) -> ClaimOutcome {
        let asked = self.endpoints.now();
        let mut patience = Patience::begin(self.clock.now(), asked.uplinks.len(), self.favourite());
        let mut refused = 0_usize;
        loop {
            match patience.next(self.clock.now()) {
                Next::GiveUp => return ClaimOutcome::Silent,
                Next::Pause(pause) => tokio::time::sleep(pause).await,
                Next::Ask { endpoint, deadline } => {
                    let Some(uplink) = asked.uplinks.get(endpoint) else { return ClaimOutcome::Silent };
                    match self.ask(uplink, (step, asked.arbiter), deadline).await {
                        // An arbiter that has not seen the newest records yet soon will have.
                        Ok(ClaimAnswer::Behind) => {}
                        Ok(answer) => {
                            self.favour(endpoint);
                            return ClaimOutcome::Answered(answer);
                        }
                        // One of several boxes may not have heard of this gate yet; where all refuse, none will answer.
                        Err(error) if error.is_an_answer() => {
                            tracing::error!(endpoint, error = %Chain(&error), "the arbiter refuses this gate");
                            refused = refused.saturating_add(1);
                            if refused >= asked.uplinks.len() {
                                return ClaimOutcome::Silent;
                            }
                        }
                        Err(error) => {
                            tracing::warn!(endpoint, error = %Chain(&error), "the arbiter is silent");
                        }
                    }
                }
            }
        }
    }

    /// Asks for one step, once, at the first endpoint that answers.
    ///
    /// # Errors
    /// [`UplinkError`]: the last refusal, where an endpoint refused; else of the last endpoint that was asked.
    pub async fn step(&self, step: &ClaimStep) -> Result<ClaimAnswer, UplinkError> {
        let mut last = UplinkError::Deadline;
        let asked = self.endpoints.now();
        for (endpoint, uplink) in self.in_turn(&asked.uplinks) {
            match self.ask(uplink, (step, asked.arbiter), ATTEMPT_DEADLINE).await {
                Ok(answer) => {
                    self.favour(endpoint);
                    return Ok(answer);
                }
                Err(error) if error.is_an_answer() || !last.is_an_answer() => last = error,
                Err(_silent) => {}
            }
        }
        Err(last)
    }

    fn favourite(&self) -> usize {
        self.favourite.load(Ordering::Relaxed)
    }

    fn favour(&self, endpoint: usize) {
        self.favourite.store(endpoint, Ordering::Relaxed);
    }

    /// All endpoints once, from the one that answered last.
    fn in_turn<'a>(&self, uplinks: &'a [Uplink]) -> impl Iterator<Item = (usize, &'a Uplink)> {
        let first = self.favourite().checked_rem(uplinks.len()).unwrap_or_default();
        let placed = || uplinks.iter().enumerate();
        placed().skip(first).chain(placed().take(first))
    }

    async fn ask(
        &self,
        uplink: &Uplink,
        (step, arbiter): (&ClaimStep, Option<AskedArbiter>),
        deadline: std::time::Duration,
    ) -> Result<ClaimAnswer, UplinkError> {
        let body = ClaimBody { step: step.clone(), arbiter };
        let path = routes::claims(self.event);
        let uplink = self.trace.map_or_else(|| uplink.clone(), |trace| uplink.traced(trace));
        let answered: Result<ClaimAnswerBody, _> = uplink.post_signed(&path, Some(&body), &self.signer, deadline).await;
        let now = self.clock.now();
        self.with(|reachability| match &answered {
            Ok(_answer) => reachability.answered(now),
            // The clocks are apart and nothing is decided: for a holder that is as good as silence.
            Err(error) if error.is_skew() => reachability.step_unanswered(now),
            // One that only wants to be asked more slowly is there: taking that for silence would let this gate admit by
            // itself beside an arbiter that decides.
            Err(error) if error.is_an_answer() || error.is_too_fast() => reachability.answered(now),
            Err(_silent) => reachability.step_unanswered(now),
        });
        Ok(answered?.answer)
    }

    /// Asks for a sign of life where it is time to, and says what holds.
    pub async fn probe(&self) -> Connectivity {
        let now = self.clock.now();
        if self.with(|reachability| reachability.probe_at()) <= now {
            let asked = self.endpoints.now();
            if asked.uplinks.is_empty() {
                // Nobody is known who could decide: for the event's offline choice that is silence.
                self.with(|reachability| reachability.silent(now));
            }
            for (endpoint, uplink) in self.in_turn(&asked.uplinks) {
                let alive = uplink.get(routes::HEALTH, JSON_BYTES_MAX, ATTEMPT_DEADLINE).await;
                let now = self.clock.now();
                let found = alive.as_ref().map_or_else(UplinkError::is_a_sign_of_life, |_well| true);
                self.with(|reachability| if found { reachability.alive(now) } else { reachability.silent(now) });
                if found {
                    // Whoever stands before it in turn was silent.
                    self.favour(endpoint);
                    break;
                }
            }
        }
        self.connectivity(self.clock.now())
    }

    /// Whether an arbiter answers, as of now.
    #[must_use]
    pub fn connectivity(&self, now: Timestamp) -> Connectivity {
        self.with(|reachability| reachability.connectivity(now))
    }

    /// When [`Self::probe`] next asks.
    #[must_use]
    pub fn probe_at(&self) -> Timestamp {
        self.with(|reachability| reachability.probe_at())
    }

    fn with<T>(&self, view: impl FnOnce(&mut Reachability) -> T) -> T {
        view(&mut self.reachability.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
