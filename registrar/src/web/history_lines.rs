//! A ticket's history as sentences.

use kido_web::words::Speech;

use super::japan_time::JapanTime;
use crate::domain::history::Happening;
use crate::store::ToldLine;

/// One line, in one language.
#[derive(Debug)]
pub(super) struct Sentence {
    /// For machines.
    pub(super) at: String,
    /// For people.
    pub(super) when: String,
    pub(super) what: String,
}

impl Sentence {
    pub(super) fn of(told: &ToldLine, speech: Speech<'_>) -> Self {
        let wall = JapanTime::at(told.line.at(), speech.language());
        Self { at: wall.machine(), when: wall.in_short(), what: what(told, speech) }
    }
}

/// The key is the happening's own word; a word without a sentence is found by the test of every happening.
fn what(told: &ToldLine, speech: Speech<'_>) -> String {
    let happening = told.line.happening;
    let key = format!("history-{}", happening.name().replace('_', "-"));
    if happening.gate().is_some() {
        let entrance = told.entrance.as_ref().map_or("–", |entrance| entrance.as_str());
        let why = happening.code().map(|code| ("code", u64::from(code.get()).into()));
        let fills: Vec<_> = core::iter::once(("entrance", entrance.into())).chain(why).collect();
        return speech.say_with(&key, &fills);
    }
    match happening.actor() {
        Some(actor) => speech.say_of(&key, "by", actor.name()),
        None => speech.say(&key),
    }
}

/// Whether somebody is inside with this ticket, as far as its gates have told.
pub(super) fn is_inside(history: &[ToldLine]) -> bool {
    let passages = history.iter().rev().find_map(|told| match told.line.happening {
        Happening::Admitted(_) | Happening::Conflict(_) => Some(true),
        Happening::Annulled(_) | Happening::Exited(_) => Some(false),
        Happening::Bound
        | Happening::Shown
        | Happening::Suspended(_)
        | Happening::Resumed(_)
        | Happening::Cancelled(_)
        | Happening::Paid(_)
        | Happening::Released(_)
        | Happening::CodeReplaced(_)
        | Happening::ConflictSettled(_)
        | Happening::Refused(..) => None,
    });
    passages.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use kido_shared::ids::GateId;
    use kido_shared::refusal::StaffCode;
    use kido_shared::ticket::Zone;
    use kido_web::language::Language;

    use super::*;
    use crate::domain::history::{Actor, HistoryLine};
    use crate::testing::NOW;
    use crate::web::Pages;

    fn told(happening: Happening) -> ToldLine {
        let entrance = happening.gate().map(|_gate| Zone::new("B").unwrap());
        ToldLine { line: HistoryLine::new(NOW, happening), entrance }
    }

    #[test]
    fn everything_that_can_happen_has_a_sentence_in_both_languages() {
        let (pages, gate) = (Pages::compiled_in().unwrap(), GateId::from_bytes([1; 16]));
        let by_role: [fn(Actor) -> Happening; 6] = [
            Happening::Suspended,
            Happening::Resumed,
            Happening::Cancelled,
            Happening::Paid,
            Happening::Released,
            Happening::CodeReplaced,
        ];
        let at_gates: [fn(GateId) -> Happening; 5] = [
            Happening::Admitted,
            Happening::Annulled,
            Happening::Exited,
            Happening::Conflict,
            Happening::ConflictSettled,
        ];
        let actors = [Actor::Operator, Actor::Sales, Actor::Desk, Actor::Holder];
        let mut all = vec![Happening::Bound, Happening::Shown];
        all.extend(at_gates.map(|happened| happened(gate)));
        all.extend(StaffCode::ALL.map(|code| Happening::Refused(gate, code)));
        all.extend(by_role.iter().flat_map(|happened| actors.map(happened)));
        for language in Language::ALL {
            for happening in &all {
                let sentence = what(&told(*happening), pages.page(language).speech);
                assert!(!sentence.starts_with("history-"), "{happening:?}");
                assert!(happening.gate().is_none() || sentence.contains('B'), "{happening:?}: {sentence}");
            }
        }
    }

    #[test]
    fn the_newest_passage_says_who_is_inside() {
        let gate = GateId::from_bytes([1; 16]);
        let mut lines = vec![told(Happening::Bound)];
        assert!(!is_inside(&lines));
        lines.push(told(Happening::Admitted(gate)));
        lines.push(told(Happening::Shown));
        assert!(is_inside(&lines));
        lines.push(told(Happening::Exited(gate)));
        assert!(!is_inside(&lines));
    }
}
