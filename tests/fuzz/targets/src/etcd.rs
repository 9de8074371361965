//! What an etcd's gateway answers to a venue's box.

use kido_arbiter::records::etcd::ClusterError;
use kido_arbiter::records::etcd::answers::{Transaction, standing, transaction};
use serde_json::json;

/// An answer counts where its status says so and nowhere else; what was found is, written as the gateway writes it, read
/// again as the same.
pub fn run(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    let status = STATUSES.get(usize::from(*kind) % STATUSES.len()).copied().unwrap_or(200);
    let read = transaction(status, body);
    if status != 200 {
        let refused = read.expect_err("a refusal was taken for an answer");
        let said = String::from_utf8_lossy(body);
        match refused {
            ClusterError::QuotaAlarm => assert!(said.contains("space exceeded") || said.contains('\\'), "no alarm"),
            ClusterError::Silent => assert!(status >= 500 || status == 429, "{status} is an answer"),
            ClusterError::Refused { status: told } => assert_eq!(told, status, "another status"),
            ClusterError::OtherHistory | ClusterError::Unreadable => assert!(status == 200, "a refusal was read"),
        }
        return;
    }
    let _questions_of_doctor = standing(body);
    match read {
        Ok(read) => assert_eq!(transaction(200, &written(&read)), Ok(read), "another answer"),
        Err(error) => assert_eq!(error, ClusterError::Unreadable, "an answer was taken for a refusal"),
    }
}

/// By the first byte of an input.
const STATUSES: [u16; 6] = [200, 400, 404, 429, 500, 503];

fn written(read: &Transaction) -> Vec<u8> {
    let range = |found: &Option<(Vec<u8>, u64)>| {
        let kvs: Vec<_> = found
            .iter()
            .map(|(value, revision)| json!({ "value": base64(value), "mod_revision": revision.to_string() }))
            .collect();
        json!({ "response_range": { "kvs": kvs } })
    };
    let responses: Vec<_> = read.found.iter().flatten().map(range).collect();
    let header = json!({ "cluster_id": read.cluster_id.to_string(), "revision": read.revision.to_string() });
    let answer = json!({ "header": header, "succeeded": read.succeeded, "responses": responses });
    serde_json::to_vec(&answer).unwrap_or_default()
}

/// As the standard has it, padded.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| (bits << 8) | part.get(at).copied().map_or(0, u32::from));
        for (digit, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let place = usize::try_from((bits >> shift) & 0x3F).unwrap_or_default();
            let known = DIGITS.get(place).copied().map_or('=', char::from);
            text.push(if digit <= part.len() { known } else { '=' });
        }
    }
    text
}

/// A write that was made, one that met another, a read of nothing, standings, and refusals.
pub fn seeds() -> Vec<Vec<u8>> {
    let answers: [(u8, &str); 9] = [
        (
            0,
            r#"{"header":{"cluster_id":"14841639068965178418","member_id":"10276657743932975437","revision":"12","raft_term":"2"},"succeeded":true,"responses":[{"response_put":{"header":{"revision":"12"}}}]}"#,
        ),
        (
            0,
            r#"{"header":{"cluster_id":"14841639068965178418","revision":"13"},"responses":[{"response_range":{"header":{"revision":"13"},"kvs":[{"key":"aw==","create_revision":"2","mod_revision":"2","version":"1","value":"AQIDBAUGBwgJCgsMDQ4PEA=="}],"count":"1"}},{"response_range":{"header":{"revision":"13"},"kvs":[{"key":"aw==","create_revision":"5","mod_revision":"7","version":"2","value":"djE="}],"count":"1"}}]}"#,
        ),
        (
            0,
            r#"{"header":{"revision":"3"},"succeeded":true,"responses":[{"response_range":{}},{"response_range":{}}]}"#,
        ),
        (
            0,
            r#"{"header":{"cluster_id":"1","member_id":"2","revision":"3","raft_term":"4"},"version":"3.5.16","dbSize":"20480","leader":"2","raftIndex":"9"}"#,
        ),
        (
            0,
            r#"{"header":{},"members":[{"ID":"2","name":"a","peerURLs":["https://a:2380"]},{"ID":"3","isLearner":true}]}"#,
        ),
        (0, r#"{"header":{},"alarms":[{"memberID":"2","alarm":"NOSPACE"}]}"#),
        (
            3,
            r#"{"error":"etcdserver: mvcc: database space exceeded","message":"etcdserver: mvcc: database space exceeded","code":8}"#,
        ),
        (5, r#"{"error":"etcdserver: no leader","message":"etcdserver: no leader","code":14}"#),
        (2, "404 page not found\n"),
    ];
    answers.iter().map(|(status, body)| [&[*status], body.as_bytes()].concat()).collect()
}
