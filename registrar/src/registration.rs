//! Dialogues with card helpers: a challenge, five minutes, one use; then a certificate and a proof.
//!
//! The certificate and the signature live in memory here, in one call, and are wiped with it (`protocol.md` §2).

pub mod native_rsa;
mod sessions;
mod trust;

use std::sync::{Arc, Mutex, PoisonError};

use kido_shared::certificate::{CertificateDer, UserAuthCertificate};
use kido_shared::challenge::{Action, Challenge, Origin, RegistrationMessage};
use kido_shared::clock::Timestamp;
use kido_shared::codes::{Code, CodeHash};
use kido_shared::ids::{EventId, SessionId};
use kido_shared::limits::SESSION_LIFETIME;
use kido_shared::policy::EventPolicy;
use kido_shared::proof::{CardSignature, UnverifiedProof};
use tokio::sync::{Semaphore, watch};

use crate::domain::postponement::POSTPONEMENT;
use crate::domain::registration::RegistrationRefusal;
use crate::store::{BindRequest, CodedTicket, EventView, Failed, ProvedCard, StorageError, Store, TicketView};
use crate::visitor::Neighbourhood;
use native_rsa::NativeRsa;
use sessions::{Session, Sessions};

pub use sessions::SESSIONS_MAX;
pub use trust::CertificateTrust;

type Refused = Failed<RegistrationRefusal>;

const fn refused(refusal: RegistrationRefusal) -> Refused {
    Failed::Refused(refusal)
}

/// What a card helper begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartRequest {
    /// A ticket, by its code.
    WithCode {
        /// What the proof will be for.
        action: Action,
        /// Hash of the code in the link.
        code: CodeHash,
    },
    /// A card's tickets of one event: show or resume.
    CardAlone {
        /// What the proof will be for.
        action: Action,
        /// Which event.
        event: EventId,
        /// From where it is asked for, as far as that is known: anybody can ask, so each household has a few.
        from: Option<Neighbourhood>,
    },
}

/// A dialogue that is open.
#[derive(Debug)]
pub struct Started {
    /// Its name.
    pub session: SessionId,
    /// What the proof will be for.
    pub action: Action,
    /// Which event.
    pub event: EventView,
    /// Which ticket, where one was named.
    pub ticket: Option<TicketView>,
    /// What the card is to sign, inside its message.
    pub challenge: Challenge,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// What the proof brought about.
#[derive(Debug)]
pub struct Proved {
    /// The tickets concerned, as they are now.
    pub tickets: Vec<TicketView>,
    /// The new holder code, to be shown once.
    pub holder_code: Option<Code>,
    /// Whether the certificate ends before the event does.
    pub certificate_ends_before_event: bool,
}

/// A card whose certificate and proof were both accepted, with what the store needs of it.
struct Verified {
    card: ProvedCard,
    request: BindRequest,
}

/// All open dialogues of this registrar. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Registrations {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    origin: Origin,
    trust: Arc<CertificateTrust>,
    sessions: Mutex<Sessions>,
    /// Counts dialogues begun and ended, so that a page which shows that one is open knows when to look again.
    talked: watch::Sender<u64>,
    /// As many verifications at a time as there are processors: more would only make all of them slower.
    verifying: Semaphore,
}

impl std::fmt::Debug for Registrations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registrations").field("origin", &self.shared.origin).finish_non_exhaustive()
    }
}

