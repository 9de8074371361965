//! A PIN that is typed on the reader's own keys: it never comes here, only the card's word on it does.
#![expect(clippy::wildcard_enum_match_arm, reason = "an input that is not for a state changes nothing")]

use kido_shared::card::{CardStep, ExpectPin, PinTries, TapSession};
use kido_shared::challenge::{AdmissionMessage, Challenge};
use kido_shared::clock::Timestamp;
use kido_shared::refusal::Refusal;

use super::effect::Effect;
use super::exchange::{CardAnswer, EXCHANGE_TIME, KnownCard, Proving, card_answer};
use super::input::{Input, TapNumber};
use super::states::{State, Step};
use crate::screen::Screen;

/// The card waits for a PIN; what it is to prove with it is being drawn.
#[derive(Debug)]
pub(in crate::lane) struct DrawingChallenge {
    pub(super) tries: PinTries,
    pub(super) expect: ExpectPin,
    pub(super) known: KnownCard,
    pub(super) deadline: Timestamp,
}

impl DrawingChallenge {
    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        match input {
            Input::ChallengeDrawn(_, challenge) => Step::Stay(self.ask(now, tap, challenge, effects)),
            Input::Tick if now >= self.deadline => Step::refuse(Refusal::Unreadable),
            _ => Step::Stay(State::DrawingChallenge(self)),
        }
    }

    fn ask(self, now: Timestamp, tap: TapNumber, challenge: Challenge, effects: &mut Vec<Effect>) -> State {
        let Self { tries, expect, known, .. } = self;
        let message = known.message(challenge);
        let (command, session) = expect.enter_at_reader(message.digest(known.key.algorithm()));
        // Shown first: the reader begins to wait as soon as it has the command.
        effects.push(Effect::Show(Screen::AskPinAtReader(tries)));
        effects.push(Effect::Transmit(tap, command));
        State::TypingAtReader(TypingAtReader { session, known, message, deadline: now.after(EXCHANGE_TIME) })
    }
}

/// Somebody types on the reader, which then sends its one VERIFY.
///
/// There is no *cancel* here but the reader's own key: its driver waits, and nothing else reaches it. How long it may wait
/// is the reader process's deadline.
#[derive(Debug)]
pub(in crate::lane) struct TypingAtReader {
    session: TapSession,
    known: KnownCard,
    message: AdmissionMessage,
    pub(super) deadline: Timestamp,
}

impl TypingAtReader {
    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        let response = match card_answer(now, self.deadline, input) {
            CardAnswer::Response(response) => response,
            CardAnswer::Nothing => return Step::Stay(State::TypingAtReader(self)),
            // A reader that never came back: nobody finished a PIN, as far as anybody knows.
            CardAnswer::Over(Refusal::Unreadable) => return Step::refuse(Refusal::PinNotEntered),
            CardAnswer::Over(refusal) => return Step::refuse(refusal),
        };
        let Self { session, known, message, deadline } = self;
        match session.advance(&response) {
            Ok(CardStep::Transmit(command, session)) => {
                effects.push(Effect::Show(Screen::Proving));
                effects.push(Effect::Transmit(tap, command));
                Step::Stay(State::Proving(Proving { session, known, message, deadline }))
            }
            Ok(CardStep::Window(..) | CardStep::AskPin(..) | CardStep::Done(_)) => Step::refuse(Refusal::Unreadable),
            Err(error) => Step::refuse(error.refusal()),
        }
    }
}
