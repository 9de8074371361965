//! The pages of this registrar, for people with a browser; machines speak to [`crate::api`].
//!
//! Every page is made here, whole, in the reader's language; scripts only bring it up to date in place. What a template
//! can show is what its view model holds, and no view model holds anything of a card.

pub(crate) mod buyer;
pub(crate) mod console;
mod cookie;
pub(crate) mod error;
mod history_lines;
mod japan_time;
pub mod page;
mod same_origin;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::middleware;
use axum::response::Response;
use axum::routing::get;
use kido_web::assets::{Assets, Kind, Source};
use kido_web::language::Language;
use kido_web::words::{Dictionary, WordsError};

use crate::state::AppState;
pub use kido_serve::Peer;
pub use page::Page;

/// Where the files that pages load are.
pub(crate) const ASSETS: &str = "/assets/{name}";

const JAPANESE: &[&str] = &[
    include_str!("../words/common.ja.ftl"),
    include_str!("../words/buyer.ja.ftl"),
    include_str!("../words/console.ja.ftl"),
];
const ENGLISH: &[&str] = &[
    include_str!("../words/common.en.ftl"),
    include_str!("../words/buyer.en.ftl"),
    include_str!("../words/console.en.ftl"),
];
const FILES: &[Source] = &[
    Source { stem: "buyer", kind: Kind::Css, content: include_str!("web/buyer/buyer.css") },
    Source { stem: "buyer", kind: Kind::Js, content: include_str!("web/buyer/buyer.js") },
    Source { stem: "console", kind: Kind::Css, content: include_str!("web/console/console.css") },
    Source { stem: "console", kind: Kind::Js, content: include_str!("web/console/console.js") },
];

/// Words and files of all pages. Clones are handles to the same ones.
#[derive(Debug, Clone)]
pub struct Pages(Arc<Content>);

#[derive(Debug)]
struct Content {
    words: Dictionary,
    assets: Assets,
}

impl Pages {
    /// What is compiled in.
    ///
    /// # Errors
    /// [`WordsError`] where a word file was broken when the program was built.
    pub fn compiled_in() -> Result<Self, WordsError> {
        Ok(Self(Arc::new(Content { words: Dictionary::parse(JAPANESE, ENGLISH)?, assets: Assets::of(FILES) })))
    }

    /// A page in a language.
    #[must_use]
    pub fn page(&self, language: Language) -> Page<'_> {
        Page::new(self.0.words.speak(language), &self.0.assets)
    }
}

/// Every page, and the files that they load.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route(ASSETS, get(asset))
        .merge(buyer::routes())
        .merge(console::routes())
        .layer(middleware::from_fn(kido_web::headers::secure))
}

async fn asset(State(app): State<AppState>, Path(name): Path<String>) -> Response {
    app.pages.0.assets.answer(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_every_sentence() {
        let pages = Pages::compiled_in().unwrap();
        assert_eq!(pages.0.words.keys_without_a_pair(), Vec::<String>::new());
    }
}
