//! The import's CSV file: exactly eight columns, every row parsed before anything is sent.
//!
//! A file with any other column is refused by that column's name: a name or an address must not get this far. What
//! stands in a row is never repeated in an error; line and column tell where to look.

use std::collections::BTreeMap;
use std::io::Read;

use kido_shared::clock::Timestamp;
use kido_shared::ticket::{Entries, EntryWindow, SeatLabel, TicketError, Zone};

use super::moment::{self, MomentError};
use crate::domain::party::{PartyLabel, PartyLabelError};
use crate::domain::reference::{OrderRef, ReferenceError, TicketRef};
use crate::domain::ticket::{EntriesError, offered_entries};

/// The columns of an import, in the order in which the manual names them.
pub(crate) const COLUMNS: [&str; 8] =
    ["ticket_ref", "order_ref", "zone", "seat_label", "valid_from", "valid_until", "entries", "party"];

/// Most rows of one file: the largest events planned for, ten times.
const ROWS_MAX: usize = 1_000_000;

/// Longest column name that is repeated in an error.
const COLUMN_NAME_CHARS_MAX: usize = 32;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The first line names no column that is known.
    #[error("the first line must name the columns: {}", COLUMNS.join(","))]
    NoHeader,
    /// A column that tickets do not have.
    #[error("column {0:?} is not one of {columns}; tickets carry nothing else", columns = COLUMNS.join(", "))]
    Column(String),
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
}

/// One row, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableRow {
    /// Where it stands, from 1.
    pub(crate) line: u64,
    pub(crate) ticket_ref: TicketRef,
    pub(crate) order_ref: OrderRef,
    pub(crate) zone: Zone,
    pub(crate) seat_label: SeatLabel,
    pub(crate) valid_from: Timestamp,
    pub(crate) valid_until: Timestamp,
    pub(crate) entries: Entries,
    pub(crate) party: String,
}

/// Reads a whole file, up to its first fault.
pub(crate) fn read(file: impl Read) -> Result<Vec<TableRow>, TableError> {
    read_to(file, Bounds { rows: ROWS_MAX, faults: 1 })
        .map_err(|faults| faults.into_iter().next().unwrap_or(TableError::Empty))
}

/// How much of a file is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Most rows.
    pub(crate) rows: usize,
    /// Most faults that are named.
    pub(crate) faults: usize,
}

/// Reads a whole file and names its faults, so many of them at most: one row's does not hide the next one's.
pub(crate) fn read_to(file: impl Read, bounds: Bounds) -> Result<Vec<TableRow>, Vec<TableError>> {
    let mut faults = Vec::new();
    match read_rows(file, bounds, &mut faults) {
        Ok(rows) if faults.is_empty() => Ok(rows),
        Ok(_rows) => Err(faults),
        Err(fault) => {
            faults.push(fault);
            Err(faults)
        }
    }
}

fn read_rows(file: impl Read, bounds: Bounds, faults: &mut Vec<TableError>) -> Result<Vec<TableRow>, TableError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(true).flexible(false).from_reader(file);
    let places = places(reader.headers().map_err(|error| of_csv(error, 1))?)?;
    let (mut rows, mut seen) = (Vec::new(), BTreeMap::new());
    let mut record = csv::StringRecord::new();
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
        match row(line, &record, &places) {
            Ok(row) => match seen.insert(row.ticket_ref.clone(), line) {
                Some(first) => faults.push(TableError::Repeated { line, first }),
                None => rows.push(row),
            },
            Err(fault) => faults.push(fault),
        }
    }
    if rows.is_empty() && faults.is_empty() { Err(TableError::Empty) } else { Ok(rows) }
}

/// The CSV reader quotes bytes in some of its errors; where the line is known, that is all that is told.
fn of_csv(error: csv::Error, line: u64) -> TableError {
    let line = error.position().map_or(line, csv::Position::line);
    if matches!(error.kind(), csv::ErrorKind::Io(_)) { TableError::Read(error) } else { TableError::Row(line) }
}

/// Where each column stands.
fn places(header: &csv::StringRecord) -> Result<[usize; 8], TableError> {
    let known = |name: &str| COLUMNS.iter().position(|column| *column == name);
    let names = || header.iter().map(|name| name.trim_start_matches('\u{feff}').trim());
    if !names().any(|name| known(name).is_some()) {
        return Err(TableError::NoHeader);
    }
    let mut places = [None; 8];
    for (place, name) in names().enumerate() {
        let Some(column) = known(name) else { return Err(TableError::Column(shown(name))) };
        let slot = places.get_mut(column).zip(COLUMNS.get(column));
        let Some((slot, column)) = slot else { return Err(TableError::Column(shown(name))) };
        if slot.replace(place).is_some() {
            return Err(TableError::Twice(column));
        }
    }
    let mut found = [0; 8];
    for ((found, place), column) in found.iter_mut().zip(places).zip(COLUMNS) {
        *found = place.ok_or(TableError::Missing(column))?;
    }
    Ok(found)
}

