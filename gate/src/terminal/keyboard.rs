//! Lines from standard input, read only while a screen asks for one.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, QueueSelector, Termios, isatty, tcflush, tcgetattr, tcsetattr};
use tokio::runtime::Handle;
use zeroize::{Zeroize as _, Zeroizing};

use crate::display::{Asks, Frame, FrameNumber, Viewer};

/// Longest line, in bytes: what a PIN and a slip of the finger need. Longer ones mean nothing.
const LINE_BYTES_MAX: usize = 16;

/// How often the wait for a line looks whether its screen still stands.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Why nothing can be typed here.
#[derive(Debug, thiserror::Error)]
pub enum KeyboardError {
    /// Standard input is no terminal, and lines from anything else were not asked for: a PIN must not come out of a
    /// file by accident.
    #[error("standard input is no terminal")]
    NoTerminal,
    /// The terminal, or the thread that reads it, could not be had.
    #[error("standard input cannot be read")]
    Input(#[source] io::Error),
}

/// Where lines come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A terminal, whose echo is off until the lane ends.
    Terminal,
    /// Anything: one line for each screen that asks (`--pin-stdin`).
    Lines,
}

/// The thread that reads what is typed. It ends with the display.
#[derive(Debug)]
pub struct Keyboard(JoinHandle<()>);

impl Keyboard {
    /// Begins to read `input` for the viewer's screens. Call it inside the runtime.
    ///
    /// # Errors
    /// [`KeyboardError`].
    pub fn start(input: OwnedFd, source: Source, viewer: Viewer) -> Result<Self, KeyboardError> {
        let silence = match source {
            Source::Terminal if !isatty(&input) => return Err(KeyboardError::NoTerminal),
            Source::Terminal => Some(Silence::begin(&input).map_err(KeyboardError::Input)?),
            Source::Lines => None,
        };
        let runtime = Handle::current();
        let reader = Reader { input: File::from(input), silence, viewer };
        let thread = std::thread::Builder::new().name("keyboard".to_owned());
        thread.spawn(move || reader.run(&runtime)).map(Self).map_err(KeyboardError::Input)
    }

    /// Whether nothing more will be read: the input or the display has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.0.is_finished()
    }
}

/// A terminal that does not echo, until this is dropped.
#[derive(Debug)]
struct Silence {
    terminal: OwnedFd,
    before: Termios,
}

impl Silence {
    fn begin(terminal: &OwnedFd) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal: terminal.try_clone()?, before })
    }

    /// Throws away what was typed and not read, half lines too.
    fn forget_typed(&self) -> io::Result<()> {
        Ok(tcflush(&self.terminal, QueueSelector::IFlush)?)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if tcsetattr(&self.terminal, OptionalActions::Flush, &self.before).is_err() {
            tracing::warn!("the terminal's echo could not be put back");
        }
    }
}

struct Reader {
    input: File,
    silence: Option<Silence>,
    viewer: Viewer,
}

/// What came of waiting for a line.
enum Waited {
    Line(Zeroizing<String>),
    /// The screen that asked does not stand any more.
    ScreenGone,
    InputEnded,
}

impl Reader {
    fn run(mut self, runtime: &Handle) {
        // A screen that has its answer asks for no second line, however long it still stands.
        let mut answered = None;
        while let Some((number, asks)) = self.next_question(runtime, answered) {
            match self.line_for(number) {
                Ok(Waited::Line(line)) => match super::typed(asks, &line) {
                    Some(typed) => {
                        answered = Some(number);
                        if let Err(not_taken) = self.viewer.type_in(number, typed) {
                            tracing::debug!(%not_taken, "a line was not taken");
                        }
                    }
                    None => tracing::debug!("a line that this screen does not ask for"),
                },
                Ok(Waited::ScreenGone) => {}
                Ok(Waited::InputEnded) => return,
                Err(error) => return tracing::warn!(%error, "the keyboard cannot be read any more"),
            }
        }
    }

    /// Waits for a screen that asks; nothing once the display has ended.
    fn next_question(&self, runtime: &Handle, answered: Option<FrameNumber>) -> Option<(FrameNumber, Asks)> {
        let mut frames = self.viewer.frames();
        let open = |frame: &Arc<Frame>| frame.asks() != Asks::Nothing && Some(frame.number) != answered;
        let frame = runtime.block_on(frames.wait_for(open)).ok()?;
        let question = (frame.number, frame.asks());
        drop(frame);
        if let Some(silence) = &self.silence
            && let Err(error) = silence.forget_typed()
        {
            tracing::warn!(%error, "what was typed before cannot be thrown away");
            return None;
        }
        Some(question)
    }

    fn line_for(&mut self, number: FrameNumber) -> io::Result<Waited> {
        let pause = Timespec::try_from(LOOK_EVERY).map_err(io::Error::other)?;
        loop {
            if self.viewer.has_ended() || self.viewer.current().number != number {
                return Ok(Waited::ScreenGone);
            }
            let mut waiting = [PollFd::from_borrowed_fd(self.input.as_fd(), PollFlags::IN)];
            if poll(&mut waiting, Some(&pause))? > 0 {
                return self.line();
            }
        }
    }

    /// Reads one line, byte by byte: what follows it is for a later screen.
    fn line(&mut self) -> io::Result<Waited> {
        let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
        let mut byte = [0];
        loop {
            if self.input.read(&mut byte)? == 0 {
                return Ok(Waited::InputEnded);
            }
            match byte {
                [b'\n'] => break,
                // One too many, and no more: the whole line means nothing then.
                [next] if line.len() < LINE_BYTES_MAX => line.push(next),
                [_beyond] => {}
            }
        }
        byte.zeroize();
        let text = core::str::from_utf8(&line).map(str::trim_end).unwrap_or("?");
        Ok(Waited::Line(Zeroizing::new(text.to_owned())))
    }
}
