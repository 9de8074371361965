//! Everything that a card answers, through a whole tap or registration.
//!
//! The first byte chooses which, how its PIN is given and whether the caller goes on; then come answers, each with two
//! bytes of length in front. A card that has no more answers leaves.

use kido_shared::apdu::{CommandApdu, Instruction, ResponseApdu};
use kido_shared::card::{
    COMMANDS_PER_REGISTRATION_MAX, COMMANDS_PER_TAP_MAX, CONTINUATIONS_MAX, CardError, CardStep, Pin,
    RegistrationSession, RegistrationStep, TapSession,
};
use kido_shared::challenge::MessageDigest;
use kido_shared::limits::{CERTIFICATE_BYTES_MAX, CERTIFICATE_BYTES_MIN};

use crate::specimen::{CERTIFICATE, choice, chosen};

const REGISTRATION: u8 = 1;
const AT_READER: u8 = 2;
const LEAVES: u8 = 4;

/// Length of the longest answer that is taken out of an input.
const ANSWER_BYTES_MAX: usize = 600;

/// Whatever a card answers: listed commands only, no more than are allowed, one PIN, and nothing larger than its bound.
pub fn run(data: &[u8]) {
    let (chosen, answers) = choice(data);
    let mut card = Card { answers, commands: Vec::new(), continuations: 0, registration: chosen & REGISTRATION != 0 };
    let ended = if card.registration { registration(&mut card, chosen) } else { tap(&mut card, chosen) };
    let most = if card.registration { COMMANDS_PER_REGISTRATION_MAX } else { COMMANDS_PER_TAP_MAX };
    assert!(card.commands.len() <= usize::from(most), "too many commands");
    let pins = card.commands.iter().filter(|(command, _)| is_verify(*command)).count();
    assert!(pins <= 1, "a PIN was sent twice");
    let signs = card.commands.iter().position(|(command, _)| *command == Instruction::ComputeSignature);
    let taken = card.commands.iter().position(|(command, status)| is_verify(*command) && *status == [0x90, 0x00]);
    assert!(signs.is_none_or(|signs| taken.is_some_and(|taken| taken < signs)), "a signature before the PIN was taken");
    // The one that is too many ends the exchange.
    assert!(card.continuations <= usize::from(CONTINUATIONS_MAX) + 1, "too many answers in parts");
    if let Err(error) = ended {
        let _refusal = error.refusal();
    }
}

const fn is_verify(command: Instruction) -> bool {
    matches!(command, Instruction::Verify | Instruction::VerifyAtReader)
}

/// Header, data and end of every command that a card may hear, independent of what builds them.
pub(crate) fn is_listed(bytes: &[u8], registration: bool) -> bool {
    match bytes {
        [0x00, 0xA4, 0x04, 0x0C, 0x0A, aid @ ..] => aid == b"\xD3\x92\xF0\x00\x26\x01\x00\x00\x00\x01",
        [0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, 0x0A | 0x17 | 0x18] | [0x00, 0x20, 0x00, 0x80 | 0x98] => true,
        [0x00, 0xB0, 0x8A | 0x00, 0xFF, 0x00] if !registration => true,
        [0x00, 0xB0, 0x00..=0x0F, _, _] => registration,
        [0x00, 0x20, 0x00, 0x80 | 0x98, 0x04, pin @ ..] => pin.len() == 4 && pin.iter().all(u8::is_ascii_digit),
        [0x80, 0x2A, 0x00, 0x80 | 0x97, 51, input @ .., _] => input.len() == 51,
        [0x80, 0x2A, 0x00, 0x80 | 0x97, 67, input @ .., _] => input.len() == 67,
        [0x00, 0xC0, 0x00, 0x00, _] => true,
        _ => false,
    }
}

struct Card<'d> {
    answers: &'d [u8],
    commands: Vec<(Instruction, [u8; 2])>,
    continuations: usize,
    registration: bool,
}

impl Card<'_> {
    fn transmit(&mut self, command: &CommandApdu) -> Result<ResponseApdu, CardError> {
        assert!(is_listed(command.as_bytes(), self.registration), "an unlisted command");
        let answer = next_answer(&mut self.answers);
        let status = answer.last_chunk::<2>().copied().unwrap_or_default();
        self.commands.push((command.instruction(), status));
        self.continuations += usize::from(matches!(status, [0x61 | 0x6C, _]));
        let response = ResponseApdu::parse(answer, command)?;
        assert!(response.data().len() + 2 <= command.answer_bytes_max(), "more than was asked for");
        Ok(response)
    }
}

