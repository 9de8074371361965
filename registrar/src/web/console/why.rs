//! Why something was not done, in words for a person at a screen.

use axum::http::StatusCode;
use kido_web::words::Speech;

use crate::domain::gate::GateRefusal;
use crate::error::AppError;

/// The key of a code's sentence, where it has one of its own; the others say that it was not done, and the code.
pub(super) fn key_of(code: &str, speech: Speech<'_>) -> Option<String> {
    let key = format!("console-no-{}", code.replace('_', "-"));
    speech.has(&key).then_some(key)
}

/// Why something was not done, for the page that it was asked on: the status that a program is answered, too.
#[derive(Debug)]
pub(super) struct Why {
    status: StatusCode,
    sentence: String,
}

impl Why {
    /// One sentence, and where one is needed what to do.
    pub(super) fn of(error: &AppError, speech: Speech<'_>) -> Self {
        let code = error.code();
        let key = key_of(code, speech);
        let sentence = match (key, error) {
            (Some(key), AppError::Gate(GateRefusal::Unheard { gate })) => {
                speech.say_of(&key, "gate", gate.to_string().as_str())
            }
            (Some(key), _) => speech.say(&key),
            (None, _) => speech.say_of("console-no-other", "code", code),
        };
        Self { status: error.status(), sentence }
    }

    /// What was typed cannot be, which only the form knows.
    pub(super) const fn typed(sentence: String) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, sentence }
    }

    /// The status of a page, and what stands on it, where nothing may be in the way.
    pub(super) fn parts(why: Option<Self>) -> (StatusCode, Option<String>) {
        why.map_or((StatusCode::OK, None), |Self { status, sentence }| (status, Some(sentence)))
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::enrolment::EnrolmentError;
    use kido_shared::ids::GateId;
    use kido_shared::ids::{Epoch, EventId};
    use kido_shared::policy::PolicyError;
    use kido_shared::wire::v1::operator::Role;
    use kido_web::language::Language;

    use super::*;
    use crate::auth::bearer::Denied;
    use crate::domain::event::EventRefusal;
    use crate::domain::ticket::{TicketAction, TicketRefusal, TicketState};
    use crate::enrolment::EnrolmentRefusal;
    use crate::store::StorageError;
    use crate::web::Pages;

    /// What a deed of the console's may be answered with; what fails inside has a page of its own.
    fn refusals() -> Vec<AppError> {
        let event = [
            EventRefusal::Over,
            EventRefusal::RehearsalFixed,
            EventRefusal::LocalArbiter { gates: 2 },
            EventRefusal::ArbiterFixed,
            EventRefusal::NotOffered("a second entry"),
            EventRefusal::ChangedMeanwhile,
            EventRefusal::TooFarAhead,
            EventRefusal::NoSpareIdentity,
        ];
        let ticket = [
            TicketRefusal::UnknownTicket,
            TicketRefusal::NotPossible { action: TicketAction::Release, state: TicketState::Cancelled },
            TicketRefusal::HolderCode,
            TicketRefusal::Paid,
            TicketRefusal::TooManyChanges,
        ];
        let gate = [
            GateRefusal::UnknownGate,
            GateRefusal::Revoked,
            GateRefusal::Exists,
            GateRefusal::LocalArbiter,
            GateRefusal::HomeGate,
            GateRefusal::Unheard { gate: GateId::from_bytes([1; 16]) },
            GateRefusal::TooManyGates,
        ];
        let enrolment = [
            EnrolmentRefusal::NoOffer,
            EnrolmentRefusal::TooMany,
            EnrolmentRefusal::Order,
            EnrolmentRefusal::WrongDigits,
            EnrolmentRefusal::NotDigits,
            EnrolmentRefusal::Dialogue(EnrolmentError::Sealed),
        ];
        let (event_id, epoch, length) = (EventId::from_bytes([1; 16]), Epoch::FIRST, 3);
        let recovering = StorageError::Recovering { event: event_id, epoch, length };
        let storage = [StorageError::DiskFull, StorageError::Busy, recovering];
        let others = [PolicyError::Name.into(), Denied::Role(Role::Viewer).into()];
        let event = event.into_iter().map(AppError::from).chain(ticket.into_iter().map(AppError::from));
        let gates = gate.into_iter().map(AppError::from).chain(enrolment.into_iter().map(AppError::from));
        event.chain(gates).chain(storage.into_iter().map(AppError::from)).chain(others).collect()
    }

    #[test]
    fn every_refusal_of_a_deed_has_its_sentence() {
        let pages = Pages::compiled_in().unwrap();
        for language in Language::ALL {
            let speech = pages.page(language).speech;
            for refusal in refusals() {
                assert!(key_of(refusal.code(), speech).is_some(), "{} in {}", refusal.code(), language.tag());
            }
            assert_eq!(key_of("no_such_code", speech), None);
        }
    }
}
