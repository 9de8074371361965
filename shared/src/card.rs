//! One exchange with one card, as a value.
//!
//! A session is a state that a step consumes: the shell transmits the command it was given, hands the answer in and gets
//! the next step, until the session ends in a value or a [`CardError`]. It never touches a reader and never waits.
//!
//! ```text
//! TapSession::begin ─▶ SELECT ─▶ READ BINARY ─▶ Window ── continue_ ─▶ VERIFY without data ─▶ AskPin
//!                                                 │                              enter, or enter_at_reader │
//!                                    nothing usable: drop, power off          VERIFY ─▶ COMPUTE DIGITAL SIGNATURE ─▶ Done
//! ```
//!
//! Rules that hold whatever a card answers (`protocol.md` §4): at most [`COMMANDS_PER_TAP_MAX`] commands, at most
//! [`CONTINUATIONS_MAX`] answers in parts, one VERIFY with a PIN, no PIN asked where one try or none is left, no signature
//! asked before the card took the PIN. Whoever drops a session powers the card off: a verified PIN survives everything
//! else.

mod answer;
pub(crate) mod applet;
mod error;
mod pin;
mod registration;
mod states;
mod tap;
#[cfg(test)]
mod tests;

pub use answer::CONTINUATIONS_MAX;
pub use error::CardError;
pub use pin::{PIN_DIGITS, Pin, PinEntry, PinError, PinTries};
pub use registration::{
    COMMANDS_PER_REGISTRATION_MAX, ExpectRegistrationPin, ExpectRegistrationTries, RegistrationSession,
    RegistrationStep,
};
pub use tap::{COMMANDS_PER_TAP_MAX, CardStep, ExpectPin, ExpectTries, TapSession};
