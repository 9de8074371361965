//! CSV files with exactly the columns that they should have, and everything that can be wrong with one.
//!
//! What stands in a row is never repeated in a fault; line and column tell where to look.

use core::fmt;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Read;

use kido_shared::ticket::TicketError;

use crate::domain::party::PartyLabelError;
use crate::domain::reference::ReferenceError;
use crate::domain::short_id::ShortIdError;
use crate::moment::MomentError;

/// Most faults that a command names: who has more has another file in hand.
pub(crate) const FAULTS_MAX: usize = 100;

/// Longest column name that is repeated in an error.
const COLUMN_NAME_CHARS_MAX: usize = 32;

/// Most rows of one file: the largest events planned for, ten times.
pub const ROWS_MAX: usize = 1_000_000;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The first line names no column that is known.
    #[error("the first line must name the columns: {}", .0.join(","))]
    NoHeader(&'static [&'static str]),
    /// A column that this file does not have.
    #[error("column {name:?} is not one of {}; the file has nothing else", columns.join(", "))]
    Column {
        /// Its name, cut.
        name: String,
        /// The names that there may be.
        columns: &'static [&'static str],
    },
    /// A column is missing.
    #[error("column {0} is missing")]
    Missing(&'static str),
    /// A column is there twice.
    #[error("column {0} is there twice")]
    Twice(&'static str),
    /// A row has more or fewer fields than there are columns, or is no text in UTF-8.
    #[error("line {0} does not have one field for each column, or is not UTF-8")]
    Row(u64),
    /// A field does not parse.
    #[error("line {line}, {column}: {reason}")]
    Field {
        /// Where, from 1.
        line: u64,
        /// In which column.
        column: &'static str,
        /// Why; never what stands there.
        reason: FieldError,
    },
    /// Two rows name the same ticket.
    #[error("line {line}: the ticket_ref of line {first} again")]
    Repeated {
        /// The second.
        line: u64,
        /// The first.
        first: u64,
    },
    /// No row.
    #[error("there is no ticket in it")]
    Empty,
    /// More rows than are read.
    #[error("more than {0} rows")]
    TooManyRows(usize),
    /// The file cannot be read.
    #[error("it cannot be read")]
    Read(#[source] csv::Error),
}

/// Why one field does not parse; the parsers' own words, which repeat nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Zone, seat label or window.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// A moment.
    #[error(transparent)]
    Moment(#[from] MomentError),
    /// A party.
    #[error(transparent)]
    Party(#[from] PartyLabelError),
    /// A reference or id of a ticket that the event does not have.
    #[error("no ticket of this event has this name")]
    NoSuchTicket,
    /// A short id that several tickets share.
    #[error("several tickets of this event begin like this: write more of the id")]
    Ambiguous,
    /// A moment that is still to come.
    #[error("this is still to come")]
    ToCome,
    /// The short form of a ticket's id.
    #[error(transparent)]
    ShortId(#[from] ShortIdError),
    /// A gate.
    #[error("no gate of this event has this id, and no single one this entrance")]
    Gate,
}

/// All that is wrong with a file, as far as it is named.
#[derive(Debug)]
pub struct TableFaults {
    named: Vec<TableError>,
    all: usize,
}

impl TableFaults {
    /// The first of so many faults.
    pub(crate) const fn counted(named: Vec<TableError>, all: usize) -> Self {
        Self { named, all }
    }
}

impl From<Vec<TableError>> for TableFaults {
    fn from(named: Vec<TableError>) -> Self {
        Self { all: named.len(), named }
    }
}

impl std::error::Error for TableFaults {}

impl fmt::Display for TableFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.named.iter().enumerate() {
            let between = if place == 0 { "" } else { "\n  " };
            write!(f, "{between}{fault}")?;
        }
        match (self.named.len(), self.all) {
            (0 | 1, 1) => Ok(()),
            (named, all) if named < all => write!(f, "\n{all} faults; the first {named} are named"),
            (FAULTS_MAX.., _) => write!(f, "\nthe first {FAULTS_MAX} faults; what follows was not looked at"),
            (_, all) => write!(f, "\n{all} faults"),
        }
    }
}

/// How much of a file is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Most rows.
    pub(crate) rows: usize,
    /// Most faults that are named.
    pub(crate) faults: usize,
}

/// Reads a whole file with these columns, in any order, row by row; whatever is wrong joins the faults, so many of them at
/// most. A row is kept only where it brought none.
pub(crate) fn read<const N: usize, T>(
    file: impl Read,
    columns: &'static [&'static str; N],
    bounds: Bounds,
    mut row: impl FnMut(u64, [&str; N], &mut Vec<TableError>) -> Option<T>,
) -> Result<Vec<T>, Vec<TableError>> {
    let mut faults = Vec::new();
    let read = read_rows(file, columns, bounds, &mut faults, &mut row);
    // The last row may have brought more than there was room for.
    faults.truncate(bounds.faults);
    match read {
        Ok(rows) if faults.is_empty() => Ok(rows),
        Ok(_rows) => Err(faults),
        Err(fault) => {
            faults.push(fault);
            Err(faults)
        }
    }
}

