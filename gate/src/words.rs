//! The lane's words, in Japanese and English (`pages.md` §4), from the Fluent files in `gate/words/`.
//!
//! Both languages are always said: the queue reads the screen too, and the page only chooses which one is larger.

mod jst;
mod line;
#[cfg(test)]
mod tests;

use kido_shared::clock::Timestamp;
use kido_web::language::Language;
use kido_web::words::{Dictionary, FluentValue, Speech};

use crate::screen::Screen;
use jst::WallTime;
use line::{Fill, Line};

pub use kido_web::words::WordsError;

const JAPANESE: &str = include_str!("../words/ja.ftl");
const ENGLISH: &str = include_str!("../words/en.ftl");
const PAGE_JAPANESE: &str = include_str!("../words/page.ja.ftl");
const PAGE_ENGLISH: &str = include_str!("../words/page.en.ftl");

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
#[derive(Debug)]
pub struct Words(Dictionary);

impl Words {
    /// The words that are compiled in.
    ///
    /// # Errors
    /// [`WordsError`] where a word file was broken when the program was built.
    pub fn compiled_in() -> Result<Self, WordsError> {
        Dictionary::parse(&[JAPANESE, PAGE_JAPANESE], &[ENGLISH, PAGE_ENGLISH]).map(Self)
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
        self.plain("rehearsal")
    }

    /// A sentence without gaps, or a word that stands around the sentences.
    #[must_use]
    pub fn plain(&self, key: &'static str) -> Bilingual {
        self.both(&Line::plain(key), Timestamp::default())
    }

    fn both(&self, line: &Line, now: Timestamp) -> Bilingual {
        let say = |language| text(self.0.speak(language), line, now);
        Bilingual { ja: say(Language::Ja), en: say(Language::En) }
    }
}

fn text(speech: Speech<'_>, line: &Line, now: Timestamp) -> String {
    let fills: Vec<_> = line.fills.iter().map(|(name, fill)| (*name, value(speech, fill, now))).collect();
    speech.say_with(line.key, &fills)
}

fn value(speech: Speech<'_>, fill: &Fill, now: Timestamp) -> FluentValue<'static> {
    match fill {
        Fill::Text(text) => text.clone().into(),
        Fill::Count(count) => (*count).into(),
        Fill::Time(moment) => time(speech, WallTime::of(*moment), WallTime::of(now)).into(),
    }
}

/// `HH:MM`, with the date where it is not today's: *from 17:00* must not bring anybody here on the wrong day.
fn time(speech: Speech<'_>, moment: WallTime, today: WallTime) -> String {
    if moment.is_same_day(today) {
        return moment.clock();
    }
    let (month, day) = moment.month_and_day();
    let fills = [("month", month.into()), ("day", day.into()), ("clock", moment.clock().into())];
    speech.say_with("another-day", &fills)
}
