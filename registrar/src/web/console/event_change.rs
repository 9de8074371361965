//! A change of an event that others may be changing, too: what it was made from, what it loosens.
//!
//! The form carries what it was made from, field by field. What somebody did not touch is not sent on, so no form undoes
//! what it never showed; where something else has changed meanwhile, the form comes again and says so.

use askama::Template;
use axum::response::Response;
use kido_shared::ids::EventId;
use kido_shared::policy::{OfflineChoice, PolicyDraft};

use super::clerk::Turned;
use super::event_form::{Choices, Draft, MINUTE_MS, OFFLINE};
use super::{Around, Page, Tab};
use crate::error::AppError;
use crate::state::AppState;
use crate::store::EventView;

/// Fields of a form that an event has once it is there: their names, and what their words end with.
pub(super) const FIELDS: [(&str, &str); 7] = [
    ("name", "name"),
    ("starts_at", "starts"),
    ("ends_at", "ends"),
    ("offline", "offline"),
    ("arbiter", "arbiter"),
    ("tickets_per_card", "tickets-per-card"),
    ("replica_minutes", "replica-minutes"),
];

/// What stands before a field's name in the field that says what the form was made from.
pub(super) const WAS: &str = "was_";

/// A field that is one thing here and another there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) key: &'static str,
    pub(super) from: String,
    pub(super) to: String,
}

impl Difference {
    /// In words, choices by their names.
    pub(super) fn say(&self, around: &Around<'_>) -> String {
        let value = |text: &str| match self.key {
            "offline" | "arbiter" if !text.is_empty() => {
                around.say(&format!("console-{}-{}", self.key, text.replace('_', "-")))
            }
            "starts" | "ends" => text.replace('T', " "),
            _ => text.to_owned(),
        };
        let field = around.say(&format!("console-event-{}", self.key));
        let fills = [("field", field.into()), ("from", value(&self.from).into()), ("to", value(&self.to).into())];
        around.page.speech.say_with("console-event-difference", &fills)
    }
}

/// What is other in the second one.
pub(super) fn differences(from: &Draft, to: &Draft) -> Vec<Difference> {
    let pairs = FIELDS.iter().zip(from.values().into_iter().zip(to.values()));
    let other = pairs.filter(|(_field, (from, to))| from != to);
    other.map(|((_, key), (from, to))| Difference { key, from: from.to_owned(), to: to.to_owned() }).collect()
}

/// What somebody typed where they typed something, and elsewhere what is there now.
pub(super) fn merged(mut typed: Draft, was: &Draft, now: &Draft) -> Draft {
    let known: Vec<(String, String)> =
        was.values().into_iter().zip(now.values()).map(|(was, now)| (was.to_owned(), now.to_owned())).collect();
    for (typed, (was, now)) in typed.values_mut().into_iter().zip(known) {
        if *typed == was {
            *typed = now;
        }
    }
    typed
}

fn rank(choice: OfflineChoice) -> Option<usize> {
    OFFLINE.iter().position(|(_word, known)| *known == choice)
}

/// The choices by which gates would let in somebody whom they refuse now.
pub(super) fn loosened(old: &PolicyDraft, new: &Choices) -> Vec<&'static str> {
    let old_minutes = old.replica_age_ms_max / MINUTE_MS;
    let tests = [
        ("offline", rank(new.offline) > rank(old.offline)),
        ("tickets-per-card", new.tickets_per_card > old.tickets_per_card),
        ("replica-minutes", new.replica_minutes > old_minutes),
    ];
    tests.into_iter().filter(|(_key, looser)| *looser).map(|(key, _looser)| key).collect()
}

/// Whether somebody relies on the event's choices: a gate, or a holder.
pub(super) fn is_in_use(app: &AppState, view: &EventView) -> Result<bool, AppError> {
    let counts = &view.counts;
    let held = counts.bound > 0 || counts.suspended > 0 || counts.admissions > 0;
    Ok(held || app.store.gates(view.event)?.iter().any(|gate| !gate.revoked))
}

/// Asks once before an event that is in use becomes looser.
#[derive(Debug, Template)]
#[template(path = "console_event_loosen.html")]
struct LoosenPage<'p> {
    page: Page<'p>,
    around: Around<'p>,
    id: EventId,
    draft: Draft,
    was: Draft,
    /// What becomes looser, in words.
    loosened: Vec<String>,
    /// What it costs, where that is said.
    cost: Option<String>,
    /// The same by name, for the form.
    confirmed: String,
}

/// Asks whether that is meant.
pub(super) fn ask_to_loosen(
    around: Around<'_>,
    id: EventId,
    (draft, was): (Draft, Draft),
    (looser, confirmed): (&[&str], String),
) -> Result<Response, Turned> {
    let differences = differences(&was, &draft);
    let loosened = differences.iter().filter(|one| looser.contains(&one.key)).map(|one| one.say(&around)).collect();
    let offline = draft.offline.replace('_', "-");
    let cost = looser.contains(&"offline").then(|| around.say(&format!("console-offline-{offline}-cost")));
    let page = around.page;
    Ok(page.show(&LoosenPage { page, around, id, draft, was, loosened, cost, confirmed })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(name: &str, offline: &str) -> Draft {
        Draft { name: name.to_owned(), offline: offline.to_owned(), ..Draft::default() }
    }

    #[test]
    fn what_was_typed_stays_and_the_rest_is_what_is_there_now() {
        let (was, now) = (draft("Opening", "refuse"), draft("Opening", "admit"));
        assert_eq!(merged(draft("Closing", "refuse"), &was, &now), draft("Closing", "admit"));
        assert_eq!(merged(draft("Opening", "home_gate"), &was, &now), draft("Opening", "home_gate"));
        let [difference] = &differences(&was, &now)[..] else { panic!("one field") };
        assert_eq!((difference.key, &*difference.from, &*difference.to), ("offline", "refuse", "admit"));
    }

    #[test]
    fn whatever_lets_in_more_people_is_looser() {
        let old = crate::testing::draft();
        let same = || Choices {
            name: old.name.clone(),
            starts_at: old.starts_at,
            ends_at: old.ends_at,
            offline: old.offline,
            arbiter: old.arbiter.home.clone(),
            rehearsal_of: None,
            tickets_per_card: old.tickets_per_card,
            replica_minutes: old.replica_age_ms_max / MINUTE_MS,
        };
        assert!(loosened(&old, &same()).is_empty());
        assert_eq!(loosened(&old, &Choices { offline: OfflineChoice::HomeGate, ..same() }), ["offline"]);
        assert_eq!(loosened(&old, &Choices { tickets_per_card: 2, ..same() }), ["tickets-per-card"]);
        assert_eq!(loosened(&old, &Choices { replica_minutes: 721, ..same() }), ["replica-minutes"]);
        assert!(loosened(&old, &Choices { replica_minutes: 60, ..same() }).is_empty());
    }
}
