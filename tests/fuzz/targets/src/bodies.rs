//! The JSON bodies that gates, helpers, shops and operators send, and what a registrar and an arbiter answer.

use kido_shared::wire::v1::admissions::{AdmissionAcks, AdmissionBatch, ClaimAnswerBody, ClaimBody};
use kido_shared::wire::v1::enrolment::{EnrolmentResult, EnrolmentStarted, RevealNonce, StartEnrolment};
use kido_shared::wire::v1::operator::{
    AddToken, CancelTickets, ChangeTicket, ConfirmGate, CreateEvent, EnterByHand, ImportTickets, OfferArbiter,
    OfferGate, Postpone, UpdateEvent,
};
use kido_shared::wire::v1::problem::Problem;
use kido_shared::wire::v1::registration::{
    RegistrationOutcome, RegistrationProof, RegistrationStarted, StartRegistration,
};
use kido_shared::wire::v1::report::GateReport;
use kido_shared::wire::v1::showings::ShowingBatch;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::specimen::{choice, chosen};

/// A body that reads is written and read again as the same.
fn again<T: Serialize + DeserializeOwned>(data: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(data) else { return };
    let written = serde_json::to_vec(&read).expect("a body that was read can be written");
    let read = serde_json::from_slice::<T>(&written).expect("a body that was written reads");
    let twice = serde_json::to_vec(&read).expect("a body that was read can be written");
    assert!(written == twice, "another body");
}

const BODIES: &[fn(&[u8])] = &[
    again::<AdmissionBatch>,
    again::<ClaimBody>,
    again::<ClaimAnswerBody>,
    again::<AdmissionAcks>,
    again::<ShowingBatch>,
    again::<GateReport>,
    again::<StartEnrolment>,
    again::<EnrolmentStarted>,
    again::<RevealNonce>,
    again::<EnrolmentResult>,
    again::<StartRegistration>,
    again::<RegistrationStarted>,
    again::<RegistrationProof>,
    again::<RegistrationOutcome>,
    again::<ImportTickets>,
    again::<CancelTickets>,
    again::<ChangeTicket>,
    again::<EnterByHand>,
    again::<CreateEvent>,
    again::<UpdateEvent>,
    again::<Postpone>,
    again::<OfferGate>,
    again::<ConfirmGate>,
    again::<OfferArbiter>,
    again::<AddToken>,
    again::<Problem>,
];

/// The first byte says which body; the rest is the body.
pub fn run(data: &[u8]) {
    let (which, body) = choice(data);
    if let Some(read) = BODIES.get(usize::from(which) % BODIES.len()) {
        read(body);
    }
}

/// A body of each kind as far as it is short, and the empty object for all.
pub fn seeds() -> Vec<Vec<u8>> {
    let id = |prefix: &str| format!("{prefix}-0000000000000000000000000G");
    let admission = format!(
        r#"{{"admissions":[{{"admission":{{"id":"{}","ticket":"{}","gate":"{}","entry":1,"at":1800000000000,"basis":"claimed"}},"opened_at":1800000000001}}]}}"#,
        id("admission"),
        id("ticket"),
        id("gate"),
    );
    let empty = (0..u8::try_from(BODIES.len()).unwrap_or(u8::MAX)).map(|which| chosen(which, b"{}"));
    let bodies =
        [(0_u8, admission.as_str()), (3, r#"{"acks":[]}"#), (4, r#"{"showings":[]}"#), (15, r#"{"change":"cancel"}"#)];
    empty.chain(bodies.iter().map(|(which, body)| chosen(*which, body.as_bytes()))).collect()
}
