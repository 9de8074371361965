//! A gate as a process.

mod carried;
mod copied;
mod log;
mod taps;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::kiosk::{Kiosk, Shown};
use super::process::{Process, wait_for};
use super::scrape::{self, SCRAPED};
use super::{HarnessError, Host, Programs, Registrar};

pub use taps::Tap;

/// How long a gate may take to follow what the registrar published: a poll, and a wait after a failure.
pub const FOLLOWS_WITHIN: Duration = Duration::from_secs(45);

/// How long a lane may take to be in service: reader and replica.
const IN_SERVICE_WITHIN: Duration = Duration::from_secs(60);

/// A gate; its folder stays when it is stopped.
#[derive(Debug)]
pub struct Gate {
    programs: Programs,
    name: String,
    folder: PathBuf,
    logs: PathBuf,
    pcscd_socket: PathBuf,
    slot: u8,
    host: Host,
    kiosk_port: u16,
    process: Option<Process>,
    metrics: Option<String>,
    kiosk: Option<Kiosk>,
    event: String,
    id: String,
    log_level: &'static str,
    barrier: String,
    direction: &'static str,
}

/// A gate that shows its digits and waits to be let in.
#[derive(Debug)]
pub struct Arriving {
    process: Process,
    digits: String,
    gate: Gate,
}

impl Arriving {
    /// The digits on its screen.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// Waits until the operator has let it in, and it has fetched the feed for the first time.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn is_let_in(mut self) -> Result<Gate, HarnessError> {
        self.process.line("that it is enrolled", |line| line.contains("enrolled")).await?;
        let log = self.process.log().to_owned();
        let status = self.process.ended().await?;
        if status.success() {
            return Ok(self.gate);
        }
        Err(HarnessError::EndedEarly { program: self.gate.name, status, log })
    }
}

