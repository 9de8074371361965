//! One lane: from a card in the tray to an open barrier, as a state that takes inputs and returns effects.
//!
//! **Invariant.** No reader, disk, network or clock is touched here: the runtime carries effects out, in order, and
//! answers with inputs. Time is an argument and never runs backwards between two calls.
//!
//! ```text
//! idle ─▶ reading ─▶ consulting ─▶ tries ─▶ PIN ─▶ proving ─▶ consulting again ─▶ (party) ─▶ intents ─▶ claims
//!  ▲                     │ nothing usable: 2 commands                                                     │
//!  └── leaving ◀─────────┴──────────────────────────── opened ◀─ open ◀─ admissions stored ◀──────────────┘
//! ```
//!
//! At a lane that lets people out the verdict is on who is inside, and behind the proof comes the barrier at once: no entry is
//! used by going.
//!
//! Where the reader has keys of its own, the PIN is typed there instead: the lane draws a challenge, shows where to type, and
//! waits for the card's word.
//!
//! Rules that hold whatever comes in: a PIN is asked only while its card lies there and dies with the tap; a card is
//! powered off as soon as its proof, or its refusal, is there; nothing opens but on stored admissions; an answer to an
//! old tap reaches no new one; no state waits for ever.
#![expect(clippy::wildcard_enum_match_arm, reason = "every other input is one for the tap under way")]

mod effect;
mod entry;
mod exchange;
mod going_out;
mod input;
mod pinpad;
mod seats;
mod states;
#[cfg(test)]
mod tests;

use core::time::Duration;

use kido_shared::card::PinEntry;
use kido_shared::clock::Timestamp;
use kido_shared::refusal::Refusal;

pub use effect::Effect;
pub use exchange::EXCHANGE_TIME;
pub use input::{ClaimOutcome, Input, Knowledge, Place, TapNumber};

use crate::journal::StoredIntent;
use crate::screen::{Notice, Screen};
use states::{Leaving, Proof, Reading, State, Step};

/// How long a PIN is waited for (`protocol.md` §1).
pub const PIN_TIME: Duration = Duration::from_secs(20);

/// How long the pad waits for *how many of you*.
pub const PARTY_TIME: Duration = Duration::from_secs(20);

/// How long the welcome stays once the card is taken (`pages.md` §3).
pub const WELCOME_TIME: Duration = Duration::from_millis(1_500);

/// How long a refusal stays at least.
pub const NOTICE_TIME: Duration = Duration::from_secs(6);

/// How long anything stays when the card is forgotten in the tray.
pub const FORGOTTEN_TIME: Duration = Duration::from_secs(20);

/// How long the runtime may take to answer an effect that waits for nobody outside: longer than any deadline that it
/// keeps itself, so that this one only ends what is truly stuck.
pub const ANSWER_TIME: Duration = Duration::from_secs(15);

/// The lane's state.
#[derive(Debug)]
pub struct Lane {
    state: State,
    tap: TapNumber,
    card: Tray,
    service: Service,
}

/// What lies in the tray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tray {
    Empty,
    /// A card that came while another tap was being finished: its turn is next.
    Waiting,
    /// A card whose tap has begun; it must be taken before it can tap again.
    Tapped,
}

/// Whether this lane could admit anybody: both must be well, and neither mends the other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    reader: Link,
    /// What keeps the rest of the gate from admitting.
    gate: Option<Refusal>,
}

/// Whether the reader is there and works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Gone,
    /// With a PIN typed there, or on our own pad.
    Ready(PinEntry),
}

impl Service {
    fn objection(&self) -> Option<Refusal> {
        match self.reader {
            Link::Gone => Some(Refusal::ReaderFailed),
            Link::Ready(_) => self.gate.clone(),
        }
    }

    const fn pin_entry(&self) -> PinEntry {
        match self.reader {
            Link::Ready(entry) => entry,
            Link::Gone => PinEntry::Here,
        }
    }
}

impl Lane {
    /// A lane whose reader has not reported yet, and the first thing to show.
    #[must_use]
    pub fn new() -> (Self, Effect) {
        let first = Effect::Show(Screen::OutOfOrder(Refusal::ReaderFailed.code()));
        let lane = Self {
            state: State::Idle,
            tap: TapNumber::default(),
            card: Tray::Empty,
            service: Service { reader: Link::Gone, gate: None },
        };
        (lane, first)
    }

    /// When [`Input::Tick`] is due, if at all.
    #[must_use]
    pub const fn wake_at(&self) -> Option<Timestamp> {
        self.state.deadline()
    }

