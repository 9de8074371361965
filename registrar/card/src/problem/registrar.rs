//! What a registrar refused, or why there was no answer of one.

use super::remedy::Remedy::{Dialogue, DialogueWithOtherCard, Link, Nothing};
use super::{CERTIFICATE_REFUSED, Row, row, trouble};
use crate::client::{ClientError, Refused};
use crate::words::Fill;

/// Why a registrar gave no answer to go on with.
pub(crate) fn of_client(error: &ClientError) -> Row<'_> {
    match error {
        ClientError::Tls => row("tls_unavailable", "problem-tls", Nothing, trouble::NO_HTTPS),
        ClientError::Unreachable => {
            row("registrar_unreachable", "problem-registrar-unreachable", Dialogue, trouble::UNREACHABLE)
        }
        ClientError::Timeout => row("registrar_timeout", "problem-registrar-timeout", Dialogue, trouble::TIMED_OUT),
        ClientError::Redirected => row("redirected", "problem-redirected", Nothing, trouble::ODD_REGISTRAR),
        ClientError::Answer => odd_answer(),
        ClientError::Refused(refused) => of_refused(refused),
    }
}

/// An answer that fits no dialogue.
pub(super) const fn odd_answer() -> Row<'static> {
    row("registrar_answer", "problem-registrar-answer", Nothing, trouble::ODD_REGISTRAR)
}

/// Some refusals have words of our own, in the person's language; any other is shown as the registrar put it, and is for
/// good.
fn of_refused(refused: &Refused) -> Row<'_> {
    let code = refused.code.as_str();
    match code {
        "unknown_code" => row(code, "problem-unknown-code", Link, trouble::UNKNOWN_CODE),
        "code_used" => row(code, "problem-code-used", Nothing, trouble::CODE_USED),
        "code_dead" => row(code, "problem-code-dead", Nothing, trouble::CODE_DEAD),
        "not_possible" => row(code, "problem-not-possible", Nothing, trouble::NOT_POSSIBLE),
        "too_many_changes" => row(code, "problem-too-many-changes", Nothing, trouble::TOO_MANY_CHANGES),
        "proof_refused" => row(code, "problem-proof-refused", Dialogue, trouble::PROOF_REFUSED),
        "too_many_sessions" | "too_many_tries" | "recovering" => {
            row(code, "problem-registrar-busy", Dialogue, trouble::BUSY)
        }
        "no_session" => row(code, "problem-session-expired", Dialogue, trouble::EXPIRED),
        CERTIFICATE_REFUSED => row(code, "problem-certificate", DialogueWithOtherCard, trouble::CERTIFICATE),
        "other_card" => row(code, "problem-other-card", DialogueWithOtherCard, trouble::OTHER_CARD),
        "no_ticket_on_card" => {
            row(code, "problem-no-ticket-on-card", DialogueWithOtherCard, trouble::NO_TICKET_ON_CARD)
        }
        "card_full" => row(code, "problem-card-full", DialogueWithOtherCard, trouble::CARD_FULL),
        _in_its_own_words => row(code, "problem-registrar-says", Nothing, trouble::REGISTRAR_SAYS)
            .with("detail", Fill::Text(refused.detail.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Harmless;

    fn refused(code: &str) -> ClientError {
        ClientError::Refused(Refused { code: code.to_owned(), detail: Harmless::of("in full"), reasons: Vec::new() })
    }

    #[test]
    fn what_the_registrar_refused_for_good_is_not_asked_again() {
        for code in ["code_used", "code_dead", "not_possible", "too_many_changes", "a_word_of_a_later_version"] {
            assert_eq!(of_client(&refused(code)).remedy, Nothing, "{code}");
        }
    }

    #[test]
    fn a_refusal_keeps_its_word_and_is_told_in_its_own_words_only_where_there_are_none_of_ours() {
        let known = refused("card_full");
        let row = of_client(&known);
        assert_eq!((row.code, row.line.key, row.line.fills.len()), ("card_full", "problem-card-full", 0));
        let later = refused("a_word_of_a_later_version");
        let row = of_client(&later);
        assert_eq!((row.code, row.line.key), ("a_word_of_a_later_version", "problem-registrar-says"));
        let [("detail", Fill::Text(detail))] = row.line.fills.as_slice() else { panic!("{:?}", row.line) };
        assert_eq!(detail.as_str(), "in full");
    }
}
