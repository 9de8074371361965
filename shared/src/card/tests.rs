//! Sessions against cards that are a list of answers; the harness, with its tests by subject beside it.

use super::*;
use crate::apdu::{CommandApdu, Instruction, ResponseApdu};
use crate::challenge::MessageDigest;

mod properties;
mod registration;
mod tap;

/// A planted PIN, to be looked for in everything that prints.
const PIN: &str = "7391";

/// `DigestInfo` of SHA-256 with the NULL, before the hash (RFC 8017 §9.2).
const DIGEST_INFO: &[u8] = b"\x30\x31\x30\x0D\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";

const SELECT_APPLICATION: &[u8] = b"\x00\xA4\x04\x0C\x0A\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01";
const SELECT_CERTIFICATE: &[u8] = b"\x00\xA4\x02\x0C\x02\x00\x0A";
const SELECT_PIN: &[u8] = b"\x00\xA4\x02\x0C\x02\x00\x18";
const SELECT_KEY: &[u8] = b"\x00\xA4\x02\x0C\x02\x00\x17";
const READ_WINDOW: &[u8] = b"\x00\xB0\x8A\xFF\x00";
const READ_WINDOW_SELECTED: &[u8] = b"\x00\xB0\x00\xFF\x00";
const PIN_STATUS: &[u8] = b"\x00\x20\x00\x98";
const PIN_STATUS_SELECTED: &[u8] = b"\x00\x20\x00\x80";
const VERIFY: &[u8] = b"\x00\x20\x00\x98\x047391";
const VERIFY_SELECTED: &[u8] = b"\x00\x20\x00\x80\x047391";

/// How the signature is asked for, with this key reference and Le.
fn sign(reference: u8, expected: u8) -> Vec<u8> {
    [&[0x80, 0x2A, 0x00, reference, 51], DIGEST_INFO, &[0x11; 32], &[expected]].concat()
}

/// So many bytes of data and a status word.
fn answer(data_bytes: usize, status: u16) -> Vec<u8> {
    let mut bytes = vec![0xA5; data_bytes];
    bytes.extend(status.to_be_bytes());
    bytes
}

fn digest() -> MessageDigest {
    MessageDigest::Sha256([0x11; 32])
}

fn pin() -> Pin {
    Pin::parse(PIN).unwrap()
}

/// How an exchange ended well.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Left at the key window or the certificate, as a caller does who finds nothing usable.
    Left,
    /// With a signature of so many bytes.
    Signed(usize),
}

/// What an exchange was: every command and answer, what each step printed, and the end.
struct Trace {
    sent: Vec<(Instruction, Vec<u8>)>,
    answers: Vec<Vec<u8>>,
    printed: Vec<String>,
    asked_pin_at: Option<PinTries>,
    end: Result<End, CardError>,
}

impl Trace {
    const fn new() -> Self {
        Self { sent: Vec::new(), answers: Vec::new(), printed: Vec::new(), asked_pin_at: None, end: Ok(End::Left) }
    }

    fn commands(&self) -> Vec<&[u8]> {
        self.sent.iter().map(|(_, bytes)| bytes.as_slice()).collect()
    }

    fn bytes_both_ways(&self) -> usize {
        self.sent.iter().map(|(_, bytes)| bytes.len()).chain(self.answers.iter().map(Vec::len)).sum()
    }

    /// Sends one command to the card and reads its answer.
    fn exchange(&mut self, command: &CommandApdu, card: &mut Card<'_>) -> Result<ResponseApdu, CardError> {
        self.sent.push((command.instruction(), command.as_bytes().to_vec()));
        self.printed.push(format!("{command:?}"));
        let bytes = card(command);
        self.answers.push(bytes.clone());
        let response = ResponseApdu::parse(&bytes, command)?;
        self.printed.push(format!("{response:?}"));
        Ok(response)
    }
}

/// A card: an answer to each command.
type Card<'a> = dyn FnMut(&CommandApdu) -> Vec<u8> + 'a;

/// The drivers differ in their types only; a macro keeps them the same.
macro_rules! driver {
    ($name:ident, $session:ident, $step:ident, $shown:ident, $enter:expr) => {
        /// Drives one exchange to its end; `go_on` is the caller's word on what the card has shown.
        fn $name(card: &mut Card<'_>, go_on: bool) -> Trace {
            let mut trace = Trace::new();
            let (mut command, mut session) = $session::begin();
            trace.end = loop {
                trace.printed.push(format!("{command:?} {session:?}"));
                let stepped =
                    trace.exchange(&CommandApdu::from(command), card).and_then(|response| session.advance(&response));
                let step = match stepped {
                    Ok(step) => step,
                    Err(error) => break Err(error),
                };
                trace.printed.push(format!("{step:?}"));
                (command, session) = match step {
                    $step::Transmit(command, session) => (command, session),
                    $step::$shown(..) if !go_on => break Ok(End::Left),
                    $step::$shown(_, next) => next.continue_(),
                    $step::AskPin(tries, next) => {
                        trace.asked_pin_at = Some(tries);
                        $enter(next)
                    }
                    $step::Done(signature) => break Ok(End::Signed(signature.as_ref().len())),
                };
            };
            trace
        }
    };
}
driver!(run_tap, TapSession, CardStep, Window, |next: ExpectPin| next.enter(pin(), digest()));
driver!(run_tap_at_reader, TapSession, CardStep, Window, |next: ExpectPin| next.enter_at_reader(digest()));
driver!(run_registration, RegistrationSession, RegistrationStep, Certificate, |next: ExpectRegistrationPin| next
    .enter(pin(), digest()));

/// A card that gives these answers in turn, and none to a command that nobody expected.
fn scripted(answers: &[Vec<u8>]) -> impl FnMut(&CommandApdu) -> Vec<u8> {
    let mut answers = answers.iter();
    move |command| answers.next().cloned().unwrap_or_else(|| panic!("unexpected {command:?}"))
}

fn tap(answers: &[Vec<u8>]) -> Trace {
    run_tap(&mut scripted(answers), true)
}

fn registration(answers: &[Vec<u8>]) -> Trace {
    run_registration(&mut scripted(answers), true)
}
