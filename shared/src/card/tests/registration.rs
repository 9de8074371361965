//! A registration, answer by answer.

use super::*;
use crate::apdu::{ApduError, StatusWord};

/// A file that begins with a certificate of so many bytes, all told, and goes on behind it.
fn file(certificate_bytes: u16, behind: usize) -> Vec<u8> {
    let [high, low] = (certificate_bytes - 4).to_be_bytes();
    let mut bytes = vec![0x30, 0x82, high, low];
    bytes.extend((4..certificate_bytes).map(|at| u8::try_from(at % 251).unwrap()));
    bytes.extend(vec![0xFF; behind]);
    bytes
}

/// A card with this file that gives at most so many bytes in one answer, knows all short forms and signs.
fn card_with(file: Vec<u8>, bytes_per_answer: usize) -> impl FnMut(&CommandApdu) -> Vec<u8> {
    move |command| match (command.instruction(), command.as_bytes()) {
        (Instruction::ReadBinary, [_, _, high, low, _expected]) => {
            let offset = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(rest) = file.get(offset..).filter(|rest| !rest.is_empty()) else {
                return answer(0, 0x6B00);
            };
            let part = &rest[..rest.len().min(256).min(bytes_per_answer)];
            [part, &[0x90, 0x00]].concat()
        }
        (Instruction::PinStatus, _) => answer(0, 0x63C3),
        (Instruction::ComputeSignature, _) => answer(256, 0x9000),
        _select_or_verify => answer(0, 0x9000),
    }
}

