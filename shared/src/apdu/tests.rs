//! The list of commands, written out as bytes without the code that builds them.

use proptest::prelude::*;

use super::*;
use crate::card::Pin;
use crate::card::applet::{Addressing, FileId};
use crate::challenge::MessageDigest;

/// Header, data and end of every command that `protocol.md` §4 and `jpki.md` §1 list.
///
/// Independent of the builder on purpose: a change there has to be made here as well, by hand.
pub(crate) fn is_listed(bytes: &[u8], registration: bool) -> bool {
    const SHA256: [u8; 19] =
        [0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0, 4, 0x20];
    const SHA384: [u8; 19] =
        [0x30, 0x41, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0, 4, 0x30];
    match bytes {
        [0x00, 0xA4, 0x04, 0x0C, 0x0A, aid @ ..] => aid == b"\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01",
        [0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x0A | 0x17 | 0x18] => true,
        [0x00, 0xB0, 0x8A | 0x00, 0xFF, 0x00] if !registration => true,
        [0x00, 0xB0, 0x00..=0x0F, _, _] => registration,
        [0x00, 0x20, 0x00, 0x80 | 0x98] => true,
        [0x00, 0x20, 0x00, 0x80 | 0x98, 0x04, pin @ ..] => pin.len() == 4 && pin.iter().all(u8::is_ascii_digit),
        [0x80, 0x2A, 0x00, 0x80 | 0x97, 51, input @ .., _] => input.len() == 51 && input.starts_with(&SHA256),
        [0x80, 0x2A, 0x00, 0x80 | 0x97, 67, input @ .., _] => input.len() == 67 && input.starts_with(&SHA384),
        [0x00, 0xC0, 0x00, 0x00, _] => true,
        _ => false,
    }
}

fn proof_commands() -> Vec<ProofCommand> {
    let mut commands = vec![ProofCommand::SelectApplication];
    commands.extend([FileId::Certificate, FileId::Pin, FileId::Key].map(ProofCommand::SelectFile));
    for addressing in [Addressing::Short, Addressing::Selected] {
        commands.push(ProofCommand::PinStatus(addressing));
        commands.push(ProofCommand::Verify(addressing, Pin::parse("7391").unwrap()));
        commands.push(ProofCommand::VerifyAtReader(addressing));
        for digest in [MessageDigest::Sha256([0x73; 32]), MessageDigest::Sha384([0x73; 48])] {
            for expected in [ExpectedLength::MAX, ExpectedLength::new(104).unwrap()] {
                commands.push(ProofCommand::ComputeSignature { addressing, digest: digest.clone(), expected });
            }
        }
    }
    for length in [1, 255, 256] {
        commands.push(ProofCommand::GetResponse(ExpectedLength::new(length).unwrap()));
    }
    commands
}

fn tap_commands() -> Vec<TapCommand> {
    let windows = [Addressing::Short, Addressing::Selected].map(TapCommand::read_window);
    proof_commands().into_iter().map(TapCommand::proof).chain(windows).collect()
}

fn registration_commands() -> Vec<RegistrationCommand> {
    let reads = [0, 255, 256, 4_095]
        .map(|offset| RegistrationCommand::read_certificate(FileOffset::new(offset).unwrap(), ExpectedLength::MAX));
    proof_commands().into_iter().map(RegistrationCommand::proof).chain(reads).collect()
}

#[test]
fn the_five_commands_of_a_tap_are_these_bytes() {
    let short = |command| CommandApdu::from(command).as_bytes().to_vec();
    assert_eq!(
        short(TapCommand::proof(ProofCommand::SelectApplication)),
        b"\x00\xA4\x04\x0C\x0A\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01"
    );
    assert_eq!(short(TapCommand::read_window(Addressing::Short)), b"\x00\xB0\x8A\xFF\x00");
    assert_eq!(short(TapCommand::proof(ProofCommand::PinStatus(Addressing::Short))), b"\x00\x20\x00\x98");
    let pin = Pin::parse("1234").unwrap();
    assert_eq!(short(TapCommand::proof(ProofCommand::Verify(Addressing::Short, pin))), b"\x00\x20\x00\x98\x041234");
    let sign = short(TapCommand::proof(ProofCommand::ComputeSignature {
        addressing: Addressing::Short,
        digest: MessageDigest::Sha256([0xAB; 32]),
        expected: ExpectedLength::MAX,
    }));
    assert_eq!(sign[..5], *b"\x80\x2A\x00\x97\x33");
    assert_eq!(sign[24..], [[0xAB; 32].as_slice(), &[0x00]].concat());
    assert_eq!(sign.len(), 57);
}

#[test]
fn every_command_is_listed_and_reads_back_from_the_pipe() {
    for command in tap_commands() {
        let apdu = CommandApdu::from(&command);
        assert!(is_listed(apdu.as_bytes(), false), "{command:?}");
        let read = TapCommand::from_cbor(&command.to_cbor()).unwrap();
        assert_eq!(CommandApdu::from(read).as_bytes(), apdu.as_bytes());
        assert_eq!(command.instruction(), apdu.instruction());
    }
    for command in registration_commands() {
        let apdu = CommandApdu::from(&command);
        assert!(is_listed(apdu.as_bytes(), true), "{command:?}");
        let read = RegistrationCommand::from_cbor(&command.to_cbor()).unwrap();
        assert_eq!(CommandApdu::from(read).as_bytes(), apdu.as_bytes());
        assert_eq!(command.instruction(), apdu.instruction());
    }
}

