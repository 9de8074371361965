//! Sentences in Japanese and English, from Fluent files that are compiled in.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentError, FluentResource};
use unic_langid::LanguageIdentifier;

use crate::language::Language;

pub use fluent_bundle::FluentValue;

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

/// The word files of one program, parsed.
pub struct Dictionary {
    ja: Catalogue,
    en: Catalogue,
}

impl core::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Dictionary(ja, en)")
    }
}

impl Dictionary {
    /// Parses both files; several sources of one language are one dictionary.
    ///
    /// # Errors
    /// [`WordsError`] where one was broken when the program was built.
    pub fn parse(ja: &[&str], en: &[&str]) -> Result<Self, WordsError> {
        Ok(Self { ja: Catalogue::parse(Language::Ja, ja)?, en: Catalogue::parse(Language::En, en)? })
    }

    /// One language of it.
    #[must_use]
    pub const fn speak(&self, language: Language) -> Speech<'_> {
        let catalogue = match language {
            Language::Ja => &self.ja,
            Language::En => &self.en,
        };
        Speech { language, catalogue }
    }

    /// Keys that only one of the two languages has: empty in a program that is complete. For its test.
    #[must_use]
    pub fn keys_without_a_pair(&self) -> Vec<String> {
        let (ja, en) = (self.ja.keys(), self.en.keys());
        let lonely = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter().filter(|key| !other.contains(key)).cloned().collect()
        };
        [lonely(&ja, &en), lonely(&en, &ja)].concat()
    }
}

/// A dictionary opened at one language: what a template holds.
#[derive(Clone, Copy)]
pub struct Speech<'d> {
    language: Language,
    catalogue: &'d Catalogue,
}

impl core::fmt::Debug for Speech<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Speech({})", self.language.tag())
    }
}

impl Speech<'_> {
    /// Which language.
    #[must_use]
    pub const fn language(&self) -> Language {
        self.language
    }

    /// Whether there is a sentence of this key: for what is said in general words where it has none of its own.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.catalogue.bundle.has_message(key)
    }

    /// A sentence without gaps. A key that is missing is shown itself, and logged: no page fails for a word.
    #[must_use]
    pub fn say(&self, key: &str) -> String {
        self.catalogue.text(key, &FluentArgs::new())
    }

    /// A sentence with its gaps filled.
    #[must_use]
    pub fn say_with(&self, key: &str, fills: &[(&str, FluentValue<'_>)]) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in fills {
            args.set(*name, value.clone());
        }
        self.catalogue.text(key, &args)
    }

    /// A sentence with one gap, filled with text.
    #[must_use]
    pub fn say_of(&self, key: &str, name: &str, text: &str) -> String {
        self.say_with(key, &[(name, text.into())])
    }

    /// A sentence with one gap, filled with a number.
    #[must_use]
    pub fn say_count(&self, key: &str, name: &str, count: u64) -> String {
        self.say_with(key, &[(name, count.into())])
    }
}

/// One language.
struct Catalogue {
    bundle: FluentBundle<FluentResource>,
    keys: Vec<String>,
}

impl Catalogue {
    fn parse(language: Language, sources: &[&str]) -> Result<Self, WordsError> {
        let language = language.tag();
        let syntax = || WordsError::Syntax { language };
        let Ok(identifier) = language.parse::<LanguageIdentifier>() else { return Err(syntax()) };
        let mut bundle = FluentBundle::new_concurrent(vec![identifier]);
        // Both languages run left to right, and the marks would reach a terminal as noise.
        bundle.set_use_isolating(false);
        let mut keys = Vec::new();
        for source in sources {
            keys.extend(source.lines().filter_map(key_of).map(str::to_owned));
            let Ok(resource) = FluentResource::try_new((*source).to_owned()) else { return Err(syntax()) };
            bundle.add_resource(resource).map_err(|_overriding| WordsError::Twice { language })?;
        }
        Ok(Self { bundle, keys })
    }

    fn keys(&self) -> Vec<String> {
        self.keys.clone()
    }

    fn text(&self, key: &str, fills: &FluentArgs<'_>) -> String {
        let mut errors = Vec::new();
        let text = self.format(key, fills, &mut errors);
        if text.is_none() || !errors.is_empty() {
            tracing::error!(key, "a sentence is missing or incomplete");
        }
        text.unwrap_or_else(|| key.to_owned())
    }

    fn format(&self, key: &str, fills: &FluentArgs<'_>, errors: &mut Vec<FluentError>) -> Option<String> {
        let pattern = self.bundle.get_message(key)?.value()?;
        Some(self.bundle.format_pattern(pattern, Some(fills), errors).into_owned())
    }
}

/// The key that a line of a word file begins, where it begins one.
fn key_of(line: &str) -> Option<&str> {
    let (key, _pattern) = line.split_once(" =")?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    (key.starts_with(|first: char| first.is_ascii_alphabetic()) && key.chars().all(plain)).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_the_same_sentence() {
        let words = Dictionary::parse(&["hello = こんにちは、{ $who }"], &["hello = Hello, { $who }"]).unwrap();
        assert_eq!(words.speak(Language::Ja).say_of("hello", "who", "A"), "こんにちは、A");
        assert_eq!(words.speak(Language::En).say_of("hello", "who", "A"), "Hello, A");
        assert!(words.keys_without_a_pair().is_empty());
    }

    #[test]
    fn a_missing_sentence_shows_its_key_and_is_found_by_the_pairing() {
        let words = Dictionary::parse(&["a = あ\nb = い"], &["a = A"]).unwrap();
        assert_eq!(words.speak(Language::En).say("b"), "b");
        assert_eq!(words.keys_without_a_pair(), ["b"]);
        assert_eq!(["a", "b"].map(|key| words.speak(Language::En).has(key)), [true, false]);
    }

    #[test]
    fn a_broken_or_repeated_sentence_is_refused() {
        assert!(matches!(Dictionary::parse(&["= x"], &[]), Err(WordsError::Syntax { language: "ja" })));
        assert!(matches!(Dictionary::parse(&[], &["a = 1", "a = 2"]), Err(WordsError::Twice { language: "en" })));
    }
}
