//! The desk as a page, in both languages.

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use kido_virtual_card::control::{CardState, ControlError};
use kido_virtual_card::planted::PIN;
use kido_web::assets::{Assets, Kind, Source};
use kido_web::icons;
use kido_web::language::Language;
use kido_web::words::{Dictionary, Speech};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::cards::{self, DeskCard, Reader};
use super::tour::{Step, Tour};
use super::{Desktop, HelperOpen};
use crate::harness::HarnessError;

const JAPANESE: &str = include_str!("../../words/desk.ja.ftl");
const ENGLISH: &str = include_str!("../../words/desk.en.ftl");

/// What the shared style does not have.
pub(super) const STYLE: Source = Source { stem: "desk", kind: Kind::Css, content: include_str!("desk.css") };

/// The words of the desk.
pub(super) fn words() -> Result<Dictionary, HarnessError> {
    let broken =
        |error: kido_web::words::WordsError| HarnessError::Shape { what: "the desk's words", text: error.to_string() };
    Dictionary::parse(&[JAPANESE], &[ENGLISH]).map_err(broken)
}

/// A reader as it is now.
struct ReaderNow {
    reader: Reader,
    holds: Option<DeskCard>,
}

impl ReaderNow {
    fn of(reader: Reader, states: &[CardState]) -> Self {
        let state = states.iter().find(|state| state.slot == Some(reader.slot()));
        Self { reader, holds: state.and_then(|state| DeskCard::of_character(state.card)) }
    }
}

/// A step as it is now.
struct StepNow<'p> {
    step: Step,
    page: Option<&'p str>,
    /// The helper's own page, where it was opened for this step and still runs.
    helper: Option<&'p str>,
}

impl StepNow<'_> {
    const fn icon(&self) -> &'static str {
        match self.step {
            Step::Lane => icons::GATE,
            Step::Holder => icons::WELCOME,
            Step::Again => icons::CARD,
            Step::Copy => icons::COPY,
            Step::Stranger => icons::DESK,
            Step::Locked => icons::LOCKED,
            Step::Register => icons::COMPUTER,
            Step::Ticket => icons::TICKET,
            Step::Console => icons::PEOPLE,
        }
    }

    const fn is_console(&self) -> bool {
        matches!(self.step, Step::Console)
    }
}

#[derive(Template)]
#[template(path = "desk.html")]
struct DeskPage<'p> {
    speech: Speech<'p>,
    assets: &'p Assets,
    tour: &'p Tour,
    readers: [ReaderNow; 2],
    steps: Vec<StepNow<'p>>,
    token: Zeroizing<String>,
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

    const fn pin() -> &'static str {
        PIN
    }

    fn held(&self, reader: Reader) -> Option<DeskCard> {
        self.readers.iter().find(|now| now.reader == reader).and_then(|now| now.holds)
    }

    fn is_free(&self, reader: &Reader) -> bool {
        self.held(*reader).is_none()
    }

    fn lies_in(&self, card: &DeskCard, reader: &Reader) -> bool {
        self.held(*reader) == Some(*card)
    }

    /// A sentence about a step, a card or a reader, by its name.
    fn about(&self, key: &str, name: &str) -> String {
        let fills = [
            ("pin", PIN.into()),
            ("holders-seat", self.tour.holders_seat.into()),
            ("visitors-seat", self.tour.visitors_seat.into()),
        ];
        self.speech.say_with(&format!("{key}-{name}"), &fills)
    }

    fn card_word(&self, card: &DeskCard) -> String {
        self.about("card", card.name())
    }
}

