//! Dialogues with card helpers: a code or an event, a challenge, then the card's proof.

use axum::Json;
use axum::extract::State;
use kido_shared::certificate::{CertificateDer, CertificateRefusals};
use kido_shared::codes::Code;
use kido_shared::proof::CardSignature;
use kido_shared::wire::v1::problem::Problem;
use kido_shared::wire::v1::registration::{
    RegistrationOutcome, RegistrationProof, RegistrationStarted, StartRegistration,
};
use kido_shared::wire::v1::routes::{REGISTRATION_PROOF, REGISTRATIONS};

use super::extract::{JsonBody, SessionPath};
use super::render;
use crate::domain::registration::RegistrationRefusal;
use crate::error::{AppError, RequestError};
use crate::per_minute::TooOften;
use crate::registration::{Proved, StartRequest, Started};
use crate::state::AppState;
use crate::store::Failed;
use crate::visitor::{Neighbourhood, Visitor};

/// Nothing is asked about revocation: no certified route is configured (`protocol.md` §2).
const REVOCATION: &str = "not_checked";

/// Begins a dialogue. What is answered is shown to the person before the card signs it.
#[utoipa::path(post, path = REGISTRATIONS, tag = "registrations", request_body = StartRegistration,
    responses((status = OK, body = RegistrationStarted), (status = "default", body = Problem)))]
pub async fn start(
    State(app): State<AppState>,
    visitor: Visitor,
    JsonBody(wanted): JsonBody<StartRegistration>,
) -> Result<Json<RegistrationStarted>, AppError> {
    let started = app.registrations.start(request(&wanted, visitor.from)?);
    if matches!(started, Err(Failed::Refused(RegistrationRefusal::UnknownCode))) {
        app.note_miss(visitor.from).map_err(|TooOften| AppError::TooManyTries)?;
    }
    let Started { session, action, event, ticket, challenge, expires_at } = started?;
    let (event, ticket) = (render::event_summary(&event), ticket.map(render::ticket_summary));
    Ok(Json(RegistrationStarted { session, action, event, ticket, challenge, expires_at }))
}

/// Ends a dialogue with the card's proof. The first attempt ends it, whatever comes of it.
#[utoipa::path(post, path = REGISTRATION_PROOF, tag = "registrations", params(("session" = String, Path)),
    request_body = RegistrationProof,
    responses((status = OK, body = RegistrationOutcome), (status = "default", body = Problem)))]
pub async fn prove(
    State(app): State<AppState>,
    SessionPath { session }: SessionPath,
    JsonBody(proof): JsonBody<RegistrationProof>,
) -> Result<Json<RegistrationOutcome>, AppError> {
    let (certificate, signature) = parse(proof)?;
    Ok(Json(outcome(app.registrations.prove(session, certificate, signature).await?)))
}

fn request(wanted: &StartRegistration, from: Option<Neighbourhood>) -> Result<StartRequest, AppError> {
    let action = wanted.action;
    match (&wanted.code, wanted.event) {
        (Some(code), None) => {
            let code = Code::parse(code).map_err(|error| RequestError::field("code", &error))?;
            Ok(StartRequest::WithCode { action, code: code.hash() })
        }
        (None, Some(event)) => Ok(StartRequest::CardAlone { action, event, from }),
        (Some(_), Some(_)) => Err(RequestError::field("event", &"a code names its event already").into()),
        (None, None) => Err(RegistrationRefusal::NothingNamed.into()),
    }
}

fn parse(mut proof: RegistrationProof) -> Result<(CertificateDer, CardSignature), AppError> {
    let (certificate, signature) = (std::mem::take(&mut *proof.certificate), std::mem::take(&mut *proof.signature));
    let certificate = CertificateDer::new(certificate).map_err(CertificateRefusals::from);
    let certificate = certificate.map_err(RegistrationRefusal::Certificate)?;
    let signature = CardSignature::new(signature).map_err(|error| RequestError::field("signature", &error))?;
    Ok((certificate, signature))
}

fn outcome(proved: Proved) -> RegistrationOutcome {
    let Proved { tickets, holder_code, certificate_ends_before_event } = proved;
    RegistrationOutcome {
        tickets: tickets.into_iter().map(render::ticket_summary).collect(),
        holder_code: holder_code.map(|code| code.reveal()),
        certificate_ends_before_event,
        revocation: REVOCATION.to_owned(),
    }
}
