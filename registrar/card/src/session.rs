//! The dialogue with a registrar, as values: what is asked, what came back, what is signed. No input, no output.
//!
//! ```text
//! Dialogue ── start ─▶ StartRegistration      a registrar answers      the person agrees, the card is read
//!     └─ opened(RegistrationStarted) ─▶ Opened ── digest(algorithm) ─▶ the card signs ── finished(outcome) ─▶ Finished
//! ```
//!
//! **Rule.** The origin in the signed message is the one that this program itself reached, the action is the one that
//! the person asked for, and the code is the one on the link: a registrar chooses none of them.

use core::fmt;

use kido_shared::certificate::{KeyAlgorithm, SubjectPublicKey};
use kido_shared::challenge::{Action, MessageDigest, Origin, RegistrationMessage};
use kido_shared::clock::Timestamp;
use kido_shared::codes::Code;
use kido_shared::ids::{EventId, SessionId};
use kido_shared::wire::v1::registration::{
    EventSummary, RegistrationOutcome, RegistrationStarted, StartRegistration, TicketSummary,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use crate::host::ConfirmedOrigin;
use crate::link::holder_link;

/// Most tickets of one answer: more than any card may hold.
const TICKETS_MAX: usize = kido_shared::limits::TICKETS_PER_TAG_MAX;

/// Bytes of a digest that are shown, in hexadecimal: enough to compare by eye.
const FINGERPRINT_BYTES: usize = 8;

/// Why a dialogue does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionError {
    /// The registrar answered with another action than was asked for.
    #[error("the registrar answered another action")]
    OtherAction,
    /// The registrar answered with another event than was asked for.
    #[error("the registrar answered another event")]
    OtherEvent,
    /// A ticket is missing where one was named by its code.
    #[error("the registrar named no ticket")]
    NoTicket,
    /// More tickets than any card holds.
    #[error("the registrar answered more than {TICKETS_MAX} tickets")]
    TooManyTickets,
    /// The new holder code is none.
    #[error("the registrar's holder code is none")]
    Code,
    /// The dialogue's time is over; a proof would be refused, so no try is risked.
    #[error("the dialogue has expired")]
    Expired,
}

/// What the person wants.
pub(crate) enum Asked {
    /// Register the card for the ticket of this code.
    Bind(Code),
    /// Try the card on the ticket of this holder code.
    ShowTicket(Code),
    /// Show the card's tickets of an event.
    ShowCard(EventId),
    /// Take back that the card was lost, for the ticket of this holder code.
    ResumeTicket(Code),
    /// The same for the card's tickets of an event.
    ResumeCard(EventId),
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked({})", self.action().label())
    }
}

impl Asked {
    pub(crate) const fn action(&self) -> Action {
        match self {
            Self::Bind(_) => Action::Bind,
            Self::ShowTicket(_) | Self::ShowCard(_) => Action::Show,
            Self::ResumeTicket(_) | Self::ResumeCard(_) => Action::Resume,
        }
    }

    const fn code(&self) -> Option<&Code> {
        match self {
            Self::Bind(code) | Self::ShowTicket(code) | Self::ResumeTicket(code) => Some(code),
            Self::ShowCard(_) | Self::ResumeCard(_) => None,
        }
    }

    const fn event(&self) -> Option<EventId> {
        match self {
            Self::Bind(_) | Self::ShowTicket(_) | Self::ResumeTicket(_) => None,
            Self::ShowCard(event) | Self::ResumeCard(event) => Some(*event),
        }
    }
}

/// A dialogue that the registrar has not answered yet.
#[derive(Debug)]
pub(crate) struct Dialogue {
    origin: ConfirmedOrigin,
    asked: Asked,
}

impl Dialogue {
    pub(crate) const fn new(origin: ConfirmedOrigin, asked: Asked) -> Self {
        Self { origin, asked }
    }

    /// What is sent first.
    pub(crate) fn start(&self) -> StartRegistration {
        StartRegistration {
            action: self.asked.action(),
            code: self.asked.code().map(Code::reveal),
            event: self.asked.event(),
        }
    }

