//! Whether the event's retention date has come, and whether anybody still has to hear of something first.

use std::time::Duration;

use kido_shared::clock::{Clock as _, Timestamp};
use kido_shared::error_chain::Chain;

use super::Parts;
use crate::clockwork::Reading;

/// How long all clocks must agree that the retention date has passed before anything is wiped: a registrar that woke up
/// in next year is noticed within the hour.
const RETENTION_AGREED_FOR: Duration = Duration::from_secs(60 * 60);

/// Since when everybody has agreed that this gate's data should be gone.
#[derive(Debug, Default)]
pub(super) struct Retention {
    agreed_since: Option<Timestamp>,
}

impl Retention {
    /// Looks again: by the registrar's word, by this gate's own time, and by the steady clock's.
    pub(super) fn look(&mut self, parts: &Parts) {
        let (heard, reading) = (parts.clock.heard(), parts.clock.reading());
        let agreed = parts.replica.standing().retention_at.is_some_and(|at| is_over(at, heard, reading));
        let since = self.agreed_since.unwrap_or_else(|| parts.clock.steady().now());
        self.agreed_since = agreed.then_some(since);
    }

    /// Whether the date has come.
    pub(super) fn has_come(&self, steady: Timestamp) -> bool {
        self.agreed_since.is_some_and(|since| steady.since(since) >= RETENTION_AGREED_FOR)
    }
}

/// Whether the retention date has come by the registrar's last word in this run and by this gate's certain time.
///
/// Wiping cannot be undone, so neither is enough alone.
fn is_over(retention: Timestamp, heard: Option<Timestamp>, reading: Reading) -> bool {
    reading.certain && reading.now >= retention && heard.is_some_and(|issued_at| issued_at >= retention)
}

/// Whether a wipe would lose nothing that somebody still has to hear.
pub(super) fn delivered(parts: &Parts) -> bool {
    parts.journal.is_delivered().unwrap_or_else(|error| {
        tracing::error!(error = %Chain(&error), "the journal could not be asked");
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_wipes_itself_only_where_registrar_and_gate_agree_that_retention_has_come() {
        let retention = Timestamp::from_unix_seconds(1_800_000_000);
        let before = retention.before(Duration::from_secs(1));
        let sure = |now| Reading { now, certain: true };
        assert!(!is_over(retention, None, sure(retention)), "whatever this gate's clock says");
        assert!(!is_over(retention, Some(before), sure(retention)));
        assert!(!is_over(retention, Some(retention), sure(before)), "whatever the registrar's clock says");
        assert!(!is_over(retention, Some(retention), Reading { now: retention, certain: false }));
        assert!(is_over(retention, Some(retention), sure(retention)));
    }

    #[test]
    fn retention_must_be_agreed_on_for_an_hour() {
        let noon = Timestamp::from_unix_seconds(1_800_000_000);
        let agreed = Retention { agreed_since: Some(noon) };
        assert!(!Retention::default().has_come(noon.after(RETENTION_AGREED_FOR)));
        assert!(!agreed.has_come(noon.after(RETENTION_AGREED_FOR).before(Duration::from_secs(1))));
        assert!(agreed.has_come(noon.after(RETENTION_AGREED_FOR)));
    }
}
