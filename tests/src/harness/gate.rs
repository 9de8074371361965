//! A gate as a process, and taps at it as an attendee makes them.

mod carried;
mod copied;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kido_virtual_card::card::Fault;
use kido_virtual_card::character::Character;
use serde_json::Value;
use tokio::process::Command;

use super::kiosk::{Kiosk, Shown};
use super::process::{Process, wait_for};
use super::registrar::text;
use super::scrape::{self, SCRAPED};
use super::{HarnessError, Host, Programs, Registrar};

/// How long a gate may take to follow what the registrar published: a poll, and a wait after a failure.
pub const FOLLOWS_WITHIN: Duration = Duration::from_secs(45);

/// How long a lane may take from a card to its last screen: the deadlines of a tap, and a busy machine.
const TAP_WITHIN: Duration = Duration::from_secs(90);

/// How long a lane may take to be in service: reader and replica.
const IN_SERVICE_WITHIN: Duration = Duration::from_secs(60);

/// How long a line may take from a gate to its log file.
const LOGGED_WITHIN: Duration = Duration::from_secs(5);

/// What a gate logs first.
const BEGINS: &str = "the gate starts";

/// What a gate logs when it refuses.
const NOBODY_ENTERED: &str = "nobody entered";

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

/// What an attendee saw of one tap, and what staff read about it.
#[derive(Debug, Clone)]
pub struct Tap {
    /// The last screen.
    pub shown: Shown,
    /// Whether the pad was shown.
    pub asked_for_pin: bool,
    /// The precise reason in the gate's log; empty where somebody entered.
    pub reason: String,
}

impl Tap {
    /// Whether the lane opened.
    #[must_use]
    pub fn is_welcome(&self) -> bool {
        self.shown.kind() == "welcome"
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

    /// Puts a card into the tray, types the PIN if the pad is shown, takes the card at the last screen, and waits
    /// until the lane is idle again.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn tap(
        &mut self,
        venue: &super::Venue,
        card: Character,
        faults: Vec<Fault>,
        pin: &str,
    ) -> Result<Tap, HarnessError> {
        let tap = self.tap_and_leave(venue, card, faults, pin, None).await?;
        self.in_service().await?;
        Ok(tap)
    }

