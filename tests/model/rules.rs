//! What must hold in every moment, and what must be reachable, or the search proves nothing.

use stateright::Property;

use crate::arbiter::{self, ENTRIES};
use crate::venue::{Moment, Passage, Stage, Venue};

pub(crate) const ONE_INSIDE: &str = "one ticket, one person inside";
pub(crate) const NO_ENTRY_TWICE: &str = "no more people than entries";
pub(crate) const OPENED_ONCE: &str = "no lane opens twice for one admission";
pub(crate) const GIVEN_UP_STAYS_OUT: &str = "what was given up never entered";
pub(crate) const NOBODY_LOCKED_OUT: &str = "at rest, whoever is kept out was let in, or staff are asked";

fn count(now: &Moment, wanted: impl Fn(Passage) -> bool) -> usize {
    now.passages.iter().filter(|passage| wanted(**passage)).count()
}

/// At rest a ticket is held by somebody who is inside, or by an admission whose lane nobody saw open.
fn nobody_locked_out(_venue: &Venue, now: &Moment) -> bool {
    let Some(holding) = now.record.0.holding() else { return true };
    if !now.is_at_rest() {
        return true;
    }
    let attempt = arbiter::attempt(holding.admission);
    match now.stages[attempt] {
        Stage::Opened => now.passages[attempt] == Passage::Inside,
        Stage::Unseen => true,
        Stage::Unused | Stage::Intended | Stage::GivenUp | Stage::Admitted | Stage::Opening | Stage::Annulled => false,
    }
}

pub(crate) fn all() -> Vec<Property<Venue>> {
    vec![
        Property::always(ONE_INSIDE, |_, now: &Moment| count(now, |passage| passage == Passage::Inside) <= 1),
        Property::always(NO_ENTRY_TWICE, |_, now: &Moment| {
            count(now, |passage| passage != Passage::Waits) <= usize::try_from(ENTRIES).unwrap_or(0)
        }),
        Property::always(OPENED_ONCE, |_, now: &Moment| now.times_opened.iter().all(|times| *times <= 1)),
        Property::always(GIVEN_UP_STAYS_OUT, |_, now: &Moment| {
            let given_up = now.stages.iter().zip(&now.passages).filter(|(stage, _)| **stage == Stage::GivenUp);
            given_up.into_iter().all(|(_, passage)| *passage == Passage::Waits)
        }),
        Property::always(NOBODY_LOCKED_OUT, nobody_locked_out),
        Property::sometimes("both entries are used", |_, now: &Moment| {
            count(now, |passage| passage == Passage::Left) == usize::try_from(ENTRIES).unwrap_or(0)
        }),
        Property::sometimes("a granted claim is given up, since the answer came too late", |_, now: &Moment| {
            now.stages.iter().zip(&now.granted).any(|(stage, granted)| *stage == Stage::GivenUp && *granted)
        }),
        Property::sometimes("an admission is stored and its lane was not seen to open", |_, now: &Moment| {
            now.stages.contains(&Stage::Unseen)
        }),
        Property::sometimes("somebody turns back, and enters by the other gate", |_, now: &Moment| {
            now.stages.contains(&Stage::Annulled) && now.stages.contains(&Stage::Opened)
        }),
    ]
}

/// Whether a rule is one that a fault breaks.
pub(crate) fn is_safety(name: &str) -> bool {
    [ONE_INSIDE, NO_ENTRY_TWICE, OPENED_ONCE, GIVEN_UP_STAYS_OUT, NOBODY_LOCKED_OUT].contains(&name)
}
