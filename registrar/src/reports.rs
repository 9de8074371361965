//! What gates tell of themselves: the newest of each, and refusals by the minute. In memory: a restart asks nobody.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, GateId};
use kido_shared::refusal::StaffCode;
use kido_shared::wire::v1::report::{CodeCount, GateReport, REFUSAL_CODES_MAX};

/// Minutes of refusals that are remembered: a day, so that an evening is there as a whole.
const MINUTES_KEPT: usize = 24 * 60;

/// A report that no gate of this program sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// More codes than there are.
    #[error("a report has at most {REFUSAL_CODES_MAX} codes")]
    TooMany,
    /// A number that is no code.
    #[error("a code is one that staff hear on the radio")]
    Code,
    /// A code twice.
    #[error("a code stands in a report once")]
    Twice,
}

/// A gate as it told last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// When, by this registrar's clock.
    pub at: Timestamp,
    /// What.
    pub report: GateReport,
}

/// Refusals by code.
pub type ByCode = BTreeMap<u8, u64>;

#[derive(Debug)]
struct OfGate {
    heard: Heard,
    /// Refusals of its earlier starts, as far as this registrar has heard of them.
    before: ByCode,
}

#[derive(Debug, Default)]
struct OfEvent {
    gates: BTreeMap<GateId, OfGate>,
    minutes: BTreeMap<i64, ByCode>,
}

/// An event's gates as the day view needs them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventReports {
    /// Each gate as it told last.
    pub gates: BTreeMap<GateId, Heard>,
    /// Refusals since each gate's start, earlier starts included where they were heard.
    pub refusals: ByCode,
    /// Refusals by minute since 1970, as far back as was asked for.
    pub minutes: BTreeMap<i64, ByCode>,
}

/// The reports of all events. Only gates in force get a place, so the events' own limits bound it.
#[derive(Debug, Default)]
pub struct Reports(Mutex<BTreeMap<EventId, OfEvent>>);

fn add(to: &mut ByCode, code: u8, count: u64) {
    let sum = to.entry(code).or_default();
    *sum = sum.saturating_add(count);
}

fn by_code(counts: &[CodeCount]) -> Result<ByCode, ReportError> {
    if counts.len() > REFUSAL_CODES_MAX {
        return Err(ReportError::TooMany);
    }
    let mut all = ByCode::new();
    for CodeCount { code, count } in counts {
        if StaffCode::parse(*code).is_none() {
            return Err(ReportError::Code);
        }
        if all.insert(*code, *count).is_some() {
            return Err(ReportError::Twice);
        }
    }
    Ok(all)
}

impl OfEvent {
    fn take(&mut self, gate: GateId, heard: Heard, counts: &ByCode) {
        let minute = heard.at.minute();
        let last = self.gates.remove(&gate);
        let same_start = last.as_ref().is_some_and(|last| last.heard.report.boot == heard.report.boot);
        let earlier = last.as_ref().map(|last| by_code(&last.heard.report.refusals).unwrap_or_default());
        let mut before = last.map(|last| last.before).unwrap_or_default();
        // What a gate had refused before this registrar first heard of it belongs to no minute that is known.
        if let Some(earlier) = earlier {
            let of_minute = self.minutes.entry(minute).or_default();
            for (code, count) in counts {
                let known = if same_start { earlier.get(code).copied().unwrap_or_default() } else { 0 };
                let new = count.saturating_sub(known);
                if new > 0 {
                    add(of_minute, *code, new);
                }
            }
            if !same_start {
                for (code, count) in earlier {
                    add(&mut before, code, count);
                }
            }
        }
        while self.minutes.len() > MINUTES_KEPT {
            self.minutes.pop_first();
        }
        self.gates.insert(gate, OfGate { heard, before });
    }

    fn view(&self, since: i64) -> EventReports {
        let minutes = self.minutes.range(since..).map(|(minute, counts)| (*minute, counts.clone())).collect();
        let mut view = EventReports { minutes, ..EventReports::default() };
        for (gate, of_gate) in &self.gates {
            for (code, count) in &of_gate.before {
                add(&mut view.refusals, *code, *count);
            }
            for CodeCount { code, count } in &of_gate.heard.report.refusals {
                add(&mut view.refusals, *code, *count);
            }
            view.gates.insert(*gate, of_gate.heard.clone());
        }
        view
    }
}

