//! The first process inside the namespaces: sets them up, runs pcscd and the card controller, ends with its parent.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use rustix::mount::{MountFlags, mount, mount_bind};

use super::{PCSCD_SOCKET, RUN_FOLDER, SOCKET_VARIABLE, loopback};
use crate::control::{self, Server, ServerError};
use crate::vpcd::{SLOT_PORTS, SLOTS_PER_READER};

/// The driver of the virtual reader.
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
/// What every reader after the first is called, in the order of their ports.
const FURTHER_READERS: [&str; 3] = ["Virtual PCD B", "Virtual PCD C", "Virtual PCD D"];
/// pcscd's fixed socket folder.
const PCSCD_FOLDER: &str = "/run/pcscd";
/// How often readiness is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Looks until pcscd counts as failed: 20 s, for a machine that builds something else meanwhile.
const LOOKS_MAX: u32 = 1000;

/// Why there is no stack.
#[derive(Debug, thiserror::Error)]
pub enum InsideError {
    /// The loopback device of the new network namespace stays down.
    #[error("loopback does not come up (this runs in a network namespace of its own, by `kido-virtual-card stack`)")]
    Loopback(#[source] io::Error),
    /// The socket folder cannot be put in pcscd's place.
    #[error("{PCSCD_FOLDER} cannot be replaced")]
    Mount(#[source] io::Error),
    /// `/run/pcscd` does not exist, and a new `/run` would hide the stack's own folder.
    #[error("{PCSCD_FOLDER} does not exist, and {0} lies below /run: choose another folder")]
    BelowRun(PathBuf),
    /// The log file of pcscd cannot be made.
    #[error("no log file for pcscd")]
    Log(#[source] io::Error),
    /// The list of readers cannot be written.
    #[error("no list of readers for pcscd")]
    Readers(#[source] io::Error),
    /// pcscd cannot be started.
    #[error("pcscd cannot be started")]
    Pcscd(#[source] io::Error),
    /// pcscd ended, or has no reader.
    #[error("pcscd is not ready: see pcscd.log in the folder of the stack")]
    NotReady,
    /// The card controller does not run.
    #[error(transparent)]
    Control(#[from] ServerError),
    /// Nobody reads the ready line.
    #[error("the ready line cannot be written")]
    Announce(#[source] io::Error),
    /// A thread is missing.
    #[error("no thread to watch with")]
    Watch(#[source] io::Error),
}

/// What ends the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    ParentGone,
    PcscdGone,
}

/// Runs until the parent is gone, somebody asks for the end, or pcscd ends. Returning ends every process inside.
///
/// # Errors
/// [`InsideError`].
pub fn run(folder: &Path, readers: usize) -> Result<(), InsideError> {
    let (endings, ended) = mpsc::sync_channel(2);
    watch_parent(endings.clone())?;
    loopback::up().map_err(InsideError::Loopback)?;
    replace_socket_folder(folder)?;
    start_pcscd(folder, readers, endings)?;
    await_pcscd(folder, readers, &ended)?;
    let (quit, asked) = mpsc::sync_channel(1);
    Server::start(&folder.join(control::SOCKET), quit)?;
    announce(folder)?;
    loop {
        if let Ok(ending) = ended.try_recv() {
            return if ending == Ending::ParentGone { Ok(()) } else { Err(InsideError::NotReady) };
        }
        match asked.recv_timeout(LOOK_EVERY) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Standard input is a pipe that the parent holds: it ends when the parent does, in whatever way.
fn watch_parent(endings: SyncSender<Ending>) -> Result<(), InsideError> {
    let watch = move || {
        // Nothing is ever written into it; an error says as much as the end.
        io::stdin().lock().read_to_end(&mut Vec::new()).ok();
        endings.send(Ending::ParentGone).ok();
    };
    std::thread::Builder::new().name("parent".to_owned()).spawn(watch).map_err(InsideError::Watch)?;
    Ok(())
}

/// Puts our folder in the place of pcscd's. Where that does not exist (pcscd was never started as a service), an empty
/// `/run` is put over the old one first, inside this mount namespace only.
fn replace_socket_folder(folder: &Path) -> Result<(), InsideError> {
    let failed = |error: rustix::io::Errno| InsideError::Mount(error.into());
    if !Path::new(PCSCD_FOLDER).is_dir() {
        if folder.starts_with("/run") || folder.starts_with("/var/run") {
            return Err(InsideError::BelowRun(folder.to_owned()));
        }
        mount("tmpfs", "/run", "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, None).map_err(failed)?;
        std::fs::create_dir(PCSCD_FOLDER).map_err(InsideError::Mount)?;
    }
    mount_bind(folder.join(RUN_FOLDER), PCSCD_FOLDER).map_err(failed)
}

/// Writes down several readers, each with a copy of the driver: it keeps its slots in statics, one set for each library.
fn write_readers(folder: &Path, readers: usize) -> io::Result<PathBuf> {
    let list = folder.join("readers");
    std::fs::create_dir_all(&list)?;
    let names = std::iter::once("Virtual PCD").chain(FURTHER_READERS);
    let mut text = String::new();
    for ((name, port), number) in names.zip(SLOT_PORTS.iter().step_by(SLOTS_PER_READER)).zip(0..readers) {
        let driver = folder.join(format!("driver-{number}.so"));
        std::fs::copy(DRIVER, &driver)?;
        let (driver, port) = (driver.display(), format!("0x{port:04X}"));
        text.push_str(&format!(
            "FRIENDLYNAME \"{name}\"\nDEVICENAME /dev/null:{port}\nLIBPATH {driver}\nCHANNELID {port}\n\n"
        ));
    }
    std::fs::write(list.join("vpcd"), text)?;
    Ok(list)
}

fn start_pcscd(folder: &Path, readers: usize, endings: SyncSender<Ending>) -> Result<(), InsideError> {
    let log = File::create(folder.join("pcscd.log")).map_err(InsideError::Log)?;
    let also_log = log.try_clone().map_err(InsideError::Log)?;
    // Only errors are logged: at finer levels pcscd writes what the cards say.
    let mut pcscd = Command::new("/usr/sbin/pcscd");
    if readers != 1 {
        pcscd.arg("--config").arg(write_readers(folder, readers).map_err(InsideError::Readers)?);
    }
    let mut pcscd = pcscd
        .args(["--foreground", "--error"])
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(also_log)
        .spawn()
        .map_err(InsideError::Pcscd)?;
    let watch = move || {
        // However it ended: without it there is no stack.
        pcscd.wait().ok();
        endings.send(Ending::PcscdGone).ok();
    };
    std::thread::Builder::new().name("pcscd".to_owned()).spawn(watch).map_err(InsideError::Watch)?;
    Ok(())
}

/// Waits until clients can connect and every slot listens.
fn await_pcscd(folder: &Path, readers: usize, ended: &Receiver<Ending>) -> Result<(), InsideError> {
    for _ in 0..LOOKS_MAX {
        match ended.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(_) | Err(RecvTimeoutError::Disconnected) => return Err(InsideError::NotReady),
        }
        if folder.join(RUN_FOLDER).join(PCSCD_SOCKET).exists() && slots_listen(readers) {
            return Ok(());
        }
    }
    Err(InsideError::NotReady)
}

/// Reads the kernel's list of sockets: a connection would already be a card.
fn slots_listen(readers: usize) -> bool {
    let sockets = std::fs::read_to_string("/proc/self/net/tcp").unwrap_or_default();
    SLOT_PORTS.iter().take(readers * SLOTS_PER_READER).all(|port| listens(&sockets, *port))
}

/// Whether `/proc/net/tcp` (proc(5)) shows a listening socket on this port.
fn listens(sockets: &str, port: u16) -> bool {
    let ending = format!(":{port:04X}");
    sockets.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, _remote, state) = (fields.next(), fields.next(), fields.next());
        local.is_some_and(|local| local.ends_with(&ending)) && state == Some("0A")
    })
}

fn announce(folder: &Path) -> Result<(), InsideError> {
    let socket = super::pcscd_socket(folder);
    let mut out = io::stdout().lock();
    writeln!(out, "{SOCKET_VARIABLE}={}", socket.display()).and_then(|()| out.flush()).map_err(InsideError::Announce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_port_is_told_from_a_connected_one() {
        let sockets = "  sl  local_address rem_address   st\n   0: 00000000:8C7B 00000000:0000 0A\n   1: 0100007F:8C7C 0100007F:9999 01\n";
        assert!(listens(sockets, 35963));
        assert!(!listens(sockets, 35964));
    }
}
