//! Both languages say everything, and nothing from outside can act on a terminal.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Key and gaps of every sentence of one language.
fn sentences(sources: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut key = String::new();
    for line in sources.iter().flat_map(|source| source.lines()).filter(|line| !line.starts_with('#')) {
        if let Some((name, _text)) = line.split_once(" = ")
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        {
            key = name.to_owned();
            found.entry(key.clone()).or_default();
        }
        for gap in line.split("{ $").skip(1) {
            let name = gap.split([' ', '}']).next().unwrap();
            found.get_mut(&key).unwrap().insert(name.to_owned());
        }
    }
    found
}

/// Every key that the program uses, as it stands in its source.
fn used() -> BTreeSet<String> {
    let sources = [
        include_str!("../dialogue.rs"),
        include_str!("../doctor.rs"),
        include_str!("../news.rs"),
        include_str!("../open.rs"),
        include_str!("../problem.rs"),
        include_str!("../problem/card.rs"),
        include_str!("../problem/reader.rs"),
        include_str!("../problem/registrar.rs"),
        include_str!("../reader.rs"),
        include_str!("../terminal.rs"),
        include_str!("../page/view/wording.rs"),
        include_str!("../../templates/page.html"),
        include_str!("../runtime.rs"),
        include_str!("../status.rs"),
    ];
    let known: BTreeSet<String> = sentences(ENGLISH).into_keys().collect();
    let quoted = sources.iter().flat_map(|source| source.split('"'));
    let troubles = crate::problem::trouble::ALL.iter().flat_map(|trouble| [trouble.heading, trouble.next]);
    quoted.chain(troubles).filter(|text| known.contains(*text)).map(str::to_owned).collect()
}

#[test]
fn every_word_file_parses_and_has_its_pair() {
    let words = Words::compiled_in(Language::En).unwrap();
    assert_eq!(words.dictionary().keys_without_a_pair(), Vec::<String>::new());
}

#[test]
fn both_languages_have_the_same_sentences_with_the_same_gaps() {
    assert_eq!(sentences(JAPANESE), sentences(ENGLISH));
}

#[test]
fn every_sentence_is_said_somewhere() {
    let written: BTreeSet<String> = sentences(ENGLISH).into_keys().collect();
    assert_eq!(used(), written);
}

#[test]
fn every_sentence_is_complete_in_both_languages() {
    for language in [Language::Ja, Language::En] {
        let words = Words::compiled_in(language).unwrap();
        for (key, gaps) in sentences(if language == Language::Ja { JAPANESE } else { ENGLISH }) {
            let key: &'static str = key.leak();
            let fills = gaps.into_iter().map(|gap| (&*gap.leak(), Fill::Count(2))).collect();
            let text = words.text(&Line { key, fills });
            assert!(text != key && !text.contains("{$") && !text.contains("{ $"), "{language:?} {key}: {text}");
        }
    }
}

#[test]
fn times_are_those_of_japan() {
    // 2026-11-22T15:00:00Z
    assert_eq!(in_japan(Timestamp::from_unix_seconds(1_795_359_600)), "2026-11-23 00:00 JST");
    assert_eq!(in_japan(Timestamp::from_unix_ms(i64::MAX)), "?");
}

#[test]
fn one_try_is_singular_and_none_is_locked() {
    let words = Words::compiled_in(Language::En).unwrap();
    let say = |tries| words.text(&Line::with("problem-wrong-pin", "tries", Fill::Count(tries)));
    assert!(say(2).contains("2 tries left"));
    assert!(say(1).contains("1 try left"));
    assert!(say(0).contains("locked now"));
}

proptest! {
    #[test]
    fn a_text_from_outside_can_move_no_cursor_and_break_no_line(text in any::<String>()) {
        let shown = Harmless::of(&text);
        prop_assert!(!shown.as_str().chars().any(is_harmful));
        prop_assert!(shown.as_str().chars().count() <= TEXT_CHARACTERS_MAX);
    }
}
