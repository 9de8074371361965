//! A private, real PC/SC stack: its own pcscd with the virtual reader, in its own namespaces.
//!
//! pcscd has one fixed socket folder and vpcd listens on all interfaces, so both get a mount and a network namespace
//! of their own; several stacks stand side by side, disturb no pcscd that runs, and nothing outside reaches them. A
//! process namespace ties their lives together: when its first process ends, the kernel ends the rest. That first
//! process ends when its standard input closes, which happens however its parent ends, `kill -9` included.
//!
//! Works for root and, with a user namespace, for a plain user.

mod inside;
mod loopback;

use std::fs::DirBuilder;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

pub use inside::{InsideError, run};

use crate::control::{self, Client, ControlError};

/// The names under which the first reader's slots appear to every PC/SC client.
pub const READER_NAMES: [&str; 2] = ["Virtual PCD 00 00", "Virtual PCD 00 01"];
/// The names of all slots that a stack can have, slot by slot: two for each reader.
pub const SLOT_NAMES: [&str; 8] = [
    "Virtual PCD 00 00",
    "Virtual PCD 00 01",
    "Virtual PCD B 00 00",
    "Virtual PCD B 00 01",
    "Virtual PCD C 00 00",
    "Virtual PCD C 00 01",
    "Virtual PCD D 00 00",
    "Virtual PCD D 00 01",
];
/// The variable from which libpcsclite takes the socket of its pcscd.
pub const SOCKET_VARIABLE: &str = "PCSCLITE_CSOCK_NAME";
/// The subcommand that runs inside the namespaces.
pub const INSIDE: &str = "stack-inside";
/// Folder below the stack's own that pcscd sees as its socket folder.
const RUN_FOLDER: &str = "run";
/// pcscd's fixed name for its socket.
const PCSCD_SOCKET: &str = "pcscd.comm";
/// `sockaddr_un` holds 108 bytes with the final zero.
const SOCKET_PATH_MAX: usize = 107;
/// What must be installed, and the Debian package that brings it.
const NEEDED: [(&str, &str); 3] = [
    ("/usr/sbin/pcscd", "pcscd"),
    ("/usr/lib/pcsc/drivers/serial/libifdvpcd.so", "vsmartcard-vpcd"),
    ("/usr/bin/unshare", "util-linux"),
];

/// Why there is no stack.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A package is missing.
    #[error("{file} is missing: apt-get install {package}")]
    Missing {
        /// What was looked for.
        file: &'static str,
        /// The Debian package that brings it.
        package: &'static str,
    },
    /// The path of a Unix socket has a short limit.
    #[error("{0} is too long for a socket path")]
    PathTooLong(PathBuf),
    /// The folder could not be made.
    #[error("no folder {folder}")]
    Folder {
        /// Which one.
        folder: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// `unshare` could not be started.
    #[error("unshare could not be started")]
    Unshare(#[source] io::Error),
    /// The stack ended before it was ready; why is on its standard error.
    #[error("the private stack ended before it was ready")]
    NotReady,
}

/// What is missing for a stack, if anything: a test that cannot run says so.
///
/// # Errors
/// [`StackError::Missing`] with the first thing missing.
pub fn installed() -> Result<(), StackError> {
    match NEEDED.into_iter().find(|(file, _)| !Path::new(file).exists()) {
        Some((file, package)) => Err(StackError::Missing { file, package }),
        None => Ok(()),
    }
}

/// The program `kido-virtual-card` beside the running one: in the same folder, or above a test's `deps`.
#[must_use]
pub fn program_beside(current: &Path) -> Option<PathBuf> {
    current.ancestors().skip(1).take(3).map(|folder| folder.join("kido-virtual-card")).find(|path| path.is_file())
}

/// A running stack; ended when dropped.
#[derive(Debug)]
pub struct PrivateStack {
    folder: PathBuf,
    child: Child,
    /// Held open: the stack lives as long as this does.
    alive: Option<ChildStdin>,
}

impl PrivateStack {
    /// Starts `program` (this crate's binary) in namespaces of its own with everything below `folder`, which is made
    /// where it does not exist; returns when pcscd and the card controller answer.
    ///
    /// # Errors
    /// [`StackError`].
    pub fn start(program: &Path, folder: &Path) -> Result<Self, StackError> {
        Self::start_with(program, folder, 1)
    }

    /// The same with so many readers of two slots each, at most four.
    ///
    /// # Errors
    /// [`StackError`].
    pub fn start_with(program: &Path, folder: &Path, readers: usize) -> Result<Self, StackError> {
        installed()?;
        let folder = prepare(folder)?;
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        let mut child = command
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--"])
            .arg(program)
            .arg(INSIDE)
            .arg("--dir")
            .arg(&folder)
            .args(["--readers", &readers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C at a terminal is for whoever started this: the stack ends with its standard input.
            .process_group(0)
            .spawn()
            .map_err(StackError::Unshare)?;
        let alive = child.stdin.take();
        let mut first_line = String::new();
        let read = child.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut first_line));
        let stack = Self { folder, child, alive };
        if matches!(read, Some(Ok(_))) && first_line.starts_with(SOCKET_VARIABLE) {
            Ok(stack)
        } else {
            Err(StackError::NotReady)
        }
    }

    /// The value of [`SOCKET_VARIABLE`] for every client of this pcscd.
    #[must_use]
    pub fn pcscd_socket(&self) -> PathBuf {
        pcscd_socket(&self.folder)
    }

    /// The card controller's socket.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.folder.join(control::SOCKET)
    }

    /// A connection to the card controller.
    ///
    /// # Errors
    /// [`ControlError::Gone`].
    pub fn control(&self) -> Result<Client, ControlError> {
        Client::connect(&self.control_socket())
    }

    /// Waits until the stack ends by itself: told to quit, or without its pcscd.
    ///
    /// # Errors
    /// Whatever waiting for a process meets.
    pub fn wait(mut self) -> io::Result<ExitStatus> {
        // `Child::wait` would close a standard input that the child still owned; ours lies apart and stays open.
        self.child.wait()
    }
}

impl Drop for PrivateStack {
    fn drop(&mut self) {
        drop(self.alive.take());
        // Already waited for, or gone: both mean that nothing is left to end.
        self.child.wait().ok();
    }
}

fn pcscd_socket(folder: &Path) -> PathBuf {
    folder.join(RUN_FOLDER).join(PCSCD_SOCKET)
}

/// Makes the folders, and clears what an ended stack left in them.
fn prepare(folder: &Path) -> Result<PathBuf, StackError> {
    let failed = |source| StackError::Folder { folder: folder.to_owned(), source };
    // For its owner alone: the sockets inside would let anyone talk to the cards.
    DirBuilder::new().recursive(true).mode(0o700).create(folder.join(RUN_FOLDER)).map_err(failed)?;
    let folder = folder.canonicalize().map_err(failed)?;
    if pcscd_socket(&folder).as_os_str().len() > SOCKET_PATH_MAX {
        return Err(StackError::PathTooLong(pcscd_socket(&folder)));
    }
    for stale in [pcscd_socket(&folder), folder.join(RUN_FOLDER).join("pcscd.pid"), folder.join(control::SOCKET)] {
        match std::fs::remove_file(&stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(folder)
}
