//! The CSV file that an import reads.
//!
//! The first byte chooses whether the rest is the whole file, or rows under the right header.

use kido_registrar::domain::reference::{OrderRef, TicketRef};
use kido_registrar::operator_files::{ROWS_MAX, TICKET_COLUMNS, read_tickets};
use kido_shared::ticket::{EntryWindow, SeatLabel, Zone};

use crate::specimen::{choice, chosen};

/// Most faults that are named; the last line of a text counts them.
const LINES_MAX: usize = 100 + 1;

/// Every row that is kept holds together by itself and among the others; no fault repeats what stands in a row.
pub fn run(data: &[u8]) {
    let (chosen, rest) = choice(data);
    let header = if chosen == 0 { String::new() } else { format!("{}\n", TICKET_COLUMNS.join(",")) };
    let file = [header.as_bytes(), rest].concat();
    match read_tickets(file.as_slice()) {
        Ok(rows) => {
            assert!((1..=ROWS_MAX).contains(&rows.len()), "{} rows", rows.len());
            let mut references: Vec<_> = rows.iter().map(|row| row.ticket_ref.as_str()).collect();
            references.sort_unstable();
            references.dedup();
            assert_eq!(references.len(), rows.len(), "two rows of one ticket");
            for row in &rows {
                assert!(TicketRef::parse(row.ticket_ref.as_str()).is_ok(), "no reference of a ticket");
                assert!(OrderRef::parse(row.order_ref.as_str()).is_ok(), "no reference of an order");
                assert!(Zone::new(row.zone.as_str()).is_ok_and(|zone| zone == row.zone), "no zone");
                assert!(SeatLabel::new(row.seat_label.as_str()).is_ok_and(|seat| seat == row.seat_label), "no seat");
                assert!(EntryWindow::new(row.valid_from, row.valid_until).is_ok(), "no window");
            }
        }
        Err(faults) => {
            let text = faults.to_string();
            assert!(text.lines().count() <= LINES_MAX, "{text}");
            // Under the right header nothing of the file is named but lines and columns: foreign letters would be its own.
            assert!(header.is_empty() || text.is_ascii(), "{text}");
        }
    }
}

/// Good files, and files with one thing wrong.
pub fn seeds() -> Vec<Vec<u8>> {
    let header = TICKET_COLUMNS.join(",");
    let row = "TICKET-1,ORDER-1,A,Row 3,2027-01-10T17:00:00+09:00,2027-01-10T22:00:00+09:00,1,";
    let party = row.replace("TICKET-1", "TICKET-2").replace(",1,", ",1,family");
    let quoted = row.replace("Row 3", "\"1階 3列, 12番\"");
    vec![
        chosen(0, format!("{header}\n{row}\n").as_bytes()),
        chosen(0, format!("\u{feff}{header},name\n{row},x\n").as_bytes()),
        chosen(1, format!("{row}\r\n{party}\r\n").as_bytes()),
        chosen(1, quoted.as_bytes()),
        chosen(1, format!("{row}\n{row}\n").as_bytes()),
        chosen(1, row.replace("2027", "山田太郎様").as_bytes()),
    ]
}
