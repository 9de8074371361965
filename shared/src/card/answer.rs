//! Answers that come in parts, and the bounds that keep a card from holding a lane.

use zeroize::Zeroizing;

use super::error::CardError;
use crate::apdu::{ApduError, ExpectedLength, Instruction, ResponseApdu, StatusWord};

/// How often a card may answer `61xx` (more waits) or `6Cxx` (other length) in one exchange.
///
/// A reader that speaks T=0 needs one for each of the two long answers.
pub const CONTINUATIONS_MAX: u8 = 2;

/// Commands that follow a pause, where a session waits for its caller: VERIFY without data, and VERIFY.
const COMMANDS_AFTER_A_PAUSE: u8 = 2;

/// What one exchange may still cost.
///
/// The commands after a pause are set aside from the start: however long a card drags the exchange out, going on after a
/// pause cannot fail and cannot exceed the budget.
pub(super) struct Budget {
    commands: u8,
    set_aside: u8,
    continuations: u8,
}

impl Budget {
    /// A budget of so many commands, the first of which is being sent.
    pub(super) const fn begin(commands: u8) -> Self {
        Self {
            commands: commands.saturating_sub(1 + COMMANDS_AFTER_A_PAUSE),
            set_aside: COMMANDS_AFTER_A_PAUSE,
            continuations: CONTINUATIONS_MAX,
        }
    }

    /// Pays for the next command.
    pub(super) fn command(&mut self) -> Result<(), CardError> {
        self.commands = self.commands.checked_sub(1).ok_or(CardError::TooManyCommands)?;
        Ok(())
    }

    /// Pays for the first command after a pause from what was set aside; a session has two pauses.
    pub(super) const fn command_after_a_pause(mut self) -> Self {
        self.set_aside = self.set_aside.saturating_sub(1);
        self
    }

    fn continuation(&mut self) -> Result<(), CardError> {
        self.continuations = self.continuations.checked_sub(1).ok_or(CardError::TooManyCommands)?;
        Ok(())
    }
}

/// The part of an answer that has come, how much was asked for in all, and what was sent last.
pub(super) struct Collected {
    bytes: Zeroizing<Vec<u8>>,
    asked: ExpectedLength,
    sent: Instruction,
}

/// What an answer to a reading command leads to.
pub(super) enum Taken {
    /// All of it is there.
    Whole(Zeroizing<Vec<u8>>),
    /// `61xx`: so many bytes wait.
    More(ExpectedLength, Collected),
    /// `6Cxx`: the command is to be sent again with this length.
    OtherLength(ExpectedLength),
    /// Any other status word, and the command that met it.
    Refused(Instruction, StatusWord),
}

impl Collected {
    /// Nothing yet of the answer to this command, which asked for at most this length.
    pub(super) fn nothing_of(sent: Instruction, asked: ExpectedLength) -> Self {
        // Room for all of it, so that no growing buffer leaves an unwiped copy behind.
        Self { bytes: Zeroizing::new(Vec::with_capacity(usize::from(ExpectedLength::MAX.get()))), asked, sent }
    }

    /// Takes the next part.
    pub(super) fn take(mut self, response: &ResponseApdu, budget: &mut Budget) -> Result<Taken, CardError> {
        let status = response.status();
        match status.get().to_be_bytes() {
            [0x90, 0x00] => {
                self.append(response.data())?;
                Ok(Taken::Whole(self.bytes))
            }
            [0x61, waiting] => {
                budget.continuation()?;
                self.append(response.data())?;
                self.sent = Instruction::GetResponse;
                Ok(Taken::More(ExpectedLength::from_status(waiting), self))
            }
            [0x6C, length] if self.sent != Instruction::GetResponse => {
                budget.continuation()?;
                Ok(Taken::OtherLength(ExpectedLength::from_status(length)))
            }
            _other => Ok(Taken::Refused(self.sent, status)),
        }
    }

    fn append(&mut self, part: &[u8]) -> Result<(), CardError> {
        let max = usize::from(self.asked.get());
        let got = self.bytes.len().saturating_add(part.len());
        if got > max {
            return Err(CardError::Malformed(ApduError::TooLong { max, got }));
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }
}

/// The command was refused with a status word that has no meaning of its own here.
pub(super) const fn refused(instruction: Instruction, status: StatusWord) -> CardError {
    CardError::Refused { instruction, status }
}

/// Passes `9000` and makes every other status word a refusal.
pub(super) fn done(instruction: Instruction, status: StatusWord) -> Result<(), CardError> {
    if status == StatusWord::DONE { Ok(()) } else { Err(refused(instruction, status)) }
}
