//! The venue's arbiter as a process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::process::{Process, finish, wait_for};
use super::registrar::succeed;
use super::scrape::{self, SCRAPED};
use super::venue::free_port;
use super::{Etcd, HarnessError, Host, Programs, Venue};

/// How long its doctor may take.
const DOCTOR_WITHIN: Duration = Duration::from_secs(60);

/// What it logs when it has followed the feed.
const FOLLOWED: &str = "feed followed";

/// The length that a line of its log names.
fn length_of(line: &str) -> Option<u64> {
    let (_before, after) = line.split_once("length=")?;
    after.split_whitespace().next()?.parse().ok()
}

/// An arbiter; its folder stays when it is stopped.
#[derive(Debug)]
pub struct Arbiter {
    programs: Programs,
    folder: PathBuf,
    logs: PathBuf,
    host: Host,
    port: u16,
    id: String,
    process: Option<Process>,
    metrics: Option<String>,
}

impl Arbiter {
    /// Enrols a box for the event: the operator's and the box's side of the dialogue, digits carried from one to the other.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn enrol(venue: &Venue, event: &str) -> Result<Self, HarnessError> {
        Self::enrol_as(venue, event, &[], Host::this()).await
    }

    /// The same for one of several boxes that share their records in an etcd; the first one begins them.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn enrol_beside(venue: &Venue, event: &str, (etcd, first): (&Etcd, bool)) -> Result<Self, HarnessError> {
        Self::enrol_on(venue, event, (etcd, first), Host::this()).await
    }

    /// The same for a box that is this machine.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn enrol_on(
        venue: &Venue,
        event: &str,
        (etcd, first): (&Etcd, bool),
        host: Host,
    ) -> Result<Self, HarnessError> {
        let arbiter = Self::enrol_as(venue, event, &["--shared"], host).await?;
        arbiter.join(etcd, first).await?;
        Ok(arbiter)
    }

    /// Joins an etcd, as its technician does.
    ///
    /// # Errors
    /// [`HarnessError::Command`] where the box does not.
    pub async fn join(&self, etcd: &Etcd, begin: bool) -> Result<(), HarnessError> {
        let mut command = self.host.command(self.programs.arbiter());
        command.arg("etcd").arg("--data").arg(&self.folder).args(begin.then_some("--begin"));
        for endpoint in etcd.endpoints() {
            command.args(["--endpoint", &endpoint]);
        }
        succeed(command, "").await.map(|_said| ())
    }

    /// What its doctor says, as JSON.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn doctor(&self) -> Result<serde_json::Value, HarnessError> {
        let mut command = Command::new(self.programs.arbiter());
        command.args(["doctor", "--json", "--data"]).arg(&self.folder);
        let said = finish(command, "", DOCTOR_WITHIN).await?.stdout;
        serde_json::from_str(&said)
            .map_err(|_no_json| HarnessError::Shape { what: "the doctor's findings", text: said })
    }

    /// What each gate holds, as JSON.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn claims(&self) -> Result<serde_json::Value, HarnessError> {
        let mut command = Command::new(self.programs.arbiter());
        command.args(["claims", "--json", "--data"]).arg(&self.folder);
        let said = succeed(command, "").await?.stdout;
        serde_json::from_str(&said).map_err(|_no_json| HarnessError::Shape { what: "what gates hold", text: said })
    }

    /// Where gates ask it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}:{}", self.host.address(), self.port)
    }

    async fn enrol_as(venue: &Venue, event: &str, more: &[&str], host: Host) -> Result<Self, HarnessError> {
        let port = free_port()?;
        let address = format!("http://{}:{port}", host.address());
        let arguments = [&["arbiter", "add", event, "--address", &address], more].concat();
        let operator = venue.registrar.client(&arguments);
        let mut operator = Process::start("arbiter-add", operator, venue.logs())?;
        let offer = operator.line("the offer", |line| line.starts_with("offer: ")).await?;
        let folder = venue.folder().join(format!("arbiter-{port}"));
        let mut command = Command::new(venue.programs().arbiter());
        command.arg("enrol").arg("--data").arg(&folder);
        let mut enrolling = Process::start("arbiter-enrol", command, venue.logs())?;
        enrolling.type_line(offer.trim_start_matches("offer: ")).await?;
        let digits = enrolling.line("its short code", |line| line.starts_with("short code: ")).await?;
        operator.type_line(digits.trim_start_matches("short code: ")).await?;
        let confirmed = operator.line("the arbiter's id", |line| line.contains("arbiter-")).await?;
        let id =
            confirmed.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').find(|word| word.starts_with("arbiter-"));
        let id = id.unwrap_or_default().to_owned();
        enrolling.line("that it is enrolled", |line| line.contains("enrolled")).await?;
        let log = enrolling.log().to_owned();
        let status = enrolling.ended().await?;
        if !status.success() {
            return Err(HarnessError::EndedEarly { program: "kido-arbiter".to_owned(), status, log });
        }
        let (programs, logs) = (venue.programs().clone(), venue.logs().to_owned());
        Ok(Self { programs, folder, logs, host, port, id, process: None, metrics: None })
    }

    /// Its id, as the registrar named it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The process, while it runs.
    #[must_use]
    pub const fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// Where its keys and its book are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn start(&mut self) -> Result<(), HarnessError> {
        let mut command = self.host.command(self.programs.arbiter());
        command.args(["--log", "debug", "run", "--listen"]).arg(format!("{}:{}", self.host.address(), self.port));
        command.arg("--data").arg(&self.folder).args(SCRAPED);
        let mut process = Process::start(&format!("arbiter-{}", self.port), command, &self.logs)?;
        self.metrics = Some(scrape::address(&mut process).await?);
        process.line("that it listens", |line| line.starts_with("ready: ")).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Waits until it has followed so many records of the feed, by its own word.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn followed(&self, length: u64, within: Duration) -> Result<(), HarnessError> {
        let path = self.logs.join(format!("arbiter-{}.log", self.port));
        let look = || {
            let log = std::fs::read_to_string(&path);
            let log = log.map_err(|source| HarnessError::File { path: path.clone(), source })?;
            let told = log.lines().filter(|line| line.contains(FOLLOWED)).filter_map(length_of);
            Ok(told.max().is_some_and(|reached| reached >= length).then_some(()))
        };
        wait_for(&format!("a box to follow {length} records"), within, async || look()).await
    }

    /// What it is scraped for now.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn scrape(&self) -> Result<String, HarnessError> {
        scrape::scrape(self.metrics.as_ref()).await
    }

    /// Ends it as a service manager does.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn stop(&mut self) -> Result<(), HarnessError> {
        if let Some(process) = self.process.take() {
            let log = process.log().to_owned();
            let status = process.terminate().await?;
            if !status.success() {
                return Err(HarnessError::EndedEarly { program: "kido-arbiter".to_owned(), status, log });
            }
        }
        Ok(())
    }

    /// Ends it as a power cut does.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn kill(&mut self) -> Result<(), HarnessError> {
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }
}
