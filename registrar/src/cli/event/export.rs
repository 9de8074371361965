//! `event export --paper`: what a desk looks tickets up in when all machines are dead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use askama::Template;
use clap::Args;
use kido_shared::clock::{Clock as _, SystemClock};
use kido_shared::ids::{EventId, TicketId};
use kido_shared::ticket::Zone;
use kido_shared::wire::v1::operator::{self, EventBody, GateList, PaperPage, PaperStanding, PaperTicket, TicketCounts};
use kido_store::private_file;

use crate::cli::client::Client;
use crate::cli::console::Console;
use crate::cli::progress::Progress;
use crate::cli::{CliError, moment};
use crate::domain::short_id::{self, ShortId};

pub(super) const HELP: &str = "\
Example:
  kido-registrar event export EVENT --paper ./paper
It writes two files for each zone, zone-A.html to be printed (A4, 9 pt, headings in Japanese and English on every page) and
zone-A.csv for a spreadsheet; mode 600, and no file that is there is overwritten. Sorted by seat label, each line has the
seat, the ticket's short id, what to do with whoever has it, and room for a tick and the time.

No shop reference stands on it: the registrar keeps references as keyed hashes only and cannot write them out. A holder is
found by seat, or by the short id: the first nine characters of the ticket's id.
The paper is as old as its printing: print it late, and collect and destroy it after the event.

Next, when the machines are back: write the ticks into a file with the columns ticket,at,gate, and put them in:
  kido-registrar admissions import EVENT ticks.csv";

/// How a natural order compares a label: words as words, numbers as numbers.
type LabelKey = Vec<(String, u64)>;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The event's id
    event: EventId,
    /// The folder to write the lists to; made where it is missing
    #[arg(long, value_name = "DIR")]
    paper: PathBuf,
    /// Only this zone
    #[arg(long, value_parser = Zone::new)]
    zone: Option<Zone>,
}

/// What was written, as it is printed.
#[derive(Debug, serde::Serialize)]
struct Exported {
    tickets: usize,
    files: Vec<PathBuf>,
}

/// One line of the paper.
#[derive(Debug)]
struct Line {
    seat_label: String,
    short: ShortId,
    standing: PaperStanding,
}

impl Line {
    /// The same in two languages, for people at a desk.
    const fn words(&self) -> &'static str {
        match self.standing {
            PaperStanding::Good => "入場可 ok",
            PaperStanding::NoCard => "カード未登録 no card",
            PaperStanding::NotPaid => "未払い not paid",
            PaperStanding::Suspended => "停止中 suspended",
            PaperStanding::Void => "無効 void",
            PaperStanding::Inside => "入場済み inside",
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "paper.html")]
struct Sheet<'s> {
    event: &'s EventBody,
    zone: &'s str,
    printed_at: String,
    gates: &'s [String],
    lines: &'s [Line],
}

pub(super) async fn run(client: &Client, console: Console, wanted: ExportArgs) -> Result<(), CliError> {
    let event: EventBody = client.get(&operator::event(wanted.event)).await?;
    let gates: GateList = client.get(&operator::gates(wanted.event)).await?;
    let tickets = fetch(client, console, wanted.event, event.tickets).await?;
    let all = tickets.len();
    let zones = by_zone(tickets, wanted.zone.as_ref());
    if zones.is_empty() {
        return Err(CliError::NothingToPrint);
    }
    make_folder(&wanted.paper)?;
    let printed_at = moment::show(SystemClock.now());
    let mut exported = Exported { tickets: 0, files: Vec::new() };
    for (zone, lines) in &zones {
        let gates: Vec<_> = gates.gates.iter().map(|gate| format!("{} = {}", gate.entrance, gate.gate)).collect();
        let sheet = Sheet { event: &event, zone, printed_at: printed_at.clone(), gates: &gates, lines };
        let page = sheet.render().map_err(CliError::Paper)?;
        exported.files.push(write(&wanted.paper, &format!("zone-{zone}.html"), &page)?);
        exported.files.push(write(&wanted.paper, &format!("zone-{zone}.csv"), &csv(lines))?);
        exported.tickets = exported.tickets.saturating_add(lines.len());
    }
    console.show(&exported, |exported| {
        let mut said = vec![format!("{} of {all} tickets in {} zones", exported.tickets, zones.len())];
        said.extend(exported.files.iter().map(|file| file.display().to_string()));
        said.join("\n")
    })
}

async fn fetch(
    client: &Client,
    console: Console,
    event: EventId,
    counts: TicketCounts,
) -> Result<Vec<PaperTicket>, CliError> {
    let mut progress = Progress::begin(console, super::all(counts), "read");
    let (mut tickets, mut after): (Vec<PaperTicket>, Option<TicketId>) = (Vec::new(), None);
    loop {
        let page: PaperPage = client.get(&operator::paper(event, after)).await?;
        tickets.extend(page.tickets);
        progress.reached(tickets.len())?;
        after = page.reached;
        if after.is_none() {
            progress.end();
            return Ok(tickets);
        }
    }
}

