//! The registrar's facts, as they come out of a backup.

use kido_registrar::fact::Fact;

use crate::specimen::unhex;

/// A fact that reads is written and read again as the same.
pub fn run(data: &[u8]) {
    if let Ok(fact) = Fact::from_bytes(data) {
        let written = fact.to_bytes();
        assert!(!written.is_empty(), "a fact that cannot be written");
        assert!(Fact::from_bytes(&written).is_ok_and(|again| again == fact), "another fact");
    }
    if let Ok(Some(extended)) = Fact::feed_of_bytes(data) {
        let records: usize = extended.records.iter().map(|record| record.len()).sum();
        assert!(records <= data.len(), "more than came");
    }
}

/// One fact of each kind, as they are recorded.
pub fn seeds() -> Vec<Vec<u8>> {
    include_str!("../../../../registrar/src/fact/v1.hex").lines().map(unhex).collect()
}
