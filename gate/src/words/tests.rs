//! Every sentence is there in both languages, complete, and said by some screen.

use std::collections::{BTreeMap, BTreeSet};

use kido_shared::card::PinTries;
use kido_shared::ids::GateId;
use kido_shared::refusal::StaffCode;
use kido_shared::ticket::{SeatLabel, Zone};

use super::*;
use crate::screen::tests::every_screen;
use crate::screen::{Door, Notice, NoticeKind, Welcome};

/// 2026-11-22T09:02:00Z: two minutes past six in the evening in Japan.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_338_120);

fn zone() -> Zone {
    Zone::new("B").unwrap()
}

fn refused(kind: NoticeKind) -> Screen {
    Screen::Refused(Notice { kind, code: StaffCode::DESK, take_card: true })
}

fn welcome(seats: &[&str], take_card: bool) -> Screen {
    let seats = seats.iter().map(|seat| SeatLabel::new(seat).unwrap()).collect();
    Screen::Welcome(Welcome { zone: zone(), seats, take_card })
}

/// The keys of a word file and the gaps of each: a text of its own reading, so that Fluent does not judge itself.
fn keys(source: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut current = "";
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.starts_with(' ')) {
            current = key;
            keys.entry(key).or_default();
        }
        for gap in line.split('$').skip(1) {
            let end = gap.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(gap.len());
            keys.get_mut(current).unwrap().insert(&gap[..end]);
        }
    }
    keys
}

#[test]
fn both_languages_have_the_same_sentences_with_the_same_gaps() {
    assert_eq!(keys(JAPANESE), keys(ENGLISH));
    assert_eq!(keys(PAGE_JAPANESE), keys(PAGE_ENGLISH));
    assert!(Words::compiled_in().unwrap().0.keys_without_a_pair().is_empty());
}

#[test]
fn the_page_says_every_word_that_is_there_for_it_and_no_other() {
    let page = include_str!("../kiosk/page/lane.html");
    let said: BTreeSet<&str> = page.split("both(\"").skip(1).map(|rest| &rest[..rest.find('"').unwrap()]).collect();
    let mut written: BTreeSet<&str> = keys(PAGE_JAPANESE).into_keys().collect();
    // A page that hears nothing says so with the lane's own sentence.
    written.insert("lane-closed");
    assert_eq!(said, written);
}

#[test]
fn every_sentence_is_said_by_some_screen_and_filled_as_it_asks() {
    let mut said: BTreeMap<&str, BTreeSet<&str>> =
        BTreeMap::from([("rehearsal", BTreeSet::new()), ("another-day", BTreeSet::from(["month", "day", "clock"]))]);
    for screen in every_screen() {
        for line in [Some(line::sentence(&screen)), line::hint(&screen)].into_iter().flatten() {
            said.insert(line.key, line.fills.iter().map(|(name, _)| *name).collect());
        }
    }
    assert_eq!(said, keys(JAPANESE));
}

#[test]
fn no_sentence_has_a_gap_left() {
    let words = Words::compiled_in().unwrap();
    for screen in every_screen() {
        let Said { sentence, hint } = words.say(&screen, NOW);
        for text in [Some(sentence), hint].into_iter().flatten().flat_map(|both| [both.ja, both.en]) {
            assert!(!text.is_empty() && !text.contains(['{', '$', '\u{2068}']), "{text}");
        }
    }
}

#[test]
fn a_time_is_that_of_a_clock_in_japan_and_another_day_is_named() {
    let words = Words::compiled_in().unwrap();
    let early = refused(NoticeKind::TooEarly(NOW));
    let today = words.say(&early, NOW).sentence;
    assert_eq!(today.ja, "18:02 から 入場できます");
    assert_eq!(today.en, "Doors open for you at 18:02");
    let yesterday = NOW.before(core::time::Duration::from_secs(86_400));
    let tomorrow = words.say(&early, yesterday).sentence;
    assert_eq!(tomorrow.ja, "11月22日 18:02 から 入場できます");
    assert_eq!(tomorrow.en, "Doors open for you at 18:02 on 22 November");
}

#[test]
fn a_welcome_names_zone_and_every_seat() {
    let words = Words::compiled_in().unwrap();
    let said = words.say(&welcome(&["12", "13"], true), NOW);
    assert_eq!(said.sentence.en, "Welcome. B 12, 13");
    assert_eq!(said.sentence.ja, "ようこそ。B 12, 13");
    assert_eq!(said.hint.unwrap().en, "Please take your card");
    assert_eq!(words.say(&welcome(&["12"], false), NOW).hint, None);
}

#[test]
fn who_is_in_already_is_told_by_which_entrance_where_it_is_known() {
    let words = Words::compiled_in().unwrap();
    let already_in = |by| words.say(&refused(NoticeKind::AlreadyIn { at: NOW, by }), NOW).sentence;
    let by = already_in(Door::Entrance(zone()));
    assert_eq!(by.en, "Already entered at 18:02, entrance B. Please go to the help desk");
    assert_eq!(by.ja, "18:02 入口 B で 入場済みです。窓口へ お進みください");
    let somewhere = already_in(Door::Gate(GateId::from_bytes([1; 16])));
    assert_eq!(somewhere.en, "Already entered at 18:02. Please go to the help desk");
}

#[test]
fn one_try_is_one_try() {
    let words = Words::compiled_in().unwrap();
    let wrong = |tries| words.say(&refused(NoticeKind::WrongPin(PinTries::new(tries))), NOW).sentence.en;
    assert!(wrong(1).contains("1 try left"));
    assert!(wrong(2).contains("2 tries left"));
}
