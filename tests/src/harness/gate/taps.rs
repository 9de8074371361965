//! Taps, as an attendee makes them.

use std::time::Duration;

use kido_virtual_card::card::Fault;
use kido_virtual_card::character::Character;

use super::{Gate, not_running};
use crate::harness::HarnessError;
use crate::harness::kiosk::Shown;
use crate::harness::process::wait_for;
use crate::harness::registrar::text;
use crate::harness::venue::Venue;

/// How long a lane may take from a card to its last screen: the deadlines of a tap, and a busy machine.
const TAP_WITHIN: Duration = Duration::from_secs(90);

/// How long a line may take from a gate to its log file.
const LOGGED_WITHIN: Duration = Duration::from_secs(5);

/// What a gate logs when it refuses.
const NOBODY_ENTERED: &str = "nobody entered";

/// What an attendee saw of one tap, and what staff read about it.
#[derive(Debug, Clone)]
pub struct Tap {
    /// The last screen.
    pub shown: Shown,
    /// Whether the pad was shown.
    pub asked_for_pin: bool,
    /// The precise reason in the gate's log; empty where somebody entered.
    pub reason: String,
}

impl Tap {
    /// Whether the lane opened.
    #[must_use]
    pub fn is_welcome(&self) -> bool {
        self.shown.kind() == "welcome"
    }
}

impl Gate {
    /// Puts a card into the tray, types the PIN if the pad is shown, takes the card at the last screen, and waits
    /// until the lane is idle again.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn tap(
        &mut self,
        venue: &Venue,
        card: Character,
        faults: Vec<Fault>,
        pin: &str,
    ) -> Result<Tap, HarnessError> {
        let tap = self.tap_and_leave(venue, card, faults, pin, None).await?;
        self.in_service().await?;
        Ok(tap)
    }

    /// The same for a party of so many.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn tap_party(
        &mut self,
        venue: &Venue,
        card: Character,
        pin: &str,
        count: usize,
    ) -> Result<Tap, HarnessError> {
        let tap = self.tap_and_leave(venue, card, Vec::new(), pin, Some(count)).await?;
        self.in_service().await?;
        Ok(tap)
    }

    /// The same as [`Self::tap`] without waiting until the lane is idle: the next card waits its turn.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn tap_only(&mut self, venue: &Venue, card: Character, pin: &str) -> Result<Tap, HarnessError> {
        self.tap_and_leave(venue, card, Vec::new(), pin, None).await
    }

    async fn tap_and_leave(
        &mut self,
        venue: &Venue,
        card: Character,
        faults: Vec<Fault>,
        pin: &str,
        party: Option<usize>,
    ) -> Result<Tap, HarnessError> {
        let told_before = self.log_lines(NOBODY_ENTERED)?.len();
        self.kiosk()?.forget();
        venue.control()?.insert(self.slot, card, faults)?;
        let kiosk = self.kiosk.as_mut().ok_or_else(not_running)?;
        let mut asked_for_pin = false;
        let shown = loop {
            let telling = |screen: &Shown| !matches!(screen.kind(), "idle" | "reading" | "proving");
            let screen = kiosk.screen("the lane to say something", TAP_WITHIN, telling).await?;
            match screen.kind() {
                "ask_pin" => {
                    asked_for_pin = true;
                    kiosk.pin(&screen, pin).await?;
                }
                "ask_party" => kiosk.party(&screen, party.unwrap_or(1)).await?,
                _ => break screen,
            }
        };
        venue.control()?.remove(self.slot)?;
        let reason = if shown.kind() == "refused" { self.next_reason(told_before).await? } else { String::new() };
        Ok(Tap { shown, asked_for_pin, reason })
    }

    /// The reason that the log gives after so many others.
    async fn next_reason(&self, told_before: usize) -> Result<String, HarnessError> {
        let told = || Ok(self.log_lines(NOBODY_ENTERED)?.into_iter().nth(told_before));
        let line = wait_for("the reason in the gate's log", LOGGED_WITHIN, async || told()).await?;
        text(&line, "reason")
    }
}
