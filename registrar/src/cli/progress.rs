//! How far a long command is: a bar on a person's terminal, a line now and then anywhere else, nothing for `--json`.

use std::io::{IsTerminal as _, stderr};

use indicatif::{ProgressBar, ProgressStyle};

use super::CliError;
use super::console::Console;

/// Lines that a whole run writes where no terminal draws a bar: every tenth of it.
const LINES: usize = 10;

/// The progress of one run, on standard error.
#[derive(Debug)]
pub(super) struct Progress {
    shown: Shown,
    all: usize,
    done_word: &'static str,
}

#[derive(Debug)]
enum Shown {
    Bar(ProgressBar),
    Lines { console: Console, told: usize },
    Nothing,
}

impl Progress {
    /// Begins; `done_word` says what has been done with the tickets that are through.
    pub(super) fn begin(console: Console, all: usize, done_word: &'static str) -> Self {
        let shown = match (console.is_json(), stderr().is_terminal()) {
            (true, _) => Shown::Nothing,
            (false, true) => Shown::Bar(bar(all, done_word)),
            (false, false) => Shown::Lines { console, told: 0 },
        };
        Self { shown, all, done_word }
    }

    /// So many are through.
    pub(super) fn reached(&mut self, done: usize) -> Result<(), CliError> {
        match &mut self.shown {
            Shown::Bar(bar) => bar.set_position(u64::try_from(done).unwrap_or(u64::MAX)),
            Shown::Lines { console, told } => {
                let tenth = done.saturating_mul(LINES).checked_div(self.all).unwrap_or(LINES);
                if tenth > *told {
                    *told = tenth;
                    console.note(&format!("{done} of {} {}", self.all, self.done_word))?;
                }
            }
            Shown::Nothing => {}
        }
        Ok(())
    }

    /// Everything is through: a bar goes, lines stay.
    pub(super) fn end(self) {
        if let Shown::Bar(bar) = self.shown {
            bar.finish_and_clear();
        }
    }
}

fn bar(all: usize, done_word: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(all).unwrap_or(u64::MAX)).with_message(done_word);
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} {msg}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_template| ProgressStyle::default_bar()))
}
