//! What the lane shows and what its holder types, between the runtime and whatever draws it.
//!
//! ```text
//! runtime ── Display ──▶ latest Frame ──▶ kiosk page, terminal
//!    ▲                                        │
//!    └────── Typed ◀── Typing, bounded ◀──────┘  each names the frame that asked for it
//! ```
//!
//! **Invariant.** What was typed for one screen reaches no other: it carries the number of the frame that asked, and
//! is dropped unless that frame still stands at the moment the runtime takes it. So a PIN typed by one person never
//! meets the next one's card, however slow a page or a thread was.

mod frame;
mod look;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kido_shared::card::Pin;
use kido_shared::clock::Timestamp;
use tokio::sync::{mpsc, watch};

pub use frame::{Asks, Frame, FrameNumber, LaneSign, NoticeName, Shows};
pub use look::{Ground, Look, Picture, Tone};

use crate::screen::Screen;
use crate::words::Words;

/// Things typed that the runtime has not taken yet: one answer to each screen, and a doubled press or two.
const TYPED_WAITING_MAX: usize = 4;

/// What a holder typed.
#[derive(Debug)]
pub enum Typed {
    /// The four digits.
    Pin(Pin),
    /// How many of the party enter now.
    Party(usize),
    /// *Cancel*.
    Cancel,
}

/// Why something typed goes nowhere. Never says what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// That screen does not stand any more, or asked for something else.
    #[error("the lane does not ask for this now")]
    NotAsked,
    /// More was typed than the lane has taken.
    #[error("the lane has not taken what was typed before")]
    Busy,
    /// The lane is ending.
    #[error("the lane has ended")]
    Ended,
}

/// The runtime's side: shows screens.
#[derive(Debug)]
pub struct Display {
    frames: watch::Sender<Arc<Frame>>,
    words: Words,
}

/// The runtime's side: takes what was typed.
#[derive(Debug)]
pub struct TypedInputs {
    typed: mpsc::Receiver<(FrameNumber, Typed)>,
    frames: watch::Receiver<Arc<Frame>>,
}

/// The side of whatever draws the screens. Clones see the same ones.
#[derive(Debug, Clone)]
pub struct Viewer {
    frames: watch::Receiver<Arc<Frame>>,
    typed: mpsc::Sender<(FrameNumber, Typed)>,
}

/// Joins a display to its viewers, with a first screen.
#[must_use]
pub fn display(words: Words, sign: LaneSign, first: &Screen, now: Timestamp) -> (Display, Viewer, TypedInputs) {
    let frame = Frame::new(FrameNumber::default(), sign, first, words.say(first, now));
    let (sender, frames) = watch::channel(Arc::new(frame));
    let (typed_sender, typed) = mpsc::channel(TYPED_WAITING_MAX);
    let viewer = Viewer { frames: frames.clone(), typed: typed_sender };
    (Display { frames: sender, words }, viewer, TypedInputs { typed, frames })
}

impl Display {
    /// Shows a screen from now on. From this moment nothing typed for an earlier one is taken.
    pub fn show(&self, screen: &Screen, now: Timestamp) {
        let said = self.words.say(screen, now);
        self.frames.send_modify(|frame| {
            *frame = Arc::new(Frame::new(frame.number.next(), frame.sign.clone(), screen, said));
        });
    }
}

impl TypedInputs {
    /// The next thing typed for the screen that stands now; nothing once no viewer is left.
    ///
    /// Safe to drop between two calls: nothing is lost but what was stale.
    pub async fn next(&mut self) -> Option<Typed> {
        loop {
            let (number, typed) = self.typed.recv().await?;
            if self.frames.borrow().takes(number, &typed) {
                return Some(typed);
            }
        }
    }
}

impl Viewer {
    /// The latest frame, and a word whenever there is a newer one.
    #[must_use]
    pub fn frames(&self) -> watch::Receiver<Arc<Frame>> {
        self.frames.clone()
    }

    /// The frame that stands now.
    #[must_use]
    pub fn current(&self) -> Arc<Frame> {
        Arc::clone(&self.frames.borrow())
    }

    /// Whether the runtime shows nothing any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.frames.has_changed().is_err()
    }

    /// Hands in what was typed on the frame of this number.
    ///
    /// # Errors
    /// [`NotTaken`] where that frame does not stand any more or asked for something else, or nobody takes it.
    pub fn type_in(&self, number: FrameNumber, typed: Typed) -> Result<(), NotTaken> {
        if !self.frames.borrow().takes(number, &typed) {
            return Err(NotTaken::NotAsked);
        }
        self.typed.try_send((number, typed)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_wiped) => NotTaken::Busy,
            mpsc::error::TrySendError::Closed(_wiped) => NotTaken::Ended,
        })
    }
}
