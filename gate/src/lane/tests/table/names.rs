//! Effects by name, as tests tell what a lane wanted.

use kido_shared::apdu::CommandApdu;

use crate::lane::{Effect, Screen};

pub(super) fn name(effect: &Effect) -> String {
    match effect {
        Effect::Transmit(_, command) => format!("transmit {}", CommandApdu::from(command).instruction()),
        Effect::DrawChallenge(_) => "draw challenge".to_owned(),
        Effect::PowerOffCard => "power off".to_owned(),
        Effect::LookUp(..) => "look up".to_owned(),
        Effect::LookUpAgain(..) => "decide again".to_owned(),
        Effect::StoreIntents(_, plan) => format!("store {} intents", plan.len()),
        Effect::Claim(..) => "claim".to_owned(),
        Effect::CatchUp(_) => "catch up".to_owned(),
        Effect::DropIntents(intents) => format!("drop {} intents", intents.len()),
        Effect::StoreAdmissions(_, granted) => format!("store {} admissions", granted.len()),
        Effect::AdmitHere(_, plan) => format!("admit {} here", plan.len()),
        Effect::OpenLane(..) => "open".to_owned(),
        Effect::NoteAnnulled(ids) => format!("note {} annulled", ids.len()),
        Effect::OpenOut(_, departures) => format!("let {} out", departures.len()),
        Effect::NoteExited(departures) => format!("note {} exited", departures.len()),
        Effect::NoteOpened(_) => "note opened".to_owned(),
        Effect::NoteRefused(refused) => format!("note {} refused", refused.len()),
        Effect::Show(screen) => format!("show {}", screen_name(screen)),
        Effect::ReportRefusal(_, refusal) => format!("report {}", refusal.name()),
    }
}

const fn screen_name(screen: &Screen) -> &'static str {
    match screen {
        Screen::Idle => "idle",
        Screen::Reading => "reading",
        Screen::AskPin(_) => "pad",
        Screen::AskPinAtReader(_) => "keys",
        Screen::Proving => "proving",
        Screen::AskParty { .. } => "party",
        Screen::Welcome(_) => "welcome",
        Screen::Goodbye { .. } => "goodbye",
        Screen::Refused(_) => "notice",
        Screen::CardForgotten => "forgotten",
        Screen::OutOfOrder(_) => "out of order",
    }
}
