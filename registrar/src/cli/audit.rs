//! `audit head | verify`: whether the list of deeds is still the one that it was.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use kido_shared::clock::Timestamp;

use super::console::Console;
use super::{CliError, moment};
use crate::audit::noted::{NotedHead, Seen, Verdict, head, verify};
use crate::config::DataFolder;

const MORE: &str = "\
The list of who did what is a chain: each line's hash covers all before it. Note the head down where the registrar's
machine does not reach, once a day or after an evening:
  kido-registrar audit head --data DIR
Whoever rewrites the list afterwards can make another chain, but none that contains what was noted:
  kido-registrar audit verify --data DIR --head 1234:9f86...
Both read the list on the disk, also while the registrar runs. Exit code of verify: 0 unbroken, 1 not.";

/// Note the head of the audit list down, and see whether the list still contains it
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Print the head: how many lines, and the hash over them
    Head(Place),
    /// Say whether the list still contains a head, unbroken
    Verify {
        #[command(flatten)]
        place: Place,
        /// As it was printed
        #[arg(long, value_name = "LINES:HASH")]
        head: NotedHead,
    },
}

#[derive(Debug, Args)]
struct Place {
    /// Folder that `init` has made
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// The head as it is printed.
#[derive(Debug, serde::Serialize)]
struct Printed {
    head: String,
    last_line_at: Option<Timestamp>,
}

/// The verdict as it is printed.
#[derive(Debug, serde::Serialize)]
struct Judged {
    verdict: &'static str,
    lines_since: Option<u64>,
}

pub(super) fn run(args: &AuditArgs) -> Result<ExitCode, CliError> {
    match &args.command {
        AuditCommand::Head(place) => {
            let Seen { head, last } = head(&folder(place))?;
            let printed = Printed { head: head.to_string(), last_line_at: last };
            Console::new(place.json).show(&printed, said)?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Verify { place, head } => {
            let verdict = verify(&folder(place), head)?;
            let (word, lines_since, sentence) = match verdict {
                Verdict::Unbroken { since } => ("unbroken", Some(since), format!("unbroken; lines since: {since}")),
                Verdict::Shorter => ("shorter", None, "BROKEN: the list ends before that head".to_owned()),
                Verdict::Rewritten => ("rewritten", None, "BROKEN: other lines stand there than did".to_owned()),
            };
            Console::new(place.json).show(&Judged { verdict: word, lines_since }, |_judged| sentence)?;
            let is_unbroken = matches!(verdict, Verdict::Unbroken { .. });
            Ok(if is_unbroken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn folder(place: &Place) -> PathBuf {
    DataFolder::at(place.data.clone()).audit()
}

fn said(printed: &Printed) -> String {
    let last =
        printed.last_line_at.map_or_else(|| "no line yet".to_owned(), |at| format!("last line {}", moment::show(at)));
    format!("{}  {last}", printed.head)
}
