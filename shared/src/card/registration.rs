//! A registration: the whole user authentication certificate, then tries, PIN and signature as at a gate.
//!
//! Also the way to a card's state without a PIN: whoever drops what [`RegistrationStep::AskPin`] brings has read the
//! certificate and the tries that are left, and nothing more.

use zeroize::Zeroizing;

use super::answer::{Budget, Collected, Taken, done, refused};
use super::applet::{Addressing, FileId};
use super::error::CardError;
use super::pin::{Pin, PinTries};
use super::states::{ExpectSelect, ProofState, ProofStep, Selected};
use super::tap::phone;
use crate::apdu::{ExpectedLength, FileOffset, Instruction, ProofCommand, RegistrationCommand, ResponseApdu};
use crate::certificate::CertificateDer;
use crate::challenge::MessageDigest;
use crate::limits::CERTIFICATE_BYTES_MAX;
use crate::proof::CardSignature;
use crate::redact::redacted_debug;

/// Most commands of one registration.
///
/// The longest honest one: SELECT twice and SELECT of the certificate, 16 reads of 256 bytes, VERIFY without data in its
/// short form, then SELECT and VERIFY without data, VERIFY, SELECT and COMPUTE DIGITAL SIGNATURE, and two answers in
/// parts.
pub const COMMANDS_PER_REGISTRATION_MAX: u8 = 27;

/// A registration that waits for the card's answer.
pub struct RegistrationSession {
    state: RegistrationState,
    budget: Budget,
}

/// What to do next in a registration.
#[derive(Debug)]
pub enum RegistrationStep {
    /// Send this and hand its answer to the session.
    Transmit(RegistrationCommand, RegistrationSession),
    /// The card showed its certificate, which is not verified yet.
    Certificate(CertificateDer, ExpectRegistrationTries),
    /// The card takes a PIN and has so many tries left.
    AskPin(PinTries, ExpectRegistrationPin),
    /// The card signed; the signature still has to be verified.
    Done(CardSignature),
}

/// A registration that waits for a word on the certificate.
pub struct ExpectRegistrationTries {
    budget: Budget,
}

/// A registration that waits for the holder's PIN.
pub struct ExpectRegistrationPin {
    addressing: Addressing,
    budget: Budget,
}

redacted_debug!(RegistrationSession, ExpectRegistrationTries, ExpectRegistrationPin);

enum RegistrationState {
    Select(ExpectSelect),
    CertificateFile(ExpectCertificateFile),
    Certificate(ExpectCertificate),
    Proof(ProofState),
}

enum RegistrationProgress {
    Transmit(RegistrationCommand, RegistrationState),
    Certificate(CertificateDer),
    AskPin(PinTries, Addressing),
    Done(CardSignature),
}

impl RegistrationSession {
    /// Begins with a card that was just powered on.
    #[must_use]
    pub const fn begin() -> (RegistrationCommand, Self) {
        let budget = Budget::begin(COMMANDS_PER_REGISTRATION_MAX);
        let state = RegistrationState::Select(ExpectSelect::First);
        (RegistrationCommand::proof(ProofCommand::SelectApplication), Self { state, budget })
    }

    /// Takes the card's answer to the command that came with this session.
    ///
    /// # Errors
    /// [`CardError`] where the exchange is over; the card is then to be powered off.
    pub fn advance(self, response: &ResponseApdu) -> Result<RegistrationStep, CardError> {
        let Self { state, mut budget } = self;
        Ok(match state.advance(response, &mut budget)? {
            RegistrationProgress::Transmit(command, state) => {
                budget.command()?;
                RegistrationStep::Transmit(command, Self { state, budget })
            }
            RegistrationProgress::Certificate(certificate) => {
                RegistrationStep::Certificate(certificate, ExpectRegistrationTries { budget })
            }
            RegistrationProgress::AskPin(tries, addressing) => {
                RegistrationStep::AskPin(tries, ExpectRegistrationPin { addressing, budget })
            }
            RegistrationProgress::Done(signature) => RegistrationStep::Done(signature),
        })
    }
}

impl ExpectRegistrationTries {
    /// Asks the card how many tries its PIN has left.
    #[must_use]
    pub fn continue_(self) -> (RegistrationCommand, RegistrationSession) {
        let (command, state) = ProofState::begin(Addressing::Short);
        let budget = self.budget.command_after_a_pause();
        let state = RegistrationState::Proof(state);
        (RegistrationCommand::proof(command), RegistrationSession { state, budget })
    }
}

impl ExpectRegistrationPin {
    /// Sends the PIN, once, and has the card sign the digest if it takes it.
    #[must_use]
    pub fn enter(self, pin: Pin, digest: MessageDigest) -> (RegistrationCommand, RegistrationSession) {
        let (command, state) = ProofState::enter(self.addressing, pin, digest);
        let budget = self.budget.command_after_a_pause();
        let state = RegistrationState::Proof(state);
        (RegistrationCommand::proof(command), RegistrationSession { state, budget })
    }

