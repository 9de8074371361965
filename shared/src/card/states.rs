//! The states that a tap and a registration share: finding the application, and asking for a proof.
//!
//! One struct per state; each knows the one answer it waits for, and is gone once it has it.

use super::answer::{Budget, Collected, Taken, done, refused};
use super::applet::{Addressing, FileId, another_card, no_pin_set, pin_locked};
use super::error::CardError;
use super::pin::{Pin, PinEntry, PinTries};
use crate::apdu::{ExpectedLength, Instruction, ProofCommand, ResponseApdu, StatusWord};
use crate::challenge::MessageDigest;
use crate::proof::CardSignature;

/// Tries below which no PIN is asked: a wrong one would leave the holder without a usable card.
const TRIES_TO_ASK_MIN: PinTries = PinTries::new(2);

/// Waits for the answer to SELECT of the application.
pub(super) enum ExpectSelect {
    /// The first command after power-on, which one card answers with `6F00`.
    First,
    /// The same once more.
    Repeated,
}

/// What SELECT of the application led to.
pub(super) enum Selected {
    /// A My Number Card.
    Found,
    /// To be sent once more.
    Again(ExpectSelect),
}

impl ExpectSelect {
    pub(super) fn advance(self, response: &ResponseApdu) -> Result<Selected, CardError> {
        match (self, response.status()) {
            (_, StatusWord::DONE) => Ok(Selected::Found),
            (Self::First, StatusWord::NO_DIAGNOSIS) => Ok(Selected::Again(Self::Repeated)),
            (_, status) if another_card(status) => Err(CardError::NotMyNumberCard),
            (_, status) => Err(refused(Instruction::SelectApplication, status)),
        }
    }
}

/// What the next answer of a proof leads to.
pub(super) enum ProofStep {
    Transmit(ProofCommand, ProofState),
    AskPin(PinTries, Addressing),
    Done(CardSignature),
}

/// Where a proof stands.
pub(super) enum ProofState {
    PinFile(ExpectPinFile),
    PinStatus(ExpectPinStatus),
    Verify(ExpectVerify),
    KeyFile(ExpectKeyFile),
    Signature(ExpectSignature),
}

impl ProofState {
    /// Asks how many tries are left, by the addressing that this card is known to understand.
    pub(super) fn begin(addressing: Addressing) -> (ProofCommand, Self) {
        match addressing {
            Addressing::Short => ExpectPinStatus::ask(Addressing::Short),
            Addressing::Selected => (ProofCommand::SelectFile(FileId::Pin), Self::PinFile(ExpectPinFile)),
        }
    }

    /// Sends the PIN, once; the digest is what the card is asked to sign if it takes it.
    pub(super) fn enter(addressing: Addressing, pin: Pin, digest: MessageDigest) -> (ProofCommand, Self) {
        (
            ProofCommand::Verify(addressing, pin),
            Self::Verify(ExpectVerify { addressing, digest, typed: PinEntry::Here }),
        )
    }

    /// Has the reader take the PIN and send it, once.
    pub(super) const fn enter_at_reader(addressing: Addressing, digest: MessageDigest) -> (ProofCommand, Self) {
        let state = ExpectVerify { addressing, digest, typed: PinEntry::AtReader };
        (ProofCommand::VerifyAtReader(addressing), Self::Verify(state))
    }

    pub(super) fn advance(self, response: &ResponseApdu, budget: &mut Budget) -> Result<ProofStep, CardError> {
        match self {
            Self::PinFile(state) => state.advance(response),
            Self::PinStatus(state) => state.advance(response),
            Self::Verify(state) => state.advance(response),
            Self::KeyFile(state) => state.advance(response),
            Self::Signature(state) => state.advance(response, budget),
        }
    }
}

/// Waits for the answer to SELECT of the PIN's file.
pub(super) struct ExpectPinFile;

impl ExpectPinFile {
    fn advance(self, response: &ResponseApdu) -> Result<ProofStep, CardError> {
        if no_pin_set(response.status()) {
            return Err(CardError::NoPin);
        }
        done(Instruction::SelectFile, response.status())?;
        let (command, state) = ExpectPinStatus::ask(Addressing::Selected);
        Ok(ProofStep::Transmit(command, state))
    }
}

/// Waits for the count of tries.
pub(super) struct ExpectPinStatus {
    addressing: Addressing,
}

impl ExpectPinStatus {
    const fn ask(addressing: Addressing) -> (ProofCommand, ProofState) {
        (ProofCommand::PinStatus(addressing), ProofState::PinStatus(Self { addressing }))
    }

