//! How the demo ends: by itself or told by a signal, and with nothing left of it.
//!
//! Programs that the harness starts are in process groups of their own, so a Ctrl-C reaches the demo alone. Dropping
//! what the harness started ends it, but somebody has to see that it has ended before the folder goes: a program that
//! is still dying writes into it. So the demo adopts whatever loses its parent, and goes last.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid};
use tokio::signal::unix::{self, SignalKind, signal};

use crate::harness::HarnessError;

/// How often it is looked who is left.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The file that says which signals the shell told this process to ignore (proc(5): `SigIgn`).
const STATUS: &str = "/proc/self/status";

/// A signal that ends the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndSignal {
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-\.
    Quit,
    /// What `kill` and a service manager send.
    Terminate,
    /// The terminal was closed.
    HangUp,
}

impl EndSignal {
    const ALL: [Self; 4] = [Self::Interrupt, Self::Quit, Self::Terminate, Self::HangUp];

    /// What a person calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "Ctrl-C",
            Self::Quit => "Ctrl-\\",
            Self::Terminate => "SIGTERM",
            Self::HangUp => "SIGHUP",
        }
    }

    const fn kind(self) -> SignalKind {
        match self {
            Self::Interrupt => SignalKind::interrupt(),
            Self::Quit => SignalKind::quit(),
            Self::Terminate => SignalKind::terminate(),
            Self::HangUp => SignalKind::hangup(),
        }
    }

    /// The exit status of a program that a signal ended, as shells tell it: 128 and the signal's number.
    #[must_use]
    pub fn exit_status(self) -> u8 {
        u8::try_from(128 + self.kind().as_raw_value()).unwrap_or(u8::MAX)
    }

    /// Whether the shell said that this signal is not for us, as `nohup` does.
    fn is_ignored(self, status: &str) -> bool {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
        let bit = self.kind().as_raw_value() - 1;
        u32::try_from(bit).is_ok_and(|bit| mask.checked_shr(bit).is_some_and(|mask| mask & 1 == 1))
    }
}

/// Where signals arrive.
#[derive(Debug)]
pub struct EndSignals(Vec<(EndSignal, unix::Signal)>);

impl EndSignals {
    /// Listens from now on; a signal that came earlier has ended the process by itself.
    ///
    /// # Errors
    /// [`HarnessError::File`] where the system gives no handler.
    pub fn listen() -> Result<Self, HarnessError> {
        let failed = |source| HarnessError::File { path: STATUS.into(), source };
        let status = std::fs::read_to_string(STATUS).map_err(failed)?;
        // A hang-up only: shells let what they start in the background ignore Ctrl-C, but who sends one means it.
        let wanted = EndSignal::ALL.into_iter().filter(|&end| end != EndSignal::HangUp || !end.is_ignored(&status));
        let listen = |end: EndSignal| signal(end.kind()).map(|arrives| (end, arrives)).map_err(failed);
        wanted.map(listen).collect::<Result<_, _>>().map(Self)
    }

    /// The next one.
    pub async fn next(&mut self) -> EndSignal {
        core::future::poll_fn(|context| {
            for (end, arrives) in &mut self.0 {
                if arrives.poll_recv(context).is_ready() {
                    return core::task::Poll::Ready(*end);
                }
            }
            core::task::Poll::Pending
        })
        .await
    }
}

/// Makes this process the parent of every descendant that loses its own: whoever must be ended is then a child.
///
/// # Errors
/// [`HarnessError::File`] where the kernel does not.
pub fn adopt_orphans() -> Result<(), HarnessError> {
    let failed = |error: rustix::io::Errno| HarnessError::File { path: "/proc/self".into(), source: error.into() };
    set_child_subreaper(Some(getpid())).map_err(failed)
}

/// Ends every child until there is none and `also` holds too.
///
/// # Errors
/// [`HarnessError::TimedOut`] where somebody stays.
pub async fn leave_nobody(within: Duration, also: impl Fn() -> bool) -> Result<(), HarnessError> {
    let ending = async {
        loop {
            let children = children()?;
            if children.is_empty() && also() {
                return Ok(());
            }
            for child in children {
                // Gone already is what is wanted; whom somebody else waited for, is.
                kill_process(child, Signal::KILL).ok();
                waitpid(Some(child), WaitOptions::NOHANG).ok();
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let timed_out = |_elapsed| HarnessError::TimedOut { what: "every process to end".to_owned(), within };
    tokio::time::timeout(within, ending).await.map_err(timed_out)?
}

/// The processes whose parent this one is, those that ended and were not waited for too.
fn children() -> Result<Vec<Pid>, HarnessError> {
    let failed = |source| HarnessError::File { path: "/proc".into(), source };
    let own = getpid();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok()).and_then(Pid::from_raw);
        // Whoever is gone before the file is read is nobody's child.
        if let Some(pid) = number
            && parent(&path) == Some(own)
        {
            found.push(pid);
        }
    }
    Ok(found)
}

/// The parent of a process: second after the name, which may hold anything (proc(5): `stat`).
fn parent(process: &Path) -> Option<Pid> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    let (_name, rest) = stat.rsplit_once(')')?;
    Pid::from_raw(rest.split_whitespace().nth(1)?.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_ends_with_the_status_that_shells_know() {
        let statuses = EndSignal::ALL.map(EndSignal::exit_status);
        assert_eq!(statuses, [130, 131, 143, 129]);
    }

    #[test]
    fn a_hang_up_that_the_shell_ignores_is_known() {
        let status = "Name:\tdemo\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        assert!(EndSignal::HangUp.is_ignored(status));
        assert!(!EndSignal::Interrupt.is_ignored(status));
        assert!(!EndSignal::HangUp.is_ignored("SigIgn:\t0000000000001000\n"));
    }
}
