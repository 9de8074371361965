//! The only code of Kido that talks to a smart card reader.
//!
//! ```text
//! Monitor ─▶ ReaderEvent: reader arrived or gone, card present or gone          own thread, own PC/SC context
//! CardConnection: CardChannel ─▶ transmit(CommandApdu) ─▶ ResponseApdu          own thread, own PC/SC context
//! pinpad: VERIFY_PIN_DIRECT ─▶ the reader takes the PIN, and only a status word comes back        not tried on hardware
//! child::run ─▶ both of them behind two pipes: what a gate starts as its reader process
//! ```
//!
//! Everything here blocks and belongs on a thread of its own. A gate never calls it in its own process: a driver or a
//! card can hang a PC/SC call for ever, and only the end of a process ends such a call (`protocol.md` §4, *a card cannot
//! hold a lane*). The buyer's helper, which has one card and one person to wait for, uses [`Readers`] directly.
//!
//! **Invariants.** Only a typed command reaches a card. Whatever way a connection ends, the card's power is cut: a
//! verified PIN survives a disconnect and a warm reset (`jpki.md` §1). Logs carry instruction, length, status word and
//! reader name, nothing else. No call here is Linux-only.

mod cancel;
mod channel;
pub mod child;
mod choice;
mod connection;
mod control;
mod fault;
mod monitor;
pub mod pinpad;
mod presence;
mod readers;

pub use cancel::Cancel;
pub use channel::{CardChannel, TransmitError};
pub use choice::{NoReader, READER_NAME_BYTES_MAX, ReaderKeys, ReaderName, ReaderPattern};
pub use connection::{CardConnection, PowerOn};
pub use monitor::{Monitor, Observed, WAIT_SLICE};
pub use presence::ReaderEvent;
pub use readers::{Readers, WaitError, Waiting};
