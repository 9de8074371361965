//! What was asked and what was said to it: the labels that every server of claims tells alike.

use axum::extract::MatchedPath;
use axum::http::StatusCode;
use kido_shared::claim::{ClaimAnswer, ClaimStep};

use crate::{LabelSet, LabelWriter, Route, Word};

/// A request by its route and the kind of answer that it got.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Answered {
    route: Route,
    status: Word,
}

impl Answered {
    /// Of a request whose answer has this status.
    #[must_use]
    pub fn of(route: Option<&MatchedPath>, status: StatusCode) -> Self {
        Self { route: Route::of(route), status: Word::of_status(status) }
    }
}

impl LabelSet for Answered {
    fn write(&self, labels: &mut LabelWriter<'_, '_>) {
        labels.route("route", &self.route);
        labels.word("status", self.status);
    }
}

/// A step on a ticket's record and what was said to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stepped {
    step: Word,
    answer: Word,
}

impl Stepped {
    /// Of a step that was answered, or refused.
    #[must_use]
    pub fn of(step: &ClaimStep, answer: Option<&ClaimAnswer>) -> Self {
        let answer = Word::new(answer.map_or("refused", ClaimAnswer::name));
        Self { step: Word::new(step.name()), answer }
    }
}

impl LabelSet for Stepped {
    fn write(&self, labels: &mut LabelWriter<'_, '_>) {
        labels.word("step", self.step);
        labels.word("answer", self.answer);
    }
}
