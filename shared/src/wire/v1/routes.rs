//! Paths of `/api/v1`, as templates for a router and as functions for a client.

use crate::ids::{EnrolmentId, Epoch, EventId, SessionId};

/// `POST`: begins a registration, show, resume or give-back dialogue.
pub const REGISTRATIONS: &str = "/api/v1/registrations";
/// `POST`: ends it with the card's proof.
pub const REGISTRATION_PROOF: &str = "/api/v1/registrations/{session}/proof";
/// `POST`: a new gate introduces itself.
pub const ENROLMENTS: &str = "/api/v1/enrolments";
/// `POST`: the gate reveals its nonce.
pub const ENROLMENT_REVEAL: &str = "/api/v1/enrolments/{enrolment}/reveal";
/// `POST`: the gate asks whether the operator has confirmed; signed by the gate.
pub const ENROLMENT_RESULT: &str = "/api/v1/enrolments/{enrolment}/result";
/// `GET`: the signed head, `application/cose`.
pub const FEED_HEAD: &str = "/api/v1/events/{event}/feed/head";
/// `GET`: the feed key's certificate under the root key, `application/cose`.
pub const FEED_KEY: &str = "/api/v1/events/{event}/feed/key";
/// `GET`: the root key's word that the feed's epoch began, `application/cose`; there is none for the first epoch.
pub const FEED_CUT: &str = "/api/v1/events/{event}/feed/cut";
/// `GET`: one full range of 1,024 records, immutable, `application/cbor`.
pub const FEED_RANGE: &str = "/api/v1/events/{event}/feed/{epoch}/ranges/{range}";
/// `GET`: the records from a number up to the end, fewer than 1,024, `application/cbor`.
pub const FEED_TAIL: &str = "/api/v1/events/{event}/feed/{epoch}/tail/{from}";
/// `GET`: the live feed, `text/event-stream`: a head whenever there is a new one, and what leads to it.
pub const FEED_STREAM: &str = "/api/v1/events/{event}/feed/stream";
/// `POST`: one claim step; signed by a gate.
pub const CLAIMS: &str = "/api/v1/events/{event}/claims";
/// `POST`: a batch of admissions; signed by a gate.
pub const ADMISSIONS: &str = "/api/v1/events/{event}/admissions";
/// `POST`: a batch of proofs that a gate did not let in; signed by it.
pub const SHOWINGS: &str = "/api/v1/events/{event}/showings";
/// `POST`: how a gate is; signed by it.
pub const REPORTS: &str = "/api/v1/events/{event}/reports";
/// `POST`: what a gate brings to a registrar that was restored from a backup; signed by it. `GET` and `PATCH`: an operator
/// looks how far that is, or decides to go on without somebody.
pub const RECOVERY: &str = "/api/v1/events/{event}/recovery";
/// `GET`: whether the registrar is alive and its stores answer.
pub const HEALTH: &str = "/healthz";
/// `GET`: the OpenAPI document.
pub const OPENAPI: &str = "/openapi.json";

/// Path of [`REGISTRATION_PROOF`].
#[must_use]
pub fn registration_proof(session: SessionId) -> String {
    format!("/api/v1/registrations/{session}/proof")
}

/// Path of [`ENROLMENT_REVEAL`].
#[must_use]
pub fn enrolment_reveal(enrolment: EnrolmentId) -> String {
    format!("/api/v1/enrolments/{enrolment}/reveal")
}

/// Path of [`ENROLMENT_RESULT`].
#[must_use]
pub fn enrolment_result(enrolment: EnrolmentId) -> String {
    format!("/api/v1/enrolments/{enrolment}/result")
}

/// Path of [`FEED_HEAD`].
#[must_use]
pub fn feed_head(event: EventId) -> String {
    format!("/api/v1/events/{event}/feed/head")
}

/// Path of [`FEED_KEY`].
#[must_use]
pub fn feed_key(event: EventId) -> String {
    format!("/api/v1/events/{event}/feed/key")
}

/// Path of [`FEED_CUT`].
#[must_use]
pub fn feed_cut(event: EventId) -> String {
    format!("/api/v1/events/{event}/feed/cut")
}

/// Path of [`FEED_RANGE`]; range *r* holds the records from 1,024 *r*.
#[must_use]
pub fn feed_range(event: EventId, epoch: Epoch, range: u64) -> String {
    format!("/api/v1/events/{event}/feed/{epoch}/ranges/{range}")
}

/// Path of [`FEED_TAIL`].
#[must_use]
pub fn feed_tail(event: EventId, epoch: Epoch, from: u64) -> String {
    format!("/api/v1/events/{event}/feed/{epoch}/tail/{from}")
}

/// Path of [`FEED_STREAM`].
#[must_use]
pub fn feed_stream(event: EventId) -> String {
    format!("/api/v1/events/{event}/feed/stream")
}

/// Path of [`CLAIMS`].
#[must_use]
pub fn claims(event: EventId) -> String {
    format!("/api/v1/events/{event}/claims")
}

/// Path of [`REPORTS`].
#[must_use]
pub fn reports(event: EventId) -> String {
    format!("/api/v1/events/{event}/reports")
}

/// Path of [`ADMISSIONS`].
#[must_use]
pub fn admissions(event: EventId) -> String {
    format!("/api/v1/events/{event}/admissions")
}

/// Path of [`SHOWINGS`].
#[must_use]
pub fn showings(event: EventId) -> String {
    format!("/api/v1/events/{event}/showings")
}

/// Path of [`RECOVERY`].
#[must_use]
pub fn recovery(event: EventId) -> String {
    format!("/api/v1/events/{event}/recovery")
}