    /// Has the reader take the PIN at its own keys and send it, once, and has the card sign the digest if it takes it.
    #[must_use]
    pub fn enter_at_reader(self, digest: MessageDigest) -> (RegistrationCommand, RegistrationSession) {
        let (command, state) = ProofState::enter_at_reader(self.addressing, digest);
        let budget = self.budget.command_after_a_pause();
        let state = RegistrationState::Proof(state);
        (RegistrationCommand::proof(command), RegistrationSession { state, budget })
    }
}

impl RegistrationState {
    fn advance(self, response: &ResponseApdu, budget: &mut Budget) -> Result<RegistrationProgress, CardError> {
        match self {
            Self::Select(state) => Ok(match state.advance(response)? {
                Selected::Again(state) => send(ProofCommand::SelectApplication, Self::Select(state)),
                Selected::Found => {
                    send(ProofCommand::SelectFile(FileId::Certificate), Self::CertificateFile(ExpectCertificateFile))
                }
            }),
            Self::CertificateFile(state) => state.advance(response),
            Self::Certificate(state) => state.advance(response, budget),
            Self::Proof(state) => Ok(match state.advance(response, budget)? {
                ProofStep::Transmit(command, state) => send(command, Self::Proof(state)),
                ProofStep::AskPin(tries, addressing) => RegistrationProgress::AskPin(tries, addressing),
                ProofStep::Done(signature) => RegistrationProgress::Done(signature),
            }),
        }
    }
}

const fn send(command: ProofCommand, state: RegistrationState) -> RegistrationProgress {
    RegistrationProgress::Transmit(RegistrationCommand::proof(command), state)
}

/// Waits for the answer to SELECT of the certificate's file.
struct ExpectCertificateFile;

impl ExpectCertificateFile {
    fn advance(self, response: &ResponseApdu) -> Result<RegistrationProgress, CardError> {
        phone(response.status())?;
        done(Instruction::SelectFile, response.status())?;
        // Room for all of it, so that no growing buffer leaves an unwiped copy behind.
        let read = Zeroizing::new(Vec::with_capacity(CERTIFICATE_BYTES_MAX));
        Ok(ExpectCertificate::ask(read, FileOffset::START, ExpectedLength::MAX))
    }
}

/// Waits for the next part of the certificate.
struct ExpectCertificate {
    read: Zeroizing<Vec<u8>>,
    offset: FileOffset,
    collected: Collected,
}

impl ExpectCertificate {
    fn ask(read: Zeroizing<Vec<u8>>, offset: FileOffset, expected: ExpectedLength) -> RegistrationProgress {
        let state = Self { read, offset, collected: Collected::nothing_of(Instruction::ReadBinary, expected) };
        let command = RegistrationCommand::read_certificate(offset, expected);
        RegistrationProgress::Transmit(command, RegistrationState::Certificate(state))
    }

    fn advance(self, response: &ResponseApdu, budget: &mut Budget) -> Result<RegistrationProgress, CardError> {
        let Self { mut read, offset, collected } = self;
        phone(response.status())?;
        match collected.take(response, budget)? {
            Taken::Whole(part) => {
                if part.is_empty() {
                    return Err(CardError::CertificateIncomplete);
                }
                // The last part may bring what stands in the file behind the certificate.
                let room = CERTIFICATE_BYTES_MAX.saturating_sub(read.len());
                read.extend(part.iter().take(room));
                Self::next(read)
            }
            Taken::More(waiting, collected) => Ok(send(
                ProofCommand::GetResponse(waiting),
                RegistrationState::Certificate(Self { read, offset, collected }),
            )),
            Taken::OtherLength(expected) => Ok(Self::ask(read, offset, expected)),
            Taken::Refused(sent, status) => Err(refused(sent, status)),
        }
    }

    /// Reads on until the certificate is whole by its own header.
    fn next(mut read: Zeroizing<Vec<u8>>) -> Result<RegistrationProgress, CardError> {
        let total = certificate_bytes(&read)?;
        if read.len() < total {
            let offset = FileOffset::new(read.len()).ok_or(CardError::CertificateTooLarge)?;
            return Ok(Self::ask(read, offset, ExpectedLength::MAX));
        }
        read.truncate(total);
        let certificate = CertificateDer::new(read.to_vec()).map_err(|_bounds| CardError::NotACertificate)?;
        Ok(RegistrationProgress::Certificate(certificate))
    }
}

/// Length of the certificate by its DER header: a SEQUENCE whose length takes two bytes (X.690 §8.1.3).
///
/// Shorter forms are too short for any certificate, longer ones too long for any that is read.
fn certificate_bytes(read: &[u8]) -> Result<usize, CardError> {
    const HEADER_BYTES: usize = 4;
    match read {
        [0x30, 0x82, high, low, ..] => {
            let total = HEADER_BYTES.saturating_add(usize::from(u16::from_be_bytes([*high, *low])));
            if total > CERTIFICATE_BYTES_MAX { Err(CardError::CertificateTooLarge) } else { Ok(total) }
        }
        [0x30, 0x83 | 0x84, ..] => Err(CardError::CertificateTooLarge),
        _other => Err(CardError::NotACertificate),
    }
}
