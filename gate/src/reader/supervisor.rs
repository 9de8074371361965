//! Keeps a reader's process alive and on time.

use core::fmt;
use core::time::Duration;

use kido_reader::child::{ChildMessage, ParentMessage};
use kido_shared::card::PinEntry;
use kido_shared::error_chain::Chain;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::child_process::Process;
use super::exchange::{Exchange, Expired, Ordered};
use super::{
    RESTART_WAIT_MAX, RESTART_WAIT_MIN, ReaderInput, ReaderLoss, ReaderOrder, ReaderProgram, SILENCE_TIME, TAP_TIME,
};

/// A child that lived this long was well: the next one is not kept waiting for its predecessors' failures.
const WELL_AFTER: Duration = TAP_TIME;

/// Everything that reaches the supervisor, in one queue: orders and a child's messages keep their order, and one wait
/// with one deadline is all it needs.
#[derive(Debug)]
pub(super) enum Mail {
    /// The runtime wants something.
    Order(ReaderOrder),
    /// The child of this generation said something.
    Said(u32, ChildMessage),
    /// The child of this generation ended, or talks nonsense.
    Ended(u32),
}

/// Watches over the reader's process; nothing happens unless [`Supervisor::run`] is polled.
pub struct Supervisor {
    program: ReaderProgram,
    mail_for_child: mpsc::WeakSender<Mail>,
    mail: mpsc::Receiver<Mail>,
    tell: mpsc::Sender<ReaderInput>,
    generation: u32,
    restart_wait: Duration,
    /// The reader on whose own keys PINs are typed, since it was first heard of.
    with_keys: Option<String>,
}

/// How one child's life went.
enum Life {
    /// The child is gone, or must go.
    Over,
    /// The runtime has gone: nobody needs a reader any more.
    NotNeeded,
}

/// One child while it lives.
struct Living {
    process: Process,
    exchange: Exchange,
    born: Instant,
    heard: Instant,
}

impl Supervisor {
    pub(super) const fn new(
        program: ReaderProgram,
        mail_for_child: mpsc::WeakSender<Mail>,
        mail: mpsc::Receiver<Mail>,
        tell: mpsc::Sender<ReaderInput>,
    ) -> Self {
        Self { program, mail_for_child, mail, tell, generation: 0, restart_wait: RESTART_WAIT_MIN, with_keys: None }
    }

    /// Starts the child, and another whenever it ends, until the runtime drops its handle.
    pub async fn run(mut self) {
        loop {
            match Process::start(&self.program, self.generation, self.mail_for_child.clone()) {
                Ok(process) => {
                    tracing::info!(process = process.id(), generation = self.generation, "reader process started");
                    if matches!(self.live(process).await, Life::NotNeeded) {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "no reader process");
                    if self.tell(ReaderInput::ReaderGone(ReaderLoss::ChildEnded)).await.is_none() {
                        return;
                    }
                }
            }
            if self.pause().await.is_none() {
                return;
            }
            self.generation = self.generation.saturating_add(1);
            if self.tell(ReaderInput::ChildRestarted(self.generation)).await.is_none() {
                return;
            }
        }
    }

    async fn live(&mut self, process: Process) -> Life {
        let now = Instant::now();
        let mut living = Living { process, exchange: Exchange::default(), born: now, heard: now };
        loop {
            match self.next(&mut living).await {
                Ok(()) => {}
                Err(Life::NotNeeded) => {
                    living.process.shut_down().await;
                    return Life::NotNeeded;
                }
                Err(Life::Over) => break,
            }
        }
        if living.born.elapsed() >= WELL_AFTER {
            self.restart_wait = RESTART_WAIT_MIN;
        }
        let waiting = living.exchange.waiting();
        living.process.kill().await;
        if let Some(tap) = waiting
            && self.tell(ReaderInput::Torn(tap)).await.is_none()
        {
            return Life::NotNeeded;
        }
        match self.tell(ReaderInput::ReaderGone(ReaderLoss::ChildEnded)).await {
            Some(()) => Life::Over,
            None => Life::NotNeeded,
        }
    }

    /// Waits for one thing to happen and deals with it.
    async fn next(&mut self, living: &mut Living) -> Result<(), Life> {
        let silent_at = living.heard + SILENCE_TIME;
        let deadline = living.exchange.deadline().map_or(silent_at, |deadline| deadline.min(silent_at));
        let input = match timeout_at(deadline, self.mail.recv()).await {
            Ok(None) => return Err(Life::NotNeeded),
            Ok(Some(Mail::Order(order))) => living.take(order).await?,
            Ok(Some(Mail::Said(generation, message))) if generation == self.generation => living.hear(message),
            Ok(Some(Mail::Ended(generation))) if generation == self.generation => {
                tracing::warn!(generation, "reader process ended");
                return Err(Life::Over);
            }
            Ok(Some(Mail::Said(..) | Mail::Ended(_))) => None,
            Err(_elapsed) => self.expired(living).await?,
        };
        match input.map(|input| with_its_keys(&mut self.with_keys, input)) {
            Some(input) => self.tell(input).await.ok_or(Life::NotNeeded),
            None => Ok(()),
        }
    }

