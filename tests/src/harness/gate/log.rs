//! What a gate says in its log.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::Gate;
use crate::harness::process::wait_for;
use crate::harness::{HarnessError, Registrar};

/// What a gate logs first.
const BEGINS: &str = "the gate starts";

impl Gate {
    /// Waits until this gate has followed the feed as far as it goes now.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn followed(&self, registrar: &Registrar, event: &str, within: Duration) -> Result<(), HarnessError> {
        let length = registrar.feed_length(event).await?;
        let what = format!("{} to follow {length} records", self.name);
        let followed = || Ok((self.followed_to()? >= length).then_some(()));
        wait_for(&what, within, async || followed()).await
    }

    /// How many records it has followed, by its own word; what it followed stays followed when it starts anew.
    ///
    /// # Errors
    /// [`HarnessError::File`].
    pub fn followed_to(&self) -> Result<u64, HarnessError> {
        let begun = self.log_lines(BEGINS)?;
        let lengths = self.log_lines("feed followed")?;
        Ok(begun
            .iter()
            .chain(&lengths)
            .filter_map(|line| line.get("length").and_then(Value::as_u64))
            .max()
            .unwrap_or(0))
    }

    /// Waits until it knows that no arbiter answers.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn offline(&self, within: Duration) -> Result<(), HarnessError> {
        self.connected("Offline", within).await
    }

    /// Waits until it knows that an arbiter answers again.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn online(&self, within: Duration) -> Result<(), HarnessError> {
        self.connected("Online", within).await
    }

    async fn connected(&self, wanted: &str, within: Duration) -> Result<(), HarnessError> {
        let newest = || {
            let lines = self.log_lines_since_start("arbiter")?;
            let newest = lines.last().and_then(|line| line.get("connectivity")).and_then(Value::as_str);
            Ok((newest == Some(wanted)).then_some(()))
        };
        wait_for(&format!("{} to be {wanted}", self.name), within, async || newest()).await
    }

    /// The lines of its log with exactly this message, oldest first.
    ///
    /// # Errors
    /// [`HarnessError::File`].
    pub fn log_lines(&self, message: &str) -> Result<Vec<Value>, HarnessError> {
        Ok(lines_of(&self.log()?, message))
    }

    /// The same of the run under way: what an earlier run knew died with it.
    fn log_lines_since_start(&self, message: &str) -> Result<Vec<Value>, HarnessError> {
        let log = self.log()?;
        let run = log.rfind(BEGINS).and_then(|at| log.get(at..)).unwrap_or_default();
        Ok(lines_of(run, message))
    }

    /// Waits until its log has more than so many lines with this message, and gives the newest.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn logs(&self, message: &str, before: usize, within: Duration) -> Result<Value, HarnessError> {
        let newest = || {
            let lines = self.log_lines(message)?;
            Ok((lines.len() > before).then(|| lines.last().cloned()).flatten())
        };
        wait_for(&format!("{} to log {message:?}", self.name), within, async || newest()).await
    }

    /// Where its log is.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.logs.join(format!("{}.log", self.name))
    }

    /// The process id of its newest reader process, by its own word.
    ///
    /// # Errors
    /// [`HarnessError::File`].
    pub fn reader_process(&self) -> Result<Option<i32>, HarnessError> {
        let started = self.log_lines("reader process started")?;
        let newest = started.last().and_then(|line| line.get("process")).and_then(Value::as_i64);
        Ok(newest.and_then(|process| i32::try_from(process).ok()))
    }

    /// Its log, as far as it is written.
    ///
    /// # Errors
    /// [`HarnessError::File`].
    pub fn log(&self) -> Result<String, HarnessError> {
        let path = self.logs.join(format!("{}.log", self.name));
        std::fs::read_to_string(&path).map_err(|source| HarnessError::File { path, source })
    }
}

/// The lines of a JSON log with exactly this message.
fn lines_of(log: &str, message: &str) -> Vec<Value> {
    let parsed = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed.filter(|line| line.get("message").and_then(Value::as_str) == Some(message)).collect()
}
