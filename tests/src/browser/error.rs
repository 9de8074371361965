//! What went other than a page should.

use std::path::PathBuf;
use std::time::Duration;

use crate::harness::HarnessError;

/// A step in a browser did not go as told.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// Something that the browser tests need is not installed.
    #[error("{what} is missing: {remedy}")]
    Missing {
        /// What was looked for.
        what: PathBuf,
        /// What brings it.
        remedy: &'static str,
    },
    /// The driver ended each time before it listened.
    #[error("the browser's driver ended {starts} times before it listened; chromedriver.out and .log say why")]
    Driver {
        /// How often it was started.
        starts: usize,
    },
    /// The driver gave no session.
    #[error("the browser did not start")]
    Start(#[source] Box<fantoccini::error::NewSessionError>),
    /// A command failed.
    #[error("the browser refused a command: {0}")]
    Command(#[source] Box<fantoccini::error::CmdError>),
    /// A page did not say in time what was waited for.
    #[error("waited {} s for {what}; the page says: {said}", within.as_secs())]
    Waited {
        /// What was waited for.
        what: String,
        /// How long.
        within: Duration,
        /// What was to be read instead.
        said: String,
    },
    /// Something cannot be reached or seen by keyboard.
    #[error("{selector} {problem} by keyboard; the focus went over {path}")]
    Keyboard {
        /// What was wanted.
        selector: String,
        /// What is wrong with it.
        problem: &'static str,
        /// Where the focus was.
        path: String,
    },
    /// A process, a file or an answer, as anywhere else.
    #[error(transparent)]
    Harness(#[from] HarnessError),
}

impl From<fantoccini::error::CmdError> for BrowserError {
    fn from(error: fantoccini::error::CmdError) -> Self {
        Self::Command(Box::new(error))
    }
}