impl Reports {
    /// Takes a report of a gate that has signed it.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn take(&self, event: EventId, gate: GateId, report: GateReport, at: Timestamp) -> Result<(), ReportError> {
        let counts = by_code(&report.refusals)?;
        if report.out_of_order.is_some_and(|code| StaffCode::parse(code).is_none()) {
            return Err(ReportError::Code);
        }
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.entry(event).or_default().take(gate, Heard { at, report }, &counts);
        Ok(())
    }

    /// Forgets what the gates of a deleted event have told.
    pub fn forget(&self, event: EventId) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&event));
    }

    /// A gate that said last that it holds what nobody else knows, those left out that are not asked for.
    #[must_use]
    pub fn waiting(&self, event: EventId, in_force: impl Fn(GateId) -> bool) -> Option<GateId> {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gates = events.get(&event)?.gates.iter();
        gates.find(|(gate, told)| told.heard.report.waits_to_upload && in_force(**gate)).map(|(gate, _)| *gate)
    }

    /// What is known of an event's gates, with the refusals of a minute and the later ones. Reports of gates wait while
    /// this is copied: ask for no more minutes than are shown.
    #[must_use]
    pub fn of(&self, event: EventId, since: i64) -> EventReports {
        let events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.get(&event).map(|of_event| of_event.view(since)).unwrap_or_default()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use core::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const EVENT: EventId = EventId::from_bytes([1; 16]);
    const GATE: GateId = GateId::from_bytes([2; 16]);

    pub(crate) fn report(boot: u64, counts: &[(u8, u64)]) -> GateReport {
        GateReport {
            boot,
            feed_epoch: 0,
            feed_length: 3,
            head_issued_at: Some(NOW),
            arbiter_answers: true,
            out_of_order: None,
            waits_to_upload: false,
            refusals: counts.iter().map(|(code, count)| CodeCount { code: *code, count: *count }).collect(),
        }
    }

    #[test]
    fn refusals_are_counted_by_the_minute_in_which_they_are_heard_of() {
        let reports = Reports::default();
        let minute = |minutes: u64| NOW.after(Duration::from_secs(60 * minutes));
        reports.take(EVENT, GATE, report(1, &[(14, 5)]), minute(0)).unwrap();
        assert!(reports.of(EVENT, i64::MIN).minutes.is_empty(), "nobody knows when those were");
        reports.take(EVENT, GATE, report(1, &[(14, 7), (17, 1)]), minute(1)).unwrap();
        reports.take(EVENT, GATE, report(2, &[(14, 1)]), minute(2)).unwrap();
        let view = reports.of(EVENT, i64::MIN);
        let of = |minutes| view.minutes.get(&(NOW.unix_seconds() / 60 + minutes)).cloned().unwrap_or_default();
        assert_eq!(of(1), ByCode::from([(14, 2), (17, 1)]));
        assert_eq!(of(2), ByCode::from([(14, 1)]), "after a restart of the gate");
        assert_eq!(view.refusals, ByCode::from([(14, 8), (17, 1)]));
    }

    #[test]
    fn no_more_minutes_are_copied_than_are_asked_for() {
        let reports = Reports::default();
        for minute in 0..5 {
            let (at, count) = (NOW.after(Duration::from_secs(60 * minute)), minute + 1);
            reports.take(EVENT, GATE, report(1, &[(14, count)]), at).unwrap();
        }
        let first = NOW.unix_seconds() / 60;
        assert_eq!(reports.of(EVENT, i64::MIN).minutes.len(), 4);
        let recent = reports.of(EVENT, first + 3);
        assert_eq!(recent.minutes.into_keys().collect::<Vec<_>>(), [first + 3, first + 4]);
        assert_eq!(recent.refusals, ByCode::from([(14, 5)]), "the totals are whole");
    }

    #[test]
    fn what_is_no_code_is_refused_and_a_day_is_all_that_is_kept() {
        let reports = Reports::default();
        let refused = |counts: &[(u8, u64)]| reports.take(EVENT, GATE, report(1, counts), NOW);
        for no_code in [9, 11, 20, 30, 40] {
            assert_eq!(refused(&[(no_code, 1)]), Err(ReportError::Code), "{no_code}");
        }
        assert_eq!(refused(&[(14, 1), (14, 1)]), Err(ReportError::Twice));
        assert_eq!(refused(&[(14, 1); 31]), Err(ReportError::TooMany));
        for minute in 0..MINUTES_KEPT + 10 {
            let (at, count) = (NOW.after(Duration::from_secs(60 * minute as u64)), minute as u64 + 1);
            reports.take(EVENT, GATE, report(1, &[(14, count)]), at).unwrap();
        }
        assert_eq!(reports.of(EVENT, i64::MIN).minutes.len(), MINUTES_KEPT);
    }
}
