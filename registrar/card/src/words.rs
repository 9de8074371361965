//! What is said to the person, in plain Japanese or plain English, from the Fluent files in `words/`.

use core::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use kido_shared::clock::Timestamp;
use time::{OffsetDateTime, UtcOffset};
use unic_langid::LanguageIdentifier;

const JAPANESE: &str = include_str!("../words/ja.ftl");
const ENGLISH: &str = include_str!("../words/en.ftl");

/// Longest text from outside that is shown: a registrar's sentence, or the names of a few readers.
const TEXT_CHARACTERS_MAX: usize = 600;

/// A language that everything is there in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// Plain Japanese.
    Ja,
    /// Plain English.
    En,
}

impl Language {
    /// The language of a locale such as `ja_JP.UTF-8`; English for everyone else.
    pub(crate) fn of_locale(locale: &str) -> Self {
        if locale.starts_with("ja") { Self::Ja } else { Self::En }
    }

    const fn source(self) -> (&'static str, &'static str) {
        match self {
            Self::Ja => ("ja", JAPANESE),
            Self::En => ("en", ENGLISH),
        }
    }
}

/// One sentence before any language has put it into words: a key of the word files and what fills its gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) key: &'static str,
    pub(crate) fills: Vec<(&'static str, Fill)>,
}

/// What fills a gap of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fill {
    /// A text, already harmless.
    Text(Harmless),
    /// A small number.
    Count(u8),
    /// A moment, shown as in Japan.
    Time(Timestamp),
}

impl Fill {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(Harmless::of(text))
    }
}

/// A text from outside that can neither move the cursor, nor break a line, nor turn the reading direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Harmless(String);

impl Harmless {
    pub(crate) fn of(text: &str) -> Self {
        let shown = text.chars().take(TEXT_CHARACTERS_MAX);
        Self(shown.map(|c| if is_harmful(c) { ' ' } else { c }).collect())
    }

    #[cfg(test)]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters, separators of lines, and marks without width or that turn the reading direction.
fn is_harmful(c: char) -> bool {
    let invisible =
        matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
    c.is_control() || invisible
}

impl Line {
    pub(crate) const fn plain(key: &'static str) -> Self {
        Self { key, fills: Vec::new() }
    }

    pub(crate) fn with(key: &'static str, name: &'static str, fill: Fill) -> Self {
        Self { key, fills: vec![(name, fill)] }
    }

    pub(crate) fn and(mut self, name: &'static str, fill: Fill) -> Self {
        self.fills.push((name, fill));
        self
    }
}

/// Why a word file is refused. The files are compiled in: the fault is the program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the word file does not parse or has a key twice")]
pub(crate) struct WordsError;

/// One language's words.
pub(crate) struct Words(FluentBundle<FluentResource>);

impl Words {
    pub(crate) fn compiled_in(language: Language) -> Result<Self, WordsError> {
        let (language, source) = language.source();
        let language: LanguageIdentifier = language.parse().map_err(|_no_language| WordsError)?;
        let resource = FluentResource::try_new(source.to_owned()).map_err(|_with_parts| WordsError)?;
        let mut bundle = FluentBundle::new_concurrent(vec![language]);
        // Both languages run left to right, and the marks would reach a terminal as noise.
        bundle.set_use_isolating(false);
        bundle.add_resource(resource).map_err(|_twice| WordsError)?;
        Ok(Self(bundle))
    }

    pub(crate) fn text(&self, line: &Line) -> String {
        let mut fills = FluentArgs::new();
        for (name, fill) in &line.fills {
            fills.set(*name, value(fill));
        }
        let mut errors = Vec::new();
        let pattern = self.0.get_message(line.key).and_then(|message| message.value());
        let text = pattern.map(|pattern| self.0.format_pattern(pattern, Some(&fills), &mut errors).into_owned());
        if text.is_none() || !errors.is_empty() {
            tracing::error!(key = line.key, "a sentence is incomplete");
        }
        text.unwrap_or_else(|| line.key.to_owned())
    }
}

fn value(fill: &Fill) -> FluentValue<'static> {
    match fill {
        Fill::Text(text) => text.0.clone().into(),
        Fill::Count(count) => (*count).into(),
        Fill::Time(moment) => in_japan(*moment).into(),
    }
}

/// Date and time on a wall in Japan: where the ticket is used, whatever this computer's zone is.
fn in_japan(moment: Timestamp) -> String {
    let japan = UtcOffset::from_hms(9, 0, 0).unwrap_or(UtcOffset::UTC);
    match OffsetDateTime::from_unix_timestamp(moment.unix_seconds()) {
        Ok(utc) => {
            let wall = utc.to_offset(japan);
            let (year, month, day) = (wall.year(), u8::from(wall.month()), wall.day());
            format!("{year}-{month:02}-{day:02} {:02}:{:02} JST", wall.hour(), wall.minute())
        }
        Err(_beyond_any_calendar) => "?".to_owned(),
    }
}

/// Where the person reads: standard output, or standard error where standard output belongs to a program.
///
/// Shared by the dialogue and the card's thread, so that waiting for a card is told as it happens.
pub(crate) struct Voice {
    words: Words,
    sink: Mutex<Box<dyn Write + Send>>,
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Voice(..)")
    }
}

impl Voice {
    pub(crate) fn new(words: Words, sink: Box<dyn Write + Send>) -> Self {
        Self { words, sink: Mutex::new(sink) }
    }

    /// Says one line.
    pub(crate) fn say(&self, line: &Line) {
        self.write(&self.words.text(line), "\n");
    }

    /// Says a line that waits for an answer behind it.
    pub(crate) fn ask(&self, line: &Line) {
        self.write(&self.words.text(line), " ");
    }

    /// Shows a secret that is this person's, on a line of its own; it passes through no copy that is not wiped.
    pub(crate) fn show(&self, secret: &str) {
        self.write(secret, "\n");
    }

    pub(crate) fn text(&self, line: &Line) -> String {
        self.words.text(line)
    }

    fn write(&self, text: &str, end: &str) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let written = sink.write_all(text.as_bytes());
        if let Err(error) = written.and_then(|()| sink.write_all(end.as_bytes())).and_then(|()| sink.flush()) {
            tracing::debug!(kind = ?error.kind(), "nobody reads what is said");
        }
    }
}

#[cfg(test)]
mod tests;
