//! Why something was not done, in words for a person at a screen.

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

/// One sentence, and where one is needed what to do.
pub(super) fn why(speech: Speech<'_>, error: &AppError) -> String {
    let code = error.code();
    if is_said(code) { speech.say(&key_of(code)) } else { speech.say_of("console-no-other", "code", code) }
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
