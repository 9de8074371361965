//! A reader with keys that does what part 10 says, and readers that do anything else.

use std::collections::BTreeMap;

use kido_shared::apdu::{Instruction, TapCommand};
use proptest::prelude::*;

use super::*;

const VERIFY_CODE: u32 = 0x4233_0006;
const PROPERTIES_CODE: u32 = 0x4233_000A;

/// A driver: its list of features, and an answer for each of its codes.
#[derive(Default)]
struct FakeReader {
    list: Vec<u8>,
    answers: BTreeMap<u32, Vec<u8>>,
    asked: Vec<(u32, Vec<u8>)>,
}

impl FakeReader {
    fn with_keys(display: [u8; 2], verdict: &[u8]) -> Self {
        let list = [feature(0x07, 1), feature(0x06, VERIFY_CODE), feature(0x0A, PROPERTIES_CODE), feature(0x12, 9)];
        let properties = [&display[..], &[0x07, 0x00]].concat();
        let answers = BTreeMap::from([(VERIFY_CODE, verdict.to_vec()), (PROPERTIES_CODE, properties)]);
        Self { list: list.concat(), answers, asked: Vec::new() }
    }

    fn answer(from: Option<&Vec<u8>>, into: &mut [u8]) -> Result<usize, TransmitError> {
        let from = from.ok_or(TransmitError::ReaderFailed)?;
        let into = into.get_mut(..from.len()).ok_or(TransmitError::ReaderFailed)?;
        into.copy_from_slice(from);
        Ok(from.len())
    }
}

impl Control for FakeReader {
    fn list_features(&mut self, answer: &mut [u8]) -> Result<usize, TransmitError> {
        Self::answer(Some(&self.list), answer)
    }

    fn control(&mut self, code: ControlCode, request: &[u8], answer: &mut [u8]) -> Result<usize, TransmitError> {
        self.asked.push((code.get(), request.to_vec()));
        Self::answer(self.answers.get(&code.get()), answer)
    }
}

fn feature(tag: u8, code: u32) -> Vec<u8> {
    [&[tag, 4][..], &code.to_be_bytes()].concat()
}

/// VERIFY at the reader, in its short form.
fn verify_at_reader() -> CommandApdu {
    CommandApdu::from(TapCommand::from_cbor(&[0x82, 8, 0]).unwrap())
}

#[test]
fn a_reader_with_keys_is_asked_once_with_a_blank_verify_and_its_word_comes_back() {
    for verdict in [[0x90, 0x00], [0x63, 0xC2], [0x64, 0x00], [0x64, 0x01], [0x64, 0x03]] {
        let mut reader = FakeReader::with_keys([0, 0], &verdict);
        let pinpad = Pinpad::find(&mut reader).unwrap();
        reader.asked.clear();
        let answer = pinpad.verify(&mut reader, &verify_at_reader()).unwrap();
        assert_eq!(answer.status().get(), u16::from_be_bytes(verdict));
        let [(code, request)] = reader.asked.as_slice() else { panic!("{:?}", reader.asked) };
        assert_eq!(*code, VERIFY_CODE);
        assert!(request.ends_with(&[0x00, 0x20, 0x00, 0x98, 0x04, 0xFF, 0xFF, 0xFF, 0xFF]), "{request:02X?}");
    }
}

#[test]
fn no_other_command_ever_goes_to_a_readers_keys() {
    let mut reader = FakeReader::with_keys([0, 0], &[0x90, 0x00]);
    let pinpad = Pinpad::find(&mut reader).unwrap();
    reader.asked.clear();
    let with_pin = [0x83, 3, 0, 0x44, b'1', b'2', b'3', b'4'];
    for command in [&[0x81, 0][..], &[0x82, 2, 0], &[0x82, 6, 0], &with_pin] {
        let command = CommandApdu::from(TapCommand::from_cbor(command).unwrap());
        assert_ne!(command.instruction(), Instruction::VerifyAtReader);
        assert_eq!(pinpad.verify(&mut reader, &command).unwrap_err(), TransmitError::ReaderFailed);
    }
    assert!(reader.asked.is_empty());
}

