//! The barrier that is a program.

use std::io::ErrorKind;
use std::process::Stdio;

use kido_shared::challenge::Passage;
use kido_shared::ids::AdmissionId;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::{BarrierCommand, BarrierError, Opened};

/// The variable that names the first admission, so that the program's own log can be laid beside the gate's.
const ADMISSION_VARIABLE: &str = "KIDO_ADMISSION";

/// The variable that says how many people pass.
const COUNT_VARIABLE: &str = "KIDO_ADMISSIONS";

/// The variable that says which way they pass, `in` or `out`: one program may drive both lanes.
const DIRECTION_VARIABLE: &str = "KIDO_DIRECTION";

/// The exit code of *closed, and nobody passed*: no shell and no crash ends with it.
const NOBODY_PASSED: i32 = 40;

impl BarrierCommand {
    /// Runs the program and takes its exit code 0 as *opened*, 40 as *closed, and nobody passed*. It learns an admission id,
    /// a count and a direction, nothing of a card or a ticket.
    pub(super) async fn open(
        &self,
        passage: Passage,
        first: AdmissionId,
        admissions: usize,
    ) -> Result<Opened, BarrierError> {
        let direction = match passage {
            Passage::In => "in",
            Passage::Out => "out",
        };
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env(ADMISSION_VARIABLE, first.to_string())
            .env(COUNT_VARIABLE, admissions.to_string())
            .env(DIRECTION_VARIABLE, direction)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        let not_started = |error: std::io::Error| {
            if error.kind() == ErrorKind::NotFound { BarrierError::NotFound } else { BarrierError::NotRun(error) }
        };
        let mut child = command.spawn().map_err(not_started)?;
        let Ok(ended) = tokio::time::timeout(self.time, child.wait()).await else {
            kill(&mut child).await.map_err(BarrierError::NotRun)?;
            return Err(BarrierError::TimedOut(self.time));
        };
        match ended.map_err(BarrierError::NotRun)? {
            status if status.success() => Ok(Opened),
            status if status.code() == Some(NOBODY_PASSED) => Err(BarrierError::NobodyPassed),
            status => Err(BarrierError::Failed(status)),
        }
    }
}

/// Ends the program with all that it has started, and waits for its end: a late motor must not follow the holder's
/// refusal.
async fn kill(child: &mut Child) -> std::io::Result<()> {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = group {
        // Gone already is as good.
        match kill_process_group(group, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    child.wait().await.map(|_status| ())
}
