//! Where an import stands, in words.

use askama::Template;
use kido_shared::ids::EventId;
use kido_web::words::Speech;

use super::FILE_BYTES_MAX;
use super::held::{Import, ImportId};
use crate::operator_files::columns::TableError;
use crate::operator_files::ticket_table;
use crate::store::RowRefusal;
use crate::web::console::{Around, Page, Tab};

/// Faults of a file, and rows that were refused, that are shown: who has more has another file in hand.
pub(super) const SHOWN_MAX: usize = 100;

/// Where an import stands, as the page shows it.
#[derive(Debug)]
pub(super) enum Stage {
    /// No file yet, or one with faults, or one that was not read.
    Choose { notice: Option<&'static str>, faults: Vec<String>, more: bool, reserved: bool },
    /// The token holds another import: of another event, or on another screen.
    Elsewhere { what: String, look: Option<EventId> },
    /// The file is good.
    Ready { rows: u64, paid: bool },
    /// Under way.
    Running { done: u64, rows: u64 },
    /// Over.
    Over { created: u64, unchanged: u64, refused: Vec<String>, more: u64, given_out: u64 },
}

impl Stage {
    /// Its name, for styles, scripts and tests.
    const fn name(&self) -> &'static str {
        match self {
            Self::Choose { .. } => "choose",
            Self::Elsewhere { .. } => "elsewhere",
            Self::Ready { .. } => "ready",
            Self::Running { .. } => "running",
            Self::Over { .. } => "over",
        }
    }

    pub(super) const fn choose(notice: Option<&'static str>) -> Self {
        Self::Choose { notice, faults: Vec::new(), more: false, reserved: false }
    }
}

#[derive(Debug, Template)]
#[template(path = "console_import.html")]
pub(super) struct ImportPage<'p> {
    pub(super) page: Page<'p>,
    pub(super) around: Around<'p>,
    pub(super) id: EventId,
    pub(super) held: Option<ImportId>,
    pub(super) stage: Stage,
    pub(super) columns: String,
    /// Whether the event waits for its first gate.
    pub(super) no_gate: bool,
}

impl ImportPage<'_> {
    const fn bytes_max(&self) -> usize {
        FILE_BYTES_MAX
    }

    fn progress(&self, done: &u64, rows: &u64) -> String {
        let fills = [("done", (*done).into()), ("rows", (*rows).into())];
        self.around.page.speech.say_with("console-import-progress", &fills)
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

pub(super) fn stage(import: &Import, speech: Speech<'_>) -> Stage {
    let (rows, standing) = (import.rows(), import.standing(SHOWN_MAX));
    if standing.done >= rows {
        let refused = standing.refused.iter().map(|(line, refusal)| {
            let key = match refusal {
                RowRefusal::Different => "console-import-different",
                RowRefusal::CodeTaken => "console-import-code-taken",
            };
            speech.say_count(key, "line", *line)
        });
        return Stage::Over {
            created: standing.created,
            unchanged: standing.unchanged,
            refused: refused.collect(),
            more: count(standing.refused_in_all.saturating_sub(standing.refused.len())),
            given_out: count(rows.saturating_sub(standing.refused_in_all)),
        };
    }
    match standing.done {
        0 => Stage::Ready { rows: count(rows), paid: import.is_paid() },
        done => Stage::Running { done: count(done), rows: count(rows) },
    }
}

/// A fault of the file, in words; never what stands there.
pub(super) fn fault(fault: &TableError, speech: Speech<'_>) -> String {
    let columns = ticket_table::COLUMNS.join(", ");
    match fault {
        TableError::NoHeader(_) => speech.say_of("console-fault-header", "columns", &columns),
        TableError::Column { name, .. } => speech.say_of("console-fault-column", "column", name),
        TableError::Missing(column) => speech.say_of("console-fault-missing", "column", column),
        TableError::Twice(column) => speech.say_of("console-fault-twice", "column", column),
        TableError::Row(line) => speech.say_count("console-fault-row", "line", *line),
        TableError::Field { line, column, .. } => {
            let expected = speech.say(&format!("console-expects-{}", column.replace('_', "-")));
            let fills = [("line", (*line).into()), ("column", (*column).into()), ("expected", expected.into())];
            speech.say_with("console-fault-field", &fills)
        }
        TableError::Repeated { line, first } => {
            speech.say_with("console-fault-repeated", &[("line", (*line).into()), ("first", (*first).into())])
        }
        TableError::Empty => speech.say("console-fault-empty"),
        TableError::TooManyRows(rows) => speech.say_count("console-fault-too-many", "count", count(*rows)),
        TableError::Read(_) => speech.say("console-fault-read"),
    }
}
