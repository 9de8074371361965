//! The day, live: who comes in where, who is refused and why, which gate needs somebody.

mod conflicts;
mod entries;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use kido_shared::ids::EventId;
use kido_web::language::Language;

pub(super) use self::conflicts::Conflicts;
use self::conflicts::{Met, met};
use self::entries::{Bin, Entrance, Entries, Window, entrances, recent, recent_since};
use super::clerk::{Clerk, Turned};
use super::gates::{GateRow, GateStanding, needing, rows};
use super::plot::{Axes, bars, top};
use super::{Around, Page, Tab};
use crate::api::extract::EventPath;
use crate::auth::bearer::Watch;
use crate::error::AppError;
use crate::reports::EventReports;
use crate::state::AppState;
use crate::store::EventView;
use crate::web::japan_time::JapanTime;

/// One code.
#[derive(Debug)]
struct Refused {
    code: u8,
    why: String,
    total: u64,
    recent: u64,
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
        now: JapanTime::at(now, language).in_short(),
        admissions: event.counts.admissions,
        recent: recent(&entries.all),
        conflicts: event.counts.standing_conflicts(),
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
