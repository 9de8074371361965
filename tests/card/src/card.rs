//! The card: bytes in, bytes out.
//!
//! It knows nothing of Kido. It does what public descriptions of the JPKI application say (`shared` states its own
//! view of them, and neither reads the other's), and holds what Kido must never touch: the other applications, the
//! signature key, the certificate with name and address.

mod answer;
mod apdu;
mod commands;
mod fault;
mod files;
mod log;
mod pin;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use answer::CardAnswer;
pub use fault::{Fault, ShortFormRefusal};
pub use files::{Contents, signature_certificate};
pub use log::{ENTRIES_MAX, Log, LogEntry, POWER_CYCLES_MAX, Totals};

use crate::planted;
use apdu::{Command, StatusWord};
use fault::Faults;
use files::{Application, File, PinName};
use pin::PinFile;

/// Answer to reset over contacts: T=1.
pub const ATR_CONTACT: [u8; 9] = [0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14];
/// Answer to reset that a reader makes up for an ISO 14443 Type B card (PC/SC part 3).
pub const ATR_CONTACTLESS: [u8; 13] = [0x3B, 0x88, 0x80, 0x01, 0x00, 0x00, 0x05, 0xE0, 0xB3, 0x81, 0xA1, 0x00, 0x7F];

pub(super) const SELECT: u8 = 0xA4;

/// Tries of the user authentication PIN on a new card.
pub const USER_PIN_TRIES: u8 = 3;
const SIGNATURE_PIN_TRIES: u8 = 5;
const PROFILE_PIN_TRIES: u8 = 3;

/// What ends with the power, and no sooner.
#[derive(Debug, Default)]
struct Session {
    application: Option<Application>,
    file: Option<File>,
    verified: BTreeSet<PinName>,
    commands: u32,
}

/// Whether the card lies in a reader and has power.
#[derive(Debug)]
enum Power {
    Off,
    On(Session),
}

/// One My Number Card.
#[derive(Debug)]
pub struct VirtualCard {
    contents: Contents,
    pins: BTreeMap<PinName, PinFile>,
    faults: Faults,
    power: Power,
    power_cycle: u64,
    commands_since_put_in: u32,
    cycles_since_put_in: u32,
    signatures: u64,
    log: Log,
}

impl VirtualCard {
    /// A new card with full tries, no faults and no power.
    #[must_use]
    pub fn new(contents: Contents) -> Self {
        let pins = BTreeMap::from([
            (PinName::User, PinFile::new(planted::PIN, USER_PIN_TRIES)),
            (PinName::Signature, PinFile::new(planted::SIGNATURE_PASSWORD, SIGNATURE_PIN_TRIES)),
            (PinName::Profile, PinFile::new(planted::PIN, PROFILE_PIN_TRIES)),
        ]);
        Self {
            contents,
            pins,
            faults: Faults::default(),
            power: Power::Off,
            power_cycle: 0,
            commands_since_put_in: 0,
            cycles_since_put_in: 0,
            signatures: 0,
            log: Log::default(),
        }
    }

    /// Puts the card into a reader with these faults, in place of those of the last time; the counts that faults use
    /// begin anew, tries and log go on.
    pub fn put_in(&mut self, faults: Vec<Fault>) {
        self.faults = Faults::new(faults);
        if self.faults.has(Fault::SignatureCertificate) {
            // Made now and kept: a key made inside a command would outlast the reader's patience. An issuer that fails
            // fails again, visibly, when the certificate is read.
            signature_certificate().ok();
        }
        if let Some(left) = self.faults.tries_left() {
            self.set_tries_left(left);
        }
        self.power = Power::Off;
        self.commands_since_put_in = 0;
        self.cycles_since_put_in = 0;
    }

    /// Sets the tries of the user authentication PIN.
    pub fn set_tries_left(&mut self, left: u8) {
        if let Some(pin) = self.pins.get_mut(&PinName::User) {
            pin.set_left(left);
        }
    }

    /// Gives power: answers the ATR. A card that has power keeps it and its state.
    pub fn power_on(&mut self) -> Vec<u8> {
        if matches!(self.power, Power::Off) {
            self.power_cycle += 1;
            self.cycles_since_put_in += 1;
            let mut session = Session::default();
            if self.faults.verified_before(self.cycles_since_put_in) {
                session.verified.insert(PinName::User);
            }
            self.power = Power::On(session);
        }
        self.atr()
    }

    /// Takes the power: the PIN status ends, the counters stay.
    pub fn power_off(&mut self) {
        self.power = Power::Off;
    }

    /// Warm reset: the selection ends, **the PIN status does not** (`jpki.md` §1). Answers the ATR.
    pub fn reset(&mut self) -> Vec<u8> {
        if let Power::On(session) = &mut self.power {
            session.application = None;
            session.file = None;
        } else {
            return self.power_on();
        }
        self.atr()
    }

    /// The answer to reset: a phone is always contactless.
    #[must_use]
    pub fn atr(&self) -> Vec<u8> {
        if self.faults.has(Fault::Phone) { ATR_CONTACTLESS.to_vec() } else { ATR_CONTACT.to_vec() }
    }

    /// One command. A card without power is a card that is not there.
    pub fn transmit(&mut self, command: &[u8]) -> CardAnswer {
        if matches!(self.power, Power::Off) {
            return CardAnswer::Torn { back_after: None };
        }
        self.commands_since_put_in = self.commands_since_put_in.saturating_add(1);
        let parsed = Command::parse(command);
        let name = parsed
            .as_ref()
            .map_or_else(|_: &StatusWord| format!("malformed, {} bytes", command.len()), Command::for_the_log);
        let answer = self.answer(parsed);
        let shown: &[u8] = if let CardAnswer::Bytes { bytes, .. } = &answer { bytes } else { &[] };
        self.log.push(self.power_cycle, name, command.len(), shown);
        if matches!(answer, CardAnswer::Torn { .. }) {
            self.power_off();
            self.faults.forget_tear();
        }
        answer
    }

    /// One command without waiting, as PC/SC shows it: a card that is torn out or silent answers no bytes.
    pub fn transmit_now(&mut self, command: &[u8]) -> Vec<u8> {
        match self.transmit(command) {
            CardAnswer::Bytes { bytes, .. } => bytes,
            CardAnswer::Torn { .. } | CardAnswer::Silent => Vec::new(),
        }
    }

    /// Faults that decide before the command is looked at; then the command.
    fn answer(&mut self, parsed: Result<Command<'_>, StatusWord>) -> CardAnswer {
        let number = self.commands_since_put_in;
        if self.faults.silent_at(number) {
            return CardAnswer::Silent;
        }
        if let Some(tear) = self.faults.tear_at(number) {
            if tear.executed {
                self.respond(parsed);
            }
            return CardAnswer::Torn { back_after: tear.back_after };
        }
        let signatures = self.signatures;
        let bytes = self.respond(parsed);
        CardAnswer::Bytes { bytes, after: self.faults.delay(self.signatures > signatures) }
    }

    /// Tries left of the user authentication PIN.
    #[must_use]
    pub fn tries_left(&self) -> u8 {
        self.pins.get(&PinName::User).map_or(0, PinFile::left)
    }

    /// Signatures made with either key.
    #[must_use]
    pub const fn signatures(&self) -> u64 {
        self.signatures
    }

    /// What the card was asked.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.log
    }

    /// What lies on the card.
    #[must_use]
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }
}
