//! A tap, answer by answer.

use super::*;
use crate::apdu::{ApduError, StatusWord};
use crate::refusal::Refusal;

fn refused(instruction: Instruction, status: u16) -> CardError {
    CardError::Refused { instruction, status: StatusWord::new(status) }
}

/// The answers of a card without faults.
fn faultless() -> Vec<Vec<u8>> {
    vec![answer(0, 0x9000), answer(256, 0x9000), answer(0, 0x63C3), answer(0, 0x9000), answer(256, 0x9000)]
}

/// The faultless tap up to some command, and then this answer.
fn tap_with(at: usize, last: Vec<u8>) -> Trace {
    let mut answers = faultless();
    answers.truncate(at);
    answers.push(last);
    tap(&answers)
}

#[test]
fn a_faultless_tap_is_five_commands_and_612_bytes() {
    let trace = tap(&faultless());
    assert_eq!(trace.end, Ok(End::Signed(256)));
    assert_eq!(trace.commands(), [SELECT_APPLICATION, READ_WINDOW, PIN_STATUS, VERIFY, &sign(0x97, 0)]);
    assert_eq!(trace.sent.iter().map(|(_, bytes)| bytes.len()).sum::<usize>(), 90);
    assert_eq!(trace.bytes_both_ways(), 612);
    assert_eq!(trace.asked_pin_at, Some(PinTries::new(3)));
}

#[test]
fn nothing_usable_here_is_two_commands() {
    let trace = run_tap(&mut scripted(&faultless()), false);
    assert_eq!(trace.end, Ok(End::Left));
    assert_eq!(trace.commands(), [SELECT_APPLICATION, READ_WINDOW]);
}

#[test]
fn a_card_without_short_forms_gets_the_select_forms_from_then_on() {
    for status in [0x6A82, 0x6A86, 0x6B00, 0x6D00] {
        let done = answer(0, 0x9000);
        let trace = tap(&[
            done.clone(),
            answer(0, status),
            done.clone(),
            answer(256, 0x9000),
            done.clone(),
            answer(0, 0x63C2),
            done.clone(),
            done.clone(),
            answer(256, 0x9000),
        ]);
        assert_eq!(trace.end, Ok(End::Signed(256)));
        assert_eq!(
            trace.commands(),
            [
                SELECT_APPLICATION,
                READ_WINDOW,
                SELECT_CERTIFICATE,
                READ_WINDOW_SELECTED,
                SELECT_PIN,
                PIN_STATUS_SELECTED,
                VERIFY_SELECTED,
                SELECT_KEY,
                &sign(0x80, 0)
            ]
        );
    }
}

#[test]
fn a_short_form_may_be_unknown_for_the_pin_or_the_key_alone() {
    let done = answer(0, 0x9000);
    let pin_alone = tap(&[
        done.clone(),
        answer(256, 0x9000),
        answer(0, 0x6A86),
        done.clone(),
        answer(0, 0x63C3),
        done.clone(),
        done.clone(),
        answer(256, 0x9000),
    ]);
    assert_eq!(pin_alone.end, Ok(End::Signed(256)));
    assert_eq!(pin_alone.commands()[2..5], [PIN_STATUS, SELECT_PIN, PIN_STATUS_SELECTED]);
    let mut key_alone = faultless();
    key_alone[4] = answer(0, 0x6A86);
    key_alone.extend([done, answer(256, 0x9000)]);
    let key_alone = tap(&key_alone);
    assert_eq!(key_alone.end, Ok(End::Signed(256)));
    assert_eq!(key_alone.commands()[4..], [sign(0x97, 0).as_slice(), SELECT_KEY, &sign(0x80, 0)]);
}

#[test]
fn the_longest_honest_tap_is_twelve_commands() {
    let done = answer(0, 0x9000);
    let trace = tap(&[
        answer(0, 0x6F00),
        done.clone(),
        answer(0, 0x6D00),
        done.clone(),
        answer(0, 0x6100),
        answer(256, 0x9000),
        done.clone(),
        answer(0, 0x63C3),
        done.clone(),
        done,
        answer(100, 0x6104),
        answer(4, 0x9000),
    ]);
    assert_eq!(trace.end, Ok(End::Signed(104)));
    assert_eq!(trace.sent.len(), usize::from(COMMANDS_PER_TAP_MAX));
    assert_eq!(trace.commands()[11], b"\x00\xC0\x00\x00\x04");
}

#[test]
fn the_first_command_alone_is_repeated_after_6f00_and_only_once() {
    let mut answers = faultless();
    answers.insert(0, answer(0, 0x6F00));
    let trace = tap(&answers);
    assert_eq!(trace.commands()[..2], [SELECT_APPLICATION, SELECT_APPLICATION]);
    assert_eq!(trace.end, Ok(End::Signed(256)));
    let twice = tap(&[answer(0, 0x6F00), answer(0, 0x6F00)]);
    assert_eq!(twice.end, Err(refused(Instruction::SelectApplication, 0x6F00)));
    assert_eq!(tap_with(1, answer(0, 0x6F00)).end, Err(refused(Instruction::ReadBinary, 0x6F00)));
}