    /// Something ran out: a command, a tap, or the patience with a silent child.
    async fn expired(&self, living: &mut Living) -> Result<Option<ReaderInput>, Life> {
        let now = Instant::now();
        match living.exchange.expire(now) {
            Some(Expired::Command(late)) => {
                tracing::warn!(process = living.process.id(), "a command took too long, killing the reader process");
                if let Some(late) = late {
                    // Told here, so that what follows is the loss of the reader and no second answer.
                    living.exchange.end_tap(now);
                    self.tell(late).await.ok_or(Life::NotNeeded)?;
                }
                Err(Life::Over)
            }
            Some(Expired::Tap(tap)) => {
                living.send(&ParentMessage::PowerOff).await?;
                Ok(Some(ReaderInput::TapTimedOut(tap)))
            }
            None if living.heard + SILENCE_TIME <= now => {
                tracing::warn!(process = living.process.id(), "the reader process is silent, killing it");
                Err(Life::Over)
            }
            None => Ok(None),
        }
    }

    /// Waits before the next child; orders that come meanwhile are answered: there is no card.
    async fn pause(&mut self) -> Option<()> {
        let until = Instant::now() + self.restart_wait;
        self.restart_wait = self.restart_wait.saturating_mul(2).min(RESTART_WAIT_MAX);
        loop {
            match timeout_at(until, self.mail.recv()).await {
                Err(_elapsed) => return Some(()),
                Ok(Some(Mail::Order(ReaderOrder::Transmit(tap, _)))) => self.tell(ReaderInput::Torn(tap)).await?,
                Ok(Some(Mail::Order(ReaderOrder::PowerOff) | Mail::Said(..) | Mail::Ended(_))) => {}
                Ok(None) => return None,
            }
        }
    }

    /// Tells the runtime; `None` where it has gone.
    async fn tell(&self, input: ReaderInput) -> Option<()> {
        tracing::debug!(?input, "reader");
        self.tell.send(input).await.ok()
    }
}

/// A reader that had keys has them still, whatever the next process hears of it.
///
/// A process that was killed while its reader waited for a PIN may leave the reader busy: it cannot be asked then, and
/// looks like one without keys. Its lane must not begin to take PINs on the pad of this machine.
fn with_its_keys(known: &mut Option<String>, mut input: ReaderInput) -> ReaderInput {
    if let ReaderInput::ReaderReady(name, entry) = &mut input {
        match entry {
            PinEntry::AtReader => *known = Some(name.clone()),
            PinEntry::Here if known.as_ref() == Some(name) => *entry = PinEntry::AtReader,
            PinEntry::Here => {}
        }
    }
    input
}

impl Living {
    async fn take(&mut self, order: ReaderOrder) -> Result<Option<ReaderInput>, Life> {
        match order {
            ReaderOrder::Transmit(tap, command) => match self.exchange.transmit(tap, command, Instant::now()) {
                Ordered::Send(message) => self.send(&message).await.map(|()| None),
                Ordered::Refused(input) => Ok(Some(input)),
            },
            ReaderOrder::PowerOff => {
                self.exchange.end_tap(Instant::now());
                self.send(&ParentMessage::PowerOff).await.map(|()| None)
            }
        }
    }

    async fn send(&mut self, message: &ParentMessage) -> Result<(), Life> {
        self.process.send(message).await.map_err(|error| {
            tracing::warn!(error = %Chain(&error), "reader process lost");
            Life::Over
        })
    }

    fn hear(&mut self, message: ChildMessage) -> Option<ReaderInput> {
        self.heard = Instant::now();
        match message {
            ChildMessage::Alive => None,
            ChildMessage::ReaderArrived(name, entry) => Some(ReaderInput::ReaderReady(name, entry)),
            ChildMessage::ReaderGone(why) => {
                self.exchange.end_tap(Instant::now());
                Some(ReaderInput::ReaderGone(ReaderLoss::Absent(why)))
            }
            ChildMessage::CardPresent => Some(ReaderInput::CardPresent),
            ChildMessage::CardGone => {
                self.exchange.end_tap(Instant::now());
                Some(ReaderInput::CardGone)
            }
            ChildMessage::Answered(number, bytes) => self.exchange.answered(number, &bytes),
            ChildMessage::Failed(number, failure) => self.exchange.failed(number, failure),
        }
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("program", &self.program).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_had_keys_has_them_whatever_the_next_process_hears_of_it() {
        let mut known = None;
        let mut told = |name: &str, entry| {
            let heard = ReaderInput::ReaderReady(name.into(), entry);
            let ReaderInput::ReaderReady(_, entry) = with_its_keys(&mut known, heard) else { panic!("another thing") };
            entry
        };
        assert_eq!(told("Keys 00", PinEntry::Here), PinEntry::Here, "nobody has heard of any");
        assert_eq!(told("Keys 00", PinEntry::AtReader), PinEntry::AtReader);
        assert_eq!(told("Keys 00", PinEntry::Here), PinEntry::AtReader, "busy with what the last process left");
        assert_eq!(told("Plain 00", PinEntry::Here), PinEntry::Here, "another reader was plugged in");
    }
}
