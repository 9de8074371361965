//! Who is signed in, as an extractor: a page names what it lets somebody do, and gets who it is.

use core::marker::PhantomData;

use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use axum::http::HeaderName;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use kido_shared::wire::v1::operator::Role;

use super::session::{Secret, SessionName, named};
use crate::audit::Door;
use crate::auth::May;
use crate::auth::bearer::{Denied, reached};
use crate::auth::tokens::TokenName;
use crate::error::{AppError, RequestError};
use crate::office::By;
use crate::state::{App, AppState};
use crate::web::same_origin::SameOrigin;

/// The field of every form that holds the session's form token.
const FORM: &str = "form";

/// The same in a request that a script sends.
const FORM_HEADER: HeaderName = HeaderName::from_static("kido-form");

/// Sent by a page that asks for itself again: nobody has touched anything.
const LIVE_HEADER: HeaderName = HeaderName::from_static("kido-live");

/// Most fields of a form.
const FIELDS_MAX: usize = 32;

/// Why somebody does not see a page.
#[derive(Debug)]
pub(super) enum Turned {
    /// Nobody is signed in, or not any more.
    SignIn,
    /// The role may not, or the request is not one of ours.
    Refused(AppError),
}

impl IntoResponse for Turned {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn => Redirect::to("/console").into_response(),
            Self::Refused(error) => error.into_response(),
        }
    }
}

impl<E: Into<AppError>> From<E> for Turned {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// Somebody whose role may do `M`.
#[derive(Debug)]
pub(super) struct Clerk<M> {
    pub(super) by: By,
    pub(super) token: TokenName,
    pub(super) form: Secret,
    pub(super) session: SessionName,
    may: PhantomData<M>,
}

/// Somebody, whatever their role.
fn signed_in(parts: &Parts, app: &App) -> Option<(By, TokenName, Secret, SessionName)> {
    let session = named(&parts.headers, app.origin.is_tls())?;
    let now = app.now();
    let mut sessions = app.clerks.sessions();
    let found = sessions.get(&session, now)?;
    let (token, form) = (found.token, found.form.clone());
    let Some(bearer) = app.tokens.still(token, now) else {
        sessions.end(&session);
        return None;
    };
    // A screen on a wall belongs to a viewer; everybody else's refreshes itself into silence.
    if !parts.headers.contains_key(LIVE_HEADER) || bearer.role == Role::Viewer {
        sessions.touch(&session, now);
    }
    Some((By { bearer, door: Door::Console }, token, form, session))
}

impl<M: May> FromRequestParts<AppState> for Clerk<M> {
    type Rejection = Turned;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Turned> {
        let (by, token, form, session) = signed_in(parts, app).ok_or(Turned::SignIn)?;
        if M::ROLES.contains(&by.bearer.role) {
            return Ok(Self { by, token, form, session, may: PhantomData });
        }
        let denied = Denied::Role(by.bearer.role);
        Err(Turned::Refused(reached(app, Some(by.bearer), Door::Console, denied).await))
    }
}

/// The fields of a form.
#[derive(Default)]
pub(super) struct Fields(Vec<(String, String)>);

/// A form may hold a reference or digits.
impl core::fmt::Debug for Fields {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Fields(..)")
    }
}

impl Fields {
    /// What stands in a field, without the space around it; nothing where it is empty or missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(field, _value)| field == name);
        found.map(|(_field, value)| value.trim()).filter(|value| !value.is_empty())
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        for (_field, value) in &mut self.0 {
            zeroize::Zeroize::zeroize(value);
        }
    }
}

/// A form of ours, sent by somebody whose role may do `M`.
#[derive(Debug)]
pub(super) struct Posted<M> {
    pub(super) clerk: Clerk<M>,
    pub(super) fields: Fields,
}

impl<M: May> FromRequest<AppState> for Posted<M> {
    type Rejection = Turned;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, Turned> {
        let (mut parts, body) = request.into_parts();
        SameOrigin::from_request_parts(&mut parts, app).await?;
        let clerk = Clerk::from_request_parts(&mut parts, app).await?;
        let form = Form::<Vec<(String, String)>>::from_request(Request::from_parts(parts, body), app).await;
        let Form(fields) = form.map_err(|rejection| RequestError::of_body(rejection.status()))?;
        let fields = Fields(fields);
        if fields.0.len() > FIELDS_MAX || !clerk.form.is(fields.text(FORM)) {
            return Err(RequestError::OtherSite.into());
        }
        Ok(Self { clerk, fields })
    }
}

/// A request of one of our scripts. Its body is not read yet: whoever wants it says first whether there is room.
#[derive(Debug)]
pub(super) struct Scripted<M> {
    pub(super) clerk: Clerk<M>,
    pub(super) unread: Request,
}

impl<M: May> FromRequest<AppState> for Scripted<M> {
    type Rejection = Turned;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, Turned> {
        let (mut parts, body) = request.into_parts();
        SameOrigin::from_request_parts(&mut parts, app).await?;
        let clerk = Clerk::<M>::from_request_parts(&mut parts, app).await?;
        let sent = parts.headers.get(FORM_HEADER).and_then(|sent| sent.to_str().ok());
        if !sent.is_some_and(|sent| clerk.form.is(sent)) {
            return Err(RequestError::OtherSite.into());
        }
        Ok(Self { clerk, unread: Request::from_parts(parts, body) })
    }
}
