//! What a line means, and that lines meet the screens that asked for them.

use std::io::Write as _;
use std::os::fd::OwnedFd;

use kido_shared::card::PinTries;
use kido_shared::clock::Timestamp;
use kido_shared::refusal::Refusal;

use super::*;
use crate::display::{Display, LaneSign, TypedInputs, display};
use crate::screen::{Notice, Screen};
use crate::words::Words;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_338_120);

fn lane() -> (Display, Viewer, TypedInputs) {
    let words = Words::compiled_in().unwrap();
    let rehearsal = Some(words.rehearsal());
    let sign = LaneSign { event: "木戸の会".to_owned(), entrance: "B".to_owned(), lane: "3".to_owned(), rehearsal };
    display(words, sign, &Screen::Idle, NOW)
}

#[test]
fn a_line_means_what_its_screen_asks() {
    assert!(matches!(typed(Asks::Pin, "1234"), Some(Typed::Pin(_))));
    assert!(matches!(typed(Asks::Pin, ""), Some(Typed::Cancel)));
    assert!(matches!(typed(Asks::Party { most: 3 }, "2"), Some(Typed::Party(2))));
    for (asks, line) in [(Asks::Pin, "12345"), (Asks::Pin, "12 4"), (Asks::Party { most: 3 }, "two")] {
        assert!(typed(asks, line).is_none(), "{line}");
    }
    assert!(typed(Asks::Nothing, "1234").is_none());
}

#[tokio::test]
async fn a_screen_is_drawn_in_both_languages_with_its_code() {
    let (display, viewer, _typed) = lane();
    display.show(&Screen::Refused(Notice::before_proof(&Refusal::Suspended, true)), NOW);
    drop(display);
    let mut out = Vec::new();
    draw(viewer, &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    for part in ["B · 3", "係員の いる 窓口へ", "Please go to the help desk", "[10]", "リハーサル", "take your card"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn each_screen_that_asks_takes_one_line_of_standard_input() {
    let (read, write) = rustix::pipe::pipe().unwrap();
    std::fs::File::from(write).write_all(b"1234\n\n").unwrap();
    let (display, viewer, mut typed) = lane();
    let _keyboard = Keyboard::start(read, Source::Lines, viewer).unwrap();
    display.show(&Screen::AskPin(PinTries::new(3)), NOW);
    assert!(matches!(typed.next().await, Some(Typed::Pin(_))));
    display.show(&Screen::Proving, NOW);
    display.show(&Screen::AskPin(PinTries::new(3)), NOW);
    assert!(matches!(typed.next().await, Some(Typed::Cancel)));
}

#[tokio::test]
async fn a_pipe_is_no_terminal() {
    let (read, _write) = rustix::pipe::pipe().unwrap();
    let (_display, viewer, _typed) = lane();
    let input: OwnedFd = read;
    let refused = Keyboard::start(input, Source::Terminal, viewer).unwrap_err();
    assert!(matches!(refused, KeyboardError::NoTerminal));
}
