//! One venue in one folder: a private PC/SC stack, a registrar, and whatever gates are enrolled.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

use kido_virtual_card::card::LogEntry;
use kido_virtual_card::character::Character;
use kido_virtual_card::control::{self, Client};
use kido_virtual_card::stack::{PrivateStack, SLOT_NAMES};
use tokio::process::Command;

use super::registrar::succeed;
use super::{CardHelper, HarnessError, HelperRun, Host, Programs, Registrar};

/// The reader of whoever registers a card; a gate may use it when nobody does.
const BUYERS_SLOT: u8 = 1;

/// The folder of the PC/SC stack, below the venue's own.
const STACK: &str = "pcsc";

/// A venue; everything that it started ends with it.
#[derive(Debug)]
pub struct Venue {
    programs: Programs,
    folder: PathBuf,
    logs: PathBuf,
    stack: PrivateStack,
    /// Its registrar, running.
    pub registrar: Registrar,
}

impl Venue {
    /// Sets a venue up in an empty folder: PC/SC stack, test anchors, registrar.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn open(folder: &Path) -> Result<Self, HarnessError> {
        Self::open_on(folder, free_port()?).await
    }

    /// The same with a registrar that gates and buyers reach at another address: through something in between.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn open_behind(folder: &Path, public: &str) -> Result<Self, HarnessError> {
        Self::open_at(folder, (Host::this(), free_port()?, Some(public)), 1).await
    }

    /// The same with the registrar on that machine, and with so many readers of two slots each.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn open_apart(folder: &Path, host: Host, readers: usize) -> Result<Self, HarnessError> {
        Self::open_at(folder, (host, free_port()?, None), readers).await
    }

    /// The same with the registrar on this port.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn open_on(folder: &Path, port: u16) -> Result<Self, HarnessError> {
        Self::open_at(folder, (Host::this(), port, None), 1).await
    }

    async fn open_at(
        folder: &Path,
        registrar: (Host, u16, Option<&str>),
        readers: usize,
    ) -> Result<Self, HarnessError> {
        let programs = Programs::of_this_build()?;
        let logs = folder.join("logs");
        std::fs::create_dir_all(&logs).map_err(|source| HarnessError::File { path: logs.clone(), source })?;
        let stack = PrivateStack::start_with(&programs.virtual_card(), &folder.join(STACK), readers)?;
        let anchors = folder.join("anchors");
        let mut command = Command::new(programs.virtual_card());
        command.arg("anchors").arg("--out").arg(&anchors);
        succeed(command, "").await?;
        let mut registrar = Registrar::init_on(&programs, folder, &logs, &anchors, registrar).await?;
        registrar.start().await?;
        Ok(Self { programs, folder: folder.to_owned(), logs, stack, registrar })
    }

    /// The folder of everything.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of every log.
    #[must_use]
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// The programs under test.
    #[must_use]
    pub const fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Where this venue's pcscd listens.
    #[must_use]
    pub fn pcscd_socket(&self) -> PathBuf {
        self.stack.pcscd_socket()
    }

    /// A connection to the hand that puts cards in and takes them out.
    ///
    /// # Errors
    /// [`HarnessError::Control`].
    pub fn control(&self) -> Result<Client, HarnessError> {
        Ok(self.stack.control()?)
    }

    /// Where that hand listens, for whoever moves cards from another task.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.folder.join(STACK).join(control::SOCKET)
    }

    /// The buyer's card helper at the reader in this slot.
    #[must_use]
    pub fn helper(&self, slot: u8) -> CardHelper {
        let reader = SLOT_NAMES.get(usize::from(slot)).copied().unwrap_or_default();
        CardHelper::new(&self.programs, &self.pcscd_socket(), reader, &self.logs)
    }

    /// Registers a card of the cast with a link, in the buyer's reader: the second slot.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn register(&self, card: Character, link: &str) -> Result<HelperRun, HarnessError> {
        self.control()?.insert(BUYERS_SLOT, card, Vec::new())?;
        let run = self.helper(BUYERS_SLOT).register(link, kido_virtual_card::planted::PIN).await;
        self.control()?.remove(BUYERS_SLOT)?;
        run
    }

    /// What a card was asked over its whole life.
    ///
    /// # Errors
    /// [`HarnessError::Control`].
    pub fn asked(&self, card: Character) -> Result<Vec<LogEntry>, HarnessError> {
        let logs = self.control()?.log()?;
        Ok(logs.into_iter().find(|log| log.card == card).map(|log| log.entries).unwrap_or_default())
    }
}

/// Ports that the kernel gives to nobody by itself: below those of outgoing connections, one of which could else take a
/// registrar's port while it is stopped.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// Ports that were handed out by this process.
static HANDED_OUT: AtomicU16 = AtomicU16::new(0);

/// A port that nobody uses now, and that no other venue of this process is given.
///
/// # Errors
/// [`HarnessError::File`] where there is none.
pub fn free_port() -> Result<u16, HarnessError> {
    // Two processes begin far from each other.
    let begin = std::process::id().wrapping_mul(7_919) % u32::from(PORTS.end - PORTS.start);
    for _port in PORTS {
        let offset =
            (begin + u32::from(HANDED_OUT.fetch_add(1, Ordering::Relaxed))) % u32::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(offset).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    let source = std::io::ErrorKind::AddrInUse.into();
    Err(HarnessError::File { path: PathBuf::from("127.0.0.1"), source })
}
