//! The states of a lane: each owns what it may use, and a step consumes it.

use kido_shared::clock::Timestamp;
use kido_shared::ids::TicketId;
use kido_shared::refusal::Refusal;

use super::effect::Effect;
use super::entry::{AdmittingHere, AskingParty, Claiming, Deciding, Intending, Opening, Storing};
pub(super) use super::exchange::Reading;
use super::exchange::{AwaitingPin, Consulting, CountingTries, Proving};
use super::going_out::GoingOut;
use super::input::{Input, TapNumber};
use super::pinpad::{DrawingChallenge, TypingAtReader};
use super::{FORGOTTEN_TIME, NOTICE_TIME, WELCOME_TIME};
use crate::screen::Welcome;

/// Where a tap stands.
#[derive(Debug)]
pub(super) enum State {
    /// No tap.
    Idle,
    /// SELECT and the key window.
    Reading(Reading),
    /// The replica is asked, the card waits.
    Consulting(Consulting),
    /// VERIFY without data.
    CountingTries(CountingTries),
    /// The pad is shown.
    AwaitingPin(AwaitingPin),
    /// The PIN will be typed on the reader; its challenge is being drawn.
    DrawingChallenge(DrawingChallenge),
    /// The PIN is being typed on the reader.
    TypingAtReader(TypingAtReader),
    /// VERIFY and COMPUTE DIGITAL SIGNATURE.
    Proving(Proving),
    /// The replica is asked once more, after the proof.
    Deciding(Deciding),
    /// The holder says how many enter.
    AskingParty(AskingParty),
    /// Intents are being stored.
    Intending(Intending),
    /// The arbiter is being asked, ticket by ticket.
    Claiming(Claiming),
    /// Admissions are being stored.
    Storing(Storing),
    /// The gate decides and stores by itself.
    AdmittingHere(AdmittingHere),
    /// The barrier was told.
    Opening(Opening),
    /// The barrier was told to let somebody out.
    GoingOut(GoingOut),
    /// The last screen of a tap stands until the card is taken and its time has passed.
    Leaving(Leaving),
}

/// What a state made of an input.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "lives for one call; the large variant is the usual one")]
pub(super) enum Step {
    /// On to this state.
    Stay(State),
    /// The tap ends without an entry.
    Refuse {
        /// Why.
        refusal: Refusal,
        /// Whether the card had proved itself, and for which tickets: the holder may then know why.
        proof: Proof,
    },
    /// The tap ends with an entry.
    Welcome(Welcome),
    /// The tap ends with somebody gone.
    Goodbye,
    /// The tap is over and its last screen has stood long enough.
    Rest,
}

/// What a card had proved by the end of a tap that opened nothing.
#[derive(Debug)]
pub(super) enum Proof {
    /// Nothing: whoever holds the card, or a copy of it, learns what to do and no more.
    Missing,
    /// That its holder was here. The refusal goes into the history of these tickets: none where it is noted already, or
    /// is none of theirs.
    Given(Vec<TicketId>),
}

impl Step {
    /// Ends a tap before the card has proved itself.
    pub(super) const fn refuse(refusal: Refusal) -> Self {
        Self::Refuse { refusal, proof: Proof::Missing }
    }

    /// Ends a tap whose card has proved itself for these tickets.
    pub(super) const fn refuse_proved(refusal: Refusal, tickets: Vec<TicketId>) -> Self {
        Self::Refuse { refusal, proof: Proof::Given(tickets) }
    }
}

