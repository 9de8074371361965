//! Which sentence a screen says, before any language has put it into words.

use kido_shared::challenge::Passage;
use kido_shared::clock::Timestamp;
use kido_shared::refusal::StaffCode;

use crate::screen::{Door, Notice, NoticeKind, Screen, Welcome};

/// A key of the word files, and what its sentence is filled in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) key: &'static str,
    pub(super) fills: Vec<(&'static str, Fill)>,
}

/// What fills a gap of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fill {
    Text(String),
    Count(usize),
    Time(Timestamp),
}

impl Line {
    pub(super) const fn plain(key: &'static str) -> Self {
        Self { key, fills: Vec::new() }
    }

    fn with(key: &'static str, name: &'static str, fill: Fill) -> Self {
        Self { key, fills: vec![(name, fill)] }
    }
}

/// The one sentence of a screen.
pub(super) fn sentence(screen: &Screen) -> Line {
    match screen {
        Screen::Idle => Line::plain("idle"),
        Screen::Reading => Line::plain("reading"),
        Screen::AskPin(_) => Line::plain("ask-pin"),
        Screen::AskPinAtReader(_) => Line::plain("ask-pin-at-reader"),
        Screen::Proving => Line::plain("proving"),
        Screen::AskParty { passage: Passage::In, .. } => Line::plain("ask-party"),
        Screen::AskParty { passage: Passage::Out, .. } => Line::plain("ask-leaving"),
        Screen::Welcome(welcome) => welcome_line(welcome),
        Screen::Goodbye { .. } => Line::plain("goodbye"),
        Screen::Refused(notice) => notice_line(&notice.kind),
        Screen::CardForgotten => Line::plain("take-card"),
        Screen::OutOfOrder(_) => Line::plain("lane-closed"),
    }
}

/// The smaller line under it: what happens next, where the sentence does not say so itself.
pub(super) fn hint(screen: &Screen) -> Option<Line> {
    match screen {
        Screen::AskPin(tries) | Screen::AskPinAtReader(tries) => {
            Some(Line::with("tries-left", "tries", Fill::Count(tries.get().into())))
        }
        Screen::Proving => Some(Line::plain("pin-gone")),
        Screen::AskParty { most, .. } => Some(Line::with("party-most", "most", Fill::Count(*most))),
        Screen::Welcome(Welcome { take_card: true, .. }) | Screen::Goodbye { take_card: true } => {
            Some(Line::plain("take-card"))
        }
        // Who is to place the card again is told so by the sentence.
        Screen::Refused(Notice { take_card: true, kind, .. }) if !asks_for_the_card(kind) => {
            Some(Line::plain("take-card"))
        }
        Screen::CardForgotten => Some(Line::plain("card-forgotten")),
        Screen::OutOfOrder(code) => broken_part(*code).map(Line::plain),
        Screen::Idle | Screen::Reading | Screen::Welcome(_) | Screen::Goodbye { .. } | Screen::Refused(_) => None,
    }
}

/// Which part of a lane is out of order, by its staff code (`pages.md` §4).
const fn broken_part(code: StaffCode) -> Option<&'static str> {
    Some(match code.get() {
        32 => "part-line",
        33 => "part-replica",
        34 => "part-clock",
        35 => "part-storage",
        36 => "part-reader",
        38 => "part-barrier",
        _ => return None,
    })
}

const fn asks_for_the_card(kind: &NoticeKind) -> bool {
    matches!(
        kind,
        NoticeKind::NotMyNumberCard | NoticeKind::Unreadable | NoticeKind::CardLeft | NoticeKind::WrongPin(_)
    )
}

fn welcome_line(welcome: &Welcome) -> Line {
    let seats: Vec<&str> = welcome.seats.iter().map(|seat| seat.as_str()).collect();
    let zone = Fill::Text(welcome.zone.as_str().to_owned());
    Line { key: "welcome", fills: vec![("zone", zone), ("seats", Fill::Text(seats.join(", ")))] }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "no other sentence has a gap")]
fn notice_line(kind: &NoticeKind) -> Line {
    let key = kind.key();
    match kind {
        NoticeKind::OtherEntrance(zone) => Line::with(key, "zone", Fill::Text(zone.as_str().to_owned())),
        NoticeKind::TooEarly(from) => Line::with(key, "time", Fill::Time(*from)),
        NoticeKind::WrongPin(tries) => Line::with(key, "tries", Fill::Count(tries.get().into())),
        NoticeKind::AlreadyIn { at, by: Door::Gate(_) } => Line::with(key, "time", Fill::Time(*at)),
        NoticeKind::AlreadyIn { at, by: Door::Entrance(entrance) } => {
            let entrance = Fill::Text(entrance.as_str().to_owned());
            Line { key: "already-in-by", fills: vec![("time", Fill::Time(*at)), ("entrance", entrance)] }
        }
        _ => Line::plain(key),
    }
}
