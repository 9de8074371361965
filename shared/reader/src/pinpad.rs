//! Readers with keys of their own: PC/SC part 10 (rev. 2.02.09, *IFDs with Secure PIN Entry Capabilities*).
//!
//! ```text
//! CM_IOCTL_GET_FEATURE_REQUEST ─▶ features ─▶ FEATURE_VERIFY_PIN_DIRECT: its control code   the driver's own, never ours
//!                                             FEATURE_IFD_PIN_PROPERTIES ─▶ is there a display?
//! blank VERIFY ─▶ PIN_VERIFY_STRUCTURE ─▶ the reader asks, puts the digits in, sends ─▶ status word
//! ```
//!
//! Parsing and packing are pure; the one call that reaches a reader is behind [`Control`]. The PIN never enters this
//! computer. **Not tried on hardware**: the virtual reader of the tests has no keys, so a stand-in speaks for it.

mod features;
mod structure;
#[cfg(test)]
mod tests;

use kido_shared::apdu::{ApduError, CommandApdu, ResponseApdu};

pub use features::{FEATURES_BYTES_MAX, Feature, FeatureError, Features};
pub use structure::{PIN_VERIFY_BYTES, PINPAD_TIME_MAX, pack_verify};

use crate::channel::TransmitError;

/// Longest answer to a control call of ours: a status word, or four bytes of properties; more is no answer.
const ANSWER_BYTES_MAX: usize = 16;

/// The number behind which a driver lists its features; the platform's macro makes a code of it (part 10 §2.2).
pub(crate) const GET_FEATURE_REQUEST: u32 = 3_400;

/// A control code of a driver: what `SCardControl` is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ControlCode(u32);

impl ControlCode {
    /// The code itself.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A reader that can be asked what is not for its card.
pub trait Control {
    /// Lists the driver's features into `answer` and says how many bytes it wrote there.
    ///
    /// # Errors
    /// [`TransmitError`]; a reader without features may say so by an error, too.
    fn list_features(&mut self, answer: &mut [u8]) -> Result<usize, TransmitError>;

    /// Sends `request` under one of the driver's codes and says how many bytes were written to `answer`.
    ///
    /// Blocks while somebody types.
    ///
    /// # Errors
    /// [`TransmitError`].
    fn control(&mut self, code: ControlCode, request: &[u8], answer: &mut [u8]) -> Result<usize, TransmitError>;
}

/// Whether a reader shows a text of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReaderDisplay {
    /// Keys and perhaps a lamp.
    None,
    /// At least one line of text.
    Text,
}

/// The keys of a reader, found by asking its driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinpad {
    verify_direct: ControlCode,
    display: ReaderDisplay,
}

impl Pinpad {
    /// Finds a reader's keys; a reader that answers with an error, with nothing or with anything unreadable has none.
    pub fn find(reader: &mut impl Control) -> Option<Self> {
        let mut listed = [0; FEATURES_BYTES_MAX];
        let length = reader.list_features(&mut listed).ok()?;
        let features = match Features::parse(listed.get(..length)?) {
            Ok(features) => features,
            Err(error) => {
                tracing::info!(%error, "the driver's features cannot be read");
                return None;
            }
        };
        let verify_direct = features.code(Feature::VerifyPinDirect)?;
        let display = features.code(Feature::PinProperties).map_or(ReaderDisplay::None, |code| display(reader, code));
        Some(Self { verify_direct, display })
    }

    /// Has the reader take the PIN and send the VERIFY, once.
    ///
    /// # Errors
    /// [`TransmitError`]; [`TransmitError::ReaderFailed`] also for a command that is not for a reader's keys.
    pub fn verify(&self, reader: &mut impl Control, command: &CommandApdu) -> Result<ResponseApdu, TransmitError> {
        let blank = command.blank_verify().ok_or(TransmitError::ReaderFailed)?;
        let mut answer = [0; ANSWER_BYTES_MAX];
        let length = reader.control(self.verify_direct, &pack_verify(&blank, self.display), &mut answer)?;
        let answer = answer.get(..length).ok_or(TransmitError::ReaderFailed)?;
        ResponseApdu::parse(answer, command).map_err(|error| match error {
            ApduError::Empty => TransmitError::Torn,
            ApduError::TooShort | ApduError::TooLong { .. } => TransmitError::Malformed(error),
        })
    }
}

/// `wLcdLayout`, the first two of four bytes (part 10, `PIN_PROPERTIES_STRUCTURE`): zero where there is no display. A reader
/// that does not say is taken for one without.
fn display(reader: &mut impl Control, code: ControlCode) -> ReaderDisplay {
    let mut answer = [0; ANSWER_BYTES_MAX];
    match reader.control(code, &[], &mut answer) {
        Ok(length) if (2..=answer.len()).contains(&length) && answer.first_chunk() != Some(&[0, 0]) => {
            ReaderDisplay::Text
        }
        Ok(_) | Err(_) => ReaderDisplay::None,
    }
}
