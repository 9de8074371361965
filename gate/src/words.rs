//! The lane's words, in Japanese and English (`pages.md` §4), from the Fluent files in `gate/words/`.
//!
//! Both languages are always said: the queue reads the screen too, and the page only chooses which one is larger.

mod jst;
mod line;
#[cfg(test)]
mod tests;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentError, FluentResource, FluentValue};
use kido_shared::clock::Timestamp;
use unic_langid::LanguageIdentifier;

use crate::screen::Screen;
use jst::WallTime;
use line::{Fill, Line};

const JAPANESE: &str = include_str!("../words/ja.ftl");
const ENGLISH: &str = include_str!("../words/en.ftl");

/// Why a word file is refused. The files are compiled in: the fault is the program's, never the operator's.
#[derive(Debug, thiserror::Error)]
pub enum WordsError {
    /// It is not Fluent.
    #[error("the word file for {language} does not parse")]
    Syntax {
        /// Which one.
        language: &'static str,
    },
    /// A key stands in it twice.
    #[error("the word file for {language} has a key twice")]
    Twice {
        /// Which one.
        language: &'static str,
    },
}

/// The same sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Bilingual {
    /// Plain Japanese.
    pub ja: String,
    /// Plain English.
    pub en: String,
}

/// What a screen says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The one sentence.
    pub sentence: Bilingual,
    /// The smaller line under it, where something else is to be known or done.
    pub hint: Option<Bilingual>,
}

/// Both word files, parsed.
pub struct Words {
    ja: Catalogue,
    en: Catalogue,
}

impl core::fmt::Debug for Words {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Words(ja, en)")
    }
}

impl Words {
    /// The words that are compiled in.
    ///
    /// # Errors
    /// [`WordsError`] where a word file was broken when the program was built.
    pub fn compiled_in() -> Result<Self, WordsError> {
        let ja = Catalogue::parse("ja", JAPANESE)?;
        let en = Catalogue::parse("en", ENGLISH)?;
        Ok(Self { ja, en })
    }

    /// What a screen says at this moment: a time of another day carries its date.
    #[must_use]
    pub fn say(&self, screen: &Screen, now: Timestamp) -> Said {
        Said {
            sentence: self.both(&line::sentence(screen), now),
            hint: line::hint(screen).map(|hint| self.both(&hint, now)),
        }
    }

    /// What stands on every screen of an event at which nobody really enters.
    #[must_use]
    pub fn rehearsal(&self) -> Bilingual {
        self.both(&Line::plain("rehearsal"), Timestamp::default())
    }

    fn both(&self, line: &Line, now: Timestamp) -> Bilingual {
        Bilingual { ja: self.ja.text(line, now), en: self.en.text(line, now) }
    }
}

/// One language.
struct Catalogue(FluentBundle<FluentResource>);

impl Catalogue {
    fn parse(language: &'static str, source: &str) -> Result<Self, WordsError> {
        let syntax = WordsError::Syntax { language };
        let Ok(identifier) = language.parse::<LanguageIdentifier>() else { return Err(syntax) };
        let Ok(resource) = FluentResource::try_new(source.to_owned()) else { return Err(syntax) };
        let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
        // Both languages run left to right, and the marks would reach a terminal as noise.
        bundle.set_use_isolating(false);
        match bundle.add_resource(resource) {
            Ok(()) => Ok(Self(bundle)),
            Err(_overriding) => Err(WordsError::Twice { language }),
        }
    }

    fn text(&self, line: &Line, now: Timestamp) -> String {
        let mut fills = FluentArgs::new();
        for (name, fill) in &line.fills {
            fills.set(*name, self.value(fill, now));
        }
        let mut errors = Vec::new();
        let text = self.format(line.key, &fills, &mut errors).unwrap_or_else(|| line.key.to_owned());
        if !errors.is_empty() {
            tracing::error!(key = line.key, "a sentence of the lane is incomplete");
        }
        text
    }

    /// A sentence, as far as it can be made; nothing where there is none of that name.
    fn format(&self, key: &str, fills: &FluentArgs<'_>, errors: &mut Vec<FluentError>) -> Option<String> {
        let pattern = self.0.get_message(key)?.value()?;
        Some(self.0.format_pattern(pattern, Some(fills), errors).into_owned())
    }

    fn value(&self, fill: &Fill, now: Timestamp) -> FluentValue<'static> {
        match fill {
            Fill::Text(text) => text.clone().into(),
            Fill::Count(count) => (*count).into(),
            Fill::Time(moment) => self.time(WallTime::of(*moment), WallTime::of(now)).into(),
        }
    }

    /// `HH:MM`, with the date where it is not today's: *from 17:00* must not bring anybody here on the wrong day.
    fn time(&self, moment: WallTime, today: WallTime) -> String {
        if moment.is_same_day(today) {
            return moment.clock();
        }
        let (month, day) = moment.month_and_day();
        let mut fills = FluentArgs::new();
        fills.set("month", month);
        fills.set("day", day);
        fills.set("clock", moment.clock());
        self.format("another-day", &fills, &mut Vec::new()).unwrap_or_else(|| moment.clock())
    }
}
