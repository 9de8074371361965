//! The import's CSV file: exactly eight columns, every row parsed before anything is sent.
//!
//! A file with any other column is refused by that column's name: a name or an address must not get this far. What
//! stands in a row is never repeated in an error; line and column tell where to look.

use std::collections::BTreeMap;
use std::io::Read;

use kido_shared::clock::Timestamp;
use kido_shared::ticket::{Entries, EntryWindow, SeatLabel, Zone};

use super::columns::{self, Bounds, FAULTS_MAX, Fields, ROWS_MAX, TableError, TableFaults};
use crate::domain::party::PartyLabel;
use crate::domain::reference::{OrderRef, TicketRef};
use crate::moment;

/// The columns of an import, in the order in which the manual names them.
pub const COLUMNS: [&str; 8] =
    ["ticket_ref", "order_ref", "zone", "seat_label", "valid_from", "valid_until", "entries", "party"];

/// One row, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// Where it stands, from 1.
    pub line: u64,
    /// The shop's name for the ticket.
    pub ticket_ref: TicketRef,
    /// The shop's name for the purchase.
    pub order_ref: OrderRef,
    /// Which part of the venue.
    pub zone: Zone,
    /// Which place there.
    pub seat_label: SeatLabel,
    /// From when on it lets in.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_until: Timestamp,
    /// How often.
    pub entries: Entries,
    /// With which others it enters; empty where with none.
    pub party: String,
}

/// Reads a whole file, and names its faults where it has any.
///
/// # Errors
/// [`TableFaults`], the first hundred.
pub fn read(file: impl Read) -> Result<Vec<TableRow>, TableFaults> {
    read_to(file, Bounds { rows: ROWS_MAX, faults: FAULTS_MAX }).map_err(TableFaults::from)
}

/// Reads a whole file and names its faults, so many of them at most: no row's hides the next one's, and no field's
/// another's of the same row.
pub(crate) fn read_to(file: impl Read, bounds: Bounds) -> Result<Vec<TableRow>, Vec<TableError>> {
    let mut seen = BTreeMap::new();
    columns::read(file, &COLUMNS, bounds, |line, fields, faults| {
        let read = row(line, fields, faults);
        if let Some(first) = read.reference.and_then(|reference| columns::earlier(&mut seen, reference, line)) {
            faults.push(TableError::Repeated { line, first });
        }
        read.row
    })
}

/// What a line gave: its reference is known to others even where something else of it does not parse.
struct ReadRow {
    reference: Option<TicketRef>,
    row: Option<TableRow>,
}

/// Reads one row; whatever is wrong with it joins the faults, field by field.
fn row(line: u64, fields: [&str; 8], faults: &mut Vec<TableError>) -> ReadRow {
    let [reference, order, zone, seat_label, valid_from, valid_until, entries, party] = fields;
    let mut fields = Fields { line, faults };
    let party_label = Some(party).filter(|party| !party.is_empty()).map(PartyLabel::parse).transpose();
    // All of them are read before the first that is missing ends it.
    let ticket_ref = fields.read("ticket_ref", TicketRef::parse(reference));
    let order_ref = fields.read("order_ref", OrderRef::parse(order));
    let zone = fields.read("zone", Zone::new(zone));
    let seat_label = fields.read("seat_label", SeatLabel::new(seat_label));
    let valid_from = fields.read("valid_from", moment::parse(valid_from));
    let valid_until = fields.read("valid_until", moment::parse(valid_until));
    let window = valid_from.zip(valid_until).map(|(from, until)| EntryWindow::new(from, until));
    let window = window.and_then(|window| fields.read("valid_until", window));
    let entries = fields.read("entries", Entries::try_from(entries.to_owned()));
    let party = fields.read("party", party_label).map(|_label| party.to_owned());
    let reference = ticket_ref.clone();
    let row = || {
        let (window, ticket_ref, order_ref, zone) = (window?, ticket_ref?, order_ref?, zone?);
        let (valid_from, valid_until) = (window.from(), window.until());
        let (seat_label, entries, party) = (seat_label?, entries?, party?);
        Some(TableRow { line, ticket_ref, order_ref, zone, seat_label, valid_from, valid_until, entries, party })
    };
    ReadRow { reference, row: row() }
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
        let entries = refused(&format!("{HEADER}{}", ROW.replace("+09:00,1,", "+09:00,Taro,")));
        assert!(entries.starts_with("line 2, entries:") && !entries.contains("Taro"), "{entries}");
        assert!(ragged.starts_with("line 3 ") && !ragged.contains("Taro"), "{ragged}");
    }

    #[test]
    fn every_fault_of_every_line_is_named_up_to_the_bound() {
        let two = ROW.replace(",A,", ",A B,").replace("22:00:00", "16:00:00");
        let said = refused(&format!("{HEADER}{two}{ROW}{}", ROW.replace("ORDER-1", "order")));
        let named: Vec<_> = said.lines().map(|line| line.trim().split(": ").next().unwrap().to_owned()).collect();
        assert_eq!(named, ["line 2, zone", "line 2, valid_until", "line 3", "line 4, order_ref", "line 4", "5 faults"]);
        assert_eq!(said.matches("the ticket_ref of line 2 again").count(), 2, "{said}");
        let many = refused(&format!("{HEADER}{}", two.repeat(FAULTS_MAX)));
        assert_eq!(many.lines().count(), FAULTS_MAX + 1);
        assert!(many.ends_with("the first 100 faults; what follows was not looked at"), "{many}");
    }

    #[test]
    fn one_ticket_stands_in_one_row() {
        assert_eq!(refused(&format!("{HEADER}{ROW}{ROW}")), "line 3: the ticket_ref of line 2 again");
        assert_eq!(refused(HEADER), "there is no ticket in it");
    }
}
