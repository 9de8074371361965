//! Who came in, by minute and entrance.

use std::collections::BTreeMap;

use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, GateId};
use kido_web::language::Language;

use crate::error::AppError;
use crate::state::AppState;
use crate::store::GateView;
use crate::web::console::Around;
use crate::web::console::plot::{Axes, Tick, bars, top};
use crate::web::japan_time::JapanTime;

/// Minutes that are plotted, the last of them now's: a look back that holds a whole opening of the doors.
pub(super) const MINUTES: usize = 120;

/// Minutes between two times on the axis, and of one line in the table behind.
const TICK_MINUTES: usize = 30;
const TABLE_MINUTES: usize = 10;

/// Minutes of *just now*.
pub(super) const RECENT: usize = 10;

/// One entrance.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) name: String,
    pub(super) total: u64,
    pub(super) recent: u64,
    pub(super) plot: String,
}

/// One line of the table behind the plots.
#[derive(Debug)]
pub(super) struct Bin {
    pub(super) time: String,
    pub(super) counts: Vec<u64>,
    pub(super) sum: u64,
}

/// The minutes that are plotted, the last one being now's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) first: i64,
    pub(super) language: Language,
}

impl Window {
    pub(super) fn ending(now: Timestamp, language: Language) -> Self {
        let span = i64::try_from(MINUTES).unwrap_or(0);
        Self { first: now.unix_seconds().div_euclid(60).saturating_sub(span).saturating_add(1), language }
    }

    pub(super) fn minutes(self) -> core::ops::Range<i64> {
        self.first..self.first.saturating_add(i64::try_from(MINUTES).unwrap_or(0))
    }

    pub(super) fn place(self, minute: i64) -> Option<usize> {
        usize::try_from(minute.checked_sub(self.first)?).ok().filter(|place| *place < MINUTES)
    }

    pub(super) fn clock(self, place: usize) -> String {
        let minute = self.first.saturating_add(i64::try_from(place).unwrap_or(0));
        clock(Timestamp::from_unix_seconds(minute.saturating_mul(60)), self.language)
    }

    /// Whether a place is a multiple of so many minutes on the clock.
    pub(super) fn is_round(self, place: usize, minutes: usize) -> bool {
        let minute = self.first.saturating_add(i64::try_from(place).unwrap_or(0));
        minute.rem_euclid(i64::try_from(minutes).unwrap_or(1)) == 0
    }

    pub(super) fn ticks(self) -> Vec<Tick> {
        let round = |place: &usize| self.is_round(*place, TICK_MINUTES);
        (0..MINUTES).filter(round).map(|place| (place, self.clock(place))).collect()
    }
}

/// `17:30`
pub(super) fn clock(at: Timestamp, language: Language) -> String {
    JapanTime::at(at, language).machine().get(11..16).unwrap_or("–").to_owned()
}

pub(super) type Series = [u32; MINUTES];

pub(super) fn recent(series: &Series) -> u64 {
    series.iter().rev().take(RECENT).map(|count| u64::from(*count)).sum()
}

/// What came in, by entrance and minute.
pub(super) struct Entries {
    pub(super) all: Box<Series>,
    pub(super) by_entrance: BTreeMap<String, (Box<Series>, u64)>,
    pub(super) entrance_of: BTreeMap<GateId, String>,
}

impl Entries {
    pub(super) fn read(app: &AppState, event: EventId, gates: &[GateView], window: Window) -> Result<Self, AppError> {
        let entrance_of: BTreeMap<_, _> = gates.iter().map(|gate| (gate.gate, gate.entrance.to_string())).collect();
        let fresh = || (Box::new([0; MINUTES]), 0_u64);
        let mut by_entrance: BTreeMap<String, (Box<Series>, u64)> = BTreeMap::new();
        for entrance in entrance_of.values() {
            by_entrance.entry(entrance.clone()).or_insert_with(fresh);
        }
        for (gate, total) in app.store.entries_by_gate(event)? {
            let Some(entrance) = entrance_of.get(&gate) else { continue };
            let of_entrance = by_entrance.entry(entrance.clone()).or_insert_with(fresh);
            of_entrance.1 = of_entrance.1.saturating_add(total);
        }
        let mut all = Box::new([0_u32; MINUTES]);
        for of_minute in app.store.entries_in(event, window.minutes())? {
            let (Some(place), Some(entrance)) = (window.place(of_minute.minute), entrance_of.get(&of_minute.gate))
            else {
                continue;
            };
            let series = &mut by_entrance.entry(entrance.clone()).or_insert_with(fresh).0;
            for series in [series, &mut all] {
                if let Some(count) = series.get_mut(place) {
                    *count = count.saturating_add(of_minute.count);
                }
            }
        }
        Ok(Self { all, by_entrance, entrance_of })
    }

    /// Lines that begin at round times; the first of them is as long as the window has it.
    pub(super) fn bins(&self, window: Window) -> Vec<Bin> {
        let bin = |(first, end): (usize, usize)| {
            let sum =
                |series: &Series| -> u64 { series.iter().take(end).skip(first).map(|count| u64::from(*count)).sum() };
            let counts: Vec<u64> = self.by_entrance.values().map(|(series, _)| sum(series)).collect();
            Bin { time: window.clock(first), counts, sum: sum(&self.all) }
        };
        let begins: Vec<usize> =
            (0..MINUTES).filter(|place| *place == 0 || window.is_round(*place, TABLE_MINUTES)).collect();
        let ends = begins.iter().skip(1).copied().chain([MINUTES]);
        begins.iter().copied().zip(ends).map(bin).collect()
    }
}

/// The first minute of *just now*.
pub(super) fn recent_since(now: Timestamp) -> i64 {
    let span = i64::try_from(RECENT).unwrap_or(0);
    now.unix_seconds().div_euclid(60).saturating_sub(span).saturating_add(1)
}

pub(super) fn entrances(around: &Around<'_>, entries: &Entries, ticks: &[Tick]) -> Vec<Entrance> {
    let (vertical, horizontal) = (around.say("console-plot-people"), around.say("console-plot-time"));
    let series: Vec<&[u32]> = entries.by_entrance.values().map(|(series, _)| series.as_slice()).collect();
    let top = top(&series);
    let entrance = |(name, (series, total)): (&String, &(Box<Series>, u64))| {
        let title = around.page.speech.say_of("console-plot-entrance", "entrance", name);
        let axes = Axes { title: &title, vertical: &vertical, horizontal: &horizontal };
        let plot = bars(series.as_slice(), ticks, top, &axes);
        Entrance { name: name.clone(), total: *total, recent: recent(series), plot }
    };
    entries.by_entrance.iter().map(entrance).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_begins_its_lines_at_round_times_and_counts_everybody_once() {
        // 2027-01-15T17:03 in Japan.
        let window = Window::ending(Timestamp::from_unix_seconds(1_800_000_180), Language::En);
        let all = Box::new([1; MINUTES]);
        let entries = Entries { all, by_entrance: BTreeMap::new(), entrance_of: BTreeMap::new() };
        let bins = entries.bins(window);
        let times: Vec<&str> = bins.iter().map(|bin| bin.time.as_str()).take(3).collect();
        assert_eq!(times, ["15:04", "15:10", "15:20"]);
        assert_eq!(bins.iter().map(|bin| bin.sum).sum::<u64>(), 120);
        assert_eq!(bins.first().map(|bin| bin.sum), Some(6));
        assert_eq!(bins.last().map(|bin| (bin.time.as_str(), bin.sum)), Some(("17:00", 4)));
    }
}