impl Registrations {
    /// Dialogues for the events of a store, at the origin that helpers reach this registrar by.
    #[must_use]
    pub fn new(store: Store, origin: Origin, trust: CertificateTrust) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let (trust, verifying) = (Arc::new(trust), Semaphore::new(processors));
        let (sessions, talked) = (Mutex::new(Sessions::default()), watch::Sender::default());
        let shared = Shared { store, origin, trust, sessions, talked, verifying };
        Self { shared: Arc::new(shared) }
    }

    /// Begins a dialogue.
    ///
    /// # Errors
    /// [`RegistrationRefusal`] or [`StorageError`].
    pub fn start(&self, request: StartRequest) -> Result<Started, Refused> {
        let store = &self.shared.store;
        let (action, event, opened, from) = match request {
            StartRequest::WithCode { action, code } => {
                let (event, ticket) = store.begin_with_code(action, code)?;
                (action, event, Some((ticket, code)), None)
            }
            StartRequest::CardAlone { action: action @ (Action::Show | Action::Resume), event, from } => {
                (action, event, None, from)
            }
            StartRequest::CardAlone { action: Action::Bind, .. } => {
                return Err(refused(RegistrationRefusal::NothingNamed));
            }
            StartRequest::CardAlone { action, .. } => return Err(refused(RegistrationRefusal::NotOffered(action))),
        };
        let event = store.event(event)?;
        let (mut random, now) = (store.random(), store.now());
        let (session, challenge) = (SessionId::generate(&mut random), Challenge::generate(&mut random));
        let expires_at = now.after(SESSION_LIFETIME);
        let coded = opened.as_ref().map(|(ticket, code)| CodedTicket { ticket: ticket.ticket, code: *code });
        let kept = Session { action, event: event.event, coded, challenge: challenge.clone(), from, expires_at };
        let mut sessions = self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.open(session, kept, now).map_err(Failed::Refused)?;
        drop(sessions);
        self.talked();
        let ticket = opened.map(|(ticket, _)| ticket);
        Ok(Started { session, action, event, ticket, challenge, expires_at })
    }

    /// Ends a dialogue with the card's proof. The session is gone with the first attempt, whatever comes of it.
    ///
    /// # Errors
    /// [`RegistrationRefusal`] or [`StorageError`].
    pub async fn prove(
        &self,
        session: SessionId,
        certificate: CertificateDer,
        signature: CardSignature,
    ) -> Result<Proved, Refused> {
        let now = self.shared.store.now();
        let taken = self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner).take(session, now);
        let taken = taken.ok_or(refused(RegistrationRefusal::NoSession))?;
        let proved = self.judge(taken, certificate, signature).await;
        // Only now: whoever looks sees what came of the dialogue, not a moment of nothing between the two.
        self.talked();
        proved
    }

    async fn judge(
        &self,
        taken: Session,
        certificate: CertificateDer,
        signature: CardSignature,
    ) -> Result<Proved, Refused> {
        let Session { action, event, coded, challenge, .. } = taken;
        let message = RegistrationMessage {
            action,
            origin: self.shared.origin.clone(),
            event,
            ticket: coded.map(|coded| coded.ticket),
            code: coded.map(|coded| coded.code),
            challenge,
        };
        let verified = self.verify(message, certificate, signature).await?;
        let ends_before_event = !verified.request.outlives_event;
        let holder_code = Code::generate(&mut self.shared.store.random());
        let (tickets, code_replaced) = self.carry_out(action, event, coded, verified, holder_code.hash()).await?;
        let holder_code = code_replaced.then_some(holder_code);
        Ok(Proved { tickets, holder_code, certificate_ends_before_event: ends_before_event })
    }

    /// Whether a card helper is in the middle of a dialogue with this code.
    #[must_use]
    pub fn is_talking(&self, code: CodeHash) -> bool {
        let sessions = self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.is_talking(code, self.shared.store.now())
    }

    /// Says that a dialogue has begun or ended, without saying which: whoever waits for one looks again.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.talked.subscribe()
    }

    fn talked(&self) {
        self.shared.talked.send_modify(|count| *count = count.wrapping_add(1));
    }

    async fn carry_out(
        &self,
        action: Action,
        event: EventId,
        coded: Option<CodedTicket>,
        verified: Verified,
        code: CodeHash,
    ) -> Result<(Vec<TicketView>, bool), Refused> {
        let store = &self.shared.store;
        let done = match (action, coded) {
            (Action::Bind, Some(coded)) => {
                let ticket = store.bind(event, coded, verified.request, code).await?;
                return Ok((vec![ticket], true));
            }
            (Action::Bind, None) => return Err(refused(RegistrationRefusal::NothingNamed)),
            (Action::Resume, coded) => store.resume(event, coded, verified.card, code).await?,
            (Action::Show, coded) => store.show(event, coded, verified.card, code).await?,
            (Action::GiveBack | Action::Rebind, _) => return Err(refused(RegistrationRefusal::NotOffered(action))),
        };
        Ok((done.tickets, done.code_replaced))
    }

    /// Two RSA verifications and a sealing take a tenth of a millisecond of computing: not on a thread that serves others.
    async fn verify(
        &self,
        message: RegistrationMessage,
        certificate: CertificateDer,
        signature: CardSignature,
    ) -> Result<Verified, Refused> {
        let permit = self.shared.verifying.acquire().await.map_err(|_closed| StorageError::Stopping)?;
        let (store, trust) = (self.shared.store.clone(), Arc::clone(&self.shared.trust));
        let verifying = move || verify(&store, &trust, message, &certificate, signature);
        let verified = tokio::task::spawn_blocking(verifying).await;
        drop(permit);
        verified.map_err(StorageError::Computation)?
    }
}

fn verify(
    store: &Store,
    trust: &CertificateTrust,
    message: RegistrationMessage,
    certificate: &CertificateDer,
    signature: CardSignature,
) -> Result<Verified, Refused> {
    let event = message.event;
    let policy: EventPolicy = store.policy(event)?;
    let parsed: UserAuthCertificate = trust
        .judge(certificate, &policy, store.now())
        .map_err(|refusals| refused(RegistrationRefusal::Certificate(refusals)))?;
    let proof = UnverifiedProof::new(message, signature);
    let _proved = proof
        .verify_with(parsed.public_key(), &NativeRsa)
        .map_err(|error| refused(RegistrationRefusal::Proof(error)))?;
    let keys = store.gate_subkeys(event)?;
    let binding = parsed.binding(&event, &keys.tag, &keys.seal, &mut store.random());
    let card = ProvedCard { tag: binding.tag, certificate_tag: binding.certificate_tag };
    let ends_at = policy.choices().ends_at;
    let (outlives_event, outlives_year_after) =
        (parsed.outlives(ends_at), parsed.outlives(ends_at.after(POSTPONEMENT)));
    Ok(Verified { card, request: BindRequest { binding, outlives_event, outlives_year_after } })
}

#[cfg(test)]
mod tests;
