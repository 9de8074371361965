//! Where a tap's time goes: the gate's own work, the disk, the arbiter, the barrier, and the rest, which is the card's
//! and its holder's.

use std::time::Duration;

use tokio::time::Instant;

use crate::lane::{Effect, Input};

/// One tap's times; written to the log when it ends.
#[derive(Debug, Default)]
pub(super) struct TapTimes {
    begun: Option<Instant>,
    own: Duration,
    look_up: Span,
    disk: Span,
    arbiter: Span,
    barrier: Span,
}

/// The time between asking and hearing, summed up.
#[derive(Debug, Default)]
struct Span {
    since: Option<Instant>,
    sum: Duration,
}

impl Span {
    fn asked(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    fn heard(&mut self) {
        if let Some(since) = self.since.take() {
            self.sum = self.sum.saturating_add(since.elapsed());
        }
    }
}

impl TapTimes {
    /// The lane is about to hear this.
    pub(super) fn heard(&mut self, input: &Input) {
        match input {
            Input::CardPresent => *self = Self { begun: Some(Instant::now()), ..Self::default() },
            Input::Known(..) | Input::LookUpFailed(..) => self.look_up.heard(),
            Input::IntentsStored(..)
            | Input::AdmissionsStored(..)
            | Input::AdmittedHere(..)
            | Input::StoreFailed(_) => {
                self.disk.heard();
            }
            Input::Claimed(..) => self.arbiter.heard(),
            Input::Opened(_) | Input::BarrierFailed(_) | Input::NobodyPassed(_) => {
                self.barrier.heard();
                self.log("admitted");
            }
            Input::ReaderReady(_)
            | Input::ReaderGone
            | Input::CardGone
            | Input::Answered(..)
            | Input::Torn(_)
            | Input::CardSilent(_)
            | Input::PinEntered(..)
            | Input::ChallengeDrawn(..)
            | Input::Cancelled
            | Input::PartyChosen(_)
            | Input::CaughtUp(_)
            | Input::OutOfService(_)
            | Input::BackInService
            | Input::Tick => {}
        }
    }

    /// The lane has asked for this.
    pub(super) fn asked(&mut self, effect: &Effect) {
        match effect {
            Effect::LookUp(..) | Effect::LookUpAgain(..) => self.look_up.asked(),
            Effect::StoreIntents(..) | Effect::StoreAdmissions(..) | Effect::AdmitHere(..) => self.disk.asked(),
            Effect::Claim(..) => self.arbiter.asked(),
            Effect::OpenLane(..) | Effect::OpenOut(..) => self.barrier.asked(),
            Effect::ReportRefusal(..) => self.log("refused"),
            Effect::Transmit(..)
            | Effect::DrawChallenge(_)
            | Effect::PowerOffCard
            | Effect::CatchUp(_)
            | Effect::DropIntents(_)
            | Effect::NoteOpened(_)
            | Effect::NoteAnnulled(_)
            | Effect::NoteExited(_)
            | Effect::NoteRefused(_)
            | Effect::Show(_) => {}
        }
    }

    /// The lane itself took this long to decide.
    pub(super) fn own(&mut self, took: Duration) {
        self.own = self.own.saturating_add(took);
    }

    fn log(&mut self, outcome: &'static str) {
        let Some(begun) = self.begun.take() else { return };
        tracing::info!(
            outcome,
            own_us = micros(self.own.saturating_add(self.look_up.sum)),
            look_up_us = micros(self.look_up.sum),
            disk_us = micros(self.disk.sum),
            arbiter_us = micros(self.arbiter.sum),
            barrier_us = micros(self.barrier.sum),
            whole_us = micros(begun.elapsed()),
            "tap"
        );
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
