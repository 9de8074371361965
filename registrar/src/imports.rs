//! Which import each event takes just now: two at once would each see an event that the other has not filled yet.
//!
//! An import is many requests, judged as a whole before the first ticket is sent. What is judged must stay true until the
//! last one has come, so a second run waits; the same one, begun again with the same files, goes on at once. A program
//! that says of which run its batch is, is held to this; a shop that sends tickets as it sells them is not, since it
//! promises nothing about a whole.

use core::time::Duration;
use std::collections::BTreeMap;

use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, ImportRunId};

use crate::store::ImportRefusal;

/// How long a run may be silent before it counts as dead: twice what one request may take.
const SILENCE_MAX: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy)]
struct UnderWay {
    run: ImportRunId,
    heard_at: Timestamp,
}

/// The runs under way: one of an event at most, and of events that exist.
#[derive(Debug, Default)]
pub(crate) struct Imports(BTreeMap<EventId, UnderWay>);

impl Imports {
    /// A run brings a batch, or asks what would become of one.
    ///
    /// # Errors
    /// [`ImportRefusal::UnderWay`], where another run was heard of a moment ago and has not ended.
    pub(crate) fn enter(&mut self, event: EventId, run: ImportRunId, now: Timestamp) -> Result<(), ImportRefusal> {
        // One that was heard of later than now was heard of by a clock that was wrong, and holds nobody up.
        self.0.retain(|_event, other| other.heard_at <= now && now.since(other.heard_at) < SILENCE_MAX);
        if self.0.get(&event).is_some_and(|other| other.run != run) {
            return Err(ImportRefusal::UnderWay);
        }
        self.0.insert(event, UnderWay { run, heard_at: now });
        Ok(())
    }

    /// A run has brought its last batch, or gives up.
    pub(crate) fn leave(&mut self, event: EventId, run: ImportRunId) {
        if self.0.get(&event).is_some_and(|other| other.run == run) {
            self.0.remove(&event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [EventId; 2] = [EventId::from_bytes([1; 16]), EventId::from_bytes([2; 16])];
    const RUNS: [ImportRunId; 2] = [ImportRunId::from_bytes([3; 16]), ImportRunId::from_bytes([4; 16])];

    #[test]
    fn an_event_takes_one_run_at_a_time_until_it_ends_or_is_silent_for_too_long() {
        let (mut imports, now) = (Imports::default(), Timestamp::from_unix_seconds(1_800_000_000));
        let refused = Err(ImportRefusal::UnderWay);
        assert_eq!(imports.enter(EVENTS[0], RUNS[0], now), Ok(()));
        assert_eq!(imports.enter(EVENTS[0], RUNS[1], now), refused);
        assert_eq!(imports.enter(EVENTS[1], RUNS[1], now), Ok(()), "another event's");
        let later = now.after(SILENCE_MAX).before(Duration::from_secs(1));
        assert_eq!(imports.enter(EVENTS[0], RUNS[0], later), Ok(()), "it goes on");
        assert_eq!(imports.enter(EVENTS[0], RUNS[1], now.after(SILENCE_MAX)), refused);
        imports.leave(EVENTS[0], RUNS[1]);
        assert_eq!(imports.enter(EVENTS[0], RUNS[1], now.after(SILENCE_MAX)), refused, "nobody ends another's");
        imports.leave(EVENTS[0], RUNS[0]);
        assert_eq!(imports.enter(EVENTS[0], RUNS[1], now.after(SILENCE_MAX)), Ok(()));
        let dead = now.after(SILENCE_MAX * 2);
        assert_eq!(imports.enter(EVENTS[0], RUNS[0], dead), Ok(()), "whoever was killed holds nobody up for long");
    }

    #[test]
    fn a_registrar_whose_clock_was_set_back_holds_nobody_up() {
        let (mut imports, now) = (Imports::default(), Timestamp::from_unix_seconds(1_800_000_000));
        imports.enter(EVENTS[0], RUNS[0], now.after(Duration::from_secs(2 * 3_600))).unwrap();
        assert_eq!(imports.enter(EVENTS[0], RUNS[1], now), Ok(()));
    }
}
