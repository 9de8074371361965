//! The day, live: who comes in where, who is refused and why, which gate needs somebody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, GateId, TicketId};
use kido_web::language::Language;

use super::clerk::{Clerk, Turned};
use super::gates::{GateRow, GateStanding, needing, rows};
use super::plot::{Axes, Tick, bars, top};
use super::{Around, Page, Tab};
use crate::api::extract::EventPath;
use crate::auth::bearer::Watch;
use crate::error::AppError;
use crate::reports::EventReports;
use crate::state::AppState;
use crate::store::{EventView, GateView};
use crate::web::buyer::moment::Wall;

/// Minutes that are plotted, the last of them now's: a look back that holds a whole opening of the doors.
const MINUTES: usize = 120;

/// Minutes between two times on the axis, and of one line in the table behind.
const TICK_MINUTES: usize = 30;
const TABLE_MINUTES: usize = 10;

/// Minutes of *just now*.
const RECENT: usize = 10;

/// Conflicts that are shown, the newest first; the others are in the count.
const CONFLICTS_SHOWN: usize = 20;

/// One entrance.
#[derive(Debug)]
struct Entrance {
    name: String,
    total: u64,
    recent: u64,
    plot: String,
}

/// One line of the table behind the plots.
#[derive(Debug)]
struct Bin {
    time: String,
    counts: Vec<u64>,
    sum: u64,
}

/// One code.
#[derive(Debug)]
struct Refused {
    code: u8,
    why: String,
    total: u64,
    recent: u64,
}

/// Two admissions of one entry.
#[derive(Debug)]
struct Met {
    when: String,
    ticket: String,
    places: String,
}

#[derive(Debug, Template)]
#[template(path = "console_day.html")]
struct DayPage<'p> {
    page: Page<'p>,
    around: Around<'p>,
    id: EventId,
    now: String,
    admissions: u64,
    recent: u64,
    conflicts: u64,
    plot: String,
    /// Whether there is nobody to be plotted.
    quiet: bool,
    entrances: Vec<Entrance>,
    bins: Vec<Bin>,
    refused: Vec<Refused>,
    met: Vec<Met>,
    rows: Vec<GateRow>,
    needing: u64,
}

impl DayPage<'_> {
    fn sums(&self, entrance: &Entrance) -> String {
        let fills = [("total", entrance.total.into()), ("recent", entrance.recent.into())];
        self.page.speech.say_with("console-entrance-sums", &fills)
    }
}

/// The minutes that are plotted, the last one being now's.
#[derive(Debug, Clone, Copy)]
struct Window {
    first: i64,
    language: Language,
}

impl Window {
    fn ending(now: Timestamp, language: Language) -> Self {
        let span = i64::try_from(MINUTES).unwrap_or(0);
        Self { first: now.unix_seconds().div_euclid(60).saturating_sub(span).saturating_add(1), language }
    }

    fn minutes(self) -> core::ops::Range<i64> {
        self.first..self.first.saturating_add(i64::try_from(MINUTES).unwrap_or(0))
    }

    fn place(self, minute: i64) -> Option<usize> {
        usize::try_from(minute.checked_sub(self.first)?).ok().filter(|place| *place < MINUTES)
    }

    fn clock(self, place: usize) -> String {
        let minute = self.first.saturating_add(i64::try_from(place).unwrap_or(0));
        clock(Timestamp::from_unix_seconds(minute.saturating_mul(60)), self.language)
    }

    /// Whether a place is a multiple of so many minutes on the clock.
    fn is_round(self, place: usize, minutes: usize) -> bool {
        let minute = self.first.saturating_add(i64::try_from(place).unwrap_or(0));
        minute.rem_euclid(i64::try_from(minutes).unwrap_or(1)) == 0
    }

    fn ticks(self) -> Vec<Tick> {
        let round = |place: &usize| self.is_round(*place, TICK_MINUTES);
        (0..MINUTES).filter(round).map(|place| (place, self.clock(place))).collect()
    }
}

/// `17:30`
fn clock(at: Timestamp, language: Language) -> String {
    Wall::at(at, language).machine().get(11..16).unwrap_or("–").to_owned()
}

type Series = [u32; MINUTES];

fn recent(series: &Series) -> u64 {
    series.iter().rev().take(RECENT).map(|count| u64::from(*count)).sum()
}

/// What came in, by entrance and minute.
struct Entries {
    all: Box<Series>,
    by_entrance: BTreeMap<String, (Box<Series>, u64)>,
    entrance_of: BTreeMap<GateId, String>,
}

