//! The venue's arbiter as a process.

use std::path::PathBuf;

use tokio::process::Command;

use super::process::Process;
use super::venue::free_port;
use super::{HarnessError, Programs, Venue};

/// An arbiter; its folder stays when it is stopped.
#[derive(Debug)]
pub struct Arbiter {
    programs: Programs,
    folder: PathBuf,
    logs: PathBuf,
    port: u16,
    id: String,
    process: Option<Process>,
}

impl Arbiter {
    /// Enrols a box for the event: the operator's and the box's side of the dialogue, digits carried from one to the other.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn enrol(venue: &Venue, event: &str) -> Result<Self, HarnessError> {
        let port = free_port()?;
        let address = format!("http://127.0.0.1:{port}");
        let operator = venue.registrar.client(&["arbiter", "add", event, "--address", &address]);
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
        Ok(Self { programs, folder, logs, port, id, process: None })
    }

    /// Its id, as the registrar named it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn start(&mut self) -> Result<(), HarnessError> {
        let mut command = Command::new(self.programs.arbiter());
        command.args(["--log", "debug", "run", "--listen"]).arg(format!("127.0.0.1:{}", self.port));
        command.arg("--data").arg(&self.folder);
        let mut process = Process::start(&format!("arbiter-{}", self.port), command, &self.logs)?;
        process.line("that it listens", |line| line.starts_with("ready: ")).await?;
        self.process = Some(process);
        Ok(())
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
