//! The desk as a page, in both languages.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use kido_virtual_card::character::Character;
use kido_virtual_card::control::{CardState, ControlError};
use kido_virtual_card::planted::PIN;
use kido_web::assets::{Assets, Kind, Source};
use kido_web::icons;
use kido_web::language::Language;
use kido_web::words::{Dictionary, Speech};
use serde::Deserialize;

use super::Desktop;
use super::cards::{self, Reader};
use crate::harness::HarnessError;

const JAPANESE: &str = include_str!("../../words/desk.ja.ftl");
const ENGLISH: &str = include_str!("../../words/desk.en.ftl");

/// What the shared style does not have.
pub(super) const STYLE: Source = Source { stem: "desk", kind: Kind::Css, content: include_str!("desk.css") };

/// A page of Kido that the tour goes to.
#[derive(Debug, Clone)]
pub struct Signpost {
    /// Its key in the words: `buyer`, `holder`, `gate`.
    pub name: &'static str,
    /// Where it is.
    pub address: String,
}

/// The words of the desk.
pub(super) fn words() -> Result<Dictionary, HarnessError> {
    let broken =
        |error: kido_web::words::WordsError| HarnessError::Shape { what: "the desk's words", text: error.to_string() };
    Dictionary::parse(&[JAPANESE], &[ENGLISH]).map_err(broken)
}

/// A reader as it is now.
struct ReaderNow {
    reader: Reader,
    holds: Option<Character>,
}

/// A card as it is now.
struct CardNow {
    card: Character,
    tries: Option<u8>,
    lies_in: Option<Reader>,
}

impl CardNow {
    fn of(card: Character, states: &[CardState]) -> Self {
        let state = states.iter().find(|state| state.card == card);
        let slot = state.and_then(|state| state.slot);
        let lies_in = Reader::ALL.into_iter().find(|reader| Some(reader.slot()) == slot);
        Self { card, tries: state.map(|state| state.tries_left), lies_in }
    }

    const fn icon(&self) -> &'static str {
        if matches!(self.card, Character::Locked) { icons::LOCKED } else { icons::CARD }
    }
}

#[derive(Template)]
#[template(path = "desk.html")]
struct DeskPage<'p> {
    speech: Speech<'p>,
    assets: &'p Assets,
    signs: &'p [Signpost],
    readers: Vec<ReaderNow>,
    cards: Vec<CardNow>,
    helper: Option<String>,
    pin: &'static str,
}

impl DeskPage<'_> {
    fn css(&self, stem: &str) -> &str {
        self.assets.path(stem, Kind::Css)
    }

    fn icon_of_tab(&self) -> &str {
        self.assets.path("kido", Kind::Svg)
    }

    const fn languages() -> [Language; 2] {
        Language::ALL
    }

    /// What is left of a card's tries.
    fn tries(&self, tries: u8) -> String {
        self.speech.say_count("tries", "tries", tries.into())
    }

    /// A sentence about a card or a reader, by its name.
    fn about(&self, key: &str, name: impl core::fmt::Display) -> String {
        self.speech.say(&format!("{key}-{name}"))
    }
}

/// The desk as it lies now.
pub(super) async fn show(State(desk): State<Desktop>, language: Language) -> Response {
    let control = desk.0.control.clone();
    let Ok(Ok(states)) = tokio::task::spawn_blocking(move || cards::states(&control)).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let cards: Vec<CardNow> = cards::CARDS.into_iter().map(|card| CardNow::of(card, &states)).collect();
    let holds = |reader: Reader| states.iter().find(|state| state.slot == Some(reader.slot())).map(|state| state.card);
    let readers = Reader::ALL.into_iter().map(|reader| ReaderNow { reader, holds: holds(reader) }).collect();
    let parts = &desk.0;
    let helper = parts.helper.lock().await.as_mut().and_then(|page| {
        let runs = page.process.is_running();
        runs.then(|| page.address.clone())
    });
    let page = DeskPage {
        speech: parts.words.speak(language),
        assets: &parts.assets,
        signs: &parts.signs,
        readers,
        cards,
        helper,
        pin: PIN,
    };
    match page.render() {
        Ok(html) => ([(SET_COOKIE, language.cookie())], Html(html)).into_response(),
        Err(_a_template_writes_to_memory) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Which card, into which reader.
#[derive(Debug, Deserialize)]
pub(super) struct Insert {
    card: String,
    reader: String,
}

/// Which reader.
#[derive(Debug, Deserialize)]
pub(super) struct Remove {
    reader: String,
}

/// Puts a card into a reader.
pub(super) async fn insert(State(desk): State<Desktop>, Form(form): Form<Insert>) -> Response {
    let (Some(card), Some(reader)) = (cards::of_name(&form.card), Reader::of_name(&form.reader)) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    moved(desk, move |control| cards::insert(control, reader, card)).await
}

/// Takes the card out of a reader.
pub(super) async fn remove(State(desk): State<Desktop>, Form(form): Form<Remove>) -> Response {
    let Some(reader) = Reader::of_name(&form.reader) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    moved(desk, move |control| cards::remove(control, reader)).await
}

async fn moved(
    desk: Desktop,
    hand: impl FnOnce(&std::path::Path) -> Result<(), ControlError> + Send + 'static,
) -> Response {
    let control = desk.0.control.clone();
    match tokio::task::spawn_blocking(move || hand(&control)).await {
        Ok(Ok(())) => Redirect::to("/").into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// Opens the card helper at the reader at home; its page is then on the desk. One that is still open ends.
pub(super) async fn open_helper(State(desk): State<Desktop>) -> Response {
    let mut helper = desk.0.helper.lock().await;
    drop(helper.take());
    match desk.0.buyer.open(None).await {
        Ok(page) => {
            *helper = Some(page);
            Redirect::to("/#helper").into_response()
        }
        Err(_not_started) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// The files of the page.
pub(super) async fn asset(State(desk): State<Desktop>, Path(name): Path<String>) -> Response {
    desk.0.assets.answer(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_every_sentence_of_the_desk() {
        assert_eq!(words().unwrap().keys_without_a_pair(), Vec::<String>::new());
    }

    #[test]
    fn every_card_reader_and_sign_has_its_words() {
        let words = words().unwrap();
        let speech = words.speak(Language::En);
        let cards = cards::CARDS.iter().flat_map(|card| [format!("card-{card}"), format!("about-{card}")]);
        let readers = Reader::ALL
            .iter()
            .flat_map(|reader| ["reader", "put-into", "lies-in"].map(|key| format!("{key}-{}", reader.name())));
        let signs = ["buyer", "holder", "gate"].map(|name| format!("sign-{name}"));
        for key in cards.chain(readers).chain(signs) {
            assert_ne!(speech.say(&key), key, "no words");
        }
    }
}