    /// Takes the registrar's answer.
    ///
    /// # Errors
    /// [`SessionError`] where it is not about what was asked.
    pub(crate) fn opened(self, started: RegistrationStarted) -> Result<Opened, SessionError> {
        if started.action != self.asked.action() {
            return Err(SessionError::OtherAction);
        }
        if self.asked.event().is_some_and(|asked| asked != started.event.event) {
            return Err(SessionError::OtherEvent);
        }
        if self.asked.code().is_some() && started.ticket.is_none() {
            return Err(SessionError::NoTicket);
        }
        let message = RegistrationMessage {
            action: started.action,
            origin: self.origin.origin().clone(),
            event: started.event.event,
            ticket: started.ticket.as_ref().map(|ticket| ticket.ticket),
            code: self.asked.code().map(Code::hash),
            challenge: started.challenge,
        };
        Ok(Opened {
            session: started.session,
            message,
            event: started.event,
            ticket: started.ticket,
            expires_at: started.expires_at,
        })
    }
}

/// A dialogue that waits for the card's proof.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) session: SessionId,
    message: RegistrationMessage,
    pub(crate) event: EventSummary,
    pub(crate) ticket: Option<TicketSummary>,
    expires_at: Timestamp,
}

impl Opened {
    pub(crate) const fn action(&self) -> Action {
        self.message.action
    }

    /// Where the registrar is, as this program reached it.
    pub(crate) const fn origin(&self) -> &Origin {
        &self.message.origin
    }

    /// What the card is to sign.
    pub(crate) fn digest(&self, algorithm: KeyAlgorithm) -> MessageDigest {
        self.message.digest(algorithm)
    }

    /// A proof after the end would be refused: better to know before a PIN is sent.
    ///
    /// # Errors
    /// [`SessionError::Expired`].
    pub(crate) fn still_open(&self, now: Timestamp) -> Result<(), SessionError> {
        if now < self.expires_at { Ok(()) } else { Err(SessionError::Expired) }
    }

    /// Takes what the proof brought about.
    ///
    /// # Errors
    /// [`SessionError`].
    pub(crate) fn finished(self, outcome: &RegistrationOutcome) -> Result<Finished, SessionError> {
        if outcome.tickets.len() > TICKETS_MAX {
            return Err(SessionError::TooManyTickets);
        }
        let holder_link = match &outcome.holder_code {
            Some(code) => {
                let code = Code::parse(code).map_err(|_no_code| SessionError::Code)?;
                Some(holder_link(&self.message.origin, &code))
            }
            None => None,
        };
        Ok(Finished {
            outcome: match self.message.action {
                Action::Bind => "bound",
                Action::Resume => "resumed",
                Action::GiveBack => "given_back",
                Action::Rebind => "rebound",
                Action::Show => "shown",
            },
            event: self.event,
            tickets: outcome.tickets.clone(),
            holder_link,
            certificate_ends_before_event: outcome.certificate_ends_before_event,
            revocation: outcome.revocation.clone(),
        })
    }
}

/// What a proof has brought about; also the JSON of a run that went well.
#[derive(serde::Serialize)]
pub(crate) struct Finished {
    pub(crate) outcome: &'static str,
    pub(crate) event: EventSummary,
    pub(crate) tickets: Vec<TicketSummary>,
    pub(crate) holder_link: Option<Zeroizing<String>>,
    pub(crate) certificate_ends_before_event: bool,
    pub(crate) revocation: String,
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Finished(..)")
    }
}

/// The kind of key in a certificate that nobody has judged yet; nothing where it is none that a proof can be made for.
///
/// The registrar judges; the program needs to know only how long a hash the card signs.
pub(crate) fn key_algorithm(certificate: &[u8]) -> Option<KeyAlgorithm> {
    let (_trailing, certificate) = X509Certificate::from_der(certificate).ok()?;
    let key = SubjectPublicKey::from_spki(certificate.public_key().raw).ok()?;
    Some(key.algorithm())
}

/// The beginning of what the card signs, in groups of two bytes.
pub(crate) fn fingerprint(digest: &MessageDigest) -> String {
    let hash: &[u8] = match digest {
        MessageDigest::Sha256(hash) => hash,
        MessageDigest::Sha384(hash) => hash,
    };
    let groups: Vec<String> = hash
        .chunks(2)
        .take(FINGERPRINT_BYTES / 2)
        .map(|pair| pair.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    groups.join(" ")
}
