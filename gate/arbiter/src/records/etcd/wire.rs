//! The JSON that etcd's gateway speaks: bytes as base64, 64-bit numbers as text, what is zero or empty left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kido_shared::ids::EventId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::records::RecordName;

/// Where the gateway answers what; every question is a POST.
pub(super) mod paths {
    pub(in super::super) const TXN: &str = "/v3/kv/txn";
    pub(in super::super) const RANGE: &str = "/v3/kv/range";
    pub(in super::super) const DELETE_RANGE: &str = "/v3/kv/deleterange";
    pub(in super::super) const STATUS: &str = "/v3/maintenance/status";
    pub(in super::super) const ALARM: &str = "/v3/maintenance/alarm";
    pub(in super::super) const MEMBERS: &str = "/v3/cluster/member/list";
}

/// Bytes, as base64.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Base64(pub(super) Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// An unsigned 64-bit number, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub(super) struct Number(pub(super) u64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// A key of ours.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(super) struct Key(Base64);

impl Key {
    pub(super) fn mark(event: EventId) -> Self {
        Self(Base64(format!("kido/{event}/mark").into_bytes()))
    }

    pub(super) fn record(event: EventId, name: RecordName) -> Self {
        let mut text = format!("kido/{event}/record/");
        for byte in name.as_bytes() {
            for digit in [byte >> 4, byte & 0x0F] {
                text.extend(char::from_digit(digit.into(), 16));
            }
        }
        Self(Base64(text.into_bytes()))
    }

    /// Every key of the event: from its folder to what follows on it.
    pub(super) fn all_of(event: EventId) -> KeyRange {
        // `0` comes right behind `/`.
        let [key, range_end] = ['/', '0'].map(|end| Self(Base64(format!("kido/{event}{end}").into_bytes())));
        KeyRange { key, range_end }
    }
}

/// Keys from one to before another.
#[derive(Debug, Clone, Serialize)]
pub(super) struct KeyRange {
    key: Key,
    range_end: Key,
}

/// The first so many of a range, in the order of their keys.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Page {
    #[serde(flatten)]
    range: KeyRange,
    limit: Number,
}

impl Page {
    /// The first page of an event's records.
    pub(super) fn first(event: EventId, limit: u64) -> Self {
        let [key, range_end] = ['/', '0'].map(|end| Key(Base64(format!("kido/{event}/record{end}").into_bytes())));
        Self { range: KeyRange { key, range_end }, limit: Number(limit) }
    }

    /// The page behind that key.
    pub(super) fn behind(self, last: Base64) -> Self {
        // Nothing sorts between a key and the same with a zero behind it.
        let Base64(mut key) = last;
        key.push(0);
        Self { range: KeyRange { key: Key(Base64(key)), ..self.range }, ..self }
    }
}

/// What must hold.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Compare {
    target: &'static str,
    result: &'static str,
    key: Key,
    #[serde(skip_serializing_if = "Option::is_none")]
    mod_revision: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Base64>,
}

impl Compare {
    pub(super) const fn mod_revision(key: Key, revision: u64) -> Self {
        Self { target: "MOD", result: "EQUAL", key, mod_revision: Some(Number(revision)), value: None }
    }

    /// Never holds where there is no such key.
    pub(super) fn value(key: Key, value: &[u8]) -> Self {
        Self { target: "VALUE", result: "EQUAL", key, mod_revision: None, value: Some(Base64(value.to_vec())) }
    }
}

/// One thing that a transaction does.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Op {
    RequestPut { key: Key, value: Base64 },
    RequestRange { key: Key },
}

impl Op {
    pub(super) const fn put(key: Key, value: Vec<u8>) -> Self {
        Self::RequestPut { key, value: Base64(value) }
    }

    pub(super) const fn range(key: Key) -> Self {
        Self::RequestRange { key }
    }
}

/// One or the other, at one moment for all who ask.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Txn {
    pub(super) compare: Vec<Compare>,
    pub(super) success: Vec<Op>,
    pub(super) failure: Vec<Op>,
}

impl Txn {
    /// One that changes nothing.
    pub(super) const fn read(what: Vec<Op>) -> Self {
        Self { compare: Vec::new(), success: what, failure: Vec::new() }
    }

    /// Whether it writes where its comparisons hold.
    pub(super) fn writes(&self) -> bool {
        self.success.iter().any(|op| matches!(op, Op::RequestPut { .. }))
    }
}

/// Which etcd answered, and how far it was.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Header {
    #[serde(default)]
    pub(super) cluster_id: Number,
    #[serde(default)]
    pub(super) revision: Number,
}

/// An answer that may say whose it is.
pub(super) trait Answer: serde::de::DeserializeOwned {
    /// Of which etcd, and how far it was.
    fn header(&self) -> Option<Header>;
}

impl Answer for TxnAnswer {
    fn header(&self) -> Option<Header> {
        Some(self.header)
    }
}

impl Answer for serde_json::Map<String, serde_json::Value> {
    fn header(&self) -> Option<Header> {
        None
    }
}

