//! Signing in with a token, and out.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use axum::response::{IntoResponse as _, Redirect, Response};
use kido_web::icons;
use kido_web::language::Language;
use zeroize::Zeroizing;

use super::clerk::{Clerk, Posted, Turned};
use super::session::{cookie, named};
use crate::audit::{Deed, Door};
use crate::auth::bearer::{Denied, Look, reached};
use crate::auth::tokens::NotBorne;
use crate::error::AppError;
use crate::office::By;
use crate::state::AppState;
use crate::visitor::Visitor;
use crate::web::Page;
use crate::web::same_origin::SameOrigin;

#[derive(Debug, Template)]
#[template(path = "console_sign_in.html")]
struct SignInPage<'p> {
    page: Page<'p>,
    refused: Option<&'static str>,
}

/// What the form sends: the token, once.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    token: Zeroizing<String>,
}

impl core::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SignIn(..)")
    }
}

/// The form; whoever is signed in goes on to the events, and whoever was is told so.
pub(super) async fn show(
    State(app): State<AppState>,
    language: Language,
    headers: HeaderMap,
    clerk: Result<Clerk<Look>, Turned>,
) -> Result<Response, AppError> {
    if clerk.is_ok() {
        return Ok(Redirect::to("/console/events").into_response());
    }
    // The cookie of a session that is over stays until the next one: a page that asked for itself was answered with this
    // form before anybody saw it.
    let (page, was_here) = (app.pages.page(language), named(&headers, app.origin.is_tls()).is_some());
    page.show(&SignInPage { page, refused: was_here.then_some("console-session-over") })
}

/// Begins a session.
///
/// A token is looked up first, by its hash: one SHA-256 whatever was sent, and 256 random bits are not found by trying.
/// So strangers who try are told to wait, and nothing that they do keeps anybody out whose token is right.
pub(super) async fn sign_in(
    State(app): State<AppState>,
    _ours: SameOrigin,
    language: Language,
    visitor: Visitor,
    headers: HeaderMap,
    Form(SignIn { token }): Form<SignIn>,
) -> Result<Response, AppError> {
    let page = app.pages.page(language);
    let signed = match app.tokens.sign_in(token.trim(), app.now()) {
        // Whoever has it may know: it opens nothing, and nobody guesses one.
        Err(NotBorne::Expired) => {
            reached(&app, None, Door::Console, Denied::ExpiredToken).await;
            return refused(page, StatusCode::FORBIDDEN, "console-expired-token");
        }
        Err(NotBorne::Unknown) => None,
        Ok(signed) => Some(signed),
    };
    let Some((token, bearer)) = signed else {
        let told = app.clerks.misses().note(visitor.from, app.now());
        if told.is_err() {
            return refused(page, StatusCode::TOO_MANY_REQUESTS, "console-too-many-tries");
        }
        reached(&app, None, Door::Console, Denied::UnknownToken).await;
        return refused(page, StatusCode::FORBIDDEN, "console-wrong-token");
    };
    if app.clerks.sessions().count_sign_in(token, app.now()).is_err() {
        return refused(page, StatusCode::TOO_MANY_REQUESTS, "console-too-often");
    }
    app.note(&By { bearer, door: Door::Console }, Deed::SignedIn, None).await?;
    let mut sessions = app.clerks.sessions();
    if let Some(before) = named(&headers, app.origin.is_tls()) {
        sessions.end(&before);
    }
    let secret = sessions.begin(token, app.now(), &mut app.random());
    drop(sessions);
    Ok(with_cookie(Redirect::to("/console/events"), cookie(Some(&secret), app.origin.is_tls())))
}

fn refused(page: Page<'_>, status: StatusCode, key: &'static str) -> Result<Response, AppError> {
    page.show_as(status, &SignInPage { page, refused: Some(key) })
}

/// Ends the session, and everything that it held.
pub(super) async fn sign_out(
    State(app): State<AppState>,
    Posted { clerk, .. }: Posted<Look>,
) -> Result<Response, AppError> {
    app.clerks.sessions().end(&clerk.session);
    app.note(&clerk.by, Deed::SignedOut, None).await?;
    Ok(with_cookie(Redirect::to("/console"), cookie(None, app.origin.is_tls())))
}

fn with_cookie(redirect: Redirect, cookie: HeaderValue) -> Response {
    let mut response = redirect.into_response();
    response.headers_mut().append(SET_COOKIE, cookie);
    response
}