/// The lines of each zone in the order of their seats. Short ids are told apart within the whole event, because a tick
/// names no zone.
fn by_zone(mut tickets: Vec<PaperTicket>, only: Option<&Zone>) -> BTreeMap<String, Vec<Line>> {
    tickets.sort_unstable_by_key(|ticket| ticket.ticket);
    let ids: Vec<_> = tickets.iter().map(|ticket| ticket.ticket).collect();
    let mut zones: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for (ticket, short) in tickets.into_iter().zip(short_id::of_all(&ids)) {
        if only.is_none_or(|only| only.as_str() == ticket.zone) {
            let line = Line { seat_label: ticket.seat_label, short, standing: ticket.standing };
            zones.entry(ticket.zone).or_default().push(line);
        }
    }
    for lines in zones.values_mut() {
        lines.sort_by_cached_key(|line| (label_key(&line.seat_label), line.short.clone()));
    }
    zones
}

/// Seat 9 stands before seat 10.
fn label_key(label: &str) -> LabelKey {
    let mut key: LabelKey = vec![(String::new(), 0)];
    let mut in_number = false;
    for character in label.chars() {
        let digit = character.to_digit(10);
        if digit.is_none() && in_number {
            key.push((String::new(), 0));
        }
        in_number = digit.is_some();
        if let Some((word, number)) = key.last_mut() {
            match digit {
                Some(digit) => *number = number.saturating_mul(10).saturating_add(u64::from(digit)),
                None => word.push(character),
            }
        }
    }
    key
}

/// What stands in the column of a spreadsheet.
const fn word(standing: PaperStanding) -> &'static str {
    match standing {
        PaperStanding::Good => "ok",
        PaperStanding::NoCard => "no card",
        PaperStanding::NotPaid => "not paid",
        PaperStanding::Suspended => "suspended",
        PaperStanding::Void => "void",
        PaperStanding::Inside => "inside",
    }
}

/// A label may begin with what a spreadsheet takes for a formula; a quote before it keeps it a text.
fn csv(lines: &[Line]) -> String {
    let mut text = "seat_label,ticket,status,tick,at,gate\n".to_owned();
    for line in lines {
        let formula = if line.seat_label.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
        let label = line.seat_label.replace('"', "\"\"");
        text.push_str(&format!("\"{formula}{label}\",{},{},,,\n", line.short, word(line.standing)));
    }
    text
}

fn make_folder(folder: &Path) -> Result<(), CliError> {
    let made = std::fs::create_dir_all(folder).map_err(private_file::PrivateFileError::storage("making"));
    made.map_err(|source| CliError::File { path: folder.to_owned(), doing: "made", source })
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, CliError> {
    let path = folder.join(name);
    let written = private_file::create(&path, text.as_bytes());
    written.map_err(|source| CliError::File { path: path.clone(), doing: "written", source })?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(number: u8, zone: &str, seat_label: &str) -> PaperTicket {
        let (ticket, standing) = (TicketId::from_bytes([number; 16]), PaperStanding::Good);
        PaperTicket { ticket, zone: zone.to_owned(), seat_label: seat_label.to_owned(), standing }
    }

    #[test]
    fn seats_stand_as_people_count_them() {
        let tickets = vec![
            ticket(1, "A", "1階 2列 10番"),
            ticket(2, "A", "1階 2列 9番"),
            ticket(3, "A", "1階 10列 1番"),
            ticket(4, "B", ""),
        ];
        let zones = by_zone(tickets, None);
        let seats: Vec<_> = zones["A"].iter().map(|line| line.seat_label.as_str()).collect();
        assert_eq!(seats, ["1階 2列 9番", "1階 2列 10番", "1階 10列 1番"]);
        assert_eq!(zones["B"].len(), 1);
        let only = by_zone(vec![ticket(1, "A", ""), ticket(2, "B", "")], Some(&Zone::new("B").unwrap()));
        assert_eq!(only.into_keys().collect::<Vec<_>>(), ["B"]);
    }

    #[test]
    fn no_label_becomes_a_formula_or_markup() {
        let zones = by_zone(vec![ticket(1, "A", "=1+1"), ticket(2, "A", "<b>\"x\"")], None);
        let table = csv(&zones["A"]);
        assert!(table.contains("\"'=1+1\",") && table.contains("\"<b>\"\"x\"\"\","), "{table}");
        let json = r#"{"event":"event-00000000000000000000000000","name":"<i>","rehearsal":false,"rehearsal_of":null,
            "starts_at":0,"ends_at":1,"offline":"refuse","arbiter":"registrar","choices":{},"feed_epoch":0,"feed_length":0,
            "tickets":{"reserved":0,"unbound":0,"bound":0,"suspended":0,"returned":0,"cancelled":0}}"#;
        let event: EventBody = serde_json::from_str(json).unwrap();
        let sheet = Sheet { event: &event, zone: "A", printed_at: String::new(), gates: &[], lines: &zones["A"] };
        let page = sheet.render().unwrap();
        assert!(!page.contains("<b>") && !page.contains("<i>"), "{page}");
        let short = ShortId::of(TicketId::from_bytes([1; 16]), 0).to_string();
        for part in [short.as_str(), "入場可 ok", "<thead>", "font-size: 9pt", "□"] {
            assert!(page.contains(part), "{part}");
        }
    }
}
