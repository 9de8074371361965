//! The first page of a registrar, for whoever typed its name.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use kido_web::icons;
use kido_web::language::Language;

use crate::error::AppError;
use crate::state::AppState;
use crate::web::Page;

#[derive(Debug, Template)]
#[template(path = "buyer_start.html")]
struct StartPage<'p> {
    page: Page<'p>,
}

/// What this is, and where to go.
pub(super) async fn show(State(app): State<AppState>, language: Language) -> Result<Response, AppError> {
    let page = StartPage { page: app.pages.page(language) };
    page.page.show(&page)
}
