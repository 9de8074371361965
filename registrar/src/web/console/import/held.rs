//! An import that a session holds: what stood in the file, the codes that were made for it, and how far it is.
//!
//! Rows and codes never change once a file was judged; how far the import is has a lock of its own. So nobody else's
//! page waits while a file of codes is put together.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::codes::Code;
use kido_shared::ids::{EventId, ImportRunId};
use kido_shared::ticket::EntryWindow;
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::domain::party::PartyLabel;
use crate::error::AppError;
use crate::operator_files::codes_file;
use crate::operator_files::columns::{Bounds, TableError};
use crate::operator_files::ticket_table::{self, TableRow};
use crate::store::{ImportOutcome, RowRefusal, TicketRow};

/// Most rows of one import: five full halls. Larger ones are for the command line, which keeps the codes on its own
/// machine; here they would be in memory.
pub(in crate::web::console) const ROWS_MAX: usize = 100_000;

/// Tickets of one step: on a slow disk a second, so that progress is seen.
const STEP: usize = 500;

/// How long an import that is over is held: time to save the file and to print.
const OVER_HELD: Duration = Duration::from_secs(60 * 60);

/// Which import: a page, a step and a file name the one that they are about, and never mean another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub(in crate::web::console) struct ImportId(u64);

impl ImportId {
    /// The number of an import, counted from this process's start.
    pub(in crate::web::console) const fn of(number: u64) -> Self {
        Self(number)
    }

    pub(in crate::web::console) fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    /// The same among the imports of programs: theirs are hashes, and none of them is nearly all zeros.
    pub(in crate::web::console) fn run(self) -> ImportRunId {
        let mut bytes = [0; 16];
        let (_zeros, number) = bytes.split_at_mut(8);
        number.copy_from_slice(&self.0.to_be_bytes());
        ImportRunId::from_bytes(bytes)
    }
}

impl core::fmt::Display for ImportId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// A file without a fault, and a code for each of its rows.
#[derive(Debug)]
pub(in crate::web::console) struct Judged {
    rows: Vec<TableRow>,
    codes: Vec<Code>,
}

impl Judged {
    /// Reads a whole file and makes its codes. Takes as long as the file is large.
    ///
    /// # Errors
    /// Its faults, at most so many.
    pub(in crate::web::console) fn read(
        file: &[u8],
        faults_max: usize,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, Vec<TableError>> {
        let rows = ticket_table::read_to(file, Bounds { rows: ROWS_MAX, faults: faults_max })?;
        let codes = rows.iter().map(|_row| Code::generate(random)).collect();
        Ok(Self { rows, codes })
    }

    pub(in crate::web::console) const fn rows(&self) -> usize {
        self.rows.len()
    }
}

#[derive(Debug, Default)]
struct Progress {
    done: usize,
    created: u64,
    unchanged: u64,
    /// By place in the file.
    refused: BTreeMap<usize, RowRefusal>,
    over_at: Option<Timestamp>,
}

/// How far an import is, as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web::console) struct ImportStanding {
    pub(in crate::web::console) done: usize,
    pub(in crate::web::console) created: u64,
    pub(in crate::web::console) unchanged: u64,
    /// The first rows that were refused, by their lines.
    pub(in crate::web::console) refused: Vec<(u64, RowRefusal)>,
    pub(in crate::web::console) refused_in_all: usize,
}

/// The next tickets, and how many there were before them.
pub(in crate::web::console) struct ImportStep {
    pub(in crate::web::console) done: usize,
    pub(in crate::web::console) rows: Vec<TicketRow>,
}

/// One import.
#[derive(Debug)]
pub(in crate::web::console) struct Import {
    id: ImportId,
    event: EventId,
    paid: bool,
    judged: Judged,
    progress: Mutex<Progress>,
}

impl Import {
    pub(in crate::web::console) fn new(id: ImportId, (event, paid): (EventId, bool), judged: Judged) -> Self {
        Self { id, event, paid, judged, progress: Mutex::default() }
    }

    pub(in crate::web::console) const fn id(&self) -> ImportId {
        self.id
    }

    pub(in crate::web::console) const fn event(&self) -> EventId {
        self.event
    }

    /// Whether its tickets are paid for.
    pub(in crate::web::console) const fn is_paid(&self) -> bool {
        self.paid
    }

