//! The end of a tap at a lane that lets people out: the barrier, and once somebody has passed, *exited*.
//!
//! Nothing is asked and nothing stored before the barrier opens: until a passage is known the holder is inside, for the
//! arbiter and for everybody, and a holder who turns back has lost nothing. What is lost by a crash between passage and
//! note is on the safe side, too: staff look why somebody who is inside comes in again.
#![expect(clippy::wildcard_enum_match_arm, reason = "an input that is not for a state changes nothing")]

use kido_shared::clock::Timestamp;
use kido_shared::ids::TicketId;
use kido_shared::refusal::Refusal;
use kido_shared::verdict::{Admissible, Usable, Used};

use super::ANSWER_TIME;
use super::effect::Effect;
use super::input::{Input, TapNumber};
use super::states::Step;
use crate::journal::Departure;
use crate::screen::Screen;

/// The barrier was told to let somebody out.
#[derive(Debug)]
pub(in crate::lane) struct GoingOut {
    departures: Vec<Departure>,
    pub(super) deadline: Timestamp,
}

impl GoingOut {
    pub(super) fn begin(now: Timestamp, tap: TapNumber, leaving: &Admissible, effects: &mut Vec<Effect>) -> Self {
        let departures: Vec<Departure> = leaving.tickets().filter_map(departure).collect();
        // At once: who goes out is not kept standing until the barrier has seen it.
        effects.push(Effect::Show(Screen::Goodbye { take_card: true }));
        effects.push(Effect::OpenOut(tap, departures.clone()));
        Self { departures, deadline: now.after(ANSWER_TIME) }
    }

    pub(super) fn step(self, now: Timestamp, input: Input, effects: &mut Vec<Effect>) -> Step {
        match input {
            Input::Opened(_) => {
                effects.push(Effect::NoteExited(self.departures));
                Step::Goodbye
            }
            Input::NobodyPassed(_) => Step::refuse_proved(Refusal::CardLeft, Vec::new()),
            // Whether anybody passed is for staff to see; they are inside until it is known.
            Input::BarrierFailed(_) => Step::refuse_proved(Refusal::BarrierFailed, self.tickets()),
            Input::Tick if now >= self.deadline => Step::refuse_proved(Refusal::BarrierFailed, self.tickets()),
            _ => Step::Stay(super::states::State::GoingOut(self)),
        }
    }

    fn tickets(&self) -> Vec<TicketId> {
        self.departures.iter().map(|departure| departure.ticket).collect()
    }
}

/// The admission that a ticket is inside by: what goes out is told by that name.
const fn departure(usable: &Usable) -> Option<Departure> {
    match usable.ticket.used {
        Used::Inside { admission, .. } => Some(Departure { admission, ticket: usable.id() }),
        Used::Never | Used::Left { .. } | Used::StoredNotOpened { .. } => None,
    }
}
