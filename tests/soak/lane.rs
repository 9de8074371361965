//! One gate on its machine, and the people before it: a thread of its own, which stands on that machine.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use kido_gate::journal::Contents;
use kido_shared::ids::GateId;
use kido_tests::harness::{Gate, Host, Shown};
use kido_virtual_card::control::Client;
use kido_virtual_card::planted::PIN;
use rustix::process::Pid;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::crowd::{Crowd, LastTry, Manner, Seen, Visit};

/// How long somebody stands before a lane.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a lane may be busy with whoever was before.
const IDLE_WITHIN: Duration = Duration::from_secs(10);

/// How often it is looked whether anything has changed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long everything may take to come home once the faults have stopped.
const HOME_WITHIN: Duration = Duration::from_secs(180);

/// How long a gate is left to itself between two looks at its journal.
const LEFT_ALONE: Duration = Duration::from_secs(6);

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Evening,
    LastTries,
    Home,
    /// The feed ends at this length.
    Follow(u64),
}

/// What is known of a gate's process from outside its thread.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pid: AtomicI32,
    keep_down: AtomicBool,
}

impl Life {
    pub(crate) fn pid(&self) -> Option<Pid> {
        Pid::from_raw(self.pid.load(Ordering::Acquire))
    }

    /// It is not started again before this is taken back.
    pub(crate) fn keep_down(&self, down: bool) {
        self.keep_down.store(down, Ordering::Release);
    }
}

/// What all lanes share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) crowd: Mutex<Crowd>,
    pub(crate) stage: watch::Sender<Stage>,
    pub(crate) lives: Vec<Life>,
}

