//! What the page shows at one moment, before any language has put it into words.

use kido_reader::Waiting;
use kido_shared::challenge::Origin;
use kido_shared::wire::v1::registration::{EventSummary, TicketSummary};
use zeroize::Zeroizing;

use super::picture::{Base, Mark, Picture};
use crate::news::News;
use crate::person::BeforePin;
use crate::problem::reader::of_no_reader;
use crate::problem::remedy::Remedy;
use crate::problem::trouble::Trouble;
use crate::problem::{Problem, Row};
use crate::session::{Finished, Opened};
use crate::words::Line;

/// One moment.
#[derive(Debug)]
pub(crate) enum Scene {
    /// The program has just started.
    Starting,
    /// Where is the link?
    Link,
    /// A holder's link: try the card, or take back that it was lost?
    Which,
    /// Nobody has vouched for this host: type its name.
    Host(Origin),
    /// The registrar is being asked.
    Asking,
    /// No reader yet; the wait goes on by itself once there is one.
    NoReader(Trouble),
    /// A reader, no card yet.
    PutCard(String),
    /// A card is being read.
    Reading,
    /// The PIN is asked for.
    Pin(BeforePin),
    /// The PIN is typed on the reader, which waits for it.
    PinAtReader(BeforePin),
    /// The card signs.
    Signing,
    /// The proof is on its way; the card may go.
    Sending,
    /// Something went wrong.
    Trouble(Told),
    /// All went well.
    Done(Outcome),
    /// The person has closed the page; the helper is about to end.
    Closed,
}

/// A trouble with what its sentence needs.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) trouble: Trouble,
    pub(crate) tries: Option<u8>,
    /// What happened in full, for whoever is asked for help; shown small.
    pub(crate) detail: Line,
    pub(crate) remedy: Remedy,
}

/// What a proof has brought about.
pub(crate) struct Outcome {
    pub(crate) outcome: &'static str,
    pub(crate) event: EventSummary,
    pub(crate) tickets: Vec<TicketSummary>,
    pub(crate) holder_link: Option<Zeroizing<String>>,
    pub(crate) certificate_ends_before_event: bool,
    pub(crate) revocation_unknown: bool,
}

impl core::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Outcome(..)")
    }
}

/// What a dialogue is about, once the registrar has said so; stands on the page until its end.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) origin: Origin,
    pub(crate) binds: bool,
    pub(crate) event: EventSummary,
    pub(crate) ticket: Option<TicketSummary>,
}

impl About {
    pub(crate) fn of(opened: &Opened) -> Self {
        Self {
            origin: opened.origin().clone(),
            binds: opened.action() == kido_shared::challenge::Action::Bind,
            event: opened.event.clone(),
            ticket: opened.ticket.clone(),
        }
    }
}

/// Which of the three steps a scene belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    Ticket,
    Card,
    Digits,
    Done,
}

impl Scene {
    /// What some news change about what is shown; nothing for what a person at a page need not know.
    pub(crate) fn of(news: &News<'_>) -> Option<Self> {
        Some(match news {
            News::HostRemembered(_) | News::HostNotRemembered | News::TakeCard | News::Opened(_) => return None,
            News::Asking(_) => Self::Asking,
            News::Waiting(Waiting::ForReader(why)) => Self::NoReader(of_no_reader(why).trouble),
            News::Waiting(Waiting::ForCard(reader)) => Self::PutCard(reader.to_string()),
            News::Reading => Self::Reading,
            News::TypeAtReader(before) => Self::PinAtReader((*before).clone()),
            News::Signing => Self::Signing,
            News::Sending => Self::Sending,
            News::Finished(finished) => Self::Done(Outcome::of(finished)),
        })
    }

    /// What a problem looks like, with what can be done about it here.
    pub(crate) fn trouble(problem: &Problem, remedy: Remedy) -> Self {
        let Row { trouble, line: detail, .. } = problem.row();
        Self::Trouble(Told { trouble, tries: problem.tries_left(), detail, remedy })
    }

    /// Its name, for styles, scripts and tests.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Link => "link",
            Self::Which => "which",
            Self::Host(_) => "host",
            Self::Asking => "asking",
            Self::NoReader(trouble) => trouble.name,
            Self::PutCard(_) => "put-card",
            Self::Reading => "reading",
            Self::Pin(_) => "pin",
            Self::PinAtReader(_) => "pin-at-reader",
            Self::Signing => "signing",
            Self::Sending => "sending",
            Self::Trouble(told) => told.trouble.name,
            Self::Done(outcome) => outcome.outcome,
            Self::Closed => "closed",
        }
    }

    /// Its picture.
    pub(crate) const fn picture(&self) -> Picture {
        match self {
            Self::NoReader(trouble) => trouble.picture,
            Self::Trouble(told) => told.trouble.picture,
            Self::Starting => Picture::plain(Base::Computer),
            Self::Link => Picture::plain(Base::Link),
            Self::Which => Picture::plain(Base::Ticket),
            Self::Host(_) => Picture { base: Base::Registrar, mark: Mark::Keys },
            Self::Asking => Picture::plain(Base::Registrar),
            Self::PutCard(_) => Picture::plain(Base::PutCard),
            Self::Reading => Picture::plain(Base::ReaderCard),
            Self::Pin(_) => Picture::plain(Base::Pin),
            Self::PinAtReader(_) => Picture { base: Base::ReaderCard, mark: Mark::Four },
            Self::Signing => Picture { base: Base::ReaderCard, mark: Mark::Shield },
            Self::Sending => Picture::plain(Base::TakeCard),
            Self::Done(_) => Picture::plain(Base::Welcome),
            Self::Closed => Picture { base: Base::Computer, mark: Mark::Done },
        }
    }

    /// Where in the three steps it stands.
    pub(crate) const fn step(&self) -> Step {
        match self {
            Self::Starting | Self::Link | Self::Which | Self::Host(_) | Self::Asking => Step::Ticket,
            Self::NoReader(_) | Self::PutCard(_) | Self::Reading => Step::Card,
            Self::Pin(_) | Self::PinAtReader(_) | Self::Signing | Self::Sending => Step::Digits,
            Self::Done(_) | Self::Closed => Step::Done,
            Self::Trouble(told) => match told.remedy {
                Remedy::Card | Remedy::OtherCard | Remedy::Reader(_) => Step::Card,
                Remedy::Dialogue | Remedy::DialogueWithOtherCard | Remedy::Link | Remedy::Nothing => Step::Ticket,
            },
        }
    }

    /// Whether the program is at work and the person waits.
    pub(crate) const fn is_busy(&self) -> bool {
        matches!(self, Self::Starting | Self::Asking | Self::Reading | Self::Signing | Self::Sending)
    }
}

impl Outcome {
    fn of(finished: &Finished) -> Self {
        Self {
            outcome: finished.outcome,
            event: finished.event.clone(),
            tickets: finished.tickets.clone(),
            holder_link: finished.holder_link.clone(),
            certificate_ends_before_event: finished.certificate_ends_before_event,
            revocation_unknown: finished.revocation == "not_checked",
        }
    }
}
