//! What the person can do about a problem without starting the program anew.

use kido_reader::{NoReader, WaitError};

use super::{Problem, card};
use crate::client::ClientError;
use crate::exchange::ExchangeError;
use crate::session::SessionError;

/// Where to go on from. Every round asks for the PIN anew and shows the tries left before: nothing tries by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The card's part once more, within the same dialogue.
    Card,
    /// The same with another card; this one cannot be used.
    OtherCard,
    /// The same, in one of these readers.
    Reader(Vec<String>),
    /// The whole dialogue once more.
    Dialogue,
    /// The whole dialogue once more, with another card.
    DialogueWithOtherCard,
    /// Another link.
    Link,
    /// Nothing, here and now.
    Nothing,
}

impl Remedy {
    /// Whether the registrar need not be asked again.
    pub(crate) const fn is_of_the_card(&self) -> bool {
        matches!(self, Self::Card | Self::OtherCard | Self::Reader(_))
    }
}

impl Problem {
    /// Where to go on from.
    pub(crate) fn remedy(&self) -> Remedy {
        match self {
            Self::Link(_) | Self::WrongLink(_) | Self::LinkAsArgument => Remedy::Link,
            Self::HostNotConfirmed(_) | Self::Session(SessionError::Expired) => Remedy::Dialogue,
            Self::PinMalformed => Remedy::Card,
            Self::Certificate(_) => Remedy::OtherCard,
            Self::Wait(error) => of_wait(error),
            Self::Exchange(ExchangeError::Card(error)) => card::of_card(error).remedy,
            Self::Exchange(ExchangeError::Transmit(error)) => card::of_transmit(*error).remedy,
            Self::Client(error) => of_client(error),
            Self::HostList(_)
            | Self::Declined
            | Self::Cancelled
            | Self::Unattended
            | Self::PageTaken
            | Self::Page(_)
            | Self::NoTerminal
            | Self::NoInput
            | Self::Session(_)
            | Self::TrustAnchor(_)
            | Self::Start => Remedy::Nothing,
        }
    }
}

fn of_wait(error: &WaitError) -> Remedy {
    match error {
        WaitError::NoReader(NoReader::Several(readers) | NoReader::NotFound(readers)) => {
            Remedy::Reader(readers.iter().map(ToString::to_string).collect())
        }
        WaitError::NoReader(NoReader::NoService | NoReader::NoneAttached) | WaitError::NoCard(_) => Remedy::Card,
        WaitError::Cancelled => Remedy::Nothing,
    }
}

fn of_client(error: &ClientError) -> Remedy {
    match error {
        ClientError::Unreachable | ClientError::Timeout => Remedy::Dialogue,
        ClientError::Tls | ClientError::Redirected | ClientError::Answer => Remedy::Nothing,
        ClientError::Refused(refused) => match refused.code.as_str() {
            "too_many_sessions" | "no_session" | "proof_refused" => Remedy::Dialogue,
            "certificate_refused" | "other_card" | "no_ticket_on_card" | "card_full" => Remedy::DialogueWithOtherCard,
            "unknown_code" => Remedy::Link,
            _for_good => Remedy::Nothing,
        },
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::card::{CardError, PinTries};

    use super::*;

    fn wrong(tries: u8) -> Remedy {
        Problem::from(ExchangeError::Card(CardError::WrongPin(PinTries::new(tries)))).remedy()
    }

    #[test]
    fn a_wrong_pin_is_followed_by_another_try_only_while_a_wrong_one_would_not_lock_the_card() {
        assert_eq!(wrong(2), Remedy::Card);
        assert_eq!((wrong(1), wrong(0)), (Remedy::OtherCard, Remedy::OtherCard));
    }

    #[test]
    fn what_the_registrar_refused_for_good_is_not_asked_again() {
        for code in ["code_used", "code_dead", "not_possible", "a_word_of_a_later_version"] {
            let refused = crate::client::Refused {
                code: code.to_owned(),
                detail: crate::words::Harmless::of(""),
                reasons: Vec::new(),
            };
            assert_eq!(Problem::Client(ClientError::Refused(refused)).remedy(), Remedy::Nothing, "{code}");
        }
    }
}
