//! A tap at a gate: key window, tries, PIN, signature. Five commands and 612 bytes where nothing goes wrong.

use super::answer::{Budget, Collected, Taken, done, refused};
use super::applet::{Addressing, FileId};
use super::error::CardError;
use super::pin::{Pin, PinTries};
use super::states::{ExpectSelect, ProofState, ProofStep, Selected};
use crate::apdu::{ExpectedLength, Instruction, ProofCommand, ResponseApdu, StatusWord, TapCommand};
use crate::challenge::MessageDigest;
use crate::proof::CardSignature;
use crate::redact::redacted_debug;
use crate::window::KeyWindow;

/// Most commands of one tap (`protocol.md` §4).
///
/// The longest honest one: SELECT twice, the short form and then SELECT and READ BINARY, SELECT and VERIFY without data,
/// VERIFY, SELECT and COMPUTE DIGITAL SIGNATURE, and two answers in parts.
pub const COMMANDS_PER_TAP_MAX: u8 = 12;

/// A tap that waits for the card's answer.
pub struct TapSession {
    state: TapState,
    budget: Budget,
}

/// What to do next in a tap.
#[derive(Debug)]
pub enum CardStep {
    /// Send this and hand its answer to the session.
    Transmit(TapCommand, TapSession),
    /// The card showed its key window. Go on only if there is something usable here; else drop this and power off.
    Window(KeyWindow, ExpectTries),
    /// The card takes a PIN and has so many tries left.
    AskPin(PinTries, ExpectPin),
    /// The card signed; the signature still has to be verified.
    Done(CardSignature),
}

/// A tap that waits for the verdict on its key window.
pub struct ExpectTries {
    addressing: Addressing,
    budget: Budget,
}

/// A tap that waits for its holder's PIN.
pub struct ExpectPin {
    addressing: Addressing,
    budget: Budget,
}

redacted_debug!(TapSession, ExpectTries, ExpectPin);

enum TapState {
    Select(ExpectSelect),
    WindowFile(ExpectWindowFile),
    Window(ExpectWindow),
    Proof(ProofState),
}

enum TapProgress {
    Transmit(TapCommand, TapState),
    Window(KeyWindow, Addressing),
    AskPin(PinTries, Addressing),
    Done(CardSignature),
}

impl TapSession {
    /// Begins with a card that was just powered on.
    #[must_use]
    pub const fn begin() -> (TapCommand, Self) {
        let budget = Budget::begin(COMMANDS_PER_TAP_MAX);
        let state = TapState::Select(ExpectSelect::First);
        (TapCommand::proof(ProofCommand::SelectApplication), Self { state, budget })
    }

    /// Takes the card's answer to the command that came with this session.
    ///
    /// # Errors
    /// [`CardError`] where the exchange is over; the card is then to be powered off.
    pub fn advance(self, response: &ResponseApdu) -> Result<CardStep, CardError> {
        let Self { state, mut budget } = self;
        Ok(match state.advance(response, &mut budget)? {
            TapProgress::Transmit(command, state) => {
                budget.command()?;
                CardStep::Transmit(command, Self { state, budget })
            }
            TapProgress::Window(window, addressing) => CardStep::Window(window, ExpectTries { addressing, budget }),
            TapProgress::AskPin(tries, addressing) => CardStep::AskPin(tries, ExpectPin { addressing, budget }),
            TapProgress::Done(signature) => CardStep::Done(signature),
        })
    }
}

impl ExpectTries {
    /// There is something usable here: asks the card how many tries its PIN has left.
    #[must_use]
    pub fn continue_(self) -> (TapCommand, TapSession) {
        let (command, state) = ProofState::begin(self.addressing);
        let budget = self.budget.command_after_a_pause();
        (TapCommand::proof(command), TapSession { state: TapState::Proof(state), budget })
    }
}