#[test]
fn only_a_verify_at_the_reader_has_a_form_for_the_reader_and_it_holds_no_pin() {
    for command in tap_commands() {
        let apdu = CommandApdu::from(&command);
        let blank = apdu.blank_verify();
        assert_eq!(blank.is_some(), apdu.instruction() == Instruction::VerifyAtReader, "{command:?}");
        let Some(blank) = blank else { continue };
        assert_eq!(blank[..4], apdu.as_bytes()[..], "the same VERIFY");
        assert!(matches!(blank, [0x00, 0x20, 0x00, 0x80 | 0x98, 0x04, 0xFF, 0xFF, 0xFF, 0xFF]));
    }
}

#[test]
fn a_verify_at_the_reader_that_reached_a_card_would_cost_no_try() {
    for addressing in [Addressing::Short, Addressing::Selected] {
        let at_reader = CommandApdu::from(TapCommand::proof(ProofCommand::VerifyAtReader(addressing)));
        let status = CommandApdu::from(TapCommand::proof(ProofCommand::PinStatus(addressing)));
        assert_eq!(at_reader.as_bytes(), status.as_bytes());
    }
}

#[test]
fn no_encoded_command_outgrows_its_wiped_buffer() {
    for command in tap_commands() {
        assert!(command.to_cbor().capacity() == codec::ENCODED_BYTES_MAX, "{command:?}");
    }
}

#[test]
fn a_gates_reader_cannot_decode_a_read_outside_the_key_window() {
    for offset in [0, 255, 256] {
        let read = RegistrationCommand::read_certificate(FileOffset::new(offset).unwrap(), ExpectedLength::MAX);
        assert_eq!(TapCommand::from_cbor(&read.to_cbor()).unwrap_err(), CommandDecodeError::NotACommand);
    }
}

#[test]
fn an_offset_never_turns_into_a_file_id() {
    assert_eq!(FileOffset::new(4_095).unwrap().get(), 0x0FFF);
    assert!(FileOffset::new(4_096).is_none());
    // [7, 0x8A00, 256]: what `00 B0 8A 00 00` would need.
    let short_id = [0x83, 0x07, 0x19, 0x8A, 0x00, 0x19, 0x01, 0x00];
    assert_eq!(RegistrationCommand::from_cbor(&short_id).unwrap_err(), CommandDecodeError::NotACommand);
}

#[test]
fn a_command_followed_by_anything_is_refused() {
    let mut bytes = TapCommand::proof(ProofCommand::SelectApplication).to_cbor().to_vec();
    bytes.push(0);
    assert_eq!(TapCommand::from_cbor(&bytes).unwrap_err(), CommandDecodeError::TrailingBytes);
}

#[test]
fn nothing_prints_a_pin_or_a_digest() {
    let planted = ["7391", "37333931", "73, 73", "7373", "115", "55, 51"];
    let mut texts: Vec<_> = tap_commands().iter().map(|command| format!("{command:?}")).collect();
    texts.extend(registration_commands().iter().map(|command| format!("{command:?}")));
    texts.extend(tap_commands().iter().map(|command| format!("{:?}", CommandApdu::from(command))));
    let command = CommandApdu::from(TapCommand::read_window(Addressing::Short));
    texts.push(format!("{:?}", ResponseApdu::parse(b"7391ssssssss\x90\x00", &command).unwrap()));
    for text in &texts {
        assert!(planted.iter().all(|planted| !text.contains(planted)), "{text}");
    }
    assert!(texts.contains(&"CommandApdu(VERIFY, 9 bytes)".to_owned()));
    assert!(texts.contains(&"ResponseApdu(12 bytes, 9000)".to_owned()));
}

#[test]
fn an_answer_has_a_status_word_and_no_more_than_was_asked_for() {
    let read = CommandApdu::from(TapCommand::read_window(Addressing::Short));
    let select = CommandApdu::from(TapCommand::proof(ProofCommand::SelectApplication));
    assert_eq!(ResponseApdu::parse(&[], &read).unwrap_err(), ApduError::Empty);
    assert_eq!(ResponseApdu::parse(&[0x90], &read).unwrap_err(), ApduError::TooShort);
    assert_eq!(ResponseApdu::parse(&[0; 258], &read).unwrap().data().len(), 256);
    assert_eq!(ResponseApdu::parse(&[0; 259], &read).unwrap_err(), ApduError::TooLong { max: 258, got: 259 });
    assert_eq!(ResponseApdu::parse(&[0x90, 0x00], &select).unwrap().status(), StatusWord::DONE);
    assert_eq!(ResponseApdu::parse(&[1, 0x90, 0x00], &select).unwrap_err(), ApduError::TooLong { max: 2, got: 3 });
}

proptest! {
    /// Arbitrary bytes, and arbitrary bytes that begin like a command.
    #[test]
    fn bytes_from_a_pipe_give_listed_commands_or_none(
        head in prop::option::of((0x81_u8..=0x85, 0_u8..=8)),
        rest in prop::collection::vec(prop_oneof![0_u8..4, Just(0x44), Just(b'7'), Just(0x19), any::<u8>()], 0..64),
    ) {
        let bytes: Vec<u8> = head.into_iter().flat_map(|(array, kind)| [array, kind]).chain(rest).collect();
        if let Ok(command) = TapCommand::from_cbor(&bytes) {
            prop_assert!(is_listed(CommandApdu::from(command).as_bytes(), false));
        }
        if let Ok(command) = RegistrationCommand::from_cbor(&bytes) {
            prop_assert!(is_listed(CommandApdu::from(command).as_bytes(), true));
        }
    }

    /// One byte of an encoded command changed: still a listed command, or none.
    #[test]
    fn a_changed_command_is_listed_or_none(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte: u8) {
        let commands = tap_commands();
        let mut bytes = which.get(&commands).to_cbor().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(command) = TapCommand::from_cbor(&bytes) {
            prop_assert!(is_listed(CommandApdu::from(command).as_bytes(), false));
        }
    }
}
