//! When a lane's screen stood before its holder's eyes.
//!
//! Two clocks of the browser tell it. `lane:paint`, which the page measures itself, ends as the second frame of the
//! browser begins: by then the first, with the new screen, was painted. The Element Timing API (W3C) says when its words
//! were *presented*: rastered, put together and handed to the display. Where a browser draws in software, that is later.

use serde_json::Value;

use super::{Browser, BrowserError};

/// Keeps what the browser presents, from now on.
const WATCH: &str = "window.presented = []; \
    new PerformanceObserver((list) => window.presented.push(...list.getEntries())).observe({ type: 'element' });";

/// The newest measure, and when the words of that screen were presented; nothing as long as they were not.
const NEWEST: &str = "const paint = performance.getEntriesByName('lane:paint').at(-1); \
    const words = paint === undefined ? [] : window.presented.filter((word) => word.paintTime >= paint.startTime); \
    return words.length === 0 ? null : [performance.timeOrigin + paint.startTime, paint.duration, \
        Math.max(...words.map((word) => word.presentationTime)) - paint.startTime];";

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

    /// When the screen that stands now was there.
    ///
    /// # Errors
    /// [`BrowserError`], also where it never was.
    pub async fn painted(&self) -> Result<Painted, BrowserError> {
        self.wait("the screen to be painted", &format!("(() => {{ {NEWEST} }})()")).await?;
        let told = self.ask(NEWEST).await?;
        let number = |place: usize| told.get(place).and_then(Value::as_f64).unwrap_or(f64::NAN);
        Ok(Painted { arrived: number(0), painted: number(1), presented: number(2) })
    }
}
