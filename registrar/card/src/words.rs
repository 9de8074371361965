//! What is said to the person, in plain Japanese or plain English, from the Fluent files in `words/`.

use core::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use kido_shared::clock::Timestamp;
use kido_web::language::Language;
use kido_web::words::{Dictionary, FluentValue, Speech, WordsError};
use time::{OffsetDateTime, UtcOffset};

const JAPANESE: &[&str] = &[include_str!("../words/ja.ftl"), include_str!("../words/page.ja.ftl")];
const ENGLISH: &[&str] = &[include_str!("../words/en.ftl"), include_str!("../words/page.en.ftl")];

/// Longest text from outside that is shown: a registrar's sentence, or the names of a few readers.
const TEXT_CHARACTERS_MAX: usize = 600;

/// The language of a locale such as `ja_JP.UTF-8`; English for everyone else.
pub(crate) fn language_of_locale(locale: &str) -> Language {
    if locale.starts_with("ja") { Language::Ja } else { Language::En }
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

/// The words of this program, with one of the languages chosen.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    dictionary: Arc<Dictionary>,
    language: Language,
}

impl Words {
    pub(crate) fn compiled_in(language: Language) -> Result<Self, WordsError> {
        Ok(Self { dictionary: Arc::new(Dictionary::parse(JAPANESE, ENGLISH)?), language })
    }

    /// Both languages, for a page that has a switch.
    pub(crate) fn dictionary(&self) -> Arc<Dictionary> {
        Arc::clone(&self.dictionary)
    }

    pub(crate) fn text(&self, line: &Line) -> String {
        say(self.dictionary.speak(self.language), line)
    }
}

/// Puts a sentence into words.
pub(crate) fn say(speech: Speech<'_>, line: &Line) -> String {
    let fills: Vec<_> = line.fills.iter().map(|(name, fill)| (*name, value(fill))).collect();
    speech.say_with(line.key, &fills)
}

fn value(fill: &Fill) -> FluentValue<'static> {
    match fill {
        Fill::Text(text) => text.0.clone().into(),
        Fill::Count(count) => (*count).into(),
        Fill::Time(moment) => in_japan(*moment).into(),
    }
}

/// Date and time on a wall in Japan: where the ticket is used, whatever this computer's zone is.
pub(crate) fn in_japan(moment: Timestamp) -> String {
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

/// Where the person at a terminal reads: standard output, or standard error where standard output belongs to a program.
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

    /// The words of both languages.
    pub(crate) fn dictionary(&self) -> Arc<Dictionary> {
        self.words.dictionary()
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
