//! What the world tells a lane.

use core::time::Duration;
use std::sync::Arc;

use kido_shared::apdu::ResponseApdu;
use kido_shared::binding::BindingTag;
use kido_shared::card::{Pin, PinEntry};
use kido_shared::certificate::SubjectPublicKey;
use kido_shared::challenge::{Challenge, Passage};
use kido_shared::claim::ClaimAnswer;
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, EventId, GateId};
use kido_shared::policy::EventPolicy;
use kido_shared::refusal::Refusal;
use kido_shared::ticket::Zone;
use kido_shared::verdict::{Connectivity, Here, KnownTicket, Verdict, decide, decide_exit};

use crate::journal::{StoredAdmission, StoredIntent};

/// Numbers the taps of one run, so that an answer to an old tap never reaches a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct TapNumber(u64);

impl TapNumber {
    /// The number itself, for logs and frames.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The tap with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    pub(super) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// What the gate knows about the card in the tray, at one moment.
#[derive(Debug)]
pub struct Knowledge {
    /// The event that this gate belongs to.
    pub event: EventId,
    /// This gate.
    pub gate: GateId,
    /// The card's name within this event.
    pub tag: BindingTag,
    /// The bound key, rebuilt from the window and the sealed rest; absent where no ticket is bound or a later look-up
    /// had the tag only.
    pub key: Option<SubjectPublicKey>,
    /// The tickets on this tag.
    pub tickets: Vec<KnownTicket>,
    /// Place, time, connection and policy at this moment.
    pub place: Place,
}

/// What [`Here`] borrows: where, when and under which choices a verdict is taken.
#[derive(Debug, Clone)]
pub struct Place {
    /// The part of the venue that this gate opens.
    pub zone: Zone,
    /// The moment, by the gate's clock.
    pub now: Timestamp,
    /// Whether that clock can be believed.
    pub clock_certain: bool,
    /// Whether an arbiter answers.
    pub connectivity: Connectivity,
    /// How long ago the newest verified head was issued.
    pub replica_age: Duration,
    /// Whether no other gate opens this zone.
    pub zone_has_one_gate: bool,
    /// The event's choices.
    pub policy: Arc<EventPolicy>,
    /// Which way this lane lets people go.
    pub passage: Passage,
}

impl Knowledge {
    /// Who may pass this lane on this card, now.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.place.passage {
            Passage::In => decide(&self.tickets, &self.here()),
            Passage::Out => decide_exit(&self.tickets),
        }
    }

    /// The view that a verdict is taken from.
    #[must_use]
    pub fn here(&self) -> Here<'_> {
        Here {
            gate: self.gate,
            zone: &self.place.zone,
            now: self.place.now,
            clock_certain: self.place.clock_certain,
            connectivity: self.place.connectivity,
            replica_age: self.place.replica_age,
            zone_has_one_gate: self.place.zone_has_one_gate,
            policy: &self.place.policy,
        }
    }
}

/// What became of one claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The arbiter answered.
    Answered(ClaimAnswer),
    /// It did not answer in time: nobody knows, so nobody enters by this claim.
    Silent,
    /// The gate has been offline for longer than a hiccup: the event's choice holds.
    Offline,
}

/// Something happened.
#[derive(Debug)]
pub enum Input {
    /// The reader is there and works; where a PIN for it is typed.
    ReaderReady(PinEntry),
    /// The reader is gone or does not answer.
    ReaderGone,
    /// A card lies in the tray.
    CardPresent,
    /// The tray is empty.
    CardGone,
    /// The card answered the command of this tap.
    Answered(TapNumber, ResponseApdu),
    /// The card's answer was no answer, or it left in the middle.
    Torn(TapNumber),
    /// The card took longer than a command or a tap may, or what it says is no answer.
    CardSilent(TapNumber),
    /// Answers [`super::Effect::LookUp`] and [`super::Effect::LookUpAgain`].
    Known(TapNumber, Box<Knowledge>),
    /// The replica or the journal could not be asked.
    LookUpFailed(TapNumber, Refusal),
    /// The holder typed a PIN; the challenge is fresh randomness for this proof.
    PinEntered(Pin, Challenge),
    /// Answers [`super::Effect::DrawChallenge`].
    ChallengeDrawn(TapNumber, Challenge),
    /// The holder pressed *cancel*.
    Cancelled,
    /// The holder said how many of the party enter now.
    PartyChosen(usize),
    /// Answers [`super::Effect::StoreIntents`]: these survive a power cut.
    IntentsStored(TapNumber, Vec<StoredIntent>),
    /// Answers [`super::Effect::Claim`].
    Claimed(TapNumber, AdmissionId, ClaimOutcome),
    /// Answers [`super::Effect::CatchUp`]: the replica is as new as it can be.
    CaughtUp(TapNumber),
    /// Answers [`super::Effect::StoreAdmissions`]: these survive a power cut.
    AdmissionsStored(TapNumber, Vec<StoredAdmission>),
    /// Answers [`super::Effect::AdmitHere`]: these survive a power cut; the others were refused for this reason.
    AdmittedHere(TapNumber, Vec<StoredAdmission>, Option<Refusal>),
    /// The journal refused.
    StoreFailed(TapNumber),
    /// The barrier opened.
    Opened(TapNumber),
    /// The barrier did not open.
    BarrierFailed(TapNumber),
    /// The barrier says for certain that it is closed, and that nobody passed.
    NobodyPassed(TapNumber),
    /// This gate cannot admit anybody until further notice.
    OutOfService(Refusal),
    /// What kept this gate out of service has passed.
    BackInService,
    /// The moment that [`super::Lane::wake_at`] asked for.
    Tick,
}
