//! What stands on a ticket: nothing of a card, of a code, or of whoever bought it.

use kido_shared::clock::Timestamp;
use kido_web::language::Language;

use crate::store::LinkedTicket;
use crate::web::japan_time::JapanTime;

/// The face of a ticket, in one language.
#[derive(Debug)]
pub(super) struct Face {
    pub(super) event: String,
    pub(super) starts: String,
    pub(super) seat: String,
    pub(super) entrance: String,
    pub(super) window: String,
    pub(super) paid: bool,
    /// Whether the bound card's certificate ends before the event does.
    pub(super) card_ends: bool,
}

impl Face {
    pub(super) fn of(linked: &LinkedTicket, language: Language) -> Self {
        let wall = |moment| JapanTime::at(moment, language);
        let (choices, particulars) = (linked.policy.choices(), &linked.ticket.particulars);
        Self {
            event: choices.name.clone(),
            starts: wall(choices.starts_at).in_full(),
            seat: particulars.seat_label.as_str().to_owned(),
            entrance: particulars.zone.as_str().to_owned(),
            window: wall(particulars.window.from()).to(wall(particulars.window.until())),
            paid: linked.ticket.paid,
            card_ends: linked.ticket.certificate_ends_before_event == Some(true),
        }
    }
}

/// Whether nobody enters with a ticket any more, whatever is done with it.
pub(super) fn is_over(linked: &LinkedTicket, now: Timestamp) -> bool {
    linked.ticket.particulars.window.until() <= now
}
