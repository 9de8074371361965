//! Kills a process a given moment after a word appears in a log: closer to the moment than any scheduler would be.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Who is killed, and when.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) log: PathBuf,
    /// Bytes of the log that are older than this round.
    pub(super) begins: u64,
    pub(super) step: &'static str,
    pub(super) after: Duration,
    pub(super) victim: Pid,
}

/// Watches the log on a thread of its own, without sleeping; kills, and tells whether it did. `give_up` ends it.
#[expect(clippy::disallowed_methods, reason = "the moment of a kill is real time, to the microsecond")]
pub(super) fn wait_and_kill(order: &Order, give_up: &Arc<AtomicBool>) -> std::io::Result<bool> {
    let mut log = File::open(&order.log)?;
    log.seek(SeekFrom::Start(order.begins))?;
    let wanted = format!("\"step\":\"{}\"", order.step);
    let mut seen = String::new();
    loop {
        if log.read_to_string(&mut seen)? > 0 && seen.contains(&wanted) {
            break;
        }
        if give_up.load(Ordering::Relaxed) {
            return Ok(false);
        }
        std::hint::spin_loop();
    }
    let reached = Instant::now();
    while reached.elapsed() < order.after {
        std::hint::spin_loop();
    }
    // A process that has just been replaced is as good as killed.
    kill_process(order.victim, Signal::KILL).ok();
    Ok(true)
}
