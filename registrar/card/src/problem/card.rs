//! What is wrong with a card, or between it and the reader.

use kido_reader::{NoReader, TransmitError};
use kido_shared::card::CardError;

use super::remedy::Remedy;
use super::{Row, reader, row, trouble};
use crate::words::Fill;

/// What is wrong with a card.
pub(crate) fn of_card(error: &CardError) -> Row<'static> {
    use Remedy::{Card, OtherCard};
    match error {
        CardError::NotMyNumberCard => {
            row("not_my_number_card", "problem-not-my-number-card", OtherCard, trouble::NOT_MY_NUMBER_CARD)
        }
        CardError::Phone => row("phone", "problem-phone", OtherCard, trouble::PHONE),
        // What a card with one try left would do is said before its PIN is asked, and then it is not asked.
        CardError::WrongPin(tries) => wrong_pin(tries.get()),
        CardError::PinNotEntered => row("pin_not_entered", "problem-pin-not-entered", Card, trouble::PIN_NOT_ENTERED),
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
        | CardError::SignatureLength => {
            row("card_unreadable", "problem-card-unreadable", Card, trouble::CARD_UNREADABLE)
                .with("why", Fill::text(&error.to_string()))
        }
    }
}

/// What a card with one try left would do is said before its PIN is asked, and then it is not asked.
fn wrong_pin(tries: u8) -> Row<'static> {
    let (remedy, trouble) = match tries {
        0 => (Remedy::OtherCard, trouble::PIN_LOCKED),
        1 => (Remedy::OtherCard, trouble::LAST_TRY),
        _more => (Remedy::Card, trouble::WRONG_PIN),
    };
    row("wrong_pin", "problem-wrong-pin", remedy, trouble).with("tries", Fill::Count(tries))
}

/// What is wrong between reader and card.
pub(crate) fn of_transmit(error: TransmitError) -> Row<'static> {
    use Remedy::Card;
    match error {
        TransmitError::Torn => row("card_left", "problem-card-left", Card, trouble::CARD_LEFT),
        TransmitError::NoCard => row("no_card", "problem-card-left", Card, trouble::CARD_LEFT),
        TransmitError::Mute => row("card_mute", "problem-card-mute", Card, trouble::CARD_MUTE),
        TransmitError::InUse => row("card_in_use", "problem-card-in-use", Card, trouble::CARD_IN_USE),
        TransmitError::ReaderFailed => row("reader_failed", "problem-reader-failed", Card, trouble::READER_FAILED),
        TransmitError::NoService => reader::of_no_reader(&NoReader::NoService),
        TransmitError::Malformed(_) => row("card_unreadable", "problem-card-malformed", Card, trouble::CARD_UNREADABLE),
    }
}
