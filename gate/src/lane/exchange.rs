//! The part of a tap in which the card must lie there: window, tries, PIN, proof.
#![expect(clippy::wildcard_enum_match_arm, reason = "an input that is not for a state changes nothing")]

use kido_shared::apdu::{ResponseApdu, TapCommand};
use kido_shared::binding::BindingTag;
use kido_shared::card::{CardError, CardStep, ExpectPin, ExpectTries, Pin, PinEntry, PinTries, TapSession};
use kido_shared::certificate::SubjectPublicKey;
use kido_shared::challenge::{AdmissionMessage, Challenge, Passage};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, GateId};
use kido_shared::proof::{CardSignature, UnverifiedProof};
use kido_shared::refusal::Refusal;
use kido_shared::verdict::Verdict;

use super::effect::Effect;
use super::entry::Deciding;
use super::input::{Input, Knowledge, TapNumber};
use super::pinpad::DrawingChallenge;
use super::states::{State, Step};
use super::{ANSWER_TIME, PIN_TIME};
use crate::screen::Screen;

/// Longest exchange with one card, whatever it answers; the reader keeps the deadline of each command.
pub const EXCHANGE_TIME: core::time::Duration = core::time::Duration::from_secs(45);

/// How often a tap may begin anew because the card says that a PIN was verified before we came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    First,
    Second,
}

/// SELECT and the key window.
#[derive(Debug)]
pub(in crate::lane) struct Reading {
    session: TapSession,
    begun: Begun,
    pub(super) deadline: Timestamp,
}

/// How this exchange was begun.
#[derive(Debug, Clone, Copy)]
struct Begun {
    attempt: Attempt,
    typed: PinEntry,
}

impl Reading {
    /// The first command of a tap, whose PIN will be typed there.
    pub(super) fn begin(now: Timestamp, typed: PinEntry) -> (TapCommand, Self) {
        Self::attempt(now, Begun { attempt: Attempt::First, typed })
    }

    fn attempt(now: Timestamp, begun: Begun) -> (TapCommand, Self) {
        let (command, session) = TapSession::begin();
        (command, Self { session, begun, deadline: now.after(EXCHANGE_TIME) })
    }

    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        let response = match card_answer(now, self.deadline, input) {
            CardAnswer::Response(response) => response,
            CardAnswer::Nothing => return Step::Stay(State::Reading(self)),
            CardAnswer::Over(refusal) => return Step::refuse(refusal),
        };
        let Self { session, begun, deadline } = self;
        match session.advance(&response) {
            Ok(CardStep::Transmit(command, session)) => {
                effects.push(Effect::Transmit(tap, command));
                Step::Stay(State::Reading(Self { session, begun, deadline }))
            }
            Ok(CardStep::Window(window, expect)) => {
                effects.push(Effect::LookUp(tap, window));
                Step::Stay(State::Consulting(Consulting { expect, begun, deadline }))
            }
            Ok(CardStep::AskPin(..) | CardStep::Done(_)) => Step::refuse(Refusal::Unreadable),
            Err(error) => Step::refuse(error.refusal()),
        }
    }
}

/// The replica is asked, the card waits.
#[derive(Debug)]
pub(in crate::lane) struct Consulting {
    expect: ExpectTries,
    begun: Begun,
    pub(super) deadline: Timestamp,
}

impl Consulting {
    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        let knowledge = match input {
            Input::Known(_, knowledge) => knowledge,
            Input::LookUpFailed(_, refusal) => return Step::refuse(refusal),
            Input::Tick if now >= self.deadline => return Step::refuse(Refusal::Unreadable),
            _ => return Step::Stay(State::Consulting(self)),
        };
        match knowledge.verdict() {
            Verdict::Refuse(refusal) => Step::refuse(refusal),
            Verdict::Admit(_) => {
                // A binding whose sealed key does not open under this window is no binding to this card.
                let Some(known) = KnownCard::new(*knowledge) else { return Step::refuse(Refusal::ProofFailed) };
                let (command, session) = self.expect.continue_();
                effects.push(Effect::Transmit(tap, command));
                let Self { begun, deadline, .. } = self;
                Step::Stay(State::CountingTries(CountingTries { session, known, begun, deadline }))
            }
        }
    }
}

/// A card with something usable, and the key that its proof must verify under.
#[derive(Debug)]
pub(in crate::lane) struct KnownCard {
    event: EventId,
    gate: GateId,
    tag: BindingTag,
    passage: Passage,
    pub(super) key: SubjectPublicKey,
}

impl KnownCard {
    fn new(knowledge: Knowledge) -> Option<Self> {
        let Knowledge { event, gate, tag, key, place, .. } = knowledge;
        key.map(|key| Self { event, gate, tag, passage: place.passage, key })
    }

    pub(super) const fn message(&self, challenge: Challenge) -> AdmissionMessage {
        AdmissionMessage { event: self.event, gate: self.gate, tag: self.tag, challenge, passage: self.passage }
    }
}

/// VERIFY without data.
#[derive(Debug)]
pub(in crate::lane) struct CountingTries {
    session: TapSession,
    known: KnownCard,
    begun: Begun,
    pub(super) deadline: Timestamp,
}