impl Shared {
    pub(crate) fn crowd(&self) -> MutexGuard<'_, Crowd> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One lane.
pub(crate) struct Lane {
    pub(crate) number: usize,
    pub(crate) gate: Gate,
    pub(crate) host: Host,
    pub(crate) cards: PathBuf,
    pub(crate) shared: Arc<Shared>,
    /// Told at the end of each stage.
    pub(crate) done: mpsc::Sender<usize>,
}

impl Lane {
    /// The whole evening; gives the gate back, stopped.
    pub(crate) fn play(mut self) -> anyhow::Result<Gate> {
        self.host.enter()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut stages = self.shared.stage.subscribe();
            self.start().await?;
            self.done.send(self.number).await.ok();
            self.evening(&stages).await?;
            self.last_tries(&mut stages).await?;
            stages.wait_for(|stage| *stage == Stage::Home).await?;
            self.come_home().await?;
            self.done.send(self.number).await.ok();
            let stage = *stages.wait_for(|stage| matches!(stage, Stage::Follow(_))).await?;
            if let Stage::Follow(length) = stage {
                self.follow(length).await?;
            }
            self.gate.stop().await?;
            self.done.send(self.number).await.ok();
            Ok(self.gate)
        })
    }

    async fn start(&mut self) -> anyhow::Result<()> {
        self.gate.start_without_waiting().await.context("a gate does not start")?;
        let pid = self.gate.process().and_then(|process| process.pid());
        self.life().pid.store(pid.map_or(0, |pid| pid.as_raw_nonzero().get()), Ordering::Release);
        Ok(())
    }

    fn life(&self) -> &Life {
        self.shared.lives.get(self.number).expect("a life for each lane")
    }

    /// Whether the gate runs; one that has died is started again once it may be.
    async fn is_up(&mut self) -> anyhow::Result<bool> {
        if self.gate.process().is_some_and(kido_tests::harness::Process::is_running) {
            return Ok(true);
        }
        self.life().pid.store(0, Ordering::Release);
        if self.life().keep_down.load(Ordering::Acquire) {
            return Ok(false);
        }
        self.gate.kill().await?;
        self.start().await?;
        Ok(true)
    }

    async fn evening(&mut self, stages: &watch::Receiver<Stage>) -> anyhow::Result<()> {
        while *stages.borrow() == Stage::Evening {
            let visit = if self.is_up().await? { self.shared.crowd().next(self.number) } else { None };
            match visit {
                Some(visit) => {
                    let seen = self.visit(visit).await;
                    self.shared.crowd().leaves(self.number, visit, &seen);
                }
                None => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
        Ok(())
    }

    async fn last_tries(&mut self, stages: &mut watch::Receiver<Stage>) -> anyhow::Result<()> {
        stages.wait_for(|stage| *stage != Stage::Evening).await?;
        anyhow::ensure!(self.is_up().await?, "the faults have stopped, and gate {} is kept down", self.number);
        self.gate.settled().await.with_context(|| format!("gate {} is not in service again", self.number))?;
        self.done.send(self.number).await.ok();
        loop {
            let next = self.shared.crowd().last_try();
            match next {
                LastTry::Visit(visit) => {
                    self.is_up().await?;
                    let seen = self.visit(visit).await;
                    self.shared.crowd().leaves_at_last(self.number, visit, &seen);
                }
                LastTry::Wait => tokio::time::sleep(LOOK_EVERY).await,
                LastTry::Over => break,
            }
        }
        self.done.send(self.number).await.ok();
        Ok(())
    }

    /// Somebody with a card. Whatever goes wrong with the machine is a screen that shows nothing.
    async fn visit(&mut self, visit: Visit) -> Seen {
        if !self.is_idle().await {
            return Seen::Nothing;
        }
        let slot = self.gate.slot();
        let put_in = || Client::connect(&self.cards)?.insert(slot, visit.card, Vec::new());
        let seen = match put_in() {
            Ok(()) => self.before_the_screen(visit.manner).await.unwrap_or(Seen::Nothing),
            Err(_no_reader) => Seen::Nothing,
        };
        let take_out = || Client::connect(&self.cards)?.remove(slot);
        take_out().ok();
        seen
    }

    async fn is_idle(&mut self) -> bool {
        let until = Instant::now() + IDLE_WITHIN;
        while Instant::now() < until {
            let Ok(kiosk) = self.gate.kiosk() else { return false };
            match tokio::time::timeout(IDLE_WITHIN, kiosk.current()).await {
                Ok(Ok(screen)) if screen.kind() == "idle" => {
                    kiosk.forget();
                    return true;
                }
                Ok(Ok(_another)) => tokio::time::sleep(LOOK_EVERY).await,
                Ok(Err(_)) | Err(_) => return false,
            }
        }
        false
    }

    async fn before_the_screen(&mut self, manner: Manner) -> anyhow::Result<Seen> {
        let kiosk = self.gate.kiosk()?;
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let telling = |screen: &Shown| match screen.kind() {
                "idle" | "reading" => false,
                "proving" => manner == Manner::Hasty,
                _ => true,
            };
            let screen = kiosk.screen("the lane to say something", left, telling).await?;
            match screen.kind() {
                "ask_pin" => kiosk.pin(&screen, if manner == Manner::Mistyped { "9876" } else { PIN }).await?,
                "ask_party" => kiosk.party(&screen, 1).await?,
                "proving" => return Ok(Seen::WalkedOff),
                "welcome" => return Ok(Seen::Welcome),
                "refused" => return Ok(Seen::Refused(screen.notice().to_owned())),
                _ => return Ok(Seen::Nothing),
            }
        }
    }

    /// Until registrar and arbiter have heard everything that this gate has to tell; then it runs on.
    async fn come_home(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + HOME_WITHIN;
        loop {
            self.gate.stop().await?;
            let contents = contents(&self.gate)?;
            self.start().await?;
            if contents.is_delivered {
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < until, "gate {} does not bring everything home", self.number);
            let before = self.gate.log_lines("facts uploaded")?.len();
            // Errands are not told of in the same words: a while is enough for either.
            self.gate.logs("facts uploaded", before, LEFT_ALONE).await.ok();
        }
    }

    async fn follow(&self, length: u64) -> anyhow::Result<()> {
        let until = Instant::now() + HOME_WITHIN;
        while self.gate.followed_to()? < length {
            anyhow::ensure!(Instant::now() < until, "gate {} does not follow to {length} records", self.number);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

/// The journal of a gate that is stopped.
pub(crate) fn contents(gate: &Gate) -> anyhow::Result<Contents> {
    let (folder, id) = (gate.folder().join("journal"), gate.id().parse::<GateId>()?);
    // Reading blocks, which a thread of an asynchronous runtime must not.
    let read = std::thread::spawn(move || Contents::read(&folder, id)).join();
    Ok(read.map_err(|_panic| anyhow::anyhow!("the journal's reader has stopped"))??)
}