impl Gate {
    /// Enrols a new gate: the operator's and the gate's side of the dialogue, digits carried from one to the other.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn enrol(venue: &super::Venue, event: &str, zone: &str, slot: u8) -> Result<Self, HarnessError> {
        let operator = venue.registrar.client(&["gate", "add", event, "--zone", zone, "--entrance", zone]);
        let mut operator = Process::start("gate-add", operator, venue.logs())?;
        let offer = operator.line("the offer", |line| line.starts_with("offer: ")).await?;
        let arriving = Self::arrives(venue, (event, zone, slot), offer.trim_start_matches("offer: ")).await?;
        operator.type_line(arriving.digits()).await?;
        operator.line("the gate's id", |line| line.contains("\"gate\"")).await?;
        arriving.is_let_in().await
    }

    /// A new gate of zone A that is enrolled, runs, and has followed the event's feed.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn started(venue: &super::Venue, event: &str, slot: u8) -> Result<Self, HarnessError> {
        let mut gate = Self::enrol(venue, event, "A", slot).await?;
        gate.start().await?;
        gate.followed(&venue.registrar, event, FOLLOWS_WITHIN).await?;
        Ok(gate)
    }

    /// A new gate takes an offer, whoever made it, and shows its digits.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn arrives(
        venue: &super::Venue,
        (event, zone, slot): (&str, &str, u8),
        offer: &str,
    ) -> Result<Arriving, HarnessError> {
        let tail: String = event.chars().rev().take(6).collect();
        let name = format!("gate-{zone}-{slot}-{tail}");
        let folder = venue.folder().join(&name);
        let mut command = Command::new(venue.programs().gate());
        command.arg("enrol").arg("--data").arg(&folder);
        let mut process = Process::start(&format!("{name}-enrol"), command, venue.logs())?;
        process.type_line(offer).await?;
        let own = process.line("its id", |line| line.starts_with("Gate: ")).await?;
        let digits = process.line("its short code", |line| line.starts_with("short code: ")).await?;
        let digits = digits.trim_start_matches("short code: ").to_owned();
        let gate = Self {
            programs: venue.programs().clone(),
            name,
            folder,
            logs: venue.logs().to_owned(),
            pcscd_socket: venue.pcscd_socket(),
            slot,
            host: Host::this(),
            kiosk_port: super::venue::free_port()?,
            process: None,
            metrics: None,
            kiosk: None,
            event: event.to_owned(),
            id: own.trim_start_matches("Gate:").trim().to_owned(),
            log_level: "info",
            barrier: "log".to_owned(),
            direction: "in",
        };
        Ok(Arriving { process, digits, gate })
    }

    /// Stands on that machine from its next start on; whoever starts it has to be there too, to see its screen.
    pub fn stand_on(&mut self, host: Host) {
        self.host = host;
    }

    /// Opens with this program from its next start on.
    pub fn set_barrier(&mut self, program: &Path) {
        self.barrier = format!("command:{}", program.display());
    }

    /// Lets people out from its next start on, where this program says that they have passed.
    pub fn let_out(&mut self, program: &Path) {
        self.direction = "out";
        self.set_barrier(program);
    }

    /// Logs at this level from its next start on.
    pub const fn set_log_level(&mut self, level: &'static str) {
        self.log_level = level;
    }

    /// Starts it, and waits until its lane is in service.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn start(&mut self) -> Result<(), HarnessError> {
        self.start_without_waiting().await?;
        self.in_service().await
    }

    /// Starts it, and waits until its kiosk answers.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn start_without_waiting(&mut self) -> Result<(), HarnessError> {
        let mut command = self.host.command(self.programs.gate());
        command.arg("run").arg("--data").arg(&self.folder);
        command.args(["--reader", self.reader(), "--barrier", &self.barrier, "--log-format", "json"]);
        command.args(["--log", self.log_level, "--direction", self.direction]);
        command.args(["--kiosk", &format!("127.0.0.1:{}", self.kiosk_port)]);
        command.env(kido_virtual_card::stack::SOCKET_VARIABLE, &self.pcscd_socket);
        command.args(SCRAPED);
        let mut process = Process::start(&self.name, command, &self.logs)?;
        self.metrics = Some(scrape::address(&mut process).await?);
        process.line("that it is ready", |line| line.contains("ready")).await?;
        self.process = Some(process);
        self.kiosk = Some(Kiosk::connect(&self.kiosk_address()).await?);
        Ok(())
    }

    /// What it is scraped for now.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn scrape(&self) -> Result<String, HarnessError> {
        scrape::scrape(self.metrics.as_ref()).await
    }

    /// Waits until the lane is idle: reader there, replica new enough, nobody in it.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn in_service(&mut self) -> Result<(), HarnessError> {
        let kiosk = self.kiosk.as_mut().ok_or_else(not_running)?;
        let idle = |screen: &Shown| screen.kind() == "idle";
        kiosk.screen("the lane to be idle", IN_SERVICE_WITHIN, idle).await.map(|_screen| ())
    }

    /// Looks at the lane afresh, whatever it showed before, and waits until it is idle.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn settled(&mut self) -> Result<(), HarnessError> {
        self.kiosk = Some(Kiosk::connect(&self.kiosk_address()).await?);
        self.in_service().await
    }

    /// Waits until the lane is closed, and gives the code that it shows to staff.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn closed(&self, within: Duration) -> Result<u64, HarnessError> {
        let kiosk = self.kiosk.as_ref().ok_or_else(not_running)?;
        let closed = async || {
            let screen = kiosk.current().await?;
            Ok(screen.code().filter(|_| screen.kind() == "out_of_order"))
        };
        wait_for("the lane to be closed", within, closed).await
    }

    /// Listens to its screens no longer: whoever counts its listeners counts the page alone.
    pub fn leave_screen(&mut self) {
        self.kiosk = None;
    }

    /// Ends it the way systemd would.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn stop(&mut self) -> Result<(), HarnessError> {
        self.kiosk = None;
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
        self.kiosk = None;
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Waits until an admission of this ticket has arrived, and says how many have.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn uploaded(
        &self,
        registrar: &Registrar,
        event: &str,
        ticket_ref: &str,
        within: Duration,
    ) -> Result<usize, HarnessError> {
        let arrived = async || {
            let admitted = registrar.admitted(event, ticket_ref).await?;
            Ok((admitted > 0).then_some(admitted))
        };
        wait_for(&format!("an admission of {ticket_ref}"), within, arrived).await
    }

    /// Waits until refused proofs of this ticket have arrived, and gives their codes.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn told_refused(
        &self,
        registrar: &Registrar,
        event: &str,
        ticket_ref: &str,
        within: Duration,
    ) -> Result<Vec<u64>, HarnessError> {
        let arrived = async || {
            let refused = registrar.refused(event, ticket_ref).await?;
            Ok((!refused.is_empty()).then_some(refused))
        };
        wait_for(&format!("a refused proof of {ticket_ref}"), within, arrived).await
    }

    /// Which event it belongs to.
    #[must_use]
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The lane's screen.
    ///
    /// # Errors
    /// [`HarnessError`] where the gate does not run.
    pub fn kiosk(&mut self) -> Result<&mut Kiosk, HarnessError> {
        self.kiosk.as_mut().ok_or_else(not_running)
    }

    /// Where the lane's screen is.
    #[must_use]
    pub fn kiosk_address(&self) -> String {
        format!("http://127.0.0.1:{}", self.kiosk_port)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where its keys and stores are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The process, while it runs.
    pub const fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// The slot of the reader that this gate uses.
    #[must_use]
    pub const fn slot(&self) -> u8 {
        self.slot
    }

    fn reader(&self) -> &'static str {
        kido_virtual_card::stack::SLOT_NAMES.get(usize::from(self.slot)).copied().unwrap_or_default()
    }
}

fn not_running() -> HarnessError {
    HarnessError::Shape { what: "the gate", text: "is not running".to_owned() }
}
