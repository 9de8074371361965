//! `admissions import-journal`: what a gate's machine has written with `kido-gate journal export`.

use std::path::{Path, PathBuf};

use kido_shared::carried::{JOURNAL_FILE_BYTES_MAX, UnverifiedJournalFile};
use kido_shared::ids::EventId;
use kido_shared::wire::v1::operator::{self, JournalTaken};
use kido_store::private_file;

use crate::cli::client::Client;
use crate::cli::console::Console;
use crate::cli::{CliError, moment};

pub(super) const HELP: &str = "\
Example:
  kido-gate journal export /media/stick/north.journal --data DIR        on the gate's machine
  kido-registrar admissions import-journal EVENT /media/stick/north.journal
The file is what the gate would have uploaded if its line were up: admissions, and proofs that opened nothing. The gate has
signed it, so it does not matter who carries it. It is taken as an upload is: each entry once, whoever is in twice shown as
a conflict.

A revoked gate's file is refused, since whoever has stolen a gate can sign one. Where you know that it comes from a machine
that nobody else had, such as the disk of a gate that died: --of-revoked, for operators alone. It is listed as such. Do so
before you free what that gate holds (gate free-claims), or as soon as the disk is found.

Files may come late, in any order, and more than once. One that is cut short, altered, another event's or no gate's of this
event is refused before any of it is taken. Bring the same file again after any failure: what is in stays in, once.

The gate goes on offering all of this until its line is back; then it is told that it is here already.

Where a gate has decided by itself until now (home-gate) and another one is to open its zone, the file also says that it has
heard of the new choice: kido-gate journal export FILE --acknowledge, once it has taken the feed (feed export, kido-gate
import).

The file names tickets by their ids, with minutes and the gate: delete it once it is in.";

pub(super) async fn run(
    client: &Client,
    console: Console,
    (event, path): (EventId, PathBuf),
    of_revoked: bool,
) -> Result<(), CliError> {
    let file = read(&path)?;
    let to = if of_revoked { operator::journals_of_revoked(event) } else { operator::journals(event) };
    let taken: JournalTaken = client.post_bytes(&to, "application/cose", file).await?;
    console.show(&taken, describe)
}

/// Reads the file, and looks at its form before it is sent anywhere: nobody but its gate's registrar can look at more.
fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let file = private_file::read(path, JOURNAL_FILE_BYTES_MAX);
    let file = file.map_err(|source| CliError::File { path: path.to_owned(), doing: "read", source })?;
    let looked = UnverifiedJournalFile::read(&file);
    looked.map(|_form| file).map_err(|source| CliError::JournalFile { path: path.to_owned(), source })
}

fn describe(taken: &JournalTaken) -> String {
    let JournalTaken {
        gate,
        exported_at,
        stored,
        repeated,
        conflicts,
        in_conflict,
        refused,
        showings,
        endings,
        later,
        heard,
    } = taken;
    let mut lines = vec![
        format!("{gate}, as its machine wrote it down at {}", moment::show(*exported_at)),
        format!("{} entries were put in, {repeated} were there already", stored.saturating_add(*conflicts)),
    ];
    if *endings > 0 {
        lines.push(format!("{endings} ended: nobody had passed, or the holder went out"));
    }
    if *later > 0 {
        lines.push(format!(
            "{later} ends wait for admissions of other gates: bring those gates' journals, then this file once more"
        ));
    }
    if *showings > 0 {
        lines.push(format!("{showings} proofs that opened nothing are in their tickets' histories"));
    }
    if *conflicts > 0 {
        lines.push(format!("{conflicts} of the new ones in conflict: somebody was in with the ticket already"));
        lines.extend(in_conflict.iter().map(|ticket| format!("  {ticket}")));
    }
    if *refused > 0 {
        lines.push(format!("{refused} can never be put in: the registrar's log says which and why"));
    }
    if let Some(heard) = heard {
        lines.push(format!("it had followed {heard} records of the feed, and has told all that it decided until then"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use kido_shared::carried::JournalFileError;
    use kido_shared::clock::Timestamp;
    use kido_shared::ids::{GateId, TicketId};

    #[test]
    fn what_was_put_in_is_counted_and_whoever_is_in_twice_is_named() {
        let ticket = TicketId::from_bytes([1; 16]);
        let taken = JournalTaken {
            gate: GateId::from_bytes([2; 16]),
            exported_at: Timestamp::from_unix_seconds(1_790_000_000),
            stored: 4,
            repeated: 2,
            conflicts: 1,
            in_conflict: vec![ticket],
            refused: 0,
            showings: 3,
            endings: 1,
            later: 0,
            heard: Some(77),
        };
        let said = describe(&taken);
        for part in
            ["5 entries were put in, 2 were there", "1 of the new ones in conflict", "77 records", &ticket.to_string()]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("never"), "{said}");
    }

    #[test]
    fn what_is_no_journal_file_is_not_sent() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ticks.csv");
        std::fs::write(&path, "ticket,at,gate\n").unwrap();
        let refused = read(&path).unwrap_err();
        assert!(matches!(refused, CliError::JournalFile { source: JournalFileError::Malformed, .. }), "{refused:?}");
    }
}
