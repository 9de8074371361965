//! What every template holds beside its own view model.

use askama::Template;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{Html, IntoResponse as _, Response};
use kido_web::assets::{Assets, Kind};
use kido_web::language::Language;
use kido_web::words::Speech;
use zeroize::Zeroizing;

use crate::error::{AppError, say_when_to_try_again};

/// Room for a page with secrets: three hundred links in their table take half of it.
const SECRET_PAGE_BYTES: usize = 256 * 1024;

/// The frame around a page: its language, its words, its files, and whether it is about a rehearsal.
#[derive(Debug, Clone, Copy)]
pub struct Page<'p> {
    pub(crate) speech: Speech<'p>,
    assets: &'p Assets,
    pub(crate) rehearsal: bool,
}

impl<'p> Page<'p> {
    pub(super) const fn new(speech: Speech<'p>, assets: &'p Assets) -> Self {
        Self { speech, assets, rehearsal: false }
    }

    /// The same frame around a page that is about a rehearsal, or not.
    #[must_use]
    pub const fn of_rehearsal(self, rehearsal: bool) -> Self {
        Self { rehearsal, ..self }
    }

    pub(crate) const fn languages(&self) -> [Language; 2] {
        Language::ALL
    }

    /// Where a style sheet is.
    pub(crate) fn css(&self, stem: &str) -> String {
        self.file(stem, Kind::Css)
    }

    /// Where a script is.
    pub(crate) fn js(&self, stem: &str) -> String {
        self.file(stem, Kind::Js)
    }

    /// Where a picture is.
    pub(crate) fn svg(&self, stem: &str) -> String {
        self.file(stem, Kind::Svg)
    }

    fn file(&self, stem: &str, kind: Kind) -> String {
        format!("/assets/{}", self.assets.path(stem, kind))
    }

    /// The same for a page that shows a secret: its text is wiped once it was sent.
    pub(crate) fn show_secret(&self, status: StatusCode, template: &impl Template) -> Result<Response, AppError> {
        // Of its final size from the start, so that no growing leaves a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(SECRET_PAGE_BYTES));
        template.render_into(&mut *text).map_err(AppError::Page)?;
        let mut response = (status, Html(Bytes::from_owner(text))).into_response();
        response.headers_mut().append(SET_COOKIE, self.speech.language().cookie());
        say_when_to_try_again(&mut response);
        Ok(response)
    }

    /// The same as [`Self::show`] where it is not simply what was asked for.
    pub(crate) fn show_as(&self, status: StatusCode, template: &impl Template) -> Result<Response, AppError> {
        let mut response = self.show(template)?;
        *response.status_mut() = status;
        say_when_to_try_again(&mut response);
        Ok(response)
    }

    /// The answer with this page; the language it is in is kept for the next one.
    pub(crate) fn show(&self, template: &impl Template) -> Result<Response, AppError> {
        let mut response = Html(template.render().map_err(AppError::Page)?).into_response();
        response.headers_mut().append(SET_COOKIE, self.speech.language().cookie());
        Ok(response)
    }
}
