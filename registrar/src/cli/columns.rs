//! CSV files with exactly the columns that they should have, and everything that can be wrong with one.
//!
//! What stands in a row is never repeated in a fault; line and column tell where to look.

use core::fmt;

use kido_shared::ticket::TicketError;

use super::moment::MomentError;
use crate::domain::party::PartyLabelError;
use crate::domain::reference::ReferenceError;
use crate::domain::short_id::ShortIdError;
use crate::domain::ticket::EntriesError;

/// Most faults that a command names: who has more has another file in hand.
pub(crate) const FAULTS_MAX: usize = 100;

/// Longest column name that is repeated in an error.
const COLUMN_NAME_CHARS_MAX: usize = 32;

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
    /// How often a ticket lets in.
    #[error(transparent)]
    Entries(#[from] EntriesError),
    /// A moment.
    #[error(transparent)]
    Moment(#[from] MomentError),
    /// A party.
    #[error(transparent)]
    Party(#[from] PartyLabelError),
    /// The short form of a ticket's id.
    #[error(transparent)]
    ShortId(#[from] ShortIdError),
    /// A gate.
    #[error("no gate of this event has this id, and no single one this entrance")]
    Gate,
}

/// All that is wrong with a file, as far as it is named.
#[derive(Debug)]
pub struct TableFaults(pub(super) Vec<TableError>);

impl std::error::Error for TableFaults {}

impl fmt::Display for TableFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.0.iter().enumerate() {
            let between = if place == 0 { "" } else { "\n  " };
            write!(f, "{between}{fault}")?;
        }
        match self.0.len() {
            0 | 1 => Ok(()),
            some if some < FAULTS_MAX => write!(f, "\n{some} faults"),
            _ => write!(f, "\nthe first {FAULTS_MAX} faults; what follows was not looked at"),
        }
    }
}

/// The CSV reader quotes bytes in some of its errors; where the line is known, that is all that is told.
pub(super) fn of_csv(error: csv::Error, line: u64) -> TableError {
    let line = error.position().map_or(line, csv::Position::line);
    if matches!(error.kind(), csv::ErrorKind::Io(_)) { TableError::Read(error) } else { TableError::Row(line) }
}

/// Where each column stands in this file; in the order in which the columns are named.
pub(super) fn places<const N: usize>(
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
pub(super) struct Fields<'f> {
    pub(super) line: u64,
    pub(super) faults: &'f mut Vec<TableError>,
}

impl Fields<'_> {
    /// The field, or nothing where it joined the faults.
    pub(super) fn read<T, E: Into<FieldError>>(&mut self, column: &'static str, field: Result<T, E>) -> Option<T> {
        let fault = |reason: E| TableError::Field { line: self.line, column, reason: reason.into() };
        field.map_err(|reason| self.faults.push(fault(reason))).ok()
    }
}
