//! How a gate is, from what it reported last.

use core::time::Duration;

use kido_shared::clock::Timestamp;
use kido_shared::ids::GateId;
use kido_shared::wire::v1::report::REPORT_EVERY_SECONDS;
use kido_web::icons;
use kido_web::words::Speech;

use crate::reports::{EventReports, Heard};
use crate::store::{EventView, GateView};
use crate::web::console::Around;

/// A gate that has said nothing for this long is silent: three reports and a little.
const SILENT_AFTER: Duration = Duration::from_secs(3 * REPORT_EVERY_SECONDS + 5);

/// A head this old says that the feed does not come through: heads are issued every half minute.
const OLD_AFTER: Duration = Duration::from_secs(3 * 60);

/// How a gate is, the one that needs somebody most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::web::console) enum GateStanding {
    /// Two machines ran with its keys, so it has no rights any more: somebody has to find out where, and enrol anew.
    Copied,
    /// Its lane is shut, with this code.
    OutOfOrder(u8),
    /// It has told nothing for a while.
    Silent,
    /// No arbiter answers it: the event's offline choice holds there.
    Alone,
    /// What it knows is old.
    Old,
    /// It has told nothing since this registrar started.
    NeverHeard,
    /// All is well.
    InOrder,
    /// It has no rights any more.
    Revoked,
}

impl GateStanding {
    fn of(gate: &GateView, heard: Option<&Heard>, now: Timestamp) -> Self {
        if gate.copied {
            return Self::Copied;
        }
        if gate.revoked {
            return Self::Revoked;
        }
        let Some(Heard { at, report }) = heard else { return Self::NeverHeard };
        if now.since(*at) > SILENT_AFTER {
            return Self::Silent;
        }
        if let Some(code) = report.out_of_order {
            return Self::OutOfOrder(code);
        }
        if !report.arbiter_answers {
            return Self::Alone;
        }
        let age = report.head_issued_at.map_or(Duration::MAX, |issued_at| now.since(issued_at));
        if age > OLD_AFTER { Self::Old } else { Self::InOrder }
    }

    pub(in crate::web::console) const fn needs_somebody(self) -> bool {
        matches!(self, Self::Copied | Self::OutOfOrder(_) | Self::Silent | Self::Alone | Self::Old)
    }

    pub(in crate::web::console) const fn name(self) -> &'static str {
        match self {
            Self::Copied => "copied",
            Self::OutOfOrder(_) => "out-of-order",
            Self::Silent => "silent",
            Self::Alone => "alone",
            Self::Old => "old",
            Self::NeverHeard => "never-heard",
            Self::InOrder => "in-order",
            Self::Revoked => "revoked",
        }
    }

    fn key(self) -> String {
        format!("console-gate-{}", self.name())
    }

    /// Colour and picture; the word says the same.
    const fn class(self) -> &'static str {
        match self {
            Self::Copied | Self::OutOfOrder(_) | Self::Silent | Self::Alone | Self::Old => "needs",
            Self::InOrder => "well",
            Self::NeverHeard | Self::Revoked => "quiet",
        }
    }

    const fn icon(self) -> &'static str {
        match self {
            Self::Copied | Self::OutOfOrder(_) => icons::FAULT,
            Self::Silent | Self::Alone | Self::Old => icons::NOTICE,
            Self::NeverHeard => icons::WAIT,
            Self::InOrder => icons::DONE,
            Self::Revoked => icons::LOCKED,
        }
    }
}

/// A gate as a row shows it.
#[derive(Debug)]
pub(in crate::web::console) struct GateRow {
    pub(in crate::web::console) standing: GateStanding,
    pub(in crate::web::console) word: String,
    pub(in crate::web::console) class: &'static str,
    pub(in crate::web::console) icon: &'static str,
    pub(in crate::web::console) id: GateId,
    pub(in crate::web::console) short: String,
    pub(in crate::web::console) entrance: String,
    pub(in crate::web::console) zone: String,
    pub(in crate::web::console) seen: String,
    pub(in crate::web::console) replica: String,
    pub(in crate::web::console) arbiter: String,
    pub(in crate::web::console) waits: bool,
}

