//! The exchange with one card: drives the card session of `kido-shared` over a channel, step by step.
//!
//! **Rules.** A PIN goes to the card once: there is no loop around [`prove`], and what it needs is consumed by it. A card
//! with one try left or none never gets as far as a PIN. Whoever holds the channel drops it at the end, which cuts the
//! card's power.

use kido_reader::{CardChannel, TransmitError};
use kido_shared::apdu::CommandApdu;
use kido_shared::card::{CardError, ExpectRegistrationPin, Pin, PinTries, RegistrationSession, RegistrationStep};
use kido_shared::certificate::CertificateDer;
use kido_shared::challenge::MessageDigest;
use kido_shared::proof::CardSignature;

/// Why an exchange ended without what it was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The card.
    #[error("the card ended the exchange")]
    Card(#[source] CardError),
    /// The way to it.
    #[error("the card could not be reached")]
    Transmit(#[source] TransmitError),
}

impl From<CardError> for ExchangeError {
    fn from(error: CardError) -> Self {
        Self::Card(error)
    }
}

impl From<TransmitError> for ExchangeError {
    fn from(error: TransmitError) -> Self {
        Self::Transmit(error)
    }
}

/// What a card shows without a PIN.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) certificate: CertificateDer,
    pub(crate) pin: PinState,
}

/// Why a card must not be asked to take a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClosedPin {
    /// A wrong PIN would lock it.
    TooFewTries(PinTries),
    /// It is locked.
    Locked,
    /// There is none.
    Missing,
}

impl From<ClosedPin> for CardError {
    fn from(closed: ClosedPin) -> Self {
        match closed {
            ClosedPin::TooFewTries(tries) => Self::TooFewTries(tries),
            ClosedPin::Locked => Self::PinLocked,
            ClosedPin::Missing => Self::NoPin,
        }
    }
}

/// Whether the card would take a PIN.
#[derive(Debug)]
pub(crate) enum PinState {
    /// It has so many tries left and waits.
    Ready(PinTries, ExpectRegistrationPin),
    /// It must not be asked: locked, one try left, no PIN on the card.
    Closed(ClosedPin),
}

/// Finds out whether this is a My Number Card, with one command.
///
/// # Errors
/// [`ExchangeError`].
pub(crate) fn recognise(channel: &mut dyn CardChannel) -> Result<(), ExchangeError> {
    let (command, session) = RegistrationSession::begin();
    let answer = channel.transmit(&CommandApdu::from(command))?;
    session.advance(&answer)?;
    Ok(())
}

/// Reads the certificate and the tries left.
///
/// # Errors
/// [`ExchangeError`]; a PIN that must not be asked is none, but [`PinState::Closed`].
pub(crate) fn read(channel: &mut dyn CardChannel) -> Result<Shown, ExchangeError> {
    let (command, session) = RegistrationSession::begin();
    let RegistrationStep::Certificate(certificate, expect) = until_pause(channel, command, session)? else {
        return Err(OUT_OF_ORDER);
    };
    let (command, session) = expect.continue_();
    let pin = match until_pause(channel, command, session) {
        Ok(RegistrationStep::AskPin(tries, expect)) => PinState::Ready(tries, expect),
        Ok(_other) => return Err(OUT_OF_ORDER),
        Err(ExchangeError::Card(CardError::TooFewTries(tries))) => PinState::Closed(ClosedPin::TooFewTries(tries)),
        Err(ExchangeError::Card(CardError::PinLocked)) => PinState::Closed(ClosedPin::Locked),
        Err(ExchangeError::Card(CardError::NoPin)) => PinState::Closed(ClosedPin::Missing),
        Err(error) => return Err(error),
    };
    Ok(Shown { certificate, pin })
}

/// How the card gets its PIN.
#[derive(Debug)]
pub(crate) enum EnteredPin {
    /// It was typed here.
    Here(Pin),
    /// It will be typed on the reader's own keys.
    AtReader,
}

/// Sends the PIN, or has the reader take it, once, and has the card sign.
///
/// # Errors
/// [`ExchangeError`]; a wrong PIN has cost one try, and none is tried again.
pub(crate) fn prove(
    channel: &mut dyn CardChannel,
    expect: ExpectRegistrationPin,
    pin: EnteredPin,
    digest: MessageDigest,
) -> Result<CardSignature, ExchangeError> {
    let (command, session) = match pin {
        EnteredPin::Here(pin) => expect.enter(pin, digest),
        EnteredPin::AtReader => expect.enter_at_reader(digest),
    };
    match until_pause(channel, command, session)? {
        RegistrationStep::Done(signature) => Ok(signature),
        RegistrationStep::Transmit(..) | RegistrationStep::Certificate(..) | RegistrationStep::AskPin(..) => {
            Err(OUT_OF_ORDER)
        }
    }
}

/// The session's states make a step out of order impossible; were there one, the exchange would be over.
const OUT_OF_ORDER: ExchangeError = ExchangeError::Card(CardError::TooManyCommands);

fn until_pause(
    channel: &mut dyn CardChannel,
    first: kido_shared::apdu::RegistrationCommand,
    session: RegistrationSession,
) -> Result<RegistrationStep, ExchangeError> {
    let (mut command, mut session) = (first, session);
    loop {
        let answer = channel.transmit(&CommandApdu::from(command))?;
        match session.advance(&answer)? {
            RegistrationStep::Transmit(next, state) => (command, session) = (next, state),
            pause @ (RegistrationStep::Certificate(..) | RegistrationStep::AskPin(..) | RegistrationStep::Done(_)) => {
                return Ok(pause);
            }
        }
    }
}