/// The desk as it lies now.
pub(super) async fn show(State(desk): State<Desktop>, language: Language) -> Response {
    let parts = &desk.0;
    let control = parts.control.clone();
    let Ok(Ok(states)) = tokio::task::spawn_blocking(move || cards::states(&control)).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    // Read for each look: the desk itself keeps no secret.
    let token = tokio::fs::read_to_string(&parts.tour.token_file).await.unwrap_or_default();
    let open = parts.helper.lock().await.as_mut().and_then(|open| {
        let runs = open.page.process.is_running();
        runs.then(|| (open.step, open.page.address.clone()))
    });
    let helper = |step| open.as_ref().filter(|(of, _)| *of == step).map(|(_, address)| address.as_str());
    let steps = Step::ALL.map(|step| StepNow { step, page: step.page(&parts.tour), helper: helper(step) });
    let page = DeskPage {
        speech: parts.words.speak(language),
        assets: &parts.assets,
        tour: &parts.tour,
        readers: Reader::ALL.map(|reader| ReaderNow::of(reader, &states)),
        steps: steps.into(),
        token: Zeroizing::new(token),
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
    step: String,
}

/// Which reader.
#[derive(Debug, Deserialize)]
pub(super) struct Remove {
    reader: String,
    /// None where the reader itself was pressed.
    step: Option<String>,
}

/// For which step.
#[derive(Debug, Deserialize)]
pub(super) struct OpenHelper {
    step: String,
}

/// Puts a card into a reader.
pub(super) async fn insert(State(desk): State<Desktop>, Form(form): Form<Insert>) -> Response {
    let (card, reader) = (DeskCard::of_name(&form.card), Reader::of_name(&form.reader));
    let (Some(card), Some(reader), Some(step)) = (card, reader, Step::of_name(&form.step)) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    moved(desk, Some(step), move |control| cards::insert(control, reader, card)).await
}

/// Takes the card out of a reader.
pub(super) async fn remove(State(desk): State<Desktop>, Form(form): Form<Remove>) -> Response {
    let Some(reader) = Reader::of_name(&form.reader) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    let step = form.step.as_deref().and_then(Step::of_name);
    moved(desk, step, move |control| cards::remove(control, reader)).await
}

async fn moved(
    desk: Desktop,
    step: Option<Step>,
    hand: impl FnOnce(&std::path::Path) -> Result<(), ControlError> + Send + 'static,
) -> Response {
    let control = desk.0.control.clone();
    match tokio::task::spawn_blocking(move || hand(&control)).await {
        Ok(Ok(())) => back_to(step),
        Ok(Err(_)) | Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// The desk again, where the visitor was.
fn back_to(step: Option<Step>) -> Response {
    let anchor = step.map_or_else(|| "/".to_owned(), |step| format!("/#step-{}", step.name()));
    Redirect::to(&anchor).into_response()
}

/// Opens the card helper at the reader at home, with the link of a step as a browser hands it over. One that is still
/// open ends.
pub(super) async fn open_helper(State(desk): State<Desktop>, Form(form): Form<OpenHelper>) -> Response {
    let step = Step::of_name(&form.step);
    let Some((step, link)) = step.and_then(|step| Some((step, step.helper_link(&desk.0.tour)?))) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    let mut helper = desk.0.helper.lock().await;
    drop(helper.take());
    match desk.0.buyer.open(Some(link)).await {
        Ok(page) => {
            *helper = Some(HelperOpen { step, page });
            back_to(Some(step))
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
    fn every_step_card_and_reader_has_its_words() {
        let words = words().unwrap();
        let speech = words.speak(Language::En);
        let of = |keys: &[&str], name: &str| keys.iter().map(|key| format!("{key}-{name}")).collect::<Vec<_>>();
        let steps = Step::ALL.iter().flat_map(|step| of(&["step", "do", "see"], step.name()));
        let pages = Step::ALL.iter().filter(|step| step.readers().is_empty() || step.card().is_none());
        let pages =
            pages.chain(Step::ALL.iter().filter(|step| step.has_helper())).flat_map(|step| of(&["open"], step.name()));
        let cards = DeskCard::ALL.iter().flat_map(|card| of(&["card"], card.name()));
        let readers = Reader::ALL.iter().flat_map(|reader| of(&["reader", "put-into", "take-from"], reader.name()));
        for key in steps.chain(pages).chain(cards).chain(readers) {
            assert_ne!(speech.say(&key), key, "no words");
        }
    }

    #[test]
    fn a_card_is_offered_where_its_step_needs_it() {
        for step in Step::ALL {
            assert_eq!(step.card().is_some(), !step.readers().is_empty(), "{step:?}");
        }
    }
}