/// The last letters of an id: enough to tell gates apart on a screen.
pub(super) fn tail(text: &str) -> String {
    let start = text.len().saturating_sub(6);
    format!("…{}", text.get(start..).unwrap_or_default())
}

fn row(around: &Around<'_>, view: &EventView, gate: GateView, heard: Option<&Heard>, now: Timestamp) -> GateRow {
    let (standing, none) = (GateStanding::of(&gate, heard, now), || "–".to_owned());
    let word = match standing {
        GateStanding::OutOfOrder(code) => {
            let fills = [("code", u64::from(code).into()), ("why", around.say(&format!("console-code-{code}")).into())];
            around.page.speech.say_with(&standing.key(), &fills)
        }
        GateStanding::Copied
        | GateStanding::Silent
        | GateStanding::Alone
        | GateStanding::Old
        | GateStanding::NeverHeard
        | GateStanding::InOrder
        | GateStanding::Revoked => around.say(&standing.key()),
    };
    let replica = heard.map_or_else(none, |heard| {
        let behind = view.feed_length.saturating_sub(heard.report.feed_length);
        let age =
            heard.report.head_issued_at.map_or_else(none, |issued_at| ago(now.since(issued_at), around.page.speech));
        let fills = [("length", heard.report.feed_length.into()), ("behind", behind.into()), ("age", age.into())];
        around.page.speech.say_with("console-replica", &fills)
    });
    let arbiter = heard.map_or_else(none, |heard| {
        around.say(if heard.report.arbiter_answers { "console-arbiter-answers" } else { "console-arbiter-silent" })
    });
    GateRow {
        standing,
        word,
        class: standing.class(),
        icon: standing.icon(),
        id: gate.gate,
        short: tail(&gate.gate.to_string()),
        entrance: gate.entrance.to_string(),
        zone: gate.zone.to_string(),
        seen: heard.map_or_else(none, |heard| ago(now.since(heard.at), around.page.speech)),
        replica,
        arbiter,
        waits: heard.is_some_and(|heard| heard.report.waits_to_upload),
    }
}

/// All gates of an event, those that need somebody first.
pub(in crate::web::console) fn rows(
    around: &Around<'_>,
    view: &EventView,
    (gates, reports): (Vec<GateView>, &EventReports),
    now: Timestamp,
) -> Vec<GateRow> {
    let row = |gate: GateView| {
        let heard = reports.gates.get(&gate.gate);
        row(around, view, gate, heard, now)
    };
    let mut rows: Vec<GateRow> = gates.into_iter().map(row).collect();
    rows.sort_by(|one, other| (one.standing, &one.entrance, one.id).cmp(&(other.standing, &other.entrance, other.id)));
    rows
}

pub(in crate::web::console) fn needing(rows: &[GateRow]) -> u64 {
    u64::try_from(rows.iter().filter(|row| row.standing.needs_somebody()).count()).unwrap_or(u64::MAX)
}

impl Around<'_> {
    /// How the gates are, in one sentence. All is well only where every gate has said so.
    pub(in crate::web::console) fn of_gates(&self, rows: &[GateRow]) -> String {
        let needing = needing(rows);
        let unheard = rows.iter().any(|row| row.standing == GateStanding::NeverHeard);
        if needing == 0 && unheard {
            self.say("console-not-all-heard")
        } else {
            self.count("console-needing", &needing)
        }
    }
}

/// How long ago something was, in the largest unit that says it: `12 s ago`, `5分前`, `3 h ago`.
fn ago(span: Duration, speech: Speech<'_>) -> String {
    let seconds = span.as_secs();
    let (unit, count) = match seconds {
        0..=119 => ("seconds", seconds),
        120..=7_199 => ("minutes", seconds / 60),
        _ => ("hours", seconds / 3_600),
    };
    speech.say_count(&format!("console-ago-{unit}"), "count", count)
}
