//! What a command says: to a person line by line, to a program one JSON object.

use std::io::{BufRead as _, Write as _};

use super::CliError;

/// Longest line that is read from a person.
const LINE_BYTES_MAX: u64 = 256;

/// Standard output in one of its two uses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Console {
    json: bool,
}

impl Console {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a program reads this.
    pub(super) const fn is_json(self) -> bool {
        self.json
    }

    /// A result: as an object for a program, else as lines for a person.
    pub(super) fn show<T: serde::Serialize>(self, value: &T, lines: impl FnOnce(&T) -> String) -> Result<(), CliError> {
        if self.json { self.json(value) } else { self.line(&lines(value)) }
    }

    /// A list, one line each; where there is nothing, a person hears so beside the empty result.
    pub(super) fn show_list<T: serde::Serialize, L>(
        self,
        value: &T,
        listed: &[L],
        describe: impl Fn(&L) -> String,
        none: &str,
    ) -> Result<(), CliError> {
        if self.json {
            return self.json(value);
        }
        if listed.is_empty() {
            return self.note(none);
        }
        listed.iter().try_for_each(|one| self.line(&describe(one)))
    }

    /// One JSON object on one line.
    pub(super) fn json<T: serde::Serialize>(self, value: &T) -> Result<(), CliError> {
        let text = serde_json::to_string(value).map_err(|error| CliError::Terminal(error.into()))?;
        self.line(&text)
    }

    /// A line on standard output, there at once.
    pub(super) fn line(self, text: &str) -> Result<(), CliError> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(CliError::Terminal)
    }

    /// A line for the person beside the result, on standard error.
    pub(super) fn note(self, text: &str) -> Result<(), CliError> {
        writeln!(std::io::stderr(), "{text}").map_err(CliError::Terminal)
    }

    /// Asks the person for a line.
    pub(super) async fn ask(self, question: &str) -> Result<String, CliError> {
        let mut err = std::io::stderr();
        write!(err, "{question}").and_then(|()| err.flush()).map_err(CliError::Terminal)?;
        let read = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::Read::take(std::io::stdin().lock(), LINE_BYTES_MAX).read_line(&mut line).map(|_bytes| line)
        });
        let line = read.await.map_err(|error| CliError::Terminal(error.into()))?;
        line.map_err(CliError::Terminal)
    }
}
