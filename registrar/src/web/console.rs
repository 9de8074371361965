//! The console: pages for operators, shops, desks and viewers, signed in with their token.
//!
//! | | who may |
//! |---|---|
//! | `/console`, `/console/sign-in`, `/console/sign-out` | anybody |
//! | `/console/events/…`: looking, tickets looked up | every role |
//! | `…/gates`, `…/day`: looking | operator, desk, viewer |
//! | `…/import`, a new code, cancelling, payment | operator, sales |
//! | suspending | operator, sales, desk |
//! | events made and changed, gates, `/console/audit` | operator |
//!
//! Whatever changes something is a form of ours: same origin, the session's cookie, the session's form token. A ticket's
//! reference travels in a body only; ids stand in addresses.
//!
//! Pages that show something live ask for themselves every few seconds and put what has changed in place; without a
//! script they are right when they are loaded. Why they ask and are not told by a stream, as a buyer's page is: gates
//! report at intervals anyway, ages on the page must move while nothing happens, one request in five seconds costs less
//! than a connection that is held for hours through whatever stands between, and an answer that does not come says at
//! once that the numbers are old.

mod audit_list;
mod clerk;
mod day;
mod event_change;
mod event_form;
mod events;
mod gates;
mod import;
mod plot;
mod refusal_page;
mod session;
mod sessions;
mod sign_in;
#[cfg(test)]
mod tests;
mod tickets;
mod why;

use core::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, OriginalUri};
use axum::response::Redirect;
use axum::routing::{get, post};
use kido_shared::ids::EventId;
use kido_shared::wire::v1::operator::Role;
use kido_web::language::Language;

use self::clerk::Clerk;
pub(crate) use self::refusal_page::refusal_page;
pub(crate) use self::sessions::Clerks;
use super::Page;
use super::japan_time::JapanTime;
use crate::auth::May;
use crate::auth::bearer::{Operate, Sell, Watch};
use crate::state::{App, AppState};
use crate::store::EventView;

/// Longest form: a dozen short fields.
const FORM_BYTES_MAX: usize = 16 * 1024;

pub(super) fn routes() -> Router<AppState> {
    let import = Router::new()
        .route("/console/events/{event}/import/read", post(import::read))
        .layer(DefaultBodyLimit::max(import::FILE_BYTES_MAX));
    Router::new()
        .route("/console", get(sign_in::show))
        .route("/console/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/events", get(events::list).post(event_form::create))
        .route("/console/events/new", get(event_form::new))
        .route("/console/events/{event}", get(events::show))
        .route("/console/events/{event}/change", get(event_form::edit).post(event_form::change))
        .route("/console/events/{event}/import", get(import::show))
        .route("/console/events/{event}/import/next", post(import::next))
        .route("/console/events/{event}/import/forget", post(import::forget))
        .route("/console/events/{event}/import/codes.csv", get(import::codes))
        .route("/console/events/{event}/import/print", get(import::print))
        .route("/console/events/{event}/tickets", get(tickets::ask).post(tickets::look_up))
        .route("/console/events/{event}/tickets/{ticket}", get(tickets::show))
        .route("/console/events/{event}/tickets/{ticket}/change", get(back).post(tickets::change))
        .route("/console/events/{event}/tickets/{ticket}/code", get(back).post(tickets::reissue))
        .route("/console/events/{event}/gates", get(gates::list).post(gates::offer))
        .route("/console/events/{event}/gates/offers/{enrolment}", get(gates::offered))
        .route("/console/events/{event}/gates/offers/{enrolment}/confirm", get(back).post(gates::confirm))
        .route("/console/events/{event}/gates/offers/{enrolment}/refuse", get(back).post(gates::refuse))
        .route("/console/events/{event}/gates/{gate}/revoke", post(gates::revoke))
        .route("/console/events/{event}/day", get(day::show))
        .route("/console/audit", get(audit_list::show))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .merge(import)
}

/// Whether an address is one of the console's.
pub(crate) fn is_at(path: &str) -> bool {
    path.strip_prefix("/console").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where a form was answered with a page, and somebody asks for that page's address: another language, the same again.
async fn back(OriginalUri(asked): OriginalUri) -> Redirect {
    let home = asked.path().rsplit_once('/').map_or("/console", |(home, _deed)| home);
    match asked.query() {
        Some(query) => Redirect::to(&format!("{home}?{query}")),
        None => Redirect::to(home),
    }
}

/// Which part of an event a page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Overview,
    Import,
    Tickets,
    Gates,
    Day,
    Audit,
    Elsewhere,
}

/// The event that a page is about.
#[derive(Debug)]
struct Head {
    id: EventId,
    name: String,
}

/// How long before it every page says when the token's time is over: a fortnight, for who is not there every week.
const EXPIRES_SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What stands around every page of the console: who looks, at which event, in which part of it.
#[derive(Debug)]
struct Around<'p> {
    page: Page<'p>,
    role: Role,
    label: String,
    /// When the token's time is over, once that is near.
    until: Option<String>,
    form: String,
    event: Option<Head>,
    tab: Tab,
}

impl<'p> Around<'p> {
    fn new<M>(app: &'p App, language: Language, clerk: &Clerk<M>) -> Self {
        let page = app.pages.page(language);
        let (role, label) = (clerk.by.bearer.role, clerk.by.bearer.label.clone());
        let soon = clerk.by.bearer.expires_at.filter(|at| at.since(app.now()) < EXPIRES_SOON);
        let until = soon.map(|at| page.speech.say_of("console-until", "when", &JapanTime::at(at, language).in_short()));
        Self { page, role, label, until, form: clerk.form.reveal(), event: None, tab: Tab::Elsewhere }
    }

    /// The same around a page of an event.
    fn of_event(mut self, view: &EventView, tab: Tab) -> Self {
        self.page = self.page.of_rehearsal(view.policy.is_rehearsal());
        self.event = Some(Head { id: view.event, name: view.policy.name().to_owned() });
        Self { tab, ..self }
    }

    fn say(&self, key: &str) -> String {
        self.page.speech.say(key)
    }

    fn count(&self, key: &str, count: &u64) -> String {
        self.page.speech.say_count(key, "count", *count)
    }

    fn role_word(&self) -> String {
        self.say(&format!("console-role-{}", self.role.name()))
    }

    fn may<M: May>(&self) -> bool {
        M::ROLES.contains(&self.role)
    }

    fn operates(&self) -> bool {
        self.may::<Operate>()
    }

    fn sells(&self) -> bool {
        self.may::<Sell>()
    }

    fn watches(&self) -> bool {
        self.may::<Watch>()
    }
}