impl CountingTries {
    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        let response = match card_answer(now, self.deadline, input) {
            CardAnswer::Response(response) => response,
            CardAnswer::Nothing => return Step::Stay(State::CountingTries(self)),
            CardAnswer::Over(refusal) => return Step::refuse(refusal),
        };
        let Self { session, known, begun, deadline } = self;
        match session.advance(&response) {
            Ok(CardStep::Transmit(command, session)) => {
                effects.push(Effect::Transmit(tap, command));
                Step::Stay(State::CountingTries(Self { session, known, begun, deadline }))
            }
            Ok(CardStep::AskPin(tries, expect)) => {
                Step::Stay(ask_pin(now, tap, begun.typed, (tries, expect, known), effects))
            }
            Ok(CardStep::Window(..) | CardStep::Done(_)) => Step::refuse(Refusal::Unreadable),
            Err(CardError::VerifiedWithoutUs) => begin_again(now, tap, begun, effects),
            Err(error) => Step::refuse(error.refusal()),
        }
    }
}

/// Somebody's PIN was verified before we came: without power that is over, and the tap begins anew, once.
fn begin_again(now: Timestamp, tap: TapNumber, begun: Begun, effects: &mut Vec<Effect>) -> Step {
    match begun.attempt {
        Attempt::First => {
            let (command, reading) = Reading::attempt(now, Begun { attempt: Attempt::Second, ..begun });
            effects.push(Effect::PowerOffCard);
            effects.push(Effect::Transmit(tap, command));
            Step::Stay(State::Reading(reading))
        }
        // Placing it a third time would not help: the desk.
        Attempt::Second => Step::refuse(Refusal::ProofFailed),
    }
}

/// A PIN is asked for: on our pad, or on the reader once there is a challenge to prove.
fn ask_pin(
    now: Timestamp,
    tap: TapNumber,
    typed: PinEntry,
    (tries, expect, known): (PinTries, ExpectPin, KnownCard),
    effects: &mut Vec<Effect>,
) -> State {
    match typed {
        PinEntry::Here => {
            effects.push(Effect::Show(Screen::AskPin(tries)));
            State::AwaitingPin(AwaitingPin { expect, known, deadline: now.after(PIN_TIME) })
        }
        PinEntry::AtReader => {
            effects.push(Effect::DrawChallenge(tap));
            State::DrawingChallenge(DrawingChallenge { tries, expect, known, deadline: now.after(ANSWER_TIME) })
        }
    }
}

/// The pad is shown.
#[derive(Debug)]
pub(in crate::lane) struct AwaitingPin {
    expect: ExpectPin,
    known: KnownCard,
    pub(super) deadline: Timestamp,
}

impl AwaitingPin {
    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        match input {
            Input::PinEntered(pin, challenge) => Step::Stay(self.enter(now, tap, pin, challenge, effects)),
            Input::Cancelled => Step::refuse(Refusal::PinNotEntered),
            Input::Tick if now >= self.deadline => Step::refuse(Refusal::PinNotEntered),
            _ => Step::Stay(State::AwaitingPin(self)),
        }
    }

    fn enter(self, now: Timestamp, tap: TapNumber, pin: Pin, challenge: Challenge, effects: &mut Vec<Effect>) -> State {
        let Self { expect, known, .. } = self;
        let message = known.message(challenge);
        let (command, session) = expect.enter(pin, message.digest(known.key.algorithm()));
        effects.push(Effect::Show(Screen::Proving));
        effects.push(Effect::Transmit(tap, command));
        State::Proving(Proving { session, known, message, deadline: now.after(EXCHANGE_TIME) })
    }
}

/// VERIFY and COMPUTE DIGITAL SIGNATURE.
#[derive(Debug)]
pub(in crate::lane) struct Proving {
    pub(super) session: TapSession,
    pub(super) known: KnownCard,
    pub(super) message: AdmissionMessage,
    pub(super) deadline: Timestamp,
}

impl Proving {
    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        let response = match card_answer(now, self.deadline, input) {
            CardAnswer::Response(response) => response,
            CardAnswer::Nothing => return Step::Stay(State::Proving(self)),
            CardAnswer::Over(refusal) => return Step::refuse(refusal),
        };
        let Self { session, known, message, deadline } = self;
        match session.advance(&response) {
            Ok(CardStep::Transmit(command, session)) => {
                effects.push(Effect::Transmit(tap, command));
                Step::Stay(State::Proving(Self { session, known, message, deadline }))
            }
            Ok(CardStep::Done(signature)) => proved(now, tap, &known, message, signature, effects),
            Ok(CardStep::Window(..) | CardStep::AskPin(..)) => Step::refuse(Refusal::Unreadable),
            Err(error) => Step::refuse(error.refusal()),
        }
    }
}

fn proved(
    now: Timestamp,
    tap: TapNumber,
    known: &KnownCard,
    message: AdmissionMessage,
    signature: CardSignature,
    effects: &mut Vec<Effect>,
) -> Step {
    effects.push(Effect::PowerOffCard);
    match UnverifiedProof::new(message, signature).verify(&known.key) {
        Ok(proof) => {
            effects.push(Effect::LookUpAgain(tap, known.tag));
            Step::Stay(State::Deciding(Deciding::new(proof, now.after(ANSWER_TIME))))
        }
        Err(_not_this_key) => Step::refuse(Refusal::ProofFailed),
    }
}

/// What an input means to a state that waits for the card.
pub(super) enum CardAnswer {
    Response(ResponseApdu),
    /// Not for this state.
    Nothing,
    Over(Refusal),
}

pub(super) fn card_answer(now: Timestamp, deadline: Timestamp, input: Input) -> CardAnswer {
    match input {
        Input::Answered(_, response) => CardAnswer::Response(response),
        Input::Torn(_) => CardAnswer::Over(Refusal::CardLeft),
        Input::CardSilent(_) => CardAnswer::Over(Refusal::Unreadable),
        Input::Tick if now >= deadline => CardAnswer::Over(Refusal::Unreadable),
        _ => CardAnswer::Nothing,
    }
}
