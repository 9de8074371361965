//! What holds whatever a card answers.

use proptest::prelude::*;
use proptest::strategy::Union;

use super::*;
use crate::apdu::tests::is_listed;

/// One answer of a card that may do anything.
#[derive(Debug, Clone)]
enum Answer {
    /// As a card without faults answers that command.
    Honest,
    /// Some data and a status word that means something somewhere.
    Telling(usize, u16),
    /// Any bytes at all.
    Bytes(Vec<u8>),
}

impl Answer {
    fn to(&self, command: &CommandApdu) -> Vec<u8> {
        match self {
            Self::Honest => honest(command),
            Self::Telling(data_bytes, status) => answer(*data_bytes, *status),
            Self::Bytes(bytes) => bytes.clone(),
        }
    }
}

fn honest(command: &CommandApdu) -> Vec<u8> {
    let wanted = command.answer_bytes_max() - 2;
    match command.instruction() {
        Instruction::PinStatus => answer(0, 0x63C3),
        Instruction::ReadBinary => {
            let mut bytes = answer(wanted, 0x9000);
            bytes[..4.min(wanted)].copy_from_slice(&b"\x30\x82\x06\x32"[..4.min(wanted)]);
            bytes
        }
        Instruction::SelectApplication
        | Instruction::SelectFile
        | Instruction::Verify
        | Instruction::VerifyAtReader
        | Instruction::ComputeSignature
        | Instruction::GetResponse => answer(wanted, 0x9000),
    }
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let statuses = [
        0x9000, 0x6100, 0x6110, 0x6C00, 0x6C10, 0x63C0, 0x63C1, 0x63C2, 0x63CF, 0x6300, 0x6282, 0x6982, 0x6983, 0x6984,
        0x6985, 0x6986, 0x6A82, 0x6A86, 0x6A88, 0x6B00, 0x6D00, 0x6E00, 0x6F00,
    ];
    let data_bytes = prop_oneof![6 => Just(0_usize), 1 => 1..=256_usize];
    Union::new_weighted(vec![
        (6, Just(Answer::Honest).boxed()),
        (
            4,
            (data_bytes, prop::sample::select(statuses.to_vec()))
                .prop_map(|(data, sw)| Answer::Telling(data, sw))
                .boxed(),
        ),
        (1, prop::collection::vec(any::<u8>(), 0..300).prop_map(Answer::Bytes).boxed()),
    ])
}

/// A card that gives these answers over and over.
fn repeating(answers: &[Answer]) -> impl FnMut(&CommandApdu) -> Vec<u8> {
    let mut answers = answers.iter().cycle();
    move |command| answers.next().map_or_else(Vec::new, |answer| answer.to(command))
}

fn assert_rules(trace: &Trace, commands_max: u8, registration: bool) -> Result<(), TestCaseError> {
    prop_assert!(trace.sent.len() <= usize::from(commands_max), "{} commands", trace.sent.len());
    for (instruction, bytes) in &trace.sent {
        prop_assert!(is_listed(bytes, registration), "{instruction}: {bytes:02X?}");
    }
    let mut verifies = places(trace, Instruction::Verify);
    verifies.extend(places(trace, Instruction::VerifyAtReader));
    prop_assert!(verifies.len() <= 1, "a PIN was sent twice");
    let accepted = verifies.first().filter(|at| trace.answers[**at] == [0x90, 0x00]);
    for at in places(trace, Instruction::ComputeSignature) {
        prop_assert!(accepted.is_some_and(|accepted| *accepted < at), "a signature was asked before the PIN was taken");
    }
    if let Some(verify) = verifies.first() {
        let tries_known = trace.sent[..*verify].iter().zip(&trace.answers).any(|((instruction, _), answer)| {
            *instruction == Instruction::PinStatus && matches!(answer.as_slice(), [0x63, 0xC2..=0xCF])
        });
        prop_assert!(tries_known, "a PIN was asked where the card did not say that two tries are left");
    }
    let continuations =
        trace.answers.iter().filter(|answer| answer.len() >= 2 && matches!(answer[answer.len() - 2], 0x61 | 0x6C));
    // The one that is too many ends the exchange.
    prop_assert!(continuations.count() <= usize::from(CONTINUATIONS_MAX) + 1);
    for text in &trace.printed {
        prop_assert!(text.len() < 100 && !text.contains(PIN), "{text}");
    }
    Ok(())
}

fn places(trace: &Trace, wanted: Instruction) -> Vec<usize> {
    let numbered = trace.sent.iter().enumerate();
    numbered.filter(|(_, (instruction, _))| *instruction == wanted).map(|(at, _)| at).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_card_makes_a_tap_break_its_rules(answers in prop::collection::vec(any_answer(), 1..16)) {
        assert_rules(&run_tap(&mut repeating(&answers), true), COMMANDS_PER_TAP_MAX, false)?;
        assert_rules(&run_tap_at_reader(&mut repeating(&answers), true), COMMANDS_PER_TAP_MAX, false)?;
    }

    #[test]
    fn no_card_makes_a_registration_break_its_rules(answers in prop::collection::vec(any_answer(), 1..32)) {
        assert_rules(&run_registration(&mut repeating(&answers), true), COMMANDS_PER_REGISTRATION_MAX, true)?;
    }

    /// One fault anywhere in an honest exchange: reaches the late states that chance seldom finds.
    #[test]
    fn one_fault_anywhere_breaks_no_rule(at in 0_usize..12, faults in prop::collection::vec(any_answer(), 1..4)) {
        let mut answers = vec![Answer::Honest; at];
        answers.extend(faults);
        answers.extend(vec![Answer::Honest; 32]);
        assert_rules(&run_tap(&mut repeating(&answers), true), COMMANDS_PER_TAP_MAX, false)?;
        assert_rules(&run_registration(&mut repeating(&answers), true), COMMANDS_PER_REGISTRATION_MAX, true)?;
    }
}