#[test]
fn a_card_without_the_application_is_no_my_number_card() {
    for status in [0x6A82, 0x6A81, 0x6A86, 0x6D00, 0x6E00, 0x6999] {
        let trace = tap_with(0, answer(0, status));
        assert_eq!(trace.end, Err(CardError::NotMyNumberCard));
        assert_eq!(trace.sent.len(), 1);
    }
    assert_eq!(tap_with(0, answer(0, 0x6985)).end, Err(refused(Instruction::SelectApplication, 0x6985)));
}

#[test]
fn a_phone_is_told_by_wanting_the_pin_before_the_window() {
    assert_eq!(tap_with(1, answer(0, 0x6982)).end, Err(CardError::Phone));
    let after_select = [answer(0, 0x9000), answer(0, 0x6A82), answer(0, 0x9000), answer(0, 0x6982)];
    assert_eq!(tap(&after_select).end, Err(CardError::Phone));
    assert_eq!(tap_with(4, answer(0, 0x6982)).end, Err(refused(Instruction::ComputeSignature, 0x6982)));
}

#[test]
fn a_window_is_256_bytes_or_none() {
    for (last, error) in [
        (answer(255, 0x9000), CardError::WindowIncomplete),
        (answer(0, 0x9000), CardError::WindowIncomplete),
        (answer(0, 0x6C80), CardError::WindowIncomplete),
        (answer(200, 0x6282), refused(Instruction::ReadBinary, 0x6282)),
        (answer(257, 0x9000), CardError::Malformed(ApduError::TooLong { max: 258, got: 259 })),
    ] {
        let trace = tap_with(1, last);
        assert_eq!(trace.end, Err(error));
        assert_eq!(trace.sent.len(), 2);
    }
    let too_much_in_parts = [answer(0, 0x9000), answer(200, 0x6100), answer(57, 0x9000)];
    let error = CardError::Malformed(ApduError::TooLong { max: 256, got: 257 });
    assert_eq!(tap(&too_much_in_parts).end, Err(error));
}

#[test]
fn no_pin_is_asked_where_one_try_or_none_is_left() {
    for (status, error, refusal) in [
        (0x63C1, CardError::TooFewTries(PinTries::new(1)), Refusal::TooFewTries),
        (0x63C0, CardError::PinLocked, Refusal::PinLocked),
        (0x6984, CardError::PinLocked, Refusal::PinLocked),
        (0x6983, CardError::PinLocked, Refusal::PinLocked),
        (0x6A88, CardError::NoPin, Refusal::NoPin),
        (0x6985, CardError::NoPin, Refusal::NoPin),
        (0x9000, CardError::VerifiedWithoutUs, Refusal::Unreadable),
        (0x6300, refused(Instruction::PinStatus, 0x6300), Refusal::Unreadable),
        (0x63B3, refused(Instruction::PinStatus, 0x63B3), Refusal::Unreadable),
    ] {
        let trace = tap_with(2, answer(0, status));
        assert_eq!(trace.end, Err(error), "{status:04X}");
        assert_eq!(trace.asked_pin_at, None);
        assert_eq!(trace.sent.len(), 3);
        assert_eq!(error.refusal(), refusal);
    }
    let mut two = faultless();
    two[2] = answer(0, 0x63C2);
    let two = tap(&two);
    assert_eq!(two.end, Ok(End::Signed(256)));
    assert_eq!(two.asked_pin_at, Some(PinTries::new(2)));
}

#[test]
fn a_card_that_knows_no_pin_file_has_no_pin() {
    let short = [answer(0, 0x9000), answer(256, 0x9000), answer(0, 0x6A82)];
    for last in [vec![answer(0, 0x6A82)], vec![answer(0, 0x9000), answer(0, 0x6A82)]] {
        let trace = tap(&[short.as_slice(), &last].concat());
        assert_eq!(trace.end, Err(CardError::NoPin));
        assert_eq!(trace.asked_pin_at, None);
    }
}

