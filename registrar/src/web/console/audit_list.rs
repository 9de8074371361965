//! The audit list.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use kido_shared::ids::EventId;
use kido_web::language::Language;

use super::clerk::{Clerk, Turned};
use super::{Around, Page, Tab};
use crate::audit::{AuditLine, ChangedChoice, Object};
use crate::auth::bearer::Operate;
use crate::state::AppState;
use crate::web::japan_time::JapanTime;

/// From where on the list is read.
#[derive(Debug, serde::Deserialize)]
pub(super) struct From {
    before: Option<u64>,
}

/// One line, in words.
#[derive(Debug)]
struct Line {
    deed: &'static str,
    machine: String,
    when: String,
    who: String,
    what: String,
    on: Option<String>,
    event: Option<EventName>,
    refused: Option<String>,
}

/// An event as its operators know it.
#[derive(Debug)]
struct EventName {
    id: EventId,
    name: String,
}

impl Line {
    fn of(line: &AuditLine, around: &Around<'_>, names: &BTreeMap<EventId, String>) -> Self {
        let speech = around.page.speech;
        let wall = JapanTime::at(line.at, speech.language());
        let role = line
            .role
            .as_ref()
            .map_or_else(|| speech.say("console-role-nobody"), |role| speech.say(&format!("console-role-{role}")));
        let door = speech.say(&format!("console-door-{}", line.door.key()));
        let who = if line.label.is_empty() { role } else { format!("{} ({role})", line.label) };
        let object = match &line.object {
            Object::Nothing => None,
            Object::Ticket(ticket) => Some(ticket.to_string()),
            Object::Gate(gate) => Some(gate.to_string()),
            Object::Arbiter(arbiter) => Some(arbiter.to_string()),
            Object::Offer(enrolment) => Some(enrolment.to_string()),
            Object::Token(label) => Some(label.clone()),
            Object::TokenOfRole(label, role) => {
                Some(format!("{label} ({})", speech.say(&format!("console-role-{role}"))))
            }
            Object::Choices(changed) => Some(changed.iter().map(choice).collect::<Vec<_>>().join(", ")),
            Object::Count(count) => Some(count.to_string()),
            Object::Batch(created, refused) => {
                let fills = [("created", (*created).into()), ("refused", (*refused).into())];
                Some(speech.say_with("console-audit-batch", &fills))
            }
        };
        // An event that is gone by its date is still an id.
        let named = |id: EventId| EventName { id, name: names.get(&id).cloned().unwrap_or_else(|| id.to_string()) };
        Self {
            deed: line.deed.key(),
            machine: wall.machine(),
            when: wall.in_short(),
            who: format!("{who} · {door}"),
            what: speech.say(&format!("console-deed-{}", line.deed.key())),
            on: object,
            event: line.event.map(named),
            refused: line.refused.clone(),
        }
    }
}

/// A changed choice in the words of the API, which are those of the command line, too.
fn choice(changed: &ChangedChoice) -> String {
    match (&changed.from, &changed.to) {
        (None, None) => changed.choice.clone(),
        (from, to) => {
            let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
            format!("{} {} → {}", changed.choice, said(from), said(to))
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "console_audit.html")]
struct AuditListPage<'p> {
    page: Page<'p>,
    around: Around<'p>,
    lines: Vec<Line>,
    before: Option<u64>,
}

/// The newest lines, or those before a number.
pub(super) async fn show(
    State(app): State<AppState>,
    language: Language,
    clerk: Clerk<Operate>,
    Query(From { before }): Query<From>,
) -> Result<Response, Turned> {
    let around = Around { tab: Tab::Audit, ..Around::new(&app, language, &clerk) };
    let found = app.audit.page(before)?;
    let names = app.store.events()?.iter().map(|view| (view.event, view.policy.name().to_owned())).collect();
    let lines = found.lines.iter().map(|line| Line::of(line, &around, &names)).collect();
    let page = around.page;
    Ok(page.show(&AuditListPage { page, around, lines, before: found.before })?)
}
