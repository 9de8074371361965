//! What a lane wants done.

use kido_shared::apdu::TapCommand;
use kido_shared::binding::BindingTag;
use kido_shared::ids::{AdmissionId, TicketId};
use kido_shared::refusal::{Refusal, StaffCode};
use kido_shared::window::KeyWindow;

use super::input::TapNumber;
use crate::journal::{Departure, GrantedEntry, PlannedEntry, StoredAdmission, StoredIntent};
use crate::screen::Screen;

/// Something to do, in the order given.
#[derive(Debug)]
pub enum Effect {
    /// Send this to the card; answered by `Answered`, `Torn` or `CardSilent`.
    Transmit(TapNumber, TapCommand),
    /// Draw fresh randomness for this tap's proof: its PIN is about to be typed on the reader.
    DrawChallenge(TapNumber),
    /// Cut the card's power: a verified PIN survives everything else.
    PowerOffCard,
    /// Turn the window into a tag, find its tickets, rebuild the key, and wipe the window.
    LookUp(TapNumber, KeyWindow),
    /// Find the tag's tickets once more, as they are now.
    LookUpAgain(TapNumber, BindingTag),
    /// Make these survive a power cut before anybody is asked.
    StoreIntents(TapNumber, Vec<PlannedEntry>),
    /// Ask the arbiter.
    Claim(TapNumber, StoredIntent),
    /// Follow the feed to its end: the arbiter knows something newer.
    CatchUp(TapNumber),
    /// These intents lead to no admission: withdraw them, so that no late packet ever makes one of them good.
    DropIntents(Vec<StoredIntent>),
    /// Make these survive a power cut before the lane opens.
    StoreAdmissions(TapNumber, Vec<GrantedEntry>),
    /// Decide inside this gate and store, in one durable step: by the local arbiter's steps where the event has that one,
    /// else by its offline choice, which the verdict has already applied.
    AdmitHere(TapNumber, Vec<PlannedEntry>),
    /// Open. Takes what only the journal can make.
    OpenLane(TapNumber, Vec<StoredAdmission>),
    /// Note that nobody passed for these: the barrier says so for certain.
    NoteAnnulled(Vec<AdmissionId>),
    /// Let these out, whose card has proved itself; answered by `Opened` once they have passed, or by `BarrierFailed`.
    OpenOut(TapNumber, Vec<Departure>),
    /// Note that these went out.
    NoteExited(Vec<Departure>),
    /// Note that the lane opened for these.
    NoteOpened(Vec<AdmissionId>),
    /// Note for the holders of these that their proof opened nothing, and why: the ticket page tells it.
    NoteRefused(Vec<(TicketId, StaffCode)>),
    /// Draw this.
    Show(Screen),
    /// Tell staff and the log why nobody entered. Never what the card said.
    ReportRefusal(TapNumber, Refusal),
}

impl Effect {
    /// The name of the step in logs: never a card, a ticket or a PIN.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Transmit(..) => "transmit",
            Self::DrawChallenge(_) => "draw_challenge",
            Self::PowerOffCard => "power_off_card",
            Self::LookUp(..) => "look_up",
            Self::LookUpAgain(..) => "look_up_again",
            Self::StoreIntents(..) => "store_intents",
            Self::Claim(..) => "claim",
            Self::CatchUp(_) => "catch_up",
            Self::DropIntents(_) => "drop_intents",
            Self::StoreAdmissions(..) => "store_admissions",
            Self::AdmitHere(..) => "admit_here",
            Self::OpenLane(..) => "open_lane",
            Self::NoteAnnulled(_) => "note_annulled",
            Self::OpenOut(..) => "open_out",
            Self::NoteExited(_) => "note_exited",
            Self::NoteOpened(_) => "note_opened",
            Self::NoteRefused(_) => "note_refused",
            Self::Show(screen) => screen.name(),
            Self::ReportRefusal(..) => "report_refusal",
        }
    }
}