#[test]
fn a_wrong_pin_is_reported_and_never_tried_again() {
    for (status, error) in [
        (0x63C2, CardError::WrongPin(PinTries::new(2))),
        (0x63C1, CardError::WrongPin(PinTries::new(1))),
        (0x63C0, CardError::PinLocked),
        (0x6984, CardError::PinLocked),
        (0x6983, CardError::PinLocked),
        (0x6300, refused(Instruction::Verify, 0x6300)),
        (0x6A86, refused(Instruction::Verify, 0x6A86)),
        (0x6F00, refused(Instruction::Verify, 0x6F00)),
        (0x6C00, refused(Instruction::Verify, 0x6C00)),
        (0x6110, refused(Instruction::Verify, 0x6110)),
    ] {
        let trace = tap_with(3, answer(0, status));
        assert_eq!(trace.end, Err(error), "{status:04X}");
        assert_eq!(trace.sent.len(), 4);
    }
    assert_eq!(CardError::WrongPin(PinTries::new(2)).refusal(), Refusal::WrongPin(PinTries::new(2)));
}

#[test]
fn a_pin_that_nobody_finished_at_the_reader_is_no_wrong_pin() {
    for (status, error) in [
        (0x6400, CardError::PinNotEntered),
        (0x6401, CardError::PinNotEntered),
        (0x6403, CardError::PinNotEntered),
        (0x63C2, CardError::WrongPin(PinTries::new(2))),
        (0x63C0, CardError::PinLocked),
        (0x6983, CardError::PinLocked),
        (0x6B80, refused(Instruction::VerifyAtReader, 0x6B80)),
    ] {
        let mut answers = faultless();
        answers[3] = answer(0, status);
        let trace = run_tap_at_reader(&mut scripted(&answers), true);
        assert_eq!((trace.end, trace.sent.len()), (Err(error), 4), "{status:04X}");
    }
    assert_eq!(CardError::PinNotEntered.refusal(), Refusal::PinNotEntered);
    let typed_here = tap_with(3, answer(0, 0x6401)).end;
    assert_eq!(typed_here, Err(refused(Instruction::Verify, 0x6401)), "a card that says so was not asked by a reader");
}

#[test]
fn a_pin_taken_at_the_reader_leads_to_the_same_signature() {
    let trace = run_tap_at_reader(&mut scripted(&faultless()), true);
    assert_eq!(trace.end, Ok(End::Signed(256)));
    assert_eq!(trace.sent[3].0, Instruction::VerifyAtReader);
    assert!(trace.commands().iter().all(|bytes| !bytes.windows(4).any(|part| part == PIN.as_bytes())));
}

#[test]
fn a_card_torn_out_at_any_command_has_left() {
    for at in 0..5 {
        let trace = tap_with(at, Vec::new());
        assert_eq!(trace.end, Err(CardError::Torn), "at command {at}");
        assert_eq!(trace.sent.len(), at + 1);
    }
    assert_eq!(CardError::Torn.refusal(), Refusal::CardLeft);
}

#[test]
fn a_half_status_word_is_malformed() {
    assert_eq!(tap_with(0, vec![0x90]).end, Err(CardError::Malformed(ApduError::TooShort)));
}

#[test]
fn a_card_may_correct_the_length_of_its_signature() {
    let mut answers = faultless();
    answers[4] = answer(0, 0x6C67);
    answers.push(answer(103, 0x9000));
    let trace = tap(&answers);
    assert_eq!(trace.end, Ok(End::Signed(103)));
    assert_eq!(trace.commands()[4..], [sign(0x97, 0), sign(0x97, 0x67)]);
}

#[test]
fn a_third_answer_in_parts_ends_the_tap() {
    let mut answers = faultless();
    answers[4] = answer(10, 0x610A);
    answers.extend([answer(10, 0x610A), answer(10, 0x610A)]);
    let trace = tap(&answers);
    assert_eq!(trace.end, Err(CardError::TooManyCommands));
    assert_eq!(trace.sent.len(), 7);
}

#[test]
fn a_refused_get_response_is_no_unknown_short_form() {
    for status in [0x6D00, 0x6C04] {
        let trace = tap(&[answer(0, 0x9000), answer(0, 0x6100), answer(0, status)]);
        assert_eq!(trace.end, Err(refused(Instruction::GetResponse, status)));
    }
}

#[test]
fn an_empty_signature_is_none() {
    assert_eq!(tap_with(4, answer(0, 0x9000)).end, Err(CardError::SignatureLength));
}

#[test]
fn the_pin_stands_in_the_verify_command_and_nowhere_else() {
    let trace = tap(&faultless());
    let with_pin = trace.commands().iter().filter(|bytes| bytes.windows(4).any(|part| part == PIN.as_bytes())).count();
    assert_eq!(with_pin, 1);
    for text in &trace.printed {
        let shown = [PIN, "37333931", "55, 51, 57, 49", "A5", "165", "a5"].iter().find(|form| text.contains(**form));
        assert_eq!(shown, None, "{text}");
    }
    assert!(trace.printed.iter().any(|text| text.contains("Window(KeyWindow(..), ExpectTries(..))")));
    assert!(trace.printed.iter().any(|text| text.contains("Done(CardSignature(..))")));
}
