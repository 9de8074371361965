//! The page that draws the lane's screens, and the files that it loads.
//!
//! It is the same for every visitor and every moment: whatever is to be seen comes by the event stream, so that a
//! reload at any moment shows what the lane shows. Until the stream speaks, and whenever it falls silent, the page says
//! by itself that the lane is closed.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, Response};
use kido_web::assets::{Assets, Kind, Source};
use kido_web::language::Language;

use super::KioskState;
use super::requests::ALIVE_EVERY;
use crate::config;
use crate::words::{Bilingual, Words, WordsError};

/// What the page loads beside the style of all pages; the order of the scripts is that of the page: whoever listens
/// comes before the stream that speaks.
const FILES: [Source; 6] = [
    Source { stem: "lane", kind: Kind::Css, content: include_str!("page/lane.css") },
    Source { stem: "sign", kind: Kind::Js, content: include_str!("page/sign.js") },
    Source { stem: "tones", kind: Kind::Js, content: include_str!("page/tones.js") },
    Source { stem: "pad", kind: Kind::Js, content: include_str!("page/pad.js") },
    Source { stem: "draw", kind: Kind::Js, content: include_str!("page/draw.js") },
    Source { stem: "stream", kind: Kind::Js, content: include_str!("page/stream.js") },
];

/// Why there is no page. It is compiled in: the fault is the program's.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A word file was broken.
    #[error("the page has no words")]
    Words(#[from] WordsError),
    /// The template could not be filled in.
    #[error("the page cannot be made")]
    Template(#[from] askama::Error),
}

/// The page, made once. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct Page(Arc<Made>);

#[derive(Debug)]
struct Made {
    html: String,
    assets: Assets,
}

#[derive(Template)]
#[template(path = "lane.html")]
struct LanePage<'p> {
    words: &'p Words,
    assets: &'p Assets,
    language: Language,
}

impl LanePage<'_> {
    fn both(&self, key: &'static str) -> Bilingual {
        self.words.plain(key)
    }

    fn css(&self, stem: &str) -> &str {
        self.assets.path(stem, Kind::Css)
    }

    fn js(&self, stem: &str) -> &str {
        self.assets.path(stem, Kind::Js)
    }

    fn svg(&self, stem: &str) -> &str {
        self.assets.path(stem, Kind::Svg)
    }

    fn alive_ms(&self) -> u128 {
        ALIVE_EVERY.as_millis()
    }
}

impl Page {
    /// The page, with this language first until somebody chooses the other.
    ///
    /// # Errors
    /// [`PageError`] where words or template were broken when the program was built.
    pub fn compiled_in(language: config::Language) -> Result<Self, PageError> {
        let language = match language {
            config::Language::Ja => Language::Ja,
            config::Language::En => Language::En,
        };
        let (words, assets) = (Words::compiled_in()?, Assets::of(&FILES));
        let html = LanePage { words: &words, assets: &assets, language }.render()?;
        Ok(Self(Arc::new(Made { html, assets })))
    }
}

/// The page itself.
pub(super) async fn page(State(state): State<KioskState>) -> Html<String> {
    Html(state.page.0.html.clone())
}

/// A file that it loads.
pub(super) async fn asset(State(state): State<KioskState>, Path(name): Path<String>) -> Response {
    state.page.0.assets.answer(&name)
}
