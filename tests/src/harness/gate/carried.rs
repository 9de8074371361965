//! What a technician types at a gate's machine while its lane goes on.

use std::time::Duration;

use tokio::process::Command;

use super::Gate;
use crate::harness::process::{Finished, finish};
use crate::harness::{HarnessError, registrar::succeed};

/// How long one command may take on a busy machine.
const COMMAND_WITHIN: Duration = Duration::from_secs(120);

impl Gate {
    /// Runs a command on this gate's folder that must succeed, and gives what it said.
    ///
    /// # Errors
    /// [`HarnessError::Command`] with what it said otherwise.
    pub async fn told(&self, arguments: &[&str]) -> Result<String, HarnessError> {
        Ok(succeed(self.command(arguments), "").await?.stdout)
    }

    /// Runs one that must be refused, and gives why.
    ///
    /// # Errors
    /// [`HarnessError::Shape`] where it was not.
    pub async fn refused(&self, arguments: &[&str]) -> Result<String, HarnessError> {
        let Finished { status, stdout, stderr } = finish(self.command(arguments), "", COMMAND_WITHIN).await?;
        if status.success() {
            return Err(HarnessError::Shape { what: "a command that must be refused", text: stdout });
        }
        Ok(stderr)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.gate());
        command.args(arguments).arg("--data").arg(&self.folder);
        command
    }
}