fn shown(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).take(COLUMN_NAME_CHARS_MAX).collect()
}

fn row(line: u64, record: &csv::StringRecord, places: &[usize; 8]) -> Result<TableRow, TableError> {
    let mut fields = places.iter().map(|place| record.get(*place).unwrap_or_default().trim());
    let [reference, order, zone, seat_label, valid_from, valid_until, entries, party] =
        std::array::from_fn(|_column| fields.next().unwrap_or_default());
    let at = |column| Place { line, column };
    let party_label = Some(party).filter(|party| !party.is_empty()).map(PartyLabel::parse).transpose();
    at("party").read(party_label)?;
    let (valid_from, valid_until) =
        (at("valid_from").read(moment::parse(valid_from))?, at("valid_until").read(moment::parse(valid_until))?);
    at("valid_until").read(EntryWindow::new(valid_from, valid_until))?;
    Ok(TableRow {
        line,
        ticket_ref: at("ticket_ref").read(TicketRef::parse(reference))?,
        order_ref: at("order_ref").read(OrderRef::parse(order))?,
        zone: at("zone").read(Zone::new(zone))?,
        seat_label: at("seat_label").read(SeatLabel::new(seat_label))?,
        valid_from,
        valid_until,
        entries: at("entries").read(offered_entries(entries))?,
        party: party.to_owned(),
    })
}

/// Where a field stands.
#[derive(Clone, Copy)]
struct Place {
    line: u64,
    column: &'static str,
}

impl Place {
    fn read<T, E: Into<FieldError>>(self, field: Result<T, E>) -> Result<T, TableError> {
        field.map_err(|reason| TableError::Field { line: self.line, column: self.column, reason: reason.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "ticket_ref,order_ref,zone,seat_label,valid_from,valid_until,entries,party\n";
    const ROW: &str = "TICKET-1,ORDER-1,A,Row 3,2027-01-10T17:00:00+09:00,2027-01-10T22:00:00+09:00,1,\n";

    fn refused(table: &str) -> String {
        read(table.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_file_with_exactly_these_columns_is_read_in_any_order() {
        let rows = read(format!("{HEADER}{ROW}").as_bytes()).unwrap();
        assert_eq!((rows.len(), rows[0].line, rows[0].ticket_ref.as_str()), (1, 2, "TICKET-1"));
        let turned = "party,entries,valid_until,valid_from,seat_label,zone,order_ref,ticket_ref\n\
            family,1,2027-01-10T22:00:00+09:00,2027-01-10T17:00:00+09:00,Row 3,A,ORDER-1,TICKET-1\n";
        assert_eq!(read(turned.as_bytes()).unwrap()[0].party, "family");
        assert_eq!(read(format!("\u{feff}{HEADER}{ROW}").as_bytes()).unwrap().len(), 1, "a spreadsheet's mark");
    }

    #[test]
    fn any_other_column_is_refused_by_name() {
        let header = HEADER.replace("party\n", "party,holder_name\n");
        assert!(refused(&format!("{header}{ROW}")).contains("holder_name"));
        assert!(refused(&HEADER.replace(",party", "")).contains("party is missing"));
        assert!(refused(&HEADER.replace("party", "zone")).contains("zone is there twice"));
    }

    #[test]
    fn nothing_that_stands_in_a_row_is_repeated() {
        let personal = ROW.replace("Row 3", "山田太郎様");
        let said = refused(&format!("{HEADER}{personal}"));
        assert!(said.starts_with("line 2, seat_label:") && !said.contains("山田"), "{said}");
        let no_header = refused(&personal);
        assert!(!no_header.contains("山田") && no_header.contains("first line"), "{no_header}");
        let reference = refused(&format!("{HEADER}{}", ROW.replace("TICKET-1", "taro@example.jp")));
        assert!(reference.starts_with("line 2, ticket_ref:") && !reference.contains("taro"), "{reference}");
        let moment = refused(&format!("{HEADER}{}", ROW.replace("2027-01-10T17:00:00+09:00", "Taro")));
        assert!(moment.starts_with("line 2, valid_from:") && !moment.contains("Taro"), "{moment}");
        let ragged = refused(&format!("{HEADER}{ROW}Taro,Hanako\n"));
        let again = refused(&format!("{HEADER}{}", ROW.replace("+09:00,1,", "+09:00,unlimited,")));
        assert_eq!(again, "line 2, entries: only 1 is offered yet");
        assert!(ragged.starts_with("line 3 ") && !ragged.contains("Taro"), "{ragged}");
    }

    #[test]
    fn one_ticket_stands_in_one_row() {
        assert_eq!(refused(&format!("{HEADER}{ROW}{ROW}")), "line 3: the ticket_ref of line 2 again");
        assert_eq!(refused(HEADER), "there is no ticket in it");
    }
}
