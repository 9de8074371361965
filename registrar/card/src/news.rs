//! What happens in a dialogue, told as it happens, before anybody has put it into words.

use std::path::Path;

use kido_reader::{NoReader, Waiting};
use kido_shared::challenge::{Action, Origin};
use kido_shared::wire::v1::registration::TicketSummary;

use crate::person::BeforePin;
use crate::problem::reader::of_no_reader;
use crate::session::{Finished, Opened};
use crate::words::{Fill, Line, Voice};

/// One thing that has happened.
#[derive(Debug)]
pub(crate) enum News<'n> {
    /// A host that was typed stands in this list now.
    HostRemembered(&'n Path),
    /// It does not; it counts for this run.
    HostNotRemembered,
    /// The registrar is being asked.
    Asking(&'n Origin),
    /// It answered: event, ticket, and what the card is to prove.
    Opened(&'n Opened),
    /// What the card's thread waits for.
    Waiting(&'n Waiting),
    /// A card is being read.
    Reading,
    /// The reader waits for the PIN on its own keys; what stands before the person there as well.
    TypeAtReader(&'n BeforePin),
    /// The PIN goes to the card, and the card signs.
    Signing,
    /// The PIN is forgotten and the card without power.
    TakeCard,
    /// The proof is on its way.
    Sending,
    /// All went well.
    Finished(&'n Finished),
}

/// Who is told; shared with the card's thread, so that waiting for a card is told as it happens.
pub(crate) trait Listener: Send + Sync {
    /// Takes the news; never waits for anybody.
    fn hear(&self, news: &News<'_>);
}

/// At a terminal everything is said at once, in lines.
impl Listener for Voice {
    fn hear(&self, news: &News<'_>) {
        match news {
            News::HostRemembered(file) => {
                self.say(&Line::with("host-remembered", "file", Fill::text(&file.display().to_string())));
            }
            News::HostNotRemembered => self.say(&Line::plain("host-not-remembered")),
            News::Asking(origin) => self.say(&Line::with("asking-registrar", "origin", Fill::text(origin.as_str()))),
            News::Opened(opened) => describe(self, opened),
            News::Waiting(waiting) => self.say(&waiting_line(waiting)),
            News::Reading => self.say(&Line::plain("reading")),
            News::TypeAtReader(before) => {
                say_before_pin(self, before);
                self.say(&Line::plain("type-at-reader"));
            }
            News::Signing => self.say(&Line::plain("signing")),
            News::TakeCard => self.say(&Line::plain("take-card")),
            News::Sending => self.say(&Line::plain("sending-proof")),
            News::Finished(finished) => finish(self, finished),
        }
    }
}

/// What must have been said before anybody types a PIN, wherever they do.
pub(crate) fn say_before_pin(voice: &Voice, before: &BeforePin) {
    voice.say(
        &Line::with("will-sign", "label", Fill::text(before.label)).and("fingerprint", Fill::text(&before.fingerprint)),
    );
    voice.say(&Line::with("tries-left", "tries", Fill::Count(before.tries.get())));
}

fn waiting_line(waiting: &Waiting) -> Line {
    match waiting {
        Waiting::ForReader(NoReader::NoneAttached) => Line::plain("waiting-for-reader"),
        Waiting::ForReader(why) => of_no_reader(why).line,
        Waiting::ForCard(reader) => Line::with("waiting-for-card", "reader", Fill::text(&reader.to_string())),
    }
}

fn describe(voice: &Voice, opened: &Opened) {
    if opened.event.rehearsal {
        voice.say(&Line::plain("rehearsal"));
    }
    voice.say(
        &Line::with("event", "name", Fill::text(&opened.event.name)).and("starts", Fill::Time(opened.event.starts_at)),
    );
    if let Some(ticket) = &opened.ticket {
        voice.say(&ticket_line(ticket));
    }
    voice.say(&Line::plain(match opened.action() {
        Action::Bind => "will-bind",
        Action::Resume => "will-resume",
        Action::GiveBack | Action::Rebind | Action::Show => "will-show",
    }));
    voice.say(&Line::plain("not-read"));
}

fn ticket_line(ticket: &TicketSummary) -> Line {
    Line::with("ticket", "zone", Fill::text(ticket.zone.as_str()))
        .and("seat", Fill::text(ticket.seat_label.as_str()))
        .and("from", Fill::Time(ticket.valid_from))
        .and("until", Fill::Time(ticket.valid_until))
        .and("state", Fill::text(ticket_state(ticket)))
        .and("paid", Fill::text(if ticket.paid { "yes" } else { "no" }))
}

/// The state as the word files know it.
pub(crate) fn ticket_state(ticket: &TicketSummary) -> &'static str {
    let known = ["reserved", "unbound", "bound", "suspended", "returned", "cancelled"];
    known.into_iter().find(|state| *state == ticket.state).unwrap_or("other")
}

fn finish(voice: &Voice, finished: &Finished) {
    voice.say(&Line::plain(match finished.outcome {
        "bound" => "done-bound",
        "resumed" => "done-resumed",
        _shown => "done-shown",
    }));
    for ticket in &finished.tickets {
        voice.say(&ticket_line(ticket));
    }
    if finished.tickets.iter().any(|ticket| !ticket.paid) {
        voice.say(&Line::plain("not-paid-yet"));
    }
    if finished.certificate_ends_before_event {
        voice.say(&Line::plain("certificate-ends"));
    }
    if finished.revocation == "not_checked" {
        voice.say(&Line::plain("revocation-not-checked"));
    }
    if let Some(link) = &finished.holder_link {
        voice.say(&Line::plain("holder-link"));
        voice.show(link);
        voice.say(&Line::plain("holder-link-keep"));
    }
}