    fn advance(self, response: &ResponseApdu) -> Result<ProofStep, CardError> {
        let status = response.status();
        if let Some(tries) = tries_left(status) {
            return if tries >= TRIES_TO_ASK_MIN {
                Ok(ProofStep::AskPin(tries, self.addressing))
            } else if tries.get() == 0 {
                Err(CardError::PinLocked)
            } else {
                Err(CardError::TooFewTries(tries))
            };
        }
        if self.addressing.is_unknown_short_form(Instruction::PinStatus, status) {
            let (command, state) = ProofState::begin(Addressing::Selected);
            return Ok(ProofStep::Transmit(command, state));
        }
        Err(match status {
            StatusWord::DONE => CardError::VerifiedWithoutUs,
            status if pin_locked(status) => CardError::PinLocked,
            status if no_pin_set(status) => CardError::NoPin,
            status => refused(Instruction::PinStatus, status),
        })
    }
}

/// Waits for the card's word on the PIN.
pub(super) struct ExpectVerify {
    addressing: Addressing,
    digest: MessageDigest,
    typed: PinEntry,
}

impl ExpectVerify {
    fn advance(self, response: &ResponseApdu) -> Result<ProofStep, CardError> {
        let status = response.status();
        match tries_left(status) {
            Some(tries) if tries.get() > 0 => return Err(CardError::WrongPin(tries)),
            Some(_none) => return Err(CardError::PinLocked),
            None if pin_locked(status) => return Err(CardError::PinLocked),
            None if self.typed == PinEntry::AtReader && not_entered(status) => return Err(CardError::PinNotEntered),
            None => done(self.instruction(), status)?,
        }
        let (command, state) = ExpectSignature::begin(self.addressing, self.digest);
        Ok(ProofStep::Transmit(command, state))
    }

    const fn instruction(&self) -> Instruction {
        match self.typed {
            PinEntry::Here => Instruction::Verify,
            PinEntry::AtReader => Instruction::VerifyAtReader,
        }
    }
}

/// Waits for the answer to SELECT of the key's file.
pub(super) struct ExpectKeyFile {
    digest: MessageDigest,
}

impl ExpectKeyFile {
    fn advance(self, response: &ResponseApdu) -> Result<ProofStep, CardError> {
        done(Instruction::SelectFile, response.status())?;
        let (command, state) = ExpectSignature::ask(Addressing::Selected, self.digest, ExpectedLength::MAX);
        Ok(ProofStep::Transmit(command, state))
    }
}

/// Waits for the signature.
pub(super) struct ExpectSignature {
    addressing: Addressing,
    digest: MessageDigest,
    collected: Collected,
}

impl ExpectSignature {
    const fn select(digest: MessageDigest) -> (ProofCommand, ProofState) {
        (ProofCommand::SelectFile(FileId::Key), ProofState::KeyFile(ExpectKeyFile { digest }))
    }

    fn begin(addressing: Addressing, digest: MessageDigest) -> (ProofCommand, ProofState) {
        match addressing {
            Addressing::Short => Self::ask(addressing, digest, ExpectedLength::MAX),
            Addressing::Selected => Self::select(digest),
        }
    }

    fn ask(addressing: Addressing, digest: MessageDigest, expected: ExpectedLength) -> (ProofCommand, ProofState) {
        let collected = Collected::nothing_of(Instruction::ComputeSignature, expected);
        let command = ProofCommand::ComputeSignature { addressing, digest: digest.clone(), expected };
        (command, ProofState::Signature(Self { addressing, digest, collected }))
    }

    fn advance(self, response: &ResponseApdu, budget: &mut Budget) -> Result<ProofStep, CardError> {
        let Self { addressing, digest, collected } = self;
        let (command, state) = match collected.take(response, budget)? {
            Taken::Whole(bytes) => {
                let signature = CardSignature::new(bytes.to_vec()).map_err(|_length| CardError::SignatureLength)?;
                return Ok(ProofStep::Done(signature));
            }
            Taken::More(waiting, collected) => {
                (ProofCommand::GetResponse(waiting), ProofState::Signature(Self { addressing, digest, collected }))
            }
            Taken::OtherLength(expected) => Self::ask(addressing, digest, expected),
            Taken::Refused(sent, status) if addressing.is_unknown_short_form(sent, status) => Self::select(digest),
            Taken::Refused(sent, status) => return Err(refused(sent, status)),
        };
        Ok(ProofStep::Transmit(command, state))
    }
}

/// Whether a reader says that it sent no PIN: nothing typed in time (`6400`), cancelled (`6401`), too few or too many digits
/// (`6403`). PC/SC part 10 §2.6.3 and the manuals of pinpads that repeat it; not tried on hardware.
fn not_entered(status: StatusWord) -> bool {
    [0x6400, 0x6401, 0x6403].contains(&status.get())
}

/// The `x` of `63Cx`.
fn tries_left(status: StatusWord) -> Option<PinTries> {
    match status.get().to_be_bytes() {
        [0x63, low @ 0xC0..=0xCF] => Some(PinTries::new(low & 0x0F)),
        _other => None,
    }
}
