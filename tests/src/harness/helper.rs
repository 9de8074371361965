//! The card helper as a buyer runs it: link and PIN on standard input, a card in the reader.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::process::{Process, finish};
use super::registrar::parse_last_line;
use super::{HarnessError, Programs};

/// How long one dialogue with a card may take.
const DIALOGUE_WITHIN: Duration = Duration::from_secs(60);

/// `kido-card`, talking to one PC/SC stack.
#[derive(Debug)]
pub struct CardHelper {
    program: PathBuf,
    pcscd_socket: PathBuf,
    reader: &'static str,
    log: PathBuf,
    /// The list of confirmed hosts that its page uses.
    registrars: PathBuf,
    /// Further options of its page.
    options: Vec<String>,
}

/// How a run of the helper ended.
#[derive(Debug)]
pub struct HelperRun {
    /// Whether it says that all went well.
    pub success: bool,
    /// Its JSON: what it answered, or the problem by code.
    pub answer: Value,
    /// What it told the person.
    pub said: String,
}

/// The helper's own page, open until it is dropped or has done its work.
#[derive(Debug)]
pub struct HelperPage {
    /// The helper.
    pub process: Process,
    /// Where its page is; good for one visitor.
    pub address: String,
}

impl HelperRun {
    /// The word for what went wrong, such as `code_used`.
    #[must_use]
    pub fn problem(&self) -> &str {
        self.answer.get("problem").and_then(Value::as_str).unwrap_or_default()
    }

    /// The reasons against a certificate, by name.
    #[must_use]
    pub fn reasons(&self) -> Vec<&str> {
        let reasons = self.answer.get("reasons").and_then(Value::as_array);
        reasons.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The holder code's link, where one was given.
    #[must_use]
    pub fn holder_link(&self) -> Option<&str> {
        self.answer.get("holder_link").and_then(Value::as_str)
    }
}

impl CardHelper {
    /// A helper that uses the reader of this name.
    #[must_use]
    pub fn new(programs: &Programs, pcscd_socket: &Path, reader: &'static str, logs: &Path) -> Self {
        let (log, registrars) = (logs.join("kido-card.out"), logs.with_file_name("registrars.txt"));
        Self {
            program: programs.card(),
            pcscd_socket: pcscd_socket.to_owned(),
            reader,
            log,
            registrars,
            options: Vec::new(),
        }
    }

    /// The same helper where nobody has said which of the readers is meant.
    #[must_use]
    pub fn among_all_readers(self) -> Self {
        Self { reader: "Virtual", ..self }
    }

    /// The same helper on a computer without a smart card service.
    #[must_use]
    pub fn without_service(self) -> Self {
        Self { pcscd_socket: self.pcscd_socket.with_extension("nobody-listens"), ..self }
    }

    /// The same helper on a computer with another smart card service.
    #[must_use]
    pub fn at(self, pcscd_socket: PathBuf) -> Self {
        Self { pcscd_socket, ..self }
    }

    /// The same helper with a list of confirmed hosts of its own, for its page.
    #[must_use]
    pub fn knowing(self, registrars: PathBuf) -> Self {
        Self { registrars, ..self }
    }

    /// The same helper, its page opened with these options or the link that a browser hands over.
    #[must_use]
    pub fn with(self, options: &[&str]) -> Self {
        Self { options: options.iter().map(|&option| option.to_owned()).collect(), ..self }
    }

    /// The command line of a run, for whoever wants to look at the process.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).args(["--reader", self.reader, "--json"]);
        command.env(kido_virtual_card::stack::SOCKET_VARIABLE, &self.pcscd_socket);
        command
    }

    /// Runs `kido-card` with these arguments and lines.
    ///
    /// # Errors
    /// [`HarnessError`] where it does not end or answers no JSON.
    pub async fn run(&self, arguments: &[&str], lines: &[&str]) -> Result<HelperRun, HarnessError> {
        let command = self.command(arguments);
        let mut input = lines.join("\n");
        input.push('\n');
        let finished = finish(command, &input, DIALOGUE_WITHIN).await?;
        self.keep(&finished.stdout, &finished.stderr)?;
        let answer =
            parse_last_line("the card helper's answer", &finished.stdout).map_err(|error| HarnessError::Command {
                command: format!("kido-card {}: {error}", arguments.join(" ")),
                status: finished.status,
                stderr: finished.stderr.trim().to_owned(),
            })?;
        Ok(HelperRun { success: finished.status.success(), answer, said: finished.stderr })
    }

    /// Keeps what it wrote: a leak search looks there.
    fn keep(&self, stdout: &str, stderr: &str) -> Result<(), HarnessError> {
        use std::io::Write as _;
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&self.log);
        let kept = file.and_then(|mut file| write!(file, "{stdout}{stderr}"));
        kept.map_err(|source| HarnessError::File { path: self.log.clone(), source })
    }

    /// Opens the helper's own page, with a link as a browser hands it over, or without one.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn open(&self, link: Option<&str>) -> Result<HelperPage, HarnessError> {
        let logs = self.log.parent().unwrap_or_else(|| Path::new("."));
        // The address is for the person, so it goes where all goes that is for the person: here both go into one.
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "exec \"$0\" \"$@\" 2>&1"]).arg(&self.program);
        command.args(["open", "--no-browser", "--reader", self.reader]);
        command.arg("--registrars").arg(&self.registrars).args(&self.options);
        command.env(kido_virtual_card::stack::SOCKET_VARIABLE, &self.pcscd_socket);
        if link.is_some() {
            command.arg("--link-stdin");
        }
        let mut process = Process::start("kido-card-page", command, logs)?;
        if let Some(link) = link {
            process.type_line(link).await?;
        }
        let line = process.line("its address", |line| line.starts_with("http://127.0.0.1:")).await?;
        Ok(HelperPage { process, address: line.trim().to_owned() })
    }

    /// Registers the card in the reader with a link and a PIN.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn register(&self, link: &str, pin: &str) -> Result<HelperRun, HarnessError> {
        self.run(&["register", "--pin-stdin", "--yes-host", "127.0.0.1"], &[link, pin]).await
    }
}