    /// Whether a tap is under way whose durable steps should be finished before the process ends.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        !matches!(self.state, State::Idle | State::Leaving(_))
    }

    /// Takes an input, changes the state, and says what to do.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::CardPresent => self.card_present(now, &mut effects),
            Input::CardGone => self.card_gone(now, &mut effects),
            Input::ReaderReady(entry) => self.serve(now, |service| service.reader = Link::Ready(entry), &mut effects),
            Input::ReaderGone => {
                self.card_gone(now, &mut effects);
                self.serve(now, |service| service.reader = Link::Gone, &mut effects);
            }
            Input::OutOfService(refusal) => self.serve(now, |service| service.gate = Some(refusal), &mut effects),
            Input::BackInService => self.serve(now, |service| service.gate = None, &mut effects),
            Input::IntentsStored(tap, intents) if tap != self.tap || !self.state.awaits_intents() => {
                effects.extend(late(intents));
            }
            other if other.tap().is_none_or(|tap| tap == self.tap) => self.step(now, other, &mut effects),
            _answer_to_an_old_tap => {}
        }
        effects
    }

    fn step(&mut self, now: Timestamp, input: Input, effects: &mut Vec<Effect>) {
        let state = core::mem::replace(&mut self.state, State::Idle);
        let step = state.step(now, self.tap, input, effects);
        self.take(now, step, effects);
    }

    fn take(&mut self, now: Timestamp, step: Step, effects: &mut Vec<Effect>) {
        self.state = match step {
            Step::Stay(state) => state,
            Step::Refuse { refusal, proof } => self.refuse(now, refusal, proof, effects),
            Step::Welcome(mut welcome) => {
                welcome.take_card = self.card == Tray::Tapped;
                let leaving = Leaving::after_welcome(now, welcome.take_card);
                effects.push(Effect::Show(Screen::Welcome(welcome)));
                State::Leaving(leaving)
            }
            Step::Goodbye => {
                let take_card = self.card == Tray::Tapped;
                effects.push(Effect::Show(Screen::Goodbye { take_card }));
                State::Leaving(Leaving::after_welcome(now, take_card))
            }
            Step::Rest => self.rest(now, effects),
        };
    }

    fn refuse(&self, now: Timestamp, refusal: Refusal, proof: Proof, effects: &mut Vec<Effect>) -> State {
        let take_card = self.card == Tray::Tapped;
        let code = refusal.code();
        let (notice, shown) = match proof {
            Proof::Missing => (Notice::before_proof(&refusal, take_card), Vec::new()),
            Proof::Given(tickets) => (Notice::after_proof(&refusal, take_card), tickets),
        };
        effects.push(Effect::PowerOffCard);
        effects.push(Effect::ReportRefusal(self.tap, refusal));
        effects.push(Effect::Show(Screen::Refused(notice)));
        if !shown.is_empty() {
            effects.push(Effect::NoteRefused(shown.into_iter().map(|ticket| (ticket, code)).collect()));
        }
        State::Leaving(Leaving::after_notice(now, take_card))
    }

    /// Between two taps: idle, out of order, or at once the card that is waiting.
    fn rest(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> State {
        match (self.service.objection(), self.card) {
            (Some(refusal), _) => {
                effects.push(Effect::Show(Screen::OutOfOrder(refusal.code())));
                State::Idle
            }
            (None, Tray::Waiting) => self.begin(now, effects),
            (None, Tray::Empty) => {
                effects.push(Effect::Show(Screen::Idle));
                State::Idle
            }
            (None, Tray::Tapped) => {
                effects.push(Effect::Show(Screen::CardForgotten));
                State::Idle
            }
        }
    }

    fn begin(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> State {
        self.card = Tray::Tapped;
        self.tap = self.tap.next();
        let (command, reading) = Reading::begin(now, self.service.pin_entry());
        effects.push(Effect::Show(Screen::Reading));
        effects.push(Effect::Transmit(self.tap, command));
        State::Reading(reading)
    }

    fn card_present(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.card == Tray::Empty {
            self.card = Tray::Waiting;
        }
        if matches!(self.state, State::Idle) {
            self.state = self.rest(now, effects);
        }
    }

    fn card_gone(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let lay = core::mem::replace(&mut self.card, Tray::Empty);
        let state = core::mem::replace(&mut self.state, State::Idle);
        let forgotten = matches!(state, State::Idle) && lay == Tray::Tapped;
        let step = if forgotten { Step::Rest } else { state.card_gone(now) };
        self.take(now, step, effects);
    }

    fn serve(&mut self, now: Timestamp, change: impl FnOnce(&mut Service), effects: &mut Vec<Effect>) {
        let before = self.service.clone();
        change(&mut self.service);
        if self.service != before && matches!(self.state, State::Idle) {
            self.state = self.rest(now, effects);
        }
    }
}

/// Intents that were stored when their tap no longer waited for them: settled, never forgotten.
fn late(intents: Vec<StoredIntent>) -> Option<Effect> {
    (!intents.is_empty()).then_some(Effect::DropIntents(intents))
}

impl Input {
    /// The tap that this input answers, where it answers one.
    const fn tap(&self) -> Option<TapNumber> {
        match self {
            Self::Answered(tap, _)
            | Self::Torn(tap)
            | Self::CardSilent(tap)
            | Self::Known(tap, _)
            | Self::ChallengeDrawn(tap, _)
            | Self::LookUpFailed(tap, _)
            | Self::IntentsStored(tap, _)
            | Self::Claimed(tap, _, _)
            | Self::CaughtUp(tap)
            | Self::AdmissionsStored(tap, _)
            | Self::AdmittedHere(tap, _, _)
            | Self::StoreFailed(tap)
            | Self::Opened(tap)
            | Self::BarrierFailed(tap)
            | Self::NobodyPassed(tap) => Some(*tap),
            Self::ReaderReady(_)
            | Self::ReaderGone
            | Self::CardPresent
            | Self::CardGone
            | Self::PinEntered(..)
            | Self::Cancelled
            | Self::PartyChosen(_)
            | Self::OutOfService(_)
            | Self::BackInService
            | Self::Tick => None,
        }
    }
}
