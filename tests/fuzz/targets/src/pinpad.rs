//! A driver's list of features, and a reader's answers to control calls: both are the reader's word (PC/SC part 10).

use kido_reader::TransmitError;
use kido_reader::pinpad::{Control, ControlCode, FEATURES_BYTES_MAX, Feature, Features, Pinpad};
use kido_shared::apdu::{CommandApdu, TapCommand};

/// A list reads as itself or not at all; a reader that answers anything gives a status word or an error.
pub fn run(data: &[u8]) {
    if let Ok(features) = Features::parse(data) {
        assert!(data.len() <= FEATURES_BYTES_MAX, "longer than any list");
        assert_eq!(features.to_bytes(), data, "another list");
        for feature in [Feature::VerifyPinDirect, Feature::PinProperties] {
            assert!(features.code(feature).is_none_or(|code| code.get() != 0), "a code that is none");
        }
    }
    let mut reader = Untrue { list: data, answer: data.get(..data.len() / 2).unwrap_or_default(), asked: 0 };
    let Some(pinpad) = Pinpad::find(&mut reader) else { return };
    assert!(reader.asked <= 1, "only the properties are asked for beside the list");
    reader.answer = data.get(data.len().saturating_sub(data.len() % 5)..).unwrap_or_default();
    let command = TapCommand::from_cbor(&[0x82, 8, 0]).expect("VERIFY at the reader is a command");
    if let Ok(answer) = pinpad.verify(&mut reader, &CommandApdu::from(command)) {
        assert!(answer.data().is_empty(), "a VERIFY has no answer but its status");
    }
    assert!(reader.asked <= 2, "one VERIFY");
}

/// A driver that answers what it likes, and may claim more than it wrote.
struct Untrue<'d> {
    list: &'d [u8],
    answer: &'d [u8],
    asked: usize,
}

fn written(from: &[u8], into: &mut [u8]) -> usize {
    for (place, byte) in into.iter_mut().zip(from) {
        *place = *byte;
    }
    from.len()
}

impl Control for Untrue<'_> {
    fn list_features(&mut self, answer: &mut [u8]) -> Result<usize, TransmitError> {
        Ok(written(self.list, answer))
    }

    fn control(&mut self, _code: ControlCode, request: &[u8], answer: &mut [u8]) -> Result<usize, TransmitError> {
        let digits = request.windows(4).any(|part| part.iter().all(u8::is_ascii_digit));
        assert!(!digits, "nothing that goes to a reader holds a PIN");
        self.asked += 1;
        Ok(written(self.answer, answer))
    }
}

/// Lists as drivers give them.
pub fn seeds() -> Vec<Vec<u8>> {
    let entry = |tag: u8, code: u32| [&[tag, 4][..], &code.to_be_bytes()].concat();
    let usual =
        [entry(0x06, 0x4233_0006), entry(0x07, 0x4233_0007), entry(0x0A, 0x4233_000A), entry(0x12, 0x4233_0012)];
    vec![
        Vec::new(),
        entry(0x06, 1),
        usual.concat(),
        [usual.concat(), vec![0x90, 0x00]].concat(),
        vec![6, 5, 0, 0, 0, 0, 1],
    ]
}
