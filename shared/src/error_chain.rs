//! An error with its causes on one line: for logs, doctors and people.

use core::error::Error;
use core::fmt;

/// Displays an error and every cause below it, joined by `: `.
///
/// Errors here never name their source in their own `Display`, so nothing is said twice. A log takes this rather than
/// the error itself: its JSON format keeps the outermost message of a `dyn Error` and drops the causes.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(formatter, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the disk is gone")]
    struct Disk;

    #[derive(Debug, thiserror::Error)]
    #[error("the store failed")]
    struct Store(#[source] Disk);

    #[derive(Debug, thiserror::Error)]
    #[error("nobody entered")]
    struct Lane(#[source] Store);

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_is_said_with_each_cause_once() {
        assert_eq!(Chain(&Disk).to_string(), "the disk is gone");
        assert_eq!(Chain(&Lane(Store(Disk))).to_string(), "nobody entered: the store failed: the disk is gone");
    }

    #[test]
    fn a_json_log_line_carries_every_cause() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(error = %Chain(&Lane(Store(Disk))), "refused");
        });
        let line: serde_json::Value = serde_json::from_slice(&lines.0.lock().unwrap()).unwrap();
        assert_eq!(line["fields"]["error"], "nobody entered: the store failed: the disk is gone");
    }
}