/// What became of a transaction.
#[derive(Debug, Deserialize)]
pub(super) struct TxnAnswer {
    #[serde(default)]
    pub(super) header: Header,
    #[serde(default)]
    pub(super) succeeded: bool,
    #[serde(default)]
    responses: Vec<OpAnswer>,
}

#[derive(Debug, Deserialize)]
struct OpAnswer {
    #[serde(default)]
    response_range: Option<RangeAnswer>,
}

/// What stands in a range of keys.
#[derive(Debug, Deserialize)]
pub(super) struct RangeAnswer {
    #[serde(default)]
    header: Header,
    #[serde(default)]
    pub(super) kvs: Vec<Found>,
}

impl Answer for RangeAnswer {
    fn header(&self) -> Option<Header> {
        Some(self.header)
    }
}

/// A key that is there.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    #[serde(default)]
    pub(super) key: Base64,
    #[serde(default)]
    pub(super) value: Base64,
    #[serde(default)]
    pub(super) mod_revision: Number,
}

impl TxnAnswer {
    /// What was found under two keys; nothing where the answer is not about two.
    pub(super) fn pair(self) -> Option<[Option<Found>; 2]> {
        let mut found = Vec::with_capacity(2);
        for answer in self.responses {
            found.push(answer.response_range?.kvs.into_iter().next());
        }
        found.try_into().ok()
    }

    /// What was found under one key.
    pub(super) fn single(self) -> Option<Found> {
        self.responses.into_iter().next()?.response_range?.kvs.into_iter().next()
    }
}

/// Why etcd did not do what was asked.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    #[serde(default)]
    message: String,
}

impl Problem {
    /// What etcd says once its quota alarm is raised. Its number alone is also that of too many requests.
    pub(super) fn is_quota_alarm(&self) -> bool {
        self.message.contains("database space exceeded")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: EventId = EventId::from_bytes([1; 16]);

    #[test]
    fn a_write_names_mark_and_revision_and_an_answer_tells_what_stands_there() {
        let key = Key::record(EVENT, RecordName::from_bytes([0xAB; 32]));
        let txn = Txn {
            compare: vec![Compare::value(Key::mark(EVENT), &[1, 2]), Compare::mod_revision(key.clone(), 0)],
            success: vec![Op::put(key.clone(), vec![3])],
            failure: vec![Op::range(key)],
        };
        let text = serde_json::to_value(&txn).unwrap();
        assert_eq!(text["compare"][0]["value"], "AQI=");
        assert_eq!(text["compare"][1]["mod_revision"], "0");
        assert!(text["compare"][0].get("mod_revision").is_none());
        let key = STANDARD.decode(text["success"][0]["request_put"]["key"].as_str().unwrap()).unwrap();
        assert_eq!(String::from_utf8(key).unwrap(), format!("kido/{EVENT}/record/{}", "ab".repeat(32)));
        let answer = r#"{"header":{"revision":"3"},"responses":[{"response_range":{"header":{"revision":"3"}}},
            {"response_range":{"kvs":[{"key":"aw==","mod_revision":"7","value":"djE="}],"count":"1"}}]}"#;
        let answer: TxnAnswer = serde_json::from_str(answer).unwrap();
        assert!(!answer.succeeded);
        let [mark, record] = answer.pair().unwrap();
        assert!(
            mark.is_none() && record.is_some_and(|found| (found.value.0, found.mod_revision.0) == (b"v1".into(), 7))
        );
    }

    #[test]
    fn pages_of_an_events_records_follow_each_other_and_leave_its_mark_out() {
        let first = serde_json::to_value(Page::first(EVENT, 20)).unwrap();
        let bytes = |page: &serde_json::Value, end: &str| STANDARD.decode(page[end].as_str().unwrap()).unwrap();
        let (from, to) = (bytes(&first, "key"), bytes(&first, "range_end"));
        assert_eq!(first["limit"], "20");
        let record = |byte| Key::record(EVENT, RecordName::from_bytes([byte; 32])).0.0;
        assert!(from < record(0) && record(0xFF) < to && Key::mark(EVENT).0.0 < from);
        let behind = serde_json::to_value(Page::first(EVENT, 20).behind(Base64(record(7)))).unwrap();
        assert!(record(7) < bytes(&behind, "key") && bytes(&behind, "key") < record(8));
        assert_eq!(bytes(&behind, "range_end"), to);
    }

    #[test]
    fn everything_of_an_event_is_its_own_keys_and_no_other_events() {
        let KeyRange { key, range_end } = Key::all_of(EVENT);
        let bytes = |key: &Key| key.0.0.clone();
        let record = bytes(&Key::record(EVENT, RecordName::from_bytes([0xFF; 32])));
        let other = bytes(&Key::mark(EventId::from_bytes([2; 16])));
        assert!(bytes(&key) < record && record < bytes(&range_end) && bytes(&Key::mark(EVENT)) < bytes(&range_end));
        assert!(other < bytes(&key) || other >= bytes(&range_end));
    }
}
