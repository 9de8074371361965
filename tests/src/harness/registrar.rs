//! The registrar as a process, and its command line as an operator uses it.

mod backup;
mod sold;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

use super::process::{Finished, Process, finish};
use super::scrape::{self, SCRAPED};
use super::{HarnessError, Host, Programs};

pub use backup::Backup;
pub use sold::{EventOptions, OfflineChoice, TicketRow};

/// How long one operator's command may take.
const COMMAND_WITHIN: Duration = Duration::from_secs(120);

/// A registrar, running or stopped; its folder stays.
#[derive(Debug)]
pub struct Registrar {
    programs: Programs,
    folder: PathBuf,
    logs: PathBuf,
    host: Host,
    port: u16,
    /// As gates and buyers reach it, where that is not its own address.
    public: Option<String>,
    anchors: PathBuf,
    process: Option<Process>,
    metrics: Option<String>,
    logs_requests: bool,
}

impl Registrar {
    /// Makes the folder and the keys of a new registrar; does not start it.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn init(
        programs: &Programs,
        folder: &Path,
        logs: &Path,
        anchors: &Path,
        (port, public): (u16, Option<&str>),
    ) -> Result<Self, HarnessError> {
        Self::init_on(programs, folder, logs, anchors, (Host::this(), port, public)).await
    }

    /// The same with no venue around it: its logs lie in the folder too, and it trusts no card.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn init_alone(folder: &Path, address: (u16, Option<&str>)) -> Result<Self, HarnessError> {
        let (logs, anchors) = (folder.join("logs"), folder.join("anchors"));
        for made in [&logs, &anchors] {
            std::fs::create_dir_all(made).map_err(|source| HarnessError::File { path: made.clone(), source })?;
        }
        Self::init(&Programs::of_this_build()?, folder, &logs, &anchors, address).await
    }

    /// The same on that machine.
    pub(super) async fn init_on(
        programs: &Programs,
        folder: &Path,
        logs: &Path,
        anchors: &Path,
        (host, port, public): (Host, u16, Option<&str>),
    ) -> Result<Self, HarnessError> {
        let registrar = Self {
            programs: programs.clone(),
            folder: folder.join("registrar"),
            logs: logs.to_owned(),
            host,
            port,
            public: public.map(str::to_owned),
            anchors: anchors.to_owned(),
            process: None,
            metrics: None,
            logs_requests: false,
        };
        let mut command = Command::new(programs.registrar());
        command.arg("init").arg("--data").arg(&registrar.folder);
        command.arg("--root-key").arg(folder.join("root.key")).args(["--origin", &registrar.public_origin()]);
        succeed(command, "").await?;
        Ok(registrar)
    }

    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn start(&mut self) -> Result<(), HarnessError> {
        let mut command = self.host.command(self.programs.registrar());
        command.arg("serve").arg("--data").arg(&self.folder);
        let listen = format!("{}:{}", self.host.address(), self.port);
        command.args(["--listen", &listen, "--log-format", "json"]);
        command.arg("--trust-anchor").arg(&self.anchors);
        if self.logs_requests {
            command.arg("--verbose");
        }
        let name = self.folder.file_name().map_or_else(|| "registrar".into(), |name| name.to_string_lossy());
        command.args(SCRAPED);
        let mut process = Process::start(&name, command, &self.logs)?;
        self.metrics = Some(scrape::address(&mut process).await?);
        process.line("that it listens", |line| line.contains("listening on")).await?;
        self.process = Some(process);
        Ok(())
    }

    /// What it is scraped for now.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn scrape(&self) -> Result<String, HarnessError> {
        scrape::scrape(self.metrics.as_ref()).await
    }

    /// Logs every answered request from its next start on.
    pub const fn log_requests(&mut self) {
        self.logs_requests = true;
    }

    /// How often a route was answered with success since the requests are logged.
    ///
    /// # Errors
    /// [`HarnessError::File`].
    pub fn answered(&self, route: &str) -> Result<usize, HarnessError> {
        let name = self.folder.file_name().map_or_else(|| "registrar".into(), |name| name.to_string_lossy());
        let lines = read(&self.logs.join(format!("{name}.log")))?;
        let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let is = |line: &Value| {
            let field = |name| line.pointer(&format!("/{name}"));
            field("route").and_then(Value::as_str) == Some(route)
                && field("status").and_then(Value::as_u64).is_some_and(|status| status < 300)
        };
        Ok(lines.filter(is).count())
    }

    /// Ends it the way systemd would.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn stop(&mut self) -> Result<(), HarnessError> {
        match self.process.take() {
            Some(process) => process.terminate().await.map(|_status| ()),
            None => Ok(()),
        }
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn kill(&mut self) -> Result<(), HarnessError> {
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<rustix::process::Pid> {
        self.process.as_ref().and_then(Process::pid)
    }

    /// Where it is reached.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}:{}", self.host.address(), self.port)
    }

    /// Where gates and buyers reach it.
    #[must_use]
    pub fn public_origin(&self) -> String {
        self.public.clone().unwrap_or_else(|| self.origin())
    }

    /// The process, while it runs.
    #[must_use]
    pub const fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// Records in an event's feed.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn feed_length(&self, event: &str) -> Result<u64, HarnessError> {
        let shown = self.json(&["event", "show", event]).await?;
        let length = shown.get("feed_length").and_then(Value::as_u64);
        length.ok_or_else(|| HarnessError::Shape { what: "feed_length", text: shown.to_string() })
    }

    /// How many admissions of a ticket have arrived.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn admitted(&self, event: &str, ticket_ref: &str) -> Result<usize, HarnessError> {
        let history = self.history(event, ticket_ref).await?;
        Ok(history.iter().filter(|line| line.get("what").and_then(Value::as_str) == Some("admitted")).count())
    }

    /// What has happened to a ticket, oldest first: `bound`, `admitted`, `exited`, ….
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn happened(&self, event: &str, ticket_ref: &str) -> Result<Vec<String>, HarnessError> {
        let history = self.history(event, ticket_ref).await?;
        let what = history.iter().filter_map(|line| line.get("what").and_then(Value::as_str));
        Ok(what.map(ToOwned::to_owned).collect())
    }

    /// The codes of the proofs of a ticket's card that gates did not let in, oldest first.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn refused(&self, event: &str, ticket_ref: &str) -> Result<Vec<u64>, HarnessError> {
        let history = self.history(event, ticket_ref).await?;
        let refused = history.iter().filter(|line| line.get("what").and_then(Value::as_str) == Some("refused"));
        Ok(refused.filter_map(|line| line.get("code").and_then(Value::as_u64)).collect())
    }

    async fn history(&self, event: &str, ticket_ref: &str) -> Result<Vec<Value>, HarnessError> {
        let shown = self.json(&["tickets", "show", event, ticket_ref]).await?;
        let history = shown.pointer("/uses/history").and_then(Value::as_array);
        history.cloned().ok_or_else(|| HarnessError::Shape { what: "uses", text: shown.to_string() })
    }

    /// Where its keys and stores are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A client command, with its server and token.
    #[must_use]
    pub fn client(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.registrar());
        command.args(arguments).arg("--server").arg(self.origin());
        command.arg("--token-file").arg(self.token_file()).arg("--json");
        command
    }

    /// Where the first operator's token is.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        self.folder.join("operator.token")
    }

    /// Runs a client command that must succeed, and reads its JSON.
    ///
    /// # Errors
    /// [`HarnessError::Command`] with what it said.
    pub async fn json(&self, arguments: &[&str]) -> Result<Value, HarnessError> {
        let finished = succeed(self.client(arguments), "").await?;
        parse_last_line("the command's answer", &finished.stdout)
    }
}

/// Runs a command that must succeed.
///
/// # Errors
/// [`HarnessError::Command`] with what it said.
pub(super) async fn succeed(command: Command, input: &str) -> Result<Finished, HarnessError> {
    let shown = format!("{:?}", command.as_std());
    let finished = finish(command, input, COMMAND_WITHIN).await?;
    if finished.status.success() {
        return Ok(finished);
    }
    let stderr = finished.stderr.trim().to_owned();
    Err(HarnessError::Command { command: shown, status: finished.status, stderr })
}

pub(super) fn parse_last_line(what: &'static str, text: &str) -> Result<Value, HarnessError> {
    let last = text.trim().lines().next_back().unwrap_or_default();
    let whole = serde_json::from_str(text.trim());
    whole
        .or_else(|_not_one_object| serde_json::from_str(last))
        .map_err(|_not_json| HarnessError::Shape { what, text: last.to_owned() })
}

pub(super) fn text(value: &Value, field: &'static str) -> Result<String, HarnessError> {
    let found = value.get(field).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| HarnessError::Shape { what: field, text: value.to_string() })
}

fn read(path: &Path) -> Result<String, HarnessError> {
    std::fs::read_to_string(path).map_err(|source| HarnessError::File { path: path.to_owned(), source })
}
