//! Why something was not done, in words for a person at a screen.

use axum::http::StatusCode;
use kido_web::words::Speech;

use crate::error::AppError;

/// Codes that have a sentence of their own; the others say that it was not done, and the code.
const SAID: [&str; 25] = [
    "disk_full",
    "busy",
    "event_over",
    "too_far_ahead",
    "changed_meanwhile",
    "local_arbiter",
    "home_gate",
    "arbiter_fixed",
    "no_spare_identity",
    "policy",
    "unknown_ticket",
    "not_possible",
    "paid",
    "holder_code",
    "too_many_changes",
    "too_many_gates",
    "gate_revoked",
    "gate_exists",
    "no_offer",
    "too_many_offers",
    "order",
    "wrong_digits",
    "not_digits",
    "enrolment_failed",
    "role",
];

/// Whether a code has a sentence of its own.
pub(super) fn is_said(code: &str) -> bool {
    SAID.contains(&code)
}

/// The key of a code's sentence.
pub(super) fn key_of(code: &str) -> String {
    format!("console-no-{}", code.replace('_', "-"))
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
        let is_said = is_said(code);
        let sentence =
            if is_said { speech.say(&key_of(code)) } else { speech.say_of("console-no-other", "code", code) };
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
    use kido_web::language::Language;

    use super::*;
    use crate::web::Pages;

    #[test]
    fn every_code_that_is_said_has_its_sentence() {
        let pages = Pages::compiled_in().unwrap();
        for language in Language::ALL {
            for code in SAID {
                let key = key_of(code);
                assert_ne!(pages.page(language).speech.say(&key), key);
            }
        }
    }
}
