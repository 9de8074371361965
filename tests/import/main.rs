//! Imports that are killed in the middle, and what a desk does on paper: the command line against a real registrar.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use kido_tests::harness::{EventOptions, Registrar, finish, free_port};
use serde_json::Value;
use tokio::process::Child;

/// Six requests of the command line: a process that dies after the first dies in the middle.
const TICKETS: u64 = 30_000;

/// Tickets of one request.
const BATCH: u64 = 5_000;

/// How long a command may take on a machine that is busy with other tests.
const WITHIN: Duration = Duration::from_secs(120);

struct Office {
    _folder: tempfile::TempDir,
    place: PathBuf,
    registrar: Registrar,
    event: String,
}

async fn open() -> anyhow::Result<Office> {
    let folder = tempfile::Builder::new().prefix("kido-import-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let place = folder.path().to_owned();
    let mut registrar = Registrar::init_alone(&place, (free_port()?, None)).await?;
    registrar.start().await?;
    let event = registrar.real_event(&EventOptions::default()).await?;
    Ok(Office { _folder: folder, place, registrar, event })
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a temporary folder's name is no text")
}

fn number(value: &Value, pointer: &str) -> anyhow::Result<u64> {
    value.pointer(pointer).and_then(Value::as_u64).with_context(|| format!("no {pointer} in {value}"))
}

impl Office {
    /// A file of so many tickets.
    fn table(&self, tickets: u64) -> anyhow::Result<PathBuf> {
        let mut table = "ticket_ref,order_ref,zone,seat_label,valid_from,valid_until,entries,party\n".to_owned();
        for number in 0..tickets {
            let zone = if number % 2 == 0 { "A" } else { "B" };
            table.push_str(&format!(
                "TICKET-{number:06},ORDER-{:06},{zone},Row {} seat {},2027-01-10T17:00:00+09:00,2027-01-10T22:00:00+09:00,1,\n",
                number / 2,
                number / 100,
                number % 100
            ));
        }
        let path = self.place.join("tickets.csv");
        std::fs::write(&path, table)?;
        Ok(path)
    }

    fn codes(&self) -> PathBuf {
        self.place.join("codes.csv")
    }

    fn importing(&self, table: &Path) -> anyhow::Result<Child> {
        let codes = self.codes();
        let mut command =
            self.registrar.client(&["tickets", "import", &self.event, text(table)?, "--codes", text(&codes)?]);
        Ok(command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?)
    }

    async fn import(&self, table: &Path) -> anyhow::Result<Value> {
        let codes = self.codes();
        Ok(self.registrar.json(&["tickets", "import", &self.event, text(table)?, "--codes", text(&codes)?]).await?)
    }

    async fn imported(&self) -> anyhow::Result<u64> {
        number(&self.registrar.json(&["event", "show", &self.event]).await?, "/tickets/unbound")
    }

    /// Waits until the first of the tickets are in; the rest must not be.
    async fn in_the_middle(&self) -> anyhow::Result<u64> {
        let begun = async {
            loop {
                let imported = self.imported().await?;
                if imported >= BATCH {
                    return anyhow::Ok(imported);
                }
            }
        };
        tokio::time::timeout(WITHIN, begun).await?
    }

    /// Runs the same import to its end, and once more: every code is the one in the file.
    async fn completes(&self, table: &Path, before: u64, codes: &[u8]) -> anyhow::Result<()> {
        let done = self.import(table).await?;
        let (created, unchanged) = (number(&done, "/created")?, number(&done, "/unchanged")?);
        ensure!(created + unchanged == TICKETS && unchanged >= before && created > 0, "{done}");
        ensure!(done.pointer("/codes_taken_up") == Some(&Value::Bool(true)), "{done}");
        // The registrar compares each ticket's code with the one that it got first.
        let again = self.import(table).await?;
        ensure!(number(&again, "/unchanged")? == TICKETS, "{again}");
        ensure!(std::fs::read(self.codes())? == codes, "the code file was written anew");
        ensure!(self.imported().await? == TICKETS);
        Ok(())
    }

    /// Runs a command that must be refused, and gives what it said.
    async fn refused(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let finished = finish(self.registrar.client(arguments), "", WITHIN).await?;
        ensure!(!finished.status.success(), "{arguments:?} was not refused");
        Ok(finished.stderr)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_whose_program_was_killed_is_completed_with_the_same_codes() -> anyhow::Result<()> {
    let mut office = open().await?;
    let table = office.table(TICKETS)?;
    let mut importing = office.importing(&table)?;
    let before = office.in_the_middle().await?;
    importing.kill().await?;
    ensure!(before < TICKETS, "it was over before it could be killed");
    let codes = std::fs::read(office.codes())?;
    office.completes(&table, before, &codes).await?;
    Ok(office.registrar.stop().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_whose_registrar_was_killed_says_so_and_is_completed_with_the_same_codes() -> anyhow::Result<()> {
    let mut office = open().await?;
    let table = office.table(TICKETS)?;
    let importing = office.importing(&table)?;
    let before = office.in_the_middle().await?;
    office.registrar.kill().await?;
    let ended = tokio::time::timeout(WITHIN, importing.wait_with_output()).await??;
    ensure!(before < TICKETS && !ended.status.success(), "it was over before the registrar could be killed");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    ensure!(said.contains("the import is not complete") && said.contains("Run the same command again"), "{said}");
    let codes = std::fs::read(office.codes())?;
    office.registrar.start().await?;
    office.completes(&table, before, &codes).await?;
    Ok(office.registrar.stop().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_imports_into_an_empty_event_one_is_complete_and_the_other_leaves_nothing() -> anyhow::Result<()> {
    let mut office = open().await?;
    let table = office.table(TICKETS)?;
    let others = office.place.join("others.csv");
    let codes = [office.codes(), others];
    let mut both = Vec::new();
    for codes in &codes {
        let arguments = ["tickets", "import", &office.event, text(&table)?, "--codes", text(codes)?];
        let mut command = office.registrar.client(&arguments);
        both.push(command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?);
    }
    let mut complete = Vec::new();
    for (import, codes) in both.into_iter().zip(&codes) {
        let ended = tokio::time::timeout(WITHIN, import.wait_with_output()).await??;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        complete.push(ended.status.success());
        if !ended.status.success() {
            // It came while the other one went on, or saw all of it.
            let reason = said.contains("another import into this event is under way") || said.contains("nothing was");
            ensure!(reason, "{said}");
            ensure!(!codes.exists(), "codes that open nothing");
        }
    }
    ensure!(complete.iter().filter(|complete| **complete).count() == 1, "{complete:?}");
    ensure!(office.imported().await? == TICKETS);
    Ok(office.registrar.stop().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_faults_or_other_tickets_imports_nothing() -> anyhow::Result<()> {
    let mut office = open().await?;
    let table = office.table(3)?;
    let good = std::fs::read_to_string(&table)?;
    let codes = office.codes();
    let arguments = ["tickets", "import", &office.event, text(&table)?, "--codes", text(&codes)?];
    std::fs::write(&table, good.replace(",A,Row 0 seat 0,", ",A B,0901234567,").replace("ORDER-000001", "order"))?;
    let said = office.refused(&arguments).await?;
    for fault in ["line 2, zone:", "line 2, seat_label:", "line 4, order_ref:", "3 faults"] {
        ensure!(said.contains(fault), "{fault}: {said}");
    }
    ensure!(!said.contains("0901234567"), "{said}");
    ensure!(!codes.exists() && office.imported().await? == 0, "a file with faults left something behind");

    std::fs::write(&table, good.lines().take(2).collect::<Vec<_>>().join("\n"))?;
    office.import(&table).await?;
    // The first ticket is there now with another seat; the two others are new, and stay out with it.
    std::fs::remove_file(&codes)?;
    std::fs::write(&table, good.replace("seat 0,", "seat 99,"))?;
    let said = office.refused(&arguments).await?;
    ensure!(said.contains("1 of 3 tickets cannot be imported; nothing was"), "{said}");
    ensure!(office.imported().await? == 1);
    ensure!(!codes.exists(), "codes that open nothing stand in the way of the mended file");
    Ok(office.registrar.stop().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_desk_goes_on_on_paper_and_its_ticks_come_back() -> anyhow::Result<()> {
    let mut office = open().await?;
    let (registrar, event) = (&office.registrar, office.event.as_str());
    let table = office.table(6)?;
    office.import(&table).await?;
    let list = office.place.join("cancelled.csv");
    std::fs::write(&list, "ticket_ref\nTICKET-000005\nNOBODYS\n")?;
    let said = office.refused(&["tickets", "cancel", event, "--from", text(&list)?, "--yes"]).await?;
    ensure!(said.contains("line 3, ticket_ref:"), "{said}");
    std::fs::write(&list, "ticket_ref\nTICKET-000005\n")?;
    let cancelled = registrar.json(&["tickets", "cancel", event, "--from", text(&list)?, "--yes"]).await?;
    ensure!(number(&cancelled, "/cancelled")? == 1, "{cancelled}");

    let paper = office.place.join("paper");
    let exported = registrar.json(&["event", "export", event, "--paper", text(&paper)?]).await?;
    ensure!(number(&exported, "/tickets")? == 6, "{exported}");
    let (page, lines) =
        (std::fs::read_to_string(paper.join("zone-A.html"))?, std::fs::read_to_string(paper.join("zone-B.csv"))?);
    let short = lines.lines().nth(1).and_then(|line| line.split(',').nth(1)).context("no ticket on paper")?.to_owned();
    ensure!(page.contains("カード未登録 no card") && lines.contains(",void,"), "{lines}");
    ensure!(!page.contains("TICKET-") && !lines.contains("TICKET-"), "a reference stands on paper");

    // The event has no gate, so a tick names none.
    let ticks = office.place.join("ticks.csv");
    std::fs::write(&ticks, format!("ticket,at,gate\n{short},2026-01-10T17:05+09:00,North\n"))?;
    let said = office.refused(&["admissions", "import", event, text(&ticks)?]).await?;
    ensure!(said.contains("line 2, gate:"), "{said}");

    let moved = ["event", "update", event, "--postpone-to", "2030-01-10T17:00:00+09:00"];
    let foreseen = registrar.json(&[&moved[..], &["--dry-run"]].concat()).await?;
    let done = registrar.json(&moved).await?;
    ensure!(number(&foreseen, "/moved")? == 5 && number(&done, "/moved")? == 5, "{foreseen} {done}");
    ensure!(number(&registrar.json(&moved).await?, "/moved")? == 0);
    Ok(office.registrar.stop().await?)
}
