//! The code file of an import: made, written and synced before the first ticket is sent.
//!
//! So a lost answer, a crash or a full disk on either side loses nothing: the same command with the same files sends the
//! same codes again, and the registrar answers that it has them.

use std::collections::BTreeMap;
use std::path::Path;

use kido_shared::codes::Code;
use kido_store::private_file::{self, PrivateFileError};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use super::ticket_table::TableRow;
use crate::domain::link;
use crate::domain::reference::TicketRef;

pub(crate) const HEADER: &str = "ticket_ref,link";

/// Largest code file that is taken up again: a million lines of under 130 bytes.
const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Why there is no usable code file.
#[derive(Debug, thiserror::Error)]
pub enum CodesFileError {
    /// It cannot be written or read.
    #[error("the code file cannot be written or read")]
    File(#[source] PrivateFileError),
    /// It is there, but of another import.
    #[error("the code file is there already and belongs to another import; name another one with --codes")]
    Other,
}

/// The codes of one import, in the order of its rows.
pub(crate) struct Codes {
    pub(crate) codes: Vec<Code>,
    /// Whether an earlier run of the same import has made them.
    pub(crate) taken_up: bool,
}

/// Makes a code for each row and writes them down, or takes up what an earlier run has written.
pub(crate) fn make_or_take_up(
    path: &Path,
    origin: &str,
    rows: &[TableRow],
    random: &mut (impl RngCore + CryptoRng),
) -> Result<Codes, CodesFileError> {
    let codes: Vec<Code> = rows.iter().map(|_row| Code::generate(random)).collect();
    let pairs = rows.iter().map(|row| &row.ticket_ref).zip(&codes);
    match private_file::create(path, text(origin, pairs).as_bytes()) {
        Ok(()) => Ok(Codes { codes, taken_up: false }),
        Err(PrivateFileError::Exists) => take_up(path, rows),
        Err(error) => Err(CodesFileError::File(error)),
    }
}

/// The file's text: a line for each ticket. One buffer of its final size, so that no copy is left behind.
pub(crate) fn text<'c>(
    origin: &str,
    codes: impl ExactSizeIterator<Item = (&'c TicketRef, &'c Code)>,
) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(codes.len().saturating_mul(origin.len() + 80) + 32));
    text.push_str(HEADER);
    text.push('\n');
    for (reference, code) in codes {
        let link = link::registration(origin, code);
        for part in [reference.as_str(), ",", &link, "\n"] {
            text.push_str(part);
        }
    }
    text
}

fn take_up(path: &Path, rows: &[TableRow]) -> Result<Codes, CodesFileError> {
    let bytes = private_file::read(path, FILE_BYTES_MAX).map(Zeroizing::new).map_err(CodesFileError::File)?;
    let text = core::str::from_utf8(&bytes).map_err(|_not_text| CodesFileError::Other)?;
    let mut known = BTreeMap::new();
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err(CodesFileError::Other);
    }
    for line in lines {
        let (reference, link) = line.split_once(',').ok_or(CodesFileError::Other)?;
        let (_page, code) = link.split_once('#').ok_or(CodesFileError::Other)?;
        known.insert(reference, Code::parse(code).map_err(|_no_code| CodesFileError::Other)?);
    }
    if known.len() != rows.len() {
        return Err(CodesFileError::Other);
    }
    let of_row = |row: &TableRow| known.get(row.ticket_ref.as_str()).cloned().ok_or(CodesFileError::Other);
    Ok(Codes { codes: rows.iter().map(of_row).collect::<Result<_, _>>()?, taken_up: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator_files::ticket_table;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    fn rows(references: &[&str]) -> Vec<TableRow> {
        let mut text = format!("{}\n", ticket_table::COLUMNS.join(","));
        for reference in references {
            text.push_str(&format!("{reference},ORDER-1,A,,2027-01-10T17:00:00Z,2027-01-10T22:00:00Z,1,\n"));
        }
        ticket_table::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_second_run_sends_the_codes_of_the_first() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("codes.csv");
        let mut random = StdRng::seed_from_u64(1);
        let rows = rows(&["TICKET-1", "TICKET-2"]);
        let first = make_or_take_up(&path, "https://tickets.example", &rows, &mut random).unwrap();
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written.starts_with("ticket_ref,link\nTICKET-1,https://tickets.example/r#"));
        let second = make_or_take_up(&path, "https://tickets.example", &rows, &mut random).unwrap();
        assert!(second.taken_up && !first.taken_up);
        let hashes = |codes: &Codes| codes.codes.iter().map(Code::hash).collect::<Vec<_>>();
        assert_eq!(hashes(&first), hashes(&second));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    }

    #[test]
    fn the_code_file_of_another_import_is_never_touched() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("codes.csv");
        let mut random = StdRng::seed_from_u64(1);
        make_or_take_up(&path, "https://a.example", &rows(&["TICKET-1"]), &mut random).unwrap();
        let written = std::fs::read(&path).unwrap();
        for other in [rows(&["TICKET-2"]), rows(&["TICKET-1", "TICKET-2"])] {
            let refused = make_or_take_up(&path, "https://a.example", &other, &mut random);
            assert!(matches!(refused, Err(CodesFileError::Other)));
        }
        assert_eq!(std::fs::read(&path).unwrap(), written);
    }
}
