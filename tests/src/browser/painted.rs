//! When a lane's screen stood before its holder's eyes.
//!
//! Two clocks of the browser tell it. `lane:paint`, which the page measures itself, ends as the second frame of the
//! browser begins: by then the first, with the new screen, was painted. The Element Timing API (W3C) says when its words
//! were *presented*: rastered, put together and handed to the display. Where a browser draws in software, that is later.

use serde_json::Value;

use super::{Browser, BrowserError};

/// Keeps what the browser paints and presents, from now on. Nobody has to look at the page while it is painted.
const WATCH: &str = "window.presented = []; window.painted = []; \
    new PerformanceObserver((list) => window.presented.push(...list.getEntries())).observe({ type: 'element' }); \
    new PerformanceObserver((list) => window.painted.push(...list.getEntriesByName('lane:paint'))) \
        .observe({ type: 'measure' });";

/// The newest measure of a screen, and when its words were presented; nothing as long as they were not.
const NEWEST: &str = "const paint = window.painted.filter((paint) => paint.detail.screen === 'SCREEN').at(-1); \
    const until = paint === undefined ? 0 : paint.startTime + MOST; \
    const words = paint === undefined ? [] : window.presented \
        .filter((word) => word.paintTime >= paint.startTime && word.paintTime < until); \
    return words.length === 0 ? null : [performance.timeOrigin + paint.startTime, paint.duration, \
        Math.max(...words.map((word) => word.presentationTime)) - paint.startTime];";

/// Words that were painted later than this after a frame's arrival belong to another frame, in milliseconds.
const WORDS_WITHIN_MS: &str = "1_000";

/// When one screen was there. Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Painted {
    /// When its frame arrived at the page, since 1970.
    pub arrived: f64,
    /// From its arrival until it was painted.
    pub painted: f64,
    /// From its arrival until its words were presented.
    pub presented: f64,
}

impl Browser {
    /// Begins to notice when words are presented on the page that is shown.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn watch_painting(&self) -> Result<(), BrowserError> {
        self.ask(WATCH).await.map(|_nothing| ())
    }

    /// When the newest screen of this kind was there.
    ///
    /// # Errors
    /// [`BrowserError`], also where it never was.
    pub async fn painted(&self, screen: &str) -> Result<Painted, BrowserError> {
        let newest = NEWEST.replace("SCREEN", screen).replace("MOST", WORDS_WITHIN_MS);
        self.wait("the screen to be painted", &format!("(() => {{ {newest} }})()")).await?;
        let told = self.ask(&newest).await?;
        let number = |place: usize| told.get(place).and_then(Value::as_f64).unwrap_or(f64::NAN);
        Ok(Painted { arrived: number(0), painted: number(1), presented: number(2) })
    }
}