impl ExpectPin {
    /// Sends the PIN, once, and has the card sign the digest if it takes it.
    ///
    /// The digest is that of the message for this tap alone; its algorithm is the one of the key that was rebuilt from
    /// the key window, which the session does not know.
    #[must_use]
    pub fn enter(self, pin: Pin, digest: MessageDigest) -> (TapCommand, TapSession) {
        let (command, state) = ProofState::enter(self.addressing, pin, digest);
        let budget = self.budget.command_after_a_pause();
        (TapCommand::proof(command), TapSession { state: TapState::Proof(state), budget })
    }

    /// Has the reader take the PIN at its own keys and send it, once, and has the card sign the digest if it takes it.
    ///
    /// The answer comes when somebody has typed, so it may take as long as a PIN may.
    #[must_use]
    pub fn enter_at_reader(self, digest: MessageDigest) -> (TapCommand, TapSession) {
        let (command, state) = ProofState::enter_at_reader(self.addressing, digest);
        let budget = self.budget.command_after_a_pause();
        (TapCommand::proof(command), TapSession { state: TapState::Proof(state), budget })
    }
}

impl TapState {
    fn advance(self, response: &ResponseApdu, budget: &mut Budget) -> Result<TapProgress, CardError> {
        match self {
            Self::Select(state) => Ok(match state.advance(response)? {
                Selected::Again(state) => {
                    TapProgress::Transmit(TapCommand::proof(ProofCommand::SelectApplication), Self::Select(state))
                }
                Selected::Found => ExpectWindow::read(Addressing::Short),
            }),
            Self::WindowFile(state) => state.advance(response),
            Self::Window(state) => state.advance(response, budget),
            Self::Proof(state) => Ok(match state.advance(response, budget)? {
                ProofStep::Transmit(command, state) => {
                    TapProgress::Transmit(TapCommand::proof(command), Self::Proof(state))
                }
                ProofStep::AskPin(tries, addressing) => TapProgress::AskPin(tries, addressing),
                ProofStep::Done(signature) => TapProgress::Done(signature),
            }),
        }
    }
}

/// Waits for the answer to SELECT of the certificate's file.
struct ExpectWindowFile;

impl ExpectWindowFile {
    fn advance(self, response: &ResponseApdu) -> Result<TapProgress, CardError> {
        phone(response.status())?;
        done(Instruction::SelectFile, response.status())?;
        Ok(ExpectWindow::read(Addressing::Selected))
    }
}

/// Waits for the key window.
struct ExpectWindow {
    addressing: Addressing,
    collected: Collected,
}

impl ExpectWindow {
    fn read(addressing: Addressing) -> TapProgress {
        let state = Self { addressing, collected: Collected::nothing_of(Instruction::ReadBinary, ExpectedLength::MAX) };
        TapProgress::Transmit(TapCommand::read_window(addressing), TapState::Window(state))
    }

    fn advance(self, response: &ResponseApdu, budget: &mut Budget) -> Result<TapProgress, CardError> {
        let Self { addressing, collected } = self;
        phone(response.status())?;
        match collected.take(response, budget)? {
            Taken::Whole(bytes) => {
                let window = KeyWindow::try_from(bytes.as_slice()).map_err(|_length| CardError::WindowIncomplete)?;
                Ok(TapProgress::Window(window, addressing))
            }
            Taken::More(waiting, collected) => Ok(TapProgress::Transmit(
                TapCommand::proof(ProofCommand::GetResponse(waiting)),
                TapState::Window(Self { addressing, collected }),
            )),
            // All 256 bytes were asked for: another length can only be a part of the window.
            Taken::OtherLength(_shorter) => Err(CardError::WindowIncomplete),
            Taken::Refused(sent, status) if addressing.is_unknown_short_form(sent, status) => {
                Ok(TapProgress::Transmit(
                    TapCommand::proof(ProofCommand::SelectFile(FileId::Certificate)),
                    TapState::WindowFile(ExpectWindowFile),
                ))
            }
            Taken::Refused(sent, status) => Err(refused(sent, status)),
        }
    }
}

/// A phone protects its certificate with the PIN (`jpki.md` §1, EF 000A); a card never does.
pub(super) fn phone(status: StatusWord) -> Result<(), CardError> {
    if status == StatusWord::SECURITY_STATUS { Err(CardError::Phone) } else { Ok(()) }
}
