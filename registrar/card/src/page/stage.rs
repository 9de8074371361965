//! Where the dialogue and the page meet: the moment that is shown, the question that is open, and why it ends.
//!
//! ```text
//! dialogue, card's thread ── hear, ask ─▶ Stage ── view ─▶ the page's request
//!                         ◀── the answer ──       ◀─ answer, stop ──
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kido_web::words::Speech;
use tokio::sync::{oneshot, watch};
use zeroize::Zeroizing;

use super::scene::{About, Scene};
use super::view::{Moment, View};
use crate::news::{Listener, News};
use crate::problem::Problem;

/// Why the page ends before its dialogue does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The person stopped it.
    Stopped,
    /// The one-time secret was shown twice: somebody else has it.
    Taken,
}

/// An answer that nobody waits for: the moment has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAsked;

/// The moment that the page shows.
#[derive(Debug)]
pub(crate) struct Stage {
    shown: Mutex<Shown>,
    number: watch::Sender<u64>,
    /// How often the page has asked; says that somebody still looks at it.
    asked: watch::Sender<u64>,
    /// The newest moment that the page has fetched.
    seen: watch::Sender<u64>,
    ending: watch::Sender<Option<Ending>>,
}

#[derive(Debug)]
struct Shown {
    number: u64,
    scene: Scene,
    about: Option<About>,
    /// Belongs to this scene and dies with it.
    waits: Option<oneshot::Sender<Zeroizing<String>>>,
    over: bool,
}

impl Stage {
    pub(crate) fn new() -> Arc<Self> {
        let shown = Shown { number: 1, scene: Scene::Starting, about: None, waits: None, over: false };
        Arc::new(Self {
            shown: Mutex::new(shown),
            number: watch::Sender::new(1),
            asked: watch::Sender::new(0),
            seen: watch::Sender::new(0),
            ending: watch::Sender::new(None),
        })
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, to: Scene, waits: Option<oneshot::Sender<Zeroizing<String>>>, over: bool) {
        let mut shown = self.shown();
        // Nothing comes after the end: whatever a thread still has to say is late.
        if shown.over {
            return;
        }
        shown.number = shown.number.saturating_add(1);
        shown.scene = to;
        shown.waits = waits;
        shown.over = over;
        self.number.send_replace(shown.number);
    }

    /// Shows a scene that asks for nothing.
    pub(crate) fn show(&self, scene: Scene) {
        self.change(scene, None, false);
    }

    /// Shows the last scene.
    pub(crate) fn end(&self, scene: Scene) {
        self.change(scene, None, true);
    }

    /// Forgets what the dialogue before was about.
    pub(crate) fn begin_anew(&self) {
        self.shown().about = None;
    }

    /// Shows a scene that asks for something; the answer comes out of the receiver, an error where another scene came.
    pub(crate) fn ask(&self, scene: Scene) -> oneshot::Receiver<Zeroizing<String>> {
        let (answer, answered) = oneshot::channel();
        self.change(scene, Some(answer), false);
        answered
    }

    /// Asks again what the scene that is shown asks, where nothing else came in between.
    pub(crate) fn ask_here(&self) -> oneshot::Receiver<Zeroizing<String>> {
        let (answer, answered) = oneshot::channel();
        self.shown().waits = Some(answer);
        answered
    }

    /// Takes an answer to the moment of this number.
    ///
    /// # Errors
    /// [`NotAsked`] where that moment has passed or asks for nothing.
    pub(crate) fn answer(&self, number: u64, answer: Zeroizing<String>) -> Result<(), NotAsked> {
        let mut shown = self.shown();
        if shown.number != number {
            return Err(NotAsked);
        }
        let waits = shown.waits.take().ok_or(NotAsked)?;
        waits.send(answer).map_err(|_nobody_waits| NotAsked)
    }

    /// Ends the page early.
    pub(crate) fn stop(&self, why: Ending) {
        self.ending.send_replace(Some(why));
    }

    /// Waits until the page is to end early.
    pub(crate) async fn stopped(&self) -> Problem {
        let mut ending = self.ending.subscribe();
        let why = ending.wait_for(Option::is_some).await.map(|why| *why);
        match why {
            Ok(Some(Ending::Taken)) => Problem::PageTaken,
            Ok(Some(Ending::Stopped) | None) | Err(_) => Problem::Cancelled,
        }
    }

    /// Notes that the page has asked.
    pub(crate) fn note_asked(&self) {
        self.asked.send_modify(|times| *times = times.saturating_add(1));
    }

    /// Waits until the page asks the next time.
    pub(crate) async fn asked(&self) {
        // The sender is this stage's own and outlives the wait.
        drop(self.asked.subscribe().changed().await);
    }

    /// Notes that the page has fetched a moment.
    pub(crate) fn note_seen(&self, number: u64) {
        self.seen.send_replace(number);
    }

    /// Waits until the page has fetched the moment that is shown now.
    pub(crate) async fn was_seen(&self) {
        let shown = self.shown().number;
        drop(self.seen.subscribe().wait_for(|seen| *seen >= shown).await);
    }

    /// Waits until something newer than that moment is shown.
    pub(crate) async fn newer_than(&self, number: u64) {
        drop(self.number.subscribe().wait_for(|shown| *shown > number).await);
    }

    /// The moment, in words.
    pub(crate) fn view(&self, speech: Speech<'_>) -> View {
        let shown = self.shown();
        let moment =
            Moment { number: shown.number, scene: &shown.scene, about: shown.about.as_ref(), over: shown.over };
        View::of(&moment, speech)
    }

    /// The holder's own link, where it is shown right now.
    pub(crate) fn holder_link(&self) -> Option<Zeroizing<String>> {
        if let Scene::Done(outcome) = &self.shown().scene { outcome.holder_link.clone() } else { None }
    }
}

impl Listener for Stage {
    fn hear(&self, news: &News<'_>) {
        if let News::Opened(opened) = news {
            self.shown().about = Some(About::of(opened));
        }
        if let Some(scene) = Scene::of(news) {
            self.show(scene);
        }
    }
}