fn read_rows<const N: usize, T>(
    file: impl Read,
    columns: &'static [&'static str; N],
    bounds: Bounds,
    faults: &mut Vec<TableError>,
    row: &mut impl FnMut(u64, [&str; N], &mut Vec<TableError>) -> Option<T>,
) -> Result<Vec<T>, TableError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(true).flexible(false).from_reader(file);
    let places = places(reader.headers().map_err(|error| of_csv(error, 1))?, columns)?;
    let (mut rows, mut record) = (Vec::new(), csv::StringRecord::new());
    while faults.len() < bounds.faults {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                let fault = of_csv(error, 0);
                if matches!(fault, TableError::Read(_)) {
                    return Err(fault);
                }
                faults.push(fault);
                continue;
            }
        }
        let line = record.position().map_or(0, csv::Position::line);
        if rows.len() >= bounds.rows {
            return Err(TableError::TooManyRows(bounds.rows));
        }
        let fields = places.map(|place| record.get(place).unwrap_or_default().trim());
        let before = faults.len();
        rows.extend(row(line, fields, faults).filter(|_row| faults.len() == before));
    }
    if rows.is_empty() && faults.is_empty() { Err(TableError::Empty) } else { Ok(rows) }
}

/// The line that had this before, if one did.
pub(crate) fn earlier<K: Ord>(seen: &mut BTreeMap<K, u64>, key: K, line: u64) -> Option<u64> {
    match seen.entry(key) {
        Entry::Occupied(first) => Some(*first.get()),
        Entry::Vacant(place) => {
            place.insert(line);
            None
        }
    }
}

/// The CSV reader quotes bytes in some of its errors; where the line is known, that is all that is told.
fn of_csv(error: csv::Error, line: u64) -> TableError {
    let line = error.position().map_or(line, csv::Position::line);
    if matches!(error.kind(), csv::ErrorKind::Io(_)) { TableError::Read(error) } else { TableError::Row(line) }
}

/// Where each column stands in this file; in the order in which the columns are named.
fn places<const N: usize>(
    header: &csv::StringRecord,
    columns: &'static [&'static str; N],
) -> Result<[usize; N], TableError> {
    let known = |name: &str| columns.iter().position(|column| *column == name);
    let foreign = |name| TableError::Column { name: shown(name), columns };
    let names = || header.iter().map(|name| name.trim_start_matches('\u{feff}').trim());
    if !names().any(|name| known(name).is_some()) {
        return Err(TableError::NoHeader(columns));
    }
    let mut places = [None; N];
    for (place, name) in names().enumerate() {
        let Some(column) = known(name) else { return Err(foreign(name)) };
        let slot = places.get_mut(column).zip(columns.get(column));
        let Some((slot, column)) = slot else { return Err(foreign(name)) };
        if slot.replace(place).is_some() {
            return Err(TableError::Twice(column));
        }
    }
    let mut found = [0; N];
    for ((found, place), column) in found.iter_mut().zip(places).zip(columns) {
        *found = place.ok_or(TableError::Missing(column))?;
    }
    Ok(found)
}

fn shown(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).take(COLUMN_NAME_CHARS_MAX).collect()
}

/// The fields of one row, and where their faults go.
pub(crate) struct Fields<'f> {
    pub(crate) line: u64,
    pub(crate) faults: &'f mut Vec<TableError>,
}

impl Fields<'_> {
    /// The field, or nothing where it joined the faults.
    pub(crate) fn read<T, E: Into<FieldError>>(&mut self, column: &'static str, field: Result<T, E>) -> Option<T> {
        let fault = |reason: E| TableError::Field { line: self.line, column, reason: reason.into() };
        field.map_err(|reason| self.faults.push(fault(reason))).ok()
    }
}