impl Entries {
    fn read(app: &AppState, event: EventId, gates: &[GateView], window: Window) -> Result<Self, AppError> {
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
    fn bins(&self, window: Window) -> Vec<Bin> {
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
fn recent_since(now: Timestamp) -> i64 {
    let span = i64::try_from(RECENT).unwrap_or(0);
    now.unix_seconds().div_euclid(60).saturating_sub(span).saturating_add(1)
}

fn refused(around: &Around<'_>, reports: &EventReports) -> Vec<Refused> {
    let of = |code: &u8, total: &u64| {
        let recent = reports.minutes.values().filter_map(|counts| counts.get(code));
        let recent = recent.fold(0, |sum: u64, count| sum.saturating_add(*count));
        Refused { code: *code, why: around.say(&format!("console-code-{code}")), total: *total, recent }
    };
    let mut all: Vec<Refused> = reports.refusals.iter().map(|(code, total)| of(code, total)).collect();
    all.sort_by_key(|refused| (core::cmp::Reverse(refused.total), refused.code));
    all
}

/// A conflict with its two admissions, as far as they are known.
#[derive(Debug)]
struct Collided {
    found_at: Timestamp,
    ticket: TicketId,
    admissions: [Option<(GateId, Timestamp)>; 2],
}

/// Conflicts as they are shown, read again when an event has more of them: conflicts and admissions never change.
#[derive(Debug, Default)]
pub(super) struct Conflicts(Mutex<BTreeMap<EventId, KnownConflicts>>);

/// How many an event had when they were read, and the newest of them.
type KnownConflicts = (u64, Arc<Vec<Collided>>);

impl Conflicts {
    fn of(&self, app: &AppState, view: &EventView) -> Result<Arc<Vec<Collided>>, AppError> {
        let (event, count) = (view.event, view.counts.conflicts);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&event).cloned();
        if let Some((_count, collided)) = known.filter(|(known, _collided)| *known == count) {
            return Ok(collided);
        }
        let collided = Arc::new(collided(app, event)?);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked under the lock: an event that was deleted while it was read is forgotten after this, or not kept.
        app.store.policy(event)?;
        known.insert(event, (count, Arc::clone(&collided)));
        drop(known);
        Ok(collided)
    }

    /// Forgets a deleted event.
    pub(super) fn forget(&self, event: EventId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&event);
    }
}

fn collided(app: &AppState, event: EventId) -> Result<Vec<Collided>, AppError> {
    let conflicts = app.store.conflicts(event)?;
    let newest = conflicts.into_iter().take(CONFLICTS_SHOWN);
    let admission = |id| -> Result<_, AppError> {
        Ok(app.store.admission(event, id)?.map(|admission| (admission.gate, admission.at)))
    };
    let collided = newest.map(|conflict| {
        let admissions = [admission(conflict.first)?, admission(conflict.second)?];
        Ok(Collided { found_at: conflict.found_at, ticket: conflict.ticket, admissions })
    });
    collided.collect()
}

fn met(collided: &[Collided], entries: &Entries, language: Language) -> Vec<Met> {
    let place = |admission: &Option<(GateId, Timestamp)>| match admission {
        Some((gate, at)) => {
            let entrance = entries.entrance_of.get(gate).map_or("–", String::as_str);
            format!("{entrance} {}", clock(*at, language))
        }
        None => "–".to_owned(),
    };
    let met = collided.iter().map(|one| Met {
        when: Wall::at(one.found_at, language).in_short(),
        ticket: one.ticket.to_string(),
        places: one.admissions.each_ref().map(place).join(" / "),
    });
    met.collect()
}

fn entrances(around: &Around<'_>, entries: &Entries, ticks: &[Tick]) -> Vec<Entrance> {
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

fn view<'p>(app: &AppState, around: Around<'p>, event: &EventView) -> Result<DayPage<'p>, AppError> {
    let (now, language, page) = (app.now(), around.page.speech.language(), around.page);
    let window = Window::ending(now, language);
    let gates = app.store.gates(event.event)?;
    let entries = Entries::read(app, event.event, &gates, window)?;
    let reports = app.reports.of(event.event, recent_since(now));
    let ticks = window.ticks();
    let (title, vertical, horizontal) =
        (around.say("console-plot-all"), around.say("console-plot-people"), around.say("console-plot-time"));
    let axes = Axes { title: &title, vertical: &vertical, horizontal: &horizontal };
    let rows = rows(&around, event, (gates, &reports), now);
    Ok(DayPage {
        page,
        id: event.event,
        now: Wall::at(now, language).in_short(),
        admissions: event.counts.admissions,
        recent: recent(&entries.all),
        conflicts: event.counts.conflicts,
        plot: bars(entries.all.as_slice(), &ticks, top(&[entries.all.as_slice()]), &axes),
        quiet: entries.all.iter().all(|count| *count == 0),
        entrances: entrances(&around, &entries, &ticks),
        bins: entries.bins(window),
        refused: refused(&around, &reports),
        met: met(&app.clerks.conflicts.of(app, event)?, &entries, language),
        needing: needing(&rows),
        rows,
        around,
    })
}

/// The day.
pub(super) async fn show(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Watch>,
    EventPath { event }: EventPath,
) -> Result<Response, Turned> {
    let of_event = app.store.event(event)?;
    let around = Around::new(&app, language, &clerk).of_event(&of_event, Tab::Day);
    let shown = view(&app, around, &of_event)?;
    Ok(shown.page.show(&shown)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::tests::Served;

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

    #[tokio::test]
    async fn nothing_is_kept_of_the_conflicts_of_a_deleted_event() {
        let served = Served::new();
        let event = served.event().await;
        let conflicts = Conflicts::default();
        let view = served.app.store.event(event).unwrap();
        conflicts.of(&served.app, &view).unwrap();
        conflicts.forget(event);
        assert!(conflicts.0.lock().unwrap().is_empty());
        served.registrar.clock.set(crate::testing::draft().retention_at);
        served.registrar.store.forget_event(event).await.unwrap();
        assert!(conflicts.of(&served.app, &view).is_err(), "a page that was late");
        assert!(conflicts.0.lock().unwrap().is_empty());
    }
}
