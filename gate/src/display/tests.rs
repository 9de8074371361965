//! Typing reaches the screen it was meant for, or nothing.

use kido_shared::card::PinTries;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_338_120);

fn sign() -> LaneSign {
    LaneSign { event: "木戸の会".to_owned(), entrance: "B".to_owned(), lane: "3".to_owned(), rehearsal: None }
}

fn asking() -> (Display, Viewer, TypedInputs) {
    let words = Words::compiled_in().unwrap();
    display(words, sign(), &Screen::AskPin(PinTries::new(3)), NOW)
}

fn pin() -> Typed {
    Typed::Pin(Pin::parse("1234").unwrap())
}

#[tokio::test]
async fn a_pin_is_taken_while_its_screen_stands() {
    let (_display, viewer, mut typed) = asking();
    assert_eq!(viewer.type_in(viewer.current().number, pin()), Ok(()));
    assert!(matches!(typed.next().await, Some(Typed::Pin(_))));
}

#[tokio::test]
async fn a_pin_typed_for_one_card_never_meets_the_next() {
    let (display, viewer, mut typed) = asking();
    let first = viewer.current().number;
    assert_eq!(viewer.type_in(first, pin()), Ok(()));
    // The card left, and the next one asks before the runtime came round to the pad.
    display.show(&Screen::Idle, NOW);
    display.show(&Screen::AskPin(PinTries::new(3)), NOW);
    assert_eq!(viewer.type_in(first, pin()), Err(NotTaken::NotAsked));
    drop((viewer, display));
    assert!(typed.next().await.is_none());
}

#[test]
fn nothing_is_taken_that_was_not_asked_for() {
    let (display, viewer, _typed) = asking();
    let now_asked = |typed| viewer.type_in(viewer.current().number, typed);
    assert_eq!(now_asked(Typed::Party(1)), Err(NotTaken::NotAsked));
    display.show(&Screen::AskParty { most: 2, passage: kido_shared::challenge::Passage::In }, NOW);
    assert_eq!(now_asked(pin()), Err(NotTaken::NotAsked));
    assert_eq!(now_asked(Typed::Party(0)), Err(NotTaken::NotAsked));
    assert_eq!(now_asked(Typed::Party(3)), Err(NotTaken::NotAsked));
    assert_eq!(now_asked(Typed::Party(2)), Ok(()));
    display.show(&Screen::Proving, NOW);
    assert_eq!(now_asked(Typed::Cancel), Err(NotTaken::NotAsked));
}

#[test]
fn a_notice_is_named_for_programs_as_a_program_names_things() {
    use crate::screen::{Notice, NoticeKind};
    use kido_shared::refusal::Refusal;

    let shown = |kind| {
        let code = Refusal::Unreadable.code();
        let screen = Screen::Refused(Notice { kind, code, take_card: true });
        let (_display, viewer, _typed) = display(Words::compiled_in().unwrap(), sign(), &screen, NOW);
        serde_json::to_value(&*viewer.current()).unwrap()["notice"].clone()
    };
    assert_eq!(shown(NoticeKind::WrongPin(PinTries::new(2))), "wrong_pin");
    assert_eq!(shown(NoticeKind::Desk), "desk");
}

#[test]
fn what_waits_is_bounded() {
    let (_display, viewer, _typed) = asking();
    let number = viewer.current().number;
    for _press in 0..TYPED_WAITING_MAX {
        assert_eq!(viewer.type_in(number, Typed::Cancel), Ok(()));
    }
    assert_eq!(viewer.type_in(number, Typed::Cancel), Err(NotTaken::Busy));
}

#[test]
fn every_screen_of_a_rehearsal_says_so() {
    let words = Words::compiled_in().unwrap();
    let sign = LaneSign { rehearsal: Some(words.rehearsal()), ..sign() };
    let (display, viewer, _typed) = display(words, sign, &Screen::AskPin(PinTries::new(3)), NOW);
    assert_eq!(viewer.current().sign.rehearsal.as_ref().unwrap().en, "Rehearsal: not a real entry");
    display.show(&Screen::Idle, NOW);
    assert!(viewer.current().sign.rehearsal.is_some());
}

#[test]
fn a_frame_is_the_json_that_the_page_reads() {
    let (_display, viewer, _typed) = asking();
    let expected = serde_json::json!({
        "number": 0,
        "sign": { "event": "木戸の会", "entrance": "B", "lane": "3", "rehearsal": null },
        "screen": "ask_pin",
        "tries": 3,
        "look": { "ground": "plain", "picture": "digits", "tone": "none" },
        "sentence": {
            "ja": "数字 4けたの 暗証番号（利用者証明用）を 入力してください",
            "en": "Enter your 4-digit PIN (利用者証明用)",
        },
        "hint": { "ja": "あと 3 回 入力できます", "en": "3 tries left" },
    });
    assert_eq!(serde_json::to_value(&*viewer.current()).unwrap(), expected);
}
