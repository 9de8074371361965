//! Enrolment, as an applicant speaks it. Only its last question is signed: before, nobody knows its key.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use kido_shared::enrolment::{Applicant, EnrolmentNonce, EnrolmentToken, NonceCommitment, OwnPublicKeys};
use kido_shared::wire::v1::enrolment::{EnrolmentResult, EnrolmentStarted, OfferedPlace, RevealNonce, StartEnrolment};
use kido_shared::wire::v1::problem::Problem;
use kido_shared::wire::v1::routes::{ENROLMENT_RESULT, ENROLMENT_REVEAL, ENROLMENTS};

use super::extract::{EnrolmentPath, JsonBody};
use crate::auth::SignedRequest;
use crate::domain::gate::GateRefusal;
use crate::enrolment::{Confirmed, Introduced, Introduction, OfferFor};
use crate::error::{AppError, RequestError};
use crate::state::AppState;

/// A new gate or venue arbiter introduces itself: the first one that knows an offer's secret has the offer.
#[utoipa::path(post, path = ENROLMENTS, tag = "enrolments", request_body = StartEnrolment,
    responses((status = OK, body = EnrolmentStarted), (status = "default", body = Problem)))]
pub async fn start(
    State(app): State<AppState>,
    JsonBody(wanted): JsonBody<StartEnrolment>,
) -> Result<Json<EnrolmentStarted>, AppError> {
    let token = EnrolmentToken::parse(&wanted.token).map_err(|error| RequestError::field("token", &error))?;
    let introduced = app.enrolments.introduce(token.hash(), introduction(&wanted), app.now(), &mut app.random())?;
    Ok(Json(started(&app, introduced)?))
}

/// The applicant reveals the nonce that it has committed to; from here on both sides know the digits.
#[utoipa::path(post, path = ENROLMENT_REVEAL, tag = "enrolments", params(("enrolment" = String, Path)),
    request_body = RevealNonce, responses((status = NO_CONTENT), (status = "default", body = Problem)))]
pub async fn reveal(
    State(app): State<AppState>,
    EnrolmentPath { enrolment }: EnrolmentPath,
    JsonBody(RevealNonce { nonce }): JsonBody<RevealNonce>,
) -> Result<StatusCode, AppError> {
    app.enrolments.reveal(enrolment, EnrolmentNonce::from_bytes(nonce), app.store.root_key().to_bytes(), app.now())?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether the operator has confirmed; the subkeys once so. Signed by the applicant, without a body.
#[utoipa::path(post, path = ENROLMENT_RESULT, tag = "enrolments", params(("enrolment" = String, Path)),
    responses((status = OK, body = EnrolmentResult), (status = "default", body = Problem)))]
pub async fn result(
    State(app): State<AppState>,
    EnrolmentPath { enrolment }: EnrolmentPath,
    signed: SignedRequest,
) -> Result<Json<EnrolmentResult>, AppError> {
    let (name, key) = app.enrolments.asking(enrolment, app.now())?;
    if signed.claimed_gate() != name.as_gate() {
        return Err(AppError::Signer(GateRefusal::UnknownGate));
    }
    signed.verify(&app, &key)?;
    let confirmed = app.enrolments.result(enrolment, app.now())?;
    let Some(Confirmed { event, applicant, sealed: sealed_subkeys }) = confirmed else {
        return Ok(Json(EnrolmentResult::Pending));
    };
    // The offer outlives its confirmation; who was revoked meanwhile gets no keys by it.
    match applicant {
        Applicant::Gate => drop(app.store.gate(event, name.as_gate())?),
        Applicant::Arbiter => drop(app.store.arbiter(event, name.as_arbiter())?),
    }
    let feed_key_certificate = app.store.feed_key_certificate(event)?.as_bytes().to_vec();
    Ok(Json(EnrolmentResult::Confirmed { sealed_subkeys, feed_key_certificate }))
}

const fn introduction(wanted: &StartEnrolment) -> Introduction {
    Introduction {
        applicant: wanted.applicant,
        keys: OwnPublicKeys { verifying: wanted.verifying_key, receiving: wanted.receiving_key },
        commitment: NonceCommitment::from_bytes(wanted.commitment),
    }
}

fn started(app: &AppState, introduced: Introduced) -> Result<EnrolmentStarted, AppError> {
    let Introduced { enrolment, name, event, place, nonce, expires_at } = introduced;
    let policy = app.store.event(event)?.policy;
    Ok(EnrolmentStarted {
        enrolment,
        name,
        event,
        event_name: policy.name().to_owned(),
        rehearsal: policy.is_rehearsal(),
        place: match place {
            OfferFor::Gate { zone, entrance } => OfferedPlace::Gate { zone, entrance: entrance.into() },
            OfferFor::Arbiter { addresses, shared: _ } => OfferedPlace::Arbiter { addresses },
        },
        root_key: app.store.root_key().to_bytes(),
        nonce: *nonce.as_bytes(),
        expires_at,
    })
}