#[test]
fn a_reader_without_keys_has_none_however_it_says_so() {
    let cut_short = feature(0x06, VERIFY_CODE)[..5].to_vec();
    let long_code = vec![0x06, 5, 0, 0, 0, 0, 1];
    for list in [Vec::new(), feature(0x12, 7), feature(0x06, 0), cut_short, long_code, vec![0x90, 0x00]] {
        let mut reader = FakeReader { list: list.clone(), ..FakeReader::default() };
        assert_eq!(Pinpad::find(&mut reader), None, "{list:02X?}");
        assert!(reader.asked.is_empty());
    }
    struct Refuses;
    impl Control for Refuses {
        fn list_features(&mut self, _answer: &mut [u8]) -> Result<usize, TransmitError> {
            Err(TransmitError::ReaderFailed)
        }
        fn control(&mut self, _: ControlCode, _: &[u8], _: &mut [u8]) -> Result<usize, TransmitError> {
            panic!("asked without a code")
        }
    }
    assert_eq!(Pinpad::find(&mut Refuses), None);
}

#[test]
fn a_driver_that_claims_more_than_it_wrote_is_not_believed() {
    struct Boaster(usize);
    impl Control for Boaster {
        fn list_features(&mut self, answer: &mut [u8]) -> Result<usize, TransmitError> {
            answer[..6].copy_from_slice(&feature(0x06, 1));
            Ok(self.0)
        }
        fn control(&mut self, _: ControlCode, _: &[u8], _: &mut [u8]) -> Result<usize, TransmitError> {
            Ok(self.0)
        }
    }
    assert_eq!(Pinpad::find(&mut Boaster(usize::MAX)), None);
    let pinpad = Pinpad::find(&mut Boaster(6)).unwrap();
    let refused = pinpad.verify(&mut Boaster(usize::MAX), &verify_at_reader()).unwrap_err();
    assert_eq!(refused, TransmitError::ReaderFailed);
}

#[test]
fn only_a_reader_with_a_display_is_asked_to_prompt() {
    let prompt = |display| {
        let mut reader = FakeReader::with_keys(display, &[0x90, 0x00]);
        let pinpad = Pinpad::find(&mut reader).unwrap();
        pinpad.verify(&mut reader, &verify_at_reader()).unwrap();
        reader.asked.last().unwrap().1[8]
    };
    assert_eq!((prompt([0, 0]), prompt([2, 16])), (0x00, 0xFF));
}

/// Field by field, as the structure stands in part 10; numbers in the machine's order.
#[test]
fn the_structure_has_these_bytes() {
    let blank = verify_at_reader().blank_verify().unwrap();
    let expected = [
        &[20, 10][..],
        &[0x82, 0x04, 0x00],
        &[0x04, 0x04],
        &[0x02, 0x00],
        &0x0411_u16.to_ne_bytes(),
        &[0x00, 0x00, 0x00, 0x00],
        &9_u32.to_ne_bytes(),
        &[0x00, 0x20, 0x00, 0x98, 0x04, 0xFF, 0xFF, 0xFF, 0xFF],
    ];
    assert_eq!(pack_verify(&blank, ReaderDisplay::None).to_vec(), expected.concat());
}

proptest! {
    #[test]
    fn any_list_gives_features_or_an_error_and_comes_back_as_it_was(
        bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..500),
            proptest::collection::vec((any::<u8>(), any::<u32>()), 0..80)
                .prop_map(|entries| entries.into_iter().flat_map(|(tag, code)| feature(tag, code)).collect()),
        ]
    ) {
        match Features::parse(&bytes) {
            Ok(features) => {
                prop_assert!(bytes.len() <= FEATURES_BYTES_MAX);
                prop_assert_eq!(features.to_bytes(), bytes);
            }
            Err(FeatureError::TooLong(length)) => prop_assert!(length == bytes.len() && length > FEATURES_BYTES_MAX),
            Err(FeatureError::CutShort) => prop_assert!(bytes.len() % 6 != 0),
            Err(FeatureError::CodeLength(length)) => prop_assert!(length != 4),
        }
    }

    #[test]
    fn whatever_a_reader_answers_is_a_status_word_or_an_error(answer in proptest::collection::vec(any::<u8>(), 0..20)) {
        let mut reader = FakeReader::with_keys([0, 0], &answer);
        let pinpad = Pinpad::find(&mut reader).unwrap();
        match pinpad.verify(&mut reader, &verify_at_reader()) {
            Ok(response) => prop_assert!(answer.len() == 2 && response.data().is_empty()),
            Err(_) => prop_assert!(answer.len() != 2),
        }
    }
}
