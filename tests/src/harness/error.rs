//! What went other than a step said.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// A step of the harness did not go as told. The message names the step and where its log is.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// A program is not built.
    #[error("{0} is not built: run `cargo build --workspace --bins` first")]
    NotBuilt(PathBuf),
    /// A process could not be started.
    #[error("{program} could not be started")]
    Spawn {
        /// Which.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A process ended before it said that it was ready.
    #[error("{program} ended ({status}) before it was ready; its log: {log}")]
    EndedEarly {
        /// Which.
        program: String,
        /// How.
        status: ExitStatus,
        /// Where its output is.
        log: PathBuf,
    },
    /// Something did not happen in time.
    #[error("waited {} s for {what}", within.as_secs())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        within: Duration,
    },
    /// A command ended otherwise than it should.
    #[error("{command} ended with {status}: {stderr}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// The last of what it said.
        stderr: String,
    },
    /// An answer had another shape than expected.
    #[error("{what} has another shape than expected: {text}")]
    Shape {
        /// Which answer.
        what: &'static str,
        /// What came instead.
        text: String,
    },
    /// A file could not be read or written.
    #[error("{path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The PC/SC stack failed.
    #[error("the private PC/SC stack failed")]
    Stack(#[from] kido_virtual_card::stack::StackError),
    /// The card controller failed.
    #[error("the card controller failed")]
    Control(#[from] kido_virtual_card::control::ControlError),
    /// An HTTP request failed.
    #[error("an HTTP request failed")]
    Http(#[from] reqwest::Error),
}
