//! `Authorization: Bearer …` as an extractor: a handler names what it lets somebody do, and gets who it is.

use core::fmt;
use core::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use kido_shared::wire::v1::operator::Role;

use super::tokens::{Bearer, NotBorne};
use crate::audit::{AuditLine, Deed, Door, Object};
use crate::domain::history::Actor;
use crate::error::AppError;
use crate::office::By;
use crate::state::AppState;

/// Why a bearer is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No token came with the request.
    #[error("a bearer token is needed")]
    NoToken,
    /// The token is none of this registrar's.
    #[error("the bearer token is not known here")]
    UnknownToken,
    /// The token is known here, and its time is over.
    #[error("the bearer token has expired: an operator makes a new one")]
    ExpiredToken,
    /// The token's role may not do this.
    #[error("the role {} may not do this", .0.name())]
    Role(Role),
}

impl From<NotBorne> for Denied {
    fn from(why: NotBorne) -> Self {
        match why {
            NotBorne::Unknown => Self::UnknownToken,
            NotBorne::Expired => Self::ExpiredToken,
        }
    }
}

/// Something that some roles may do.
pub trait May: fmt::Debug + Send + Sync + 'static {
    /// Who may.
    const ROLES: &'static [Role];
}

macro_rules! may {
    ($(#[$doc:meta])* $name:ident: $($role:ident),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl May for $name {
            const ROLES: &'static [Role] = &[$(Role::$role),+];
        }
    };
}

may! {
    /// Run events and gates, and let others in.
    Operate: Operator
}
may! {
    /// Sell tickets: import, confirm, release, cancel, hand out a new code.
    Sell: Operator, Sales
}
may! {
    /// Suspend a ticket until its card is found.
    Stop: Operator, Sales, Desk
}
may! {
    /// Look at events and tickets.
    Look: Operator, Sales, Desk, Viewer
}
may! {
    /// Look at gates and what they did.
    Watch: Operator, Desk, Viewer
}

may! {
    /// Bring what a gate has signed: whose word counts in it is the gate's.
    Bring: Operator, Desk
}

may! {
    /// Take the lists of the desks out, and put in what was ticked on them.
    Tick: Operator, Desk
}

/// Somebody whose role may do `M`.
#[derive(Debug, Clone)]
pub struct Authenticated<M> {
    bearer: Bearer,
    may: PhantomData<M>,
}

impl<M> Authenticated<M> {
    /// Who it is, for the audit list.
    #[must_use]
    pub(crate) fn by(&self) -> By {
        By { bearer: self.bearer.clone(), door: Door::Api }
    }

    /// In which role.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.bearer.role
    }

    /// The role as a ticket's history names it.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        self.bearer.actor()
    }

    /// Whether admissions and times may be told.
    #[must_use]
    pub const fn sees_uses(&self) -> bool {
        self.bearer.sees_uses()
    }
}

impl Bearer {
    /// The role as a ticket's history names it.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        match self.role {
            Role::Operator | Role::Viewer => Actor::Operator,
            Role::Sales => Actor::Sales,
            Role::Desk => Actor::Desk,
        }
    }

    /// Whether admissions and times may be told.
    #[must_use]
    pub const fn sees_uses(&self) -> bool {
        !matches!(self.role, Role::Sales)
    }
}

impl<M: May> FromRequestParts<AppState> for Authenticated<M> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, AppError> {
        let token = token(parts)?;
        let bearer = match app.tokens.bearer(token, app.now()) {
            Ok(bearer) => bearer,
            Err(why) => return Err(reached(app, None, Door::Api, why.into()).await),
        };
        if M::ROLES.contains(&bearer.role) {
            return Ok(Self { bearer, may: PhantomData });
        }
        let denied = Denied::Role(bearer.role);
        Err(reached(app, Some(bearer), Door::Api, denied).await)
    }
}

/// Lists that somebody asked for what they may not do.
pub(crate) async fn reached(app: &AppState, bearer: Option<Bearer>, door: Door, denied: Denied) -> AppError {
    let error = AppError::from(denied);
    let role = bearer.as_ref().map(|bearer| bearer.role.name().to_owned());
    let label = bearer.map(|bearer| bearer.label).unwrap_or_default();
    let refused = Some(error.code().to_owned());
    let (at, object) = (app.now(), Object::Nothing);
    let line = AuditLine { at, role, label, door, deed: Deed::Reached, event: None, object, refused };
    app.audit.write(line).await.err().map_or(error, AppError::Storage)
}

/// The token of an `Authorization` header (RFC 6750 §2.1).
fn token(parts: &Parts) -> Result<&str, Denied> {
    let header = parts.headers.get(AUTHORIZATION).ok_or(Denied::NoToken)?;
    let text = header.to_str().map_err(|_not_ascii| Denied::UnknownToken)?;
    let (scheme, token) = text.split_once(' ').ok_or(Denied::NoToken)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(Denied::NoToken) }
}