/// The next answer of an input; nothing once it has ended, as from a card that has left.
fn next_answer<'d>(answers: &mut &'d [u8]) -> &'d [u8] {
    let Some((length, rest)) = answers.split_first_chunk::<2>() else { return &[] };
    let length = usize::from(u16::from_be_bytes(*length)) % ANSWER_BYTES_MAX;
    let (answer, rest) = rest.split_at_checked(length).unwrap_or((rest, &[]));
    *answers = rest;
    answer
}

fn tap(card: &mut Card<'_>, chosen: u8) -> Result<(), CardError> {
    let (mut command, mut session) = TapSession::begin();
    loop {
        let response = card.transmit(&CommandApdu::from(command))?;
        (command, session) = match session.advance(&response)? {
            CardStep::Transmit(command, session) => (command, session),
            CardStep::Window(..) if chosen & LEAVES != 0 => return Ok(()),
            CardStep::Window(_, next) => next.continue_(),
            CardStep::AskPin(tries, next) => {
                assert!(tries.get() >= 2, "a PIN was asked where one wrong one locks the card");
                if chosen & AT_READER == 0 { next.enter(pin(), digest()) } else { next.enter_at_reader(digest()) }
            }
            CardStep::Done(signature) => {
                assert!((1..=512).contains(&signature.as_ref().len()), "a signature of no possible length");
                return Ok(());
            }
        };
    }
}

fn registration(card: &mut Card<'_>, chosen: u8) -> Result<(), CardError> {
    let (mut command, mut session) = RegistrationSession::begin();
    loop {
        let response = card.transmit(&CommandApdu::from(command))?;
        (command, session) = match session.advance(&response)? {
            RegistrationStep::Transmit(command, session) => (command, session),
            RegistrationStep::Certificate(certificate, next) => {
                let length = certificate.as_ref().len();
                assert!((CERTIFICATE_BYTES_MIN..=CERTIFICATE_BYTES_MAX).contains(&length), "{length} bytes");
                if chosen & LEAVES != 0 {
                    return Ok(());
                }
                next.continue_()
            }
            RegistrationStep::AskPin(tries, next) => {
                assert!(tries.get() >= 2, "a PIN was asked where one wrong one locks the card");
                if chosen & AT_READER == 0 { next.enter(pin(), digest()) } else { next.enter_at_reader(digest()) }
            }
            RegistrationStep::Done(_) => return Ok(()),
        };
    }
}

fn pin() -> Pin {
    Pin::parse("7391").expect("four digits")
}

const fn digest() -> MessageDigest {
    MessageDigest::Sha256([0x11; 32])
}

/// Faultless exchanges, with and without detours.
pub fn seeds() -> Vec<Vec<u8>> {
    let answer = |data: &[u8], status: u16| {
        let length = u16::try_from(data.len() + 2).unwrap_or_default();
        [&length.to_be_bytes()[..], data, &status.to_be_bytes()].concat()
    };
    let ok = answer(&[], 0x9000);
    let proof = [answer(&[], 0x63C3), ok.clone(), answer(&[0x5A; 256], 0x9000)].concat();
    let window = answer(&[0xA5; 256], 0x9000);
    let faultless = [ok.clone(), window.clone(), proof.clone()].concat();
    let selected =
        [answer(&[], 0x6F00), ok.clone(), answer(&[], 0x6A82), ok.clone(), window.clone(), ok.clone(), proof.clone()];
    let parts = [ok.clone(), answer(&[1; 200], 0x6138), answer(&[2; 56], 0x9000), proof.clone()];
    let cancelled = [ok.clone(), window, answer(&[], 0x63C3), answer(&[], 0x6401)];
    let reads: Vec<u8> = CERTIFICATE.chunks(256).flat_map(|part| answer(part, 0x9000)).collect();
    let registration = [ok.clone(), ok, reads, proof].concat();
    vec![
        chosen(0, &faultless),
        chosen(AT_READER, &faultless),
        chosen(LEAVES, &faultless),
        chosen(0, &selected.concat()),
        chosen(0, &parts.concat()),
        chosen(AT_READER, &cancelled.concat()),
        chosen(REGISTRATION, &registration),
        chosen(REGISTRATION | AT_READER, &registration),
    ]
}