    /// The same for a party of so many.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn tap_party(
        &mut self,
        venue: &super::Venue,
        card: Character,
        pin: &str,
        count: usize,
    ) -> Result<Tap, HarnessError> {
        let tap = self.tap_and_leave(venue, card, Vec::new(), pin, Some(count)).await?;
        self.in_service().await?;
        Ok(tap)
    }

    /// The same as [`Self::tap`] without waiting until the lane is idle: the next card waits its turn.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn tap_only(&mut self, venue: &super::Venue, card: Character, pin: &str) -> Result<Tap, HarnessError> {
        self.tap_and_leave(venue, card, Vec::new(), pin, None).await
    }

    async fn tap_and_leave(
        &mut self,
        venue: &super::Venue,
        card: Character,
        faults: Vec<Fault>,
        pin: &str,
        party: Option<usize>,
    ) -> Result<Tap, HarnessError> {
        let told_before = self.log_lines(NOBODY_ENTERED)?.len();
        self.kiosk()?.forget();
        venue.control()?.insert(self.slot, card, faults)?;
        let kiosk = self.kiosk.as_mut().ok_or_else(not_running)?;
        let mut asked_for_pin = false;
        let shown = loop {
            let telling = |screen: &Shown| !matches!(screen.kind(), "idle" | "reading" | "proving");
            let screen = kiosk.screen("the lane to say something", TAP_WITHIN, telling).await?;
            match screen.kind() {
                "ask_pin" => {
                    asked_for_pin = true;
                    kiosk.pin(&screen, pin).await?;
                }
                "ask_party" => kiosk.party(&screen, party.unwrap_or(1)).await?,
                _ => break screen,
            }
        };
        venue.control()?.remove(self.slot)?;
        let reason = if shown.kind() == "refused" { self.next_reason(told_before).await? } else { String::new() };
        Ok(Tap { shown, asked_for_pin, reason })
    }

    /// The reason that the log gives after so many others.
    async fn next_reason(&self, told_before: usize) -> Result<String, HarnessError> {
        let told = || Ok(self.log_lines(NOBODY_ENTERED)?.into_iter().nth(told_before));
        let line = wait_for("the reason in the gate's log", LOGGED_WITHIN, async || told()).await?;
        text(&line, "reason")
    }

    /// Waits until this gate has followed the feed as far as it goes now.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn followed(&self, registrar: &Registrar, event: &str, within: Duration) -> Result<(), HarnessError> {
        let length = registrar.feed_length(event).await?;
        let what = format!("{} to follow {length} records", self.name);
        let followed = || Ok((self.followed_to()? >= length).then_some(()));
        wait_for(&what, within, async || followed()).await
    }

    /// How many records it has followed, by its own word; what it followed stays followed when it starts anew.
    ///
    /// # Errors
    /// [`HarnessError::File`].
    pub fn followed_to(&self) -> Result<u64, HarnessError> {
        let begun = self.log_lines(BEGINS)?;
        let lengths = self.log_lines("feed followed")?;
        Ok(begun
            .iter()
            .chain(&lengths)
            .filter_map(|line| line.get("length").and_then(Value::as_u64))
            .max()
            .unwrap_or(0))
    }

    /// Waits until it knows that no arbiter answers.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn offline(&self, within: Duration) -> Result<(), HarnessError> {
        self.connected("Offline", within).await
    }

    /// Waits until it knows that an arbiter answers again.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn online(&self, within: Duration) -> Result<(), HarnessError> {
        self.connected("Online", within).await
    }

    async fn connected(&self, wanted: &str, within: Duration) -> Result<(), HarnessError> {
        let newest = || {
            let lines = self.log_lines_since_start("arbiter")?;
            let newest = lines.last().and_then(|line| line.get("connectivity")).and_then(Value::as_str);
            Ok((newest == Some(wanted)).then_some(()))
        };
        wait_for(&format!("{} to be {wanted}", self.name), within, async || newest()).await
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

    /// The lines of its log with exactly this message, oldest first.
    ///
    /// # Errors
    /// [`HarnessError::File`].
    pub fn log_lines(&self, message: &str) -> Result<Vec<Value>, HarnessError> {
        Ok(lines_of(&self.log()?, message))
    }

    /// The same of the run under way: what an earlier run knew died with it.
    fn log_lines_since_start(&self, message: &str) -> Result<Vec<Value>, HarnessError> {
        let log = self.log()?;
        let run = log.rfind(BEGINS).and_then(|at| log.get(at..)).unwrap_or_default();
        Ok(lines_of(run, message))
    }

    /// Waits until its log has more than so many lines with this message, and gives the newest.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn logs(&self, message: &str, before: usize, within: Duration) -> Result<Value, HarnessError> {
        let newest = || {
            let lines = self.log_lines(message)?;
            Ok((lines.len() > before).then(|| lines.last().cloned()).flatten())
        };
        wait_for(&format!("{} to log {message:?}", self.name), within, async || newest()).await
    }

    /// Where its log is.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.logs.join(format!("{}.log", self.name))
    }

    /// The process id of its newest reader process, by its own word.
    ///
    /// # Errors
    /// [`HarnessError::File`].
    pub fn reader_process(&self) -> Result<Option<i32>, HarnessError> {
        let started = self.log_lines("reader process started")?;
        let newest = started.last().and_then(|line| line.get("process")).and_then(Value::as_i64);
        Ok(newest.and_then(|process| i32::try_from(process).ok()))
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

    /// Its log, as far as it is written.
    ///
    /// # Errors
    /// [`HarnessError::File`].
    pub fn log(&self) -> Result<String, HarnessError> {
        let path = self.logs.join(format!("{}.log", self.name));
        std::fs::read_to_string(&path).map_err(|source| HarnessError::File { path, source })
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

/// The lines of a JSON log with exactly this message.
fn lines_of(log: &str, message: &str) -> Vec<Value> {
    let parsed = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed.filter(|line| line.get("message").and_then(Value::as_str) == Some(message)).collect()
}

fn not_running() -> HarnessError {
    HarnessError::Shape { what: "the gate", text: "is not running".to_owned() }
}