impl State {
    /// Takes an input of this tap.
    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        match self {
            Self::Idle => Step::Stay(Self::Idle),
            Self::Reading(state) => state.step(now, tap, input, effects),
            Self::Consulting(state) => state.step(now, tap, input, effects),
            Self::CountingTries(state) => state.step(now, tap, input, effects),
            Self::AwaitingPin(state) => state.step(now, tap, input, effects),
            Self::DrawingChallenge(state) => state.step(now, tap, input, effects),
            Self::TypingAtReader(state) => state.step(now, tap, input, effects),
            Self::Proving(state) => state.step(now, tap, input, effects),
            Self::Deciding(state) => state.step(now, tap, input, effects),
            Self::AskingParty(state) => state.step(now, tap, input, effects),
            Self::Intending(state) => state.step(now, tap, input, effects),
            Self::Claiming(state) => state.step(now, tap, input, effects),
            Self::Storing(state) => state.step(now, tap, input, effects),
            Self::AdmittingHere(state) => state.step(now, tap, input, effects),
            Self::Opening(state) => state.step(now, input, effects),
            Self::GoingOut(state) => state.step(now, input, effects),
            Self::Leaving(state) => state.step(now, &input),
        }
    }

    /// The card was taken. Until the proof that ends the tap; after it the card has done its part.
    pub(super) fn card_gone(self, now: Timestamp) -> Step {
        match self {
            Self::Reading(_)
            | Self::Consulting(_)
            | Self::CountingTries(_)
            | Self::AwaitingPin(_)
            | Self::DrawingChallenge(_)
            | Self::TypingAtReader(_)
            | Self::Proving(_) => Step::refuse(Refusal::CardLeft),
            Self::Leaving(leaving) => Step::Stay(Self::Leaving(leaving.card_taken(now))),
            other @ (Self::Idle
            | Self::Deciding(_)
            | Self::AskingParty(_)
            | Self::Intending(_)
            | Self::Claiming(_)
            | Self::Storing(_)
            | Self::AdmittingHere(_)
            | Self::Opening(_)
            | Self::GoingOut(_)) => Step::Stay(other),
        }
    }

    /// Whether stored intents are what this state waits for.
    pub(super) const fn awaits_intents(&self) -> bool {
        matches!(self, Self::Intending(_))
    }

    /// When a tick is due.
    pub(super) const fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Idle => None,
            Self::Reading(state) => Some(state.deadline),
            Self::Consulting(state) => Some(state.deadline),
            Self::CountingTries(state) => Some(state.deadline),
            Self::AwaitingPin(state) => Some(state.deadline),
            Self::DrawingChallenge(state) => Some(state.deadline),
            Self::TypingAtReader(state) => Some(state.deadline),
            Self::Proving(state) => Some(state.deadline),
            Self::Deciding(state) => Some(state.deadline),
            Self::AskingParty(state) => Some(state.deadline),
            Self::Intending(state) => Some(state.deadline),
            Self::Claiming(state) => Some(state.deadline),
            Self::Storing(state) => Some(state.deadline),
            Self::AdmittingHere(state) => Some(state.deadline),
            Self::Opening(state) => Some(state.deadline),
            Self::GoingOut(state) => Some(state.deadline),
            Self::Leaving(state) => Some(state.until),
        }
    }
}

/// The last screen of a tap.
#[derive(Debug)]
pub(super) struct Leaving {
    /// When it goes, whatever the card does.
    until: Timestamp,
    /// When it goes once the card is taken.
    once_taken: OnceTaken,
}

#[derive(Debug, Clone, Copy)]
enum OnceTaken {
    /// This long after the card was taken.
    Then(core::time::Duration),
    /// At this moment, or at once where it has passed.
    NotBefore(Timestamp),
}

impl Leaving {
    pub(super) fn after_welcome(now: Timestamp, card_lies_there: bool) -> Self {
        let time = if card_lies_there { FORGOTTEN_TIME } else { WELCOME_TIME };
        Self { until: now.after(time), once_taken: OnceTaken::Then(WELCOME_TIME) }
    }

    pub(super) fn after_notice(now: Timestamp, card_lies_there: bool) -> Self {
        let time = if card_lies_there { FORGOTTEN_TIME } else { NOTICE_TIME };
        Self { until: now.after(time), once_taken: OnceTaken::NotBefore(now.after(NOTICE_TIME)) }
    }

    fn card_taken(self, now: Timestamp) -> Self {
        let until = match self.once_taken {
            OnceTaken::Then(time) => now.after(time),
            OnceTaken::NotBefore(moment) => moment.max(now),
        };
        // A card that is put back and taken again holds nobody up.
        Self { until: until.min(self.until), ..self }
    }

    fn step(self, now: Timestamp, input: &Input) -> Step {
        if matches!(input, Input::Tick) && now >= self.until { Step::Rest } else { Step::Stay(State::Leaving(self)) }
    }
}
