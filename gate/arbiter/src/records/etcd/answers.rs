//! What an etcd's gateway answers, read from a status and a body: pure, so that whatever bytes come meet it in a test.

use serde::de::DeserializeOwned;

use super::cluster::ClusterError;
use super::standing;
use super::wire::{Problem, TxnAnswer};

const TOO_MANY_REQUESTS: u16 = 429;

/// A value with the revision that wrote it.
pub type Revised = (Vec<u8>, u64);

/// What became of a transaction, as every box reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Whether its comparisons held.
    pub succeeded: bool,
    /// Which etcd says so, as it numbers itself.
    pub cluster_id: u64,
    /// How far it was.
    pub revision: u64,
    /// What stands under two keys; nothing where the answer is not about two.
    pub found: Option<[Option<Revised>; 2]>,
}

/// Reads the answer to a transaction that asked for two keys.
///
/// # Errors
/// [`ClusterError`].
pub fn transaction(status: u16, body: &[u8]) -> Result<Transaction, ClusterError> {
    let answer: TxnAnswer = read(status, body)?;
    let (header, succeeded) = (answer.header, answer.succeeded);
    let found = answer.pair().map(|pair| pair.map(|found| found.map(|found| (found.value.0, found.mod_revision.0))));
    Ok(Transaction { succeeded, cluster_id: header.cluster_id.0, revision: header.revision.0, found })
}

/// Whether any of the questions of `doctor` would take these bytes for its answer: status, members, alarms.
#[must_use]
pub fn standing(body: &[u8]) -> [bool; 3] {
    standing::reads(body)
}

/// What a member has answered. One without a leader, or that is asked too much, is as good as silent.
pub(super) fn read<A: DeserializeOwned>(status: u16, body: &[u8]) -> Result<A, ClusterError> {
    if (200..300).contains(&status) {
        return serde_json::from_slice(body).map_err(|_no_detail| ClusterError::Unreadable);
    }
    let problem = serde_json::from_slice::<Problem>(body).ok();
    Err(if problem.is_some_and(|problem| problem.is_quota_alarm()) {
        ClusterError::QuotaAlarm
    } else if (500..600).contains(&status) || status == TOO_MANY_REQUESTS {
        ClusterError::Silent
    } else {
        ClusterError::Refused { status }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_by_its_status_first() {
        let made = br#"{"header":{"cluster_id":"5","revision":"9"},"succeeded":true}"#;
        let read = transaction(200, made).unwrap();
        assert_eq!((read.succeeded, read.cluster_id, read.revision, read.found), (true, 5, 9, None));
        assert_eq!(transaction(503, made), Err(ClusterError::Silent));
        assert_eq!(transaction(429, made), Err(ClusterError::Silent));
        assert_eq!(transaction(404, made), Err(ClusterError::Refused { status: 404 }));
        let full = br#"{"message":"etcdserver: mvcc: database space exceeded","code":8}"#;
        assert_eq!(transaction(429, full), Err(ClusterError::QuotaAlarm));
        assert_eq!(transaction(200, b"[]x"), Err(ClusterError::Unreadable));
    }

    #[test]
    fn what_is_not_about_two_keys_tells_of_none() {
        let one = br#"{"responses":[{"response_range":{"kvs":[{"value":"djE=","mod_revision":"7"}]}}]}"#;
        assert_eq!(transaction(200, one).unwrap().found, None);
        let two = br#"{"responses":[{"response_range":{}},{"response_range":{"kvs":[{"value":"djE=","mod_revision":"7"}]}}]}"#;
        assert_eq!(transaction(200, two).unwrap().found, Some([None, Some((b"v1".to_vec(), 7))]));
    }
}