    pub(in crate::web::console) const fn rows(&self) -> usize {
        self.judged.rows()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was over so long ago that it is let go.
    pub(in crate::web::console) fn is_stale(&self, now: Timestamp) -> bool {
        self.progress().over_at.is_some_and(|over_at| now.since(over_at) >= OVER_HELD)
    }

    /// How far it is, with so many of the refused rows.
    pub(in crate::web::console) fn standing(&self, refused_max: usize) -> ImportStanding {
        let progress = self.progress();
        let line = |place: &usize| self.judged.rows.get(*place).map_or(0, |row| row.line);
        let refused = progress.refused.iter().take(refused_max);
        ImportStanding {
            done: progress.done,
            created: progress.created,
            unchanged: progress.unchanged,
            refused: refused.map(|(place, refusal)| (line(place), *refusal)).collect(),
            refused_in_all: progress.refused.len(),
        }
    }

    /// The next tickets, parsed again from what was judged before.
    ///
    /// # Errors
    /// [`AppError::Bug`].
    pub(in crate::web::console) fn step(&self) -> Result<ImportStep, AppError> {
        let done = self.progress().done;
        let pairs = self.judged.rows.iter().zip(&self.judged.codes).skip(done).take(STEP);
        Ok(ImportStep { done, rows: pairs.map(|(row, code)| ticket(row, code)).collect::<Result<_, _>>()? })
    }

    /// Books what became of the tickets that came after the first `done` ones. Says whether those were the last.
    pub(in crate::web::console) fn note(&self, done: usize, outcomes: &[ImportOutcome], now: Timestamp) -> bool {
        let mut progress = self.progress();
        // Another tab's step was noted meanwhile: it was the same one.
        if progress.done != done {
            return progress.over_at.is_some();
        }
        for (offset, outcome) in outcomes.iter().enumerate() {
            match outcome {
                ImportOutcome::Created(_) => progress.created = progress.created.saturating_add(1),
                ImportOutcome::Unchanged(_) => progress.unchanged = progress.unchanged.saturating_add(1),
                ImportOutcome::Refused(refusal) => {
                    progress.refused.insert(done.saturating_add(offset), *refusal);
                }
            }
        }
        progress.done = done.saturating_add(outcomes.len());
        let is_over = progress.done >= self.rows();
        if is_over {
            progress.over_at = Some(now);
        }
        is_over
    }

    /// Tickets and their codes, those that were refused left out: a link that opens nothing helps nobody.
    fn given_out(&self) -> Vec<(&TableRow, &Code)> {
        let progress = self.progress();
        let pairs = self.judged.rows.iter().zip(&self.judged.codes).enumerate();
        pairs.filter(|(place, _)| !progress.refused.contains_key(place)).map(|(_place, pair)| pair).collect()
    }

    /// The code file, byte for byte as the command line writes it: up to 13 MB.
    pub(in crate::web::console) fn code_file(&self, origin: &str) -> Zeroizing<String> {
        let pairs = self.given_out();
        codes_file::text(origin, pairs.into_iter().map(|(row, code)| (&row.ticket_ref, code)))
    }

    /// So many tickets and codes from a place on, and whether there are more.
    pub(in crate::web::console) fn sheet<T>(
        &self,
        first: usize,
        count: usize,
        slip: impl Fn(&TableRow, &Code) -> T,
    ) -> (Vec<T>, bool) {
        let pairs = self.given_out();
        let slips = pairs.iter().skip(first).take(count).map(|(row, code)| slip(row, code)).collect();
        (slips, pairs.len() > first.saturating_add(count))
    }
}

fn ticket(row: &TableRow, code: &Code) -> Result<TicketRow, AppError> {
    let judged = |_cannot_be: &dyn core::error::Error| AppError::Bug;
    let party = Some(row.party.as_str()).filter(|party| !party.is_empty()).map(PartyLabel::parse).transpose();
    Ok(TicketRow {
        reference: row.ticket_ref.clone(),
        order: row.order_ref.clone(),
        zone: row.zone.clone(),
        seat_label: row.seat_label.clone(),
        window: EntryWindow::new(row.valid_from, row.valid_until).map_err(|error| judged(&error))?,
        entries: row.entries,
        party: party.map_err(|error| judged(&error))?,
        code: code.hash(),
    })
}

#[cfg(test)]
mod tests {
    use kido_shared::ids::TicketId;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn file(rows: usize) -> String {
        let mut file = format!("{}\n", ticket_table::COLUMNS.join(","));
        for row in 0..rows {
            file.push_str(&format!("TICKET-{row},ORDER-1,A,,2027-01-10T17:00:00Z,2027-01-10T22:00:00Z,1,\n"));
        }
        file
    }

    fn import(rows: usize) -> Import {
        let judged = Judged::read(file(rows).as_bytes(), 1, &mut StdRng::seed_from_u64(1)).unwrap();
        Import::new(ImportId::of(1), (EventId::from_bytes([1; 16]), true), judged)
    }

    #[test]
    fn a_step_is_booked_once() {
        let import = import(3);
        let created = ImportOutcome::Created(TicketId::from_bytes([1; 16]));
        assert_eq!(import.step().unwrap().rows.len(), 3);
        import.note(0, &[created, ImportOutcome::Refused(RowRefusal::Different)], NOW);
        import.note(0, &[created, created], NOW);
        let standing = import.standing(10);
        assert_eq!((standing.done, standing.created, standing.refused_in_all), (2, 1, 1));
        assert_eq!(import.step().unwrap().rows.len(), 1);
        assert!(!import.is_stale(NOW.after(OVER_HELD)), "it is not over");
        import.note(2, &[created], NOW);
        assert!(import.is_stale(NOW.after(OVER_HELD)));
        assert!(!import.code_file("https://a.example").contains("TICKET-1,"));
    }

    #[test]
    fn so_many_refused_rows_are_shown_and_the_others_counted() {
        let import = import(5);
        import.note(0, &[ImportOutcome::Refused(RowRefusal::Different); 5], NOW);
        let standing = import.standing(2);
        assert_eq!(standing.refused, [(2, RowRefusal::Different), (3, RowRefusal::Different)]);
        assert_eq!(standing.refused_in_all, 5);
        assert_eq!(import.sheet(0, 10, |_, _| ()), (Vec::new(), false));
    }

    #[test]
    fn more_rows_than_are_kept_in_memory_are_refused() {
        let faults = Judged::read(file(ROWS_MAX + 1).as_bytes(), 1, &mut StdRng::seed_from_u64(1)).unwrap_err();
        assert!(matches!(faults[..], [TableError::TooManyRows(ROWS_MAX)]));
    }
}
