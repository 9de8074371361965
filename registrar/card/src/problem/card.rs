//! What is wrong with a card, or between it and the reader: one row for each, however it is told.

use kido_reader::TransmitError;
use kido_shared::card::CardError;

use super::remedy::Remedy;
use crate::page::trouble::{self, Trouble};
use crate::words::{Fill, Line};

/// One row.
pub(crate) struct CardProblem {
    /// The word for a program.
    pub(crate) code: &'static str,
    /// What happened and what to do, for the person at a terminal.
    key: &'static str,
    /// Where to go on from.
    pub(crate) remedy: Remedy,
    /// The same for the person at the page.
    pub(crate) trouble: Trouble,
}

const fn row(code: &'static str, key: &'static str, remedy: Remedy, trouble: Trouble) -> CardProblem {
    CardProblem { code, key, remedy, trouble }
}

/// The key of the one sentence that says what the card answered.
const UNREADABLE: &str = "problem-card-unreadable";

/// How the service is brought up differs by system; everything else is alike.
pub(super) const NO_SERVICE: &str = if cfg!(windows) {
    "problem-no-service-windows"
} else if cfg!(target_os = "macos") {
    "problem-no-service-macos"
} else {
    "problem-no-service"
};

/// What is wrong with a card.
pub(crate) const fn of_card(error: &CardError) -> CardProblem {
    use Remedy::{Card, OtherCard};
    match error {
        CardError::NotMyNumberCard => {
            row("not_my_number_card", "problem-not-my-number-card", OtherCard, trouble::NOT_MY_NUMBER_CARD)
        }
        CardError::Phone => row("phone", "problem-phone", OtherCard, trouble::PHONE),
        // What a card with one try left would do is said before its PIN is asked, and then it is not asked.
        CardError::WrongPin(tries) => match tries.get() {
            0 => row("wrong_pin", "problem-wrong-pin", OtherCard, trouble::PIN_LOCKED),
            1 => row("wrong_pin", "problem-wrong-pin", OtherCard, trouble::LAST_TRY),
            _more => row("wrong_pin", "problem-wrong-pin", Card, trouble::WRONG_PIN),
        },
        CardError::PinLocked => row("pin_locked", "problem-pin-locked", OtherCard, trouble::PIN_LOCKED),
        CardError::TooFewTries(_) => row("too_few_tries", "problem-too-few-tries", OtherCard, trouble::LAST_TRY),
        CardError::NoPin => row("no_pin", "problem-no-pin", OtherCard, trouble::NO_PIN),
        CardError::Torn => row("card_left", "problem-card-left", Card, trouble::CARD_LEFT),
        CardError::Refused { .. }
        | CardError::VerifiedWithoutUs
        | CardError::TooManyCommands
        | CardError::Malformed(_)
        | CardError::WindowIncomplete
        | CardError::NotACertificate
        | CardError::CertificateIncomplete
        | CardError::CertificateTooLarge
        | CardError::SignatureLength => row("card_unreadable", UNREADABLE, Card, trouble::CARD_UNREADABLE),
    }
}

/// What is wrong between reader and card.
pub(crate) const fn of_transmit(error: TransmitError) -> CardProblem {
    use Remedy::Card;
    match error {
        TransmitError::Torn => row("card_left", "problem-card-left", Card, trouble::CARD_LEFT),
        TransmitError::NoCard => row("no_card", "problem-card-left", Card, trouble::CARD_LEFT),
        TransmitError::Mute => row("card_mute", "problem-card-mute", Card, trouble::CARD_MUTE),
        TransmitError::InUse => row("card_in_use", "problem-card-in-use", Card, trouble::CARD_IN_USE),
        TransmitError::ReaderFailed => row("reader_failed", "problem-reader-failed", Card, trouble::READER_FAILED),
        TransmitError::NoService => row("no_service", NO_SERVICE, Card, trouble::NO_SERVICE),
        TransmitError::Malformed(_) => row("card_unreadable", "problem-card-malformed", Card, trouble::CARD_UNREADABLE),
    }
}

/// The sentence about a card, filled in.
pub(crate) fn card_line(error: &CardError) -> Line {
    let key = of_card(error).key;
    if let CardError::WrongPin(tries) = error {
        return Line::with(key, "tries", Fill::Count(tries.get()));
    }
    if key == UNREADABLE { Line::with(key, "why", Fill::text(&error.to_string())) } else { Line::plain(key) }
}

/// The sentence about what lies between reader and card.
pub(crate) fn transmit_line(error: TransmitError) -> Line {
    Line::plain(of_transmit(error).key)
}
