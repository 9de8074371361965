//! What handlers take: paths and bodies, parsed before they run.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use kido_shared::ids::{ArbiterId, EnrolmentId, Epoch, EventId, GateId, SessionId, TicketId};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::domain::reference::TicketRef;
use crate::error::{AppError, RequestError};
use crate::state::AppState;
use crate::store::TicketName;

macro_rules! path {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty),+ }) => {
        $(#[$doc])*
        #[derive(Debug, serde::Deserialize)]
        pub struct $name {
            $(
                #[doc = concat!("The path's `", stringify!($field), "`.")]
                pub $field: $kind,
            )+
        }

        impl FromRequestParts<AppState> for $name {
            type Rejection = AppError;

            async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, AppError> {
                let path = Path::<Self>::from_request_parts(parts, app).await;
                path.map(|Path(path)| path).map_err(|_rejection| RequestError::Path.into())
            }
        }
    };
}

path! {
    /// An event.
    EventPath { event: EventId }
}
path! {
    /// A ticket, by id or by the shop's reference.
    TicketPath { event: EventId, ticket: NamedTicket }
}
path! {
    /// A gate.
    GatePath { event: EventId, gate: GateId }
}
path! {
    /// A venue arbiter.
    ArbiterPath { event: EventId, arbiter: ArbiterId }
}
path! {
    /// An offer to a gate or an arbiter.
    OfferPath { event: EventId, enrolment: EnrolmentId }
}
path! {
    /// An enrolment, as its gate names it.
    EnrolmentPath { enrolment: EnrolmentId }
}
path! {
    /// A dialogue with a card helper.
    SessionPath { session: SessionId }
}
path! {
    /// A full range of a feed.
    RangePath { event: EventId, epoch: Epoch, range: u64 }
}
path! {
    /// The end of a feed.
    TailPath { event: EventId, epoch: Epoch, from: u64 }
}
path! {
    /// A bearer token.
    TokenPath { label: String }
}

/// A ticket in a path. Ids begin with small letters, references have none, so the two are never taken for each other.
#[derive(Debug)]
pub struct NamedTicket(pub TicketName);

impl<'de> serde::Deserialize<'de> for NamedTicket {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Ok(id) = text.parse::<TicketId>() {
            return Ok(Self(TicketName::Id(id)));
        }
        let reference = TicketRef::parse(&text).map_err(serde::de::Error::custom)?;
        Ok(Self(TicketName::Reference(reference)))
    }
}

/// A JSON body.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, AppError> {
        // A page of another site can send a form or plain text without asking; it cannot send this.
        let announced = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = announced.and_then(|kind| kind.split(';').next()).map(str::trim);
        if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
            return Err(RequestError::MediaType.into());
        }
        let body =
            Bytes::from_request(request, app).await.map_err(|rejection| RequestError::of_body(rejection.status()))?;
        Ok(Self(parse_json(&body)?))
    }
}

/// Reads JSON. What was sent is never repeated in the answer.
pub(crate) fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, RequestError> {
    serde_json::from_slice(body).map_err(|error| {
        let what = match error.classify() {
            Category::Syntax | Category::Io => "not readable",
            Category::Eof => "cut off",
            Category::Data => "of another form than expected",
        };
        RequestError::Json { what, line: error.line(), column: error.column() }
    })
}