/// The certificate that a card with this file shows.
fn certificate(card: &mut Card<'_>) -> Vec<u8> {
    let (mut command, mut session) = RegistrationSession::begin();
    loop {
        let command_apdu = CommandApdu::from(command);
        let response = ResponseApdu::parse(&card(&command_apdu), &command_apdu).unwrap();
        match session.advance(&response).unwrap() {
            RegistrationStep::Transmit(next, rest) => (command, session) = (next, rest),
            RegistrationStep::Certificate(certificate, _) => return certificate.as_ref().to_vec(),
            other @ (RegistrationStep::AskPin(..) | RegistrationStep::Done(_)) => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_certificate_is_read_whole_and_nothing_behind_it() {
    for (length, behind) in [(1_590, 0), (1_590, 300), (1_536, 0), (1_536, 1), (512, 0), (4_096, 0), (4_096, 512)] {
        let file = file(length, behind);
        let read = certificate(&mut card_with(file.clone(), 256));
        assert_eq!(read, file[..usize::from(length)]);
    }
}

#[test]
fn a_registration_reads_the_certificate_and_then_goes_on_as_a_tap_does() {
    let trace = run_registration(&mut card_with(file(1_590, 0), 256), true);
    assert_eq!(trace.end, Ok(End::Signed(256)));
    let reads: [&[u8]; 7] = [
        b"\x00\xB0\x00\x00\x00",
        b"\x00\xB0\x01\x00\x00",
        b"\x00\xB0\x02\x00\x00",
        b"\x00\xB0\x03\x00\x00",
        b"\x00\xB0\x04\x00\x00",
        b"\x00\xB0\x05\x00\x00",
        b"\x00\xB0\x06\x00\x00",
    ];
    let sign = sign(0x97, 0);
    let rest: [&[u8]; 3] = [PIN_STATUS, VERIFY, &sign];
    assert_eq!(trace.commands(), [&[SELECT_APPLICATION, SELECT_CERTIFICATE], reads.as_slice(), &rest].concat());
}

#[test]
fn a_card_that_gives_less_at_a_time_is_asked_where_it_stopped() {
    let file = file(1_590, 0);
    assert_eq!(certificate(&mut card_with(file.clone(), 231)), file);
}

#[test]
fn a_card_that_gives_a_byte_at_a_time_is_left() {
    let trace = run_registration(&mut card_with(file(4_096, 0), 1), true);
    // The header takes four bytes: with less there is no certificate to be seen.
    assert_eq!(trace.end, Err(CardError::NotACertificate));
    let trace = run_registration(&mut card_with(file(4_096, 0), 4), true);
    assert_eq!(trace.end, Err(CardError::TooManyCommands));
    assert!(trace.sent.len() <= usize::from(COMMANDS_PER_REGISTRATION_MAX));
}

#[test]
fn a_certificate_that_ends_too_early_is_refused() {
    let mut short = file(1_590, 0);
    short.truncate(700);
    let trace = run_registration(&mut card_with(short, 256), true);
    let at_the_end = CardError::Refused { instruction: Instruction::ReadBinary, status: StatusWord::new(0x6B00) };
    assert_eq!(trace.end, Err(at_the_end));
    let done = answer(0, 0x9000);
    assert_eq!(registration(&[done.clone(), done.clone(), done]).end, Err(CardError::CertificateIncomplete));
}

#[test]
fn what_does_not_begin_like_a_certificate_is_read_no_further() {
    let part = |head: &[u8]| [head, &vec![0; 256 - head.len()], &[0x90, 0x00]].concat();
    for (head, error) in [
        (b"\x30\x82\x0F\xFD".as_slice(), CardError::CertificateTooLarge),
        (b"\x30\x82\xFF\xFF", CardError::CertificateTooLarge),
        (b"\x30\x83\x01\x00\x00", CardError::CertificateTooLarge),
        (b"\x30\x84\x7F\xFF\xFF\xFF", CardError::CertificateTooLarge),
        (b"\x30\x80\x00\x00", CardError::NotACertificate),
        (b"\x30\x81\xFF\x00", CardError::NotACertificate),
        (b"\x30\x82\x00\x10", CardError::NotACertificate),
        (b"\xFF\xFF\xFF\xFF", CardError::NotACertificate),
        (b"", CardError::NotACertificate),
    ] {
        let trace = registration(&[answer(0, 0x9000), answer(0, 0x9000), part(head)]);
        assert_eq!(trace.end, Err(error), "{head:02X?}");
        assert_eq!(trace.sent.len(), 3);
    }
    let long = registration(&[answer(0, 0x9000), answer(0, 0x9000), answer(300, 0x9000)]);
    assert_eq!(long.end, Err(CardError::Malformed(ApduError::TooLong { max: 258, got: 302 })));
}

#[test]
fn a_reader_may_ask_for_the_exact_length_of_the_last_part() {
    let file = file(600, 0);
    let mut inner = card_with(file.clone(), 256);
    let mut card = |command: &CommandApdu| match command.as_bytes() {
        [0x00, 0xB0, 0x02, 0x00, 0x00] => answer(0, 0x6C58),
        _other => inner(command),
    };
    assert_eq!(certificate(&mut card), file);
}

#[test]
fn a_phone_is_told_by_wanting_the_pin_before_the_certificate() {
    let done = answer(0, 0x9000);
    assert_eq!(registration(&[done.clone(), done, answer(0, 0x6982)]).end, Err(CardError::Phone));
}

#[test]
fn a_registration_too_asks_no_pin_where_one_try_is_left() {
    let mut inner = card_with(file(1_590, 0), 256);
    let mut card = |command: &CommandApdu| match command.as_bytes() {
        PIN_STATUS => answer(0, 0x63C1),
        _other => inner(command),
    };
    let trace = run_registration(&mut card, true);
    assert_eq!(trace.end, Err(CardError::TooFewTries(PinTries::new(1))));
    assert_eq!(trace.asked_pin_at, None);
}

#[test]
fn the_longest_honest_registration_fits() {
    let mut inner = card_with(file(4_096, 0), 256);
    let mut selects = 0;
    let mut parts = 0;
    let mut card = |command: &CommandApdu| match (command.instruction(), command.as_bytes()) {
        (Instruction::SelectApplication, _) => {
            selects += 1;
            answer(0, if selects == 1 { 0x6F00 } else { 0x9000 })
        }
        (Instruction::PinStatus, PIN_STATUS) => answer(0, 0x6A86),
        (Instruction::ComputeSignature, _) => answer(100, 0x6164),
        (Instruction::GetResponse, _) => {
            parts += 1;
            answer(50, if parts == 1 { 0x6132 } else { 0x9000 })
        }
        _other => inner(command),
    };
    let trace = run_registration(&mut card, true);
    assert_eq!(trace.end, Ok(End::Signed(200)));
    assert_eq!(trace.sent.len(), usize::from(COMMANDS_PER_REGISTRATION_MAX));
}

#[test]
fn nothing_of_a_certificate_is_printed() {
    let trace = run_registration(&mut card_with(file(1_590, 0), 256), true);
    assert!(trace.printed.iter().any(|text| text.contains("CertificateDer(..)")));
    let longest = trace.printed.iter().map(String::len).max();
    assert!(longest < Some(100), "a certificate would not fit");
}
