//! The machine that a program runs on: this one, or a network namespace that stands for another.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::process::Command;

use super::HarnessError;

/// Where `ip netns` keeps its namespaces.
const NAMESPACES: &str = "/run/netns";

/// What puts a program into one: by its path, for whoever gives a program no environment.
const NSENTER: &str = "/usr/bin/nsenter";

/// One machine of a venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host(Option<Arc<Namespace>>);

/// A network namespace as a machine.
#[derive(Debug, PartialEq, Eq)]
struct Namespace {
    name: String,
    address: Ipv4Addr,
}

impl Default for Host {
    fn default() -> Self {
        Self::this()
    }
}

impl Host {
    /// This machine, on loopback.
    #[must_use]
    pub const fn this() -> Self {
        Self(None)
    }

    /// A namespace that `ip netns` knows by this name, with its address.
    #[must_use]
    pub fn in_namespace(name: String, address: Ipv4Addr) -> Self {
        Self(Some(Arc::new(Namespace { name, address })))
    }

    /// Where its programs listen.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.0.as_ref().map_or(Ipv4Addr::LOCALHOST, |namespace| namespace.address)
    }

    /// Its namespace's name, where it has one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_ref().map_or("this machine", |namespace| namespace.name.as_str())
    }

    /// A program on this machine: the process that is started is the program itself, and no wrapper of it.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let Some(namespace) = self.file() else { return Command::new(program) };
        let mut command = Command::new(NSENTER);
        let mut net = std::ffi::OsString::from("--net=");
        net.push(namespace);
        command.arg(net).arg("--").arg(program);
        command
    }

    /// Moves the calling thread onto this machine: sockets that it opens from now on are that machine's.
    ///
    /// # Errors
    /// [`HarnessError::File`] where the namespace has gone, or this process may not.
    pub fn enter(&self) -> Result<(), HarnessError> {
        let Some(path) = self.file() else { return Ok(()) };
        let failed = |source| HarnessError::File { path: path.clone(), source };
        let namespace = std::fs::File::open(&path).map_err(failed)?;
        let entered = move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network));
        entered.map_err(|error| failed(error.into()))
    }

    fn file(&self) -> Option<PathBuf> {
        self.0.as_ref().map(|namespace| Path::new(NAMESPACES).join(&namespace.name))
    }
}
