//! Labels that cannot name a person.

use core::fmt;
use core::hash::Hash;
use std::sync::Arc;

use axum::extract::MatchedPath;
use axum::http::StatusCode;
use kido_shared::ids::{EventId, GateId};
use kido_shared::refusal::StaffCode;
use prometheus_client::encoding::{EncodeLabel as _, EncodeLabelSet, LabelSetEncoder};

/// What is told apart within one metric.
///
/// Every value of a set is a series that is kept until the process ends, so a set is small by its type: a few words, a
/// code, a route of the program's own table, a gate that an operator let in.
pub trait LabelSet: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static {
    /// Writes each label, under a name of its own.
    fn write(&self, labels: &mut LabelWriter<'_, '_>);
}

/// A word of this program; one that came from outside is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Word(&'static str);

impl Word {
    /// The word.
    #[must_use]
    pub const fn new(word: &'static str) -> Self {
        Self(word)
    }

    /// What kind of answer a status is: `2xx`.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        Self(match status.as_u16() {
            100..=199 => "1xx",
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        })
    }
}

/// A route as it stands in the program's table, or none of them.
///
/// Only a router makes a [`MatchedPath`], of its own templates and never of the path that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route(Option<Arc<str>>);

impl Route {
    /// What a router has found for a request.
    #[must_use]
    pub fn of(matched: Option<&MatchedPath>) -> Self {
        Self(matched.map(|path| Arc::from(path.as_str())))
    }

    fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("none")
    }
}

/// Takes the labels of one series: what can be written through it is all that can ever stand in a label.
pub struct LabelWriter<'w, 'e> {
    encoder: &'w mut LabelSetEncoder<'e>,
    written: fmt::Result,
}

impl fmt::Debug for LabelWriter<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LabelWriter")
    }
}

impl LabelWriter<'_, '_> {
    /// A word of the program.
    pub fn word(&mut self, name: &'static str, word: Word) {
        self.put(name, word.0);
    }

    /// A route of the program's table, or `none`.
    pub fn route(&mut self, name: &'static str, route: &Route) {
        self.put(name, route.as_str());
    }

    /// Two digits, as staff hear them.
    pub fn code(&mut self, name: &'static str, code: StaffCode) {
        self.put(name, &code.to_string());
    }

    /// A gate that an operator has let in.
    pub fn gate(&mut self, name: &'static str, gate: GateId) {
        self.put(name, &gate.to_string());
    }

    /// An event that an operator has made.
    pub fn event(&mut self, name: &'static str, event: EventId) {
        self.put(name, &event.to_string());
    }

    fn put(&mut self, name: &'static str, value: &str) {
        if self.written.is_ok() {
            self.written = (name, value).encode(self.encoder.encode_label());
        }
    }
}

/// A set as the encoder takes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Labelled<S>(pub(crate) S);

impl<S: LabelSet> EncodeLabelSet for Labelled<S> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let mut labels = LabelWriter { encoder, written: Ok(()) };
        self.0.write(&mut labels);
        labels.written
    }
}
