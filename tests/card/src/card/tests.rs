//! The card at its byte boundary: every command by hand, every answer by length and status word.

use super::*;
use crate::character::Character;

const SELECT_JPKI: &[u8] = &[0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01];
const SELECT_PROFILE: &[u8] =
    &[0x00, 0xA4, 0x04, 0x0C, 0x0A, 0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08];
const READ_WINDOW: &[u8] = &[0x00, 0xB0, 0x8A, 0xFF, 0x00];
const PIN_STATUS: &[u8] = &[0x00, 0x20, 0x00, 0x98];
const GOOD_PIN: &[u8] = &[0x00, 0x20, 0x00, 0x98, 0x04, b'1', b'2', b'3', b'4'];
const WRONG_PIN: &[u8] = &[0x00, 0x20, 0x00, 0x98, 0x04, b'9', b'8', b'7', b'6'];
/// `DigestInfo` of SHA-256 up to the digest (RFC 8017 §9.2 note 1).
const SHA256_PREFIX: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

fn select_file(id: u8) -> Vec<u8> {
    vec![0x00, 0xA4, 0x02, 0x0C, 0x02, 0x00, id]
}

fn sign(key_reference: u8) -> Vec<u8> {
    let mut command = vec![0x80, 0x2A, 0x00, key_reference, 0x33];
    command.extend(SHA256_PREFIX);
    command.extend([0x11; 32]);
    command.push(0x00);
    command
}

fn powered(character: Character) -> VirtualCard {
    let mut card = character.card().unwrap();
    card.power_on();
    card
}

/// A card in the application.
fn selected(character: Character) -> VirtualCard {
    let mut card = powered(character);
    assert_eq!(status(&mut card, SELECT_JPKI), 0x9000);
    card
}

fn with_faults(faults: &[Fault]) -> VirtualCard {
    let mut card = Character::Holder.card().unwrap();
    card.put_in(faults.to_vec());
    card.power_on();
    card
}

fn status(card: &mut VirtualCard, command: &[u8]) -> u16 {
    let answer = card.transmit_now(command);
    u16::from_be_bytes(*answer.last_chunk().unwrap())
}

#[test]
fn a_tap_is_five_commands_and_612_bytes() {
    let mut card = powered(Character::Holder);
    for command in [SELECT_JPKI, READ_WINDOW, PIN_STATUS, GOOD_PIN, &sign(0x97)] {
        card.transmit_now(command);
    }
    let total = card.log().total();
    assert_eq!((total.commands, total.bytes_in, total.bytes_out, total.bytes()), (5, 90, 522, 612));
    assert_eq!(card.log().distinct_commands().count(), 5);
}

#[test]
fn the_window_is_bytes_255_to_510_of_the_certificate() {
    let mut card = selected(Character::Holder);
    let answer = card.transmit_now(READ_WINDOW);
    assert_eq!(answer[..256], Character::Holder.certificate().unwrap()[255..511]);
}

#[test]
fn the_signature_is_pkcs1_over_the_bytes_as_sent() {
    use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
    let mut card = selected(Character::Holder);
    card.transmit_now(GOOD_PIN);
    let key = Character::Holder.key().unwrap();
    let public =
        RsaPublicKey::new(BigUint::from_bytes_be(&key.modulus()), BigUint::from_bytes_be(&key.exponent())).unwrap();
    let digest_info = [&SHA256_PREFIX[..], &[0x11; 32]].concat();
    let by_reference = card.transmit_now(&sign(0x97));
    assert!(public.verify(Pkcs1v15Sign::new_unprefixed(), &digest_info, &by_reference[..256]).is_ok());
    card.transmit_now(&select_file(0x17));
    assert_eq!(card.transmit_now(&sign(0x80)), by_reference);

    let raw = card.transmit_now(&[0x80, 0x2A, 0x00, 0x97, 0x01, 0x07, 0x00]);
    assert!(public.verify(Pkcs1v15Sign::new_unprefixed(), &[7], &raw[..256]).is_ok());
    assert_eq!(card.signatures(), 3);
}

#[test]
fn nothing_is_signed_before_the_pin() {
    let mut card = selected(Character::Holder);
    assert_eq!(status(&mut card, &sign(0x97)), 0x6982);
    assert_eq!(status(&mut card, WRONG_PIN), 0x63C2);
    assert_eq!(status(&mut card, &sign(0x97)), 0x6982);
    assert_eq!(card.signatures(), 0);
}

#[test]
fn the_try_that_exhausts_the_pin_says_63c0_and_later_ones_6984() {
    let mut card = selected(Character::Holder);
    let answers: Vec<u16> = (0..4).map(|_| status(&mut card, WRONG_PIN)).collect();
    assert_eq!(answers, [0x63C2, 0x63C1, 0x63C0, 0x6984]);
    assert_eq!(status(&mut card, GOOD_PIN), 0x6984);
    assert_eq!(status(&mut card, PIN_STATUS), 0x6984);
}

#[test]
fn asking_for_the_pin_status_costs_no_try() {
    let mut card = selected(Character::Holder);
    card.transmit_now(WRONG_PIN);
    for _ in 0..5 {
        assert_eq!(status(&mut card, PIN_STATUS), 0x63C2);
    }
    assert_eq!(status(&mut card, GOOD_PIN), 0x9000);
    assert_eq!(card.tries_left(), 3);
}

#[test]
fn a_warm_reset_keeps_the_pin_status() {
    let mut card = selected(Character::Holder);
    card.transmit_now(GOOD_PIN);
    card.reset();
    assert_eq!(status(&mut card, SELECT_JPKI), 0x9000);
    assert_eq!(status(&mut card, &sign(0x97)), 0x9000);
}

#[test]
fn power_off_and_another_application_end_the_pin_status() {
    let mut card = selected(Character::Holder);
    card.transmit_now(GOOD_PIN);
    card.power_off();
    assert!(card.transmit_now(SELECT_JPKI).is_empty());
    card.power_on();
    card.transmit_now(SELECT_JPKI);
    assert_eq!(status(&mut card, &sign(0x97)), 0x6982);

    card.transmit_now(GOOD_PIN);
    card.transmit_now(SELECT_JPKI);
    assert_eq!(status(&mut card, &sign(0x97)), 0x9000);
    card.transmit_now(SELECT_PROFILE);
    card.transmit_now(SELECT_JPKI);
    assert_eq!(status(&mut card, &sign(0x97)), 0x6982);
}

#[test]
fn tries_survive_the_power() {
    let mut card = selected(Character::Holder);
    card.transmit_now(WRONG_PIN);
    card.power_off();
    card.put_in(Vec::new());
    card.power_on();
    card.transmit_now(SELECT_JPKI);
    assert_eq!(status(&mut card, PIN_STATUS), 0x63C2);
}

#[test]
fn reading_ends_with_fewer_bytes_and_then_6b00() {
    let mut card = selected(Character::Holder);
    let certificate = Character::Holder.certificate().unwrap();
    card.transmit_now(&select_file(0x0A));
    let mut read = Vec::new();
    loop {
        let [high, low] = u16::try_from(read.len()).unwrap().to_be_bytes();
        let answer = card.transmit_now(&[0x00, 0xB0, high, low, 0x00]);
        match answer.split_last_chunk::<2>().unwrap() {
            (data, [0x90, 0x00]) => read.extend_from_slice(data),
            (_, end) => {
                assert_eq!(*end, [0x6B, 0x00]);
                break;
            }
        }
    }
    assert_eq!(read, certificate);
}

#[test]
fn wrong_commands_meet_the_status_words_of_the_standard() {
    let mut card = powered(Character::Holder);
    assert_eq!(status(&mut card, &select_file(0x0A)), 0x6A82);
    assert_eq!(status(&mut card, &[0x00, 0xA4, 0x04, 0x0C, 0x02, 0xD3, 0x92]), 0x6A82);
    card.transmit_now(SELECT_JPKI);
    assert_eq!(status(&mut card, &[0x00, 0xB0, 0x00, 0x00, 0x00]), 0x6986);
    assert_eq!(status(&mut card, &select_file(0x77)), 0x6A82);
    assert_eq!(status(&mut card, &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x3F, 0x00]), 0x6A86);
    assert_eq!(status(&mut card, &[0x00, 0x20, 0x00, 0x80]), 0x6986);
    assert_eq!(status(&mut card, &[0x00, 0x20, 0x01, 0x98]), 0x6A86);
    assert_eq!(status(&mut card, &sign(0x80)), 0x6986);
    assert_eq!(status(&mut card, &[0x00, 0xCA, 0x00, 0x00, 0x00]), 0x6D00);
    assert_eq!(status(&mut card, &[0x90, 0xCA, 0x00, 0x00, 0x00]), 0x6E00);
    assert_eq!(status(&mut card, &[0x00, 0xB0, 0x8A, 0x00]), 0x6700);
    assert_eq!(status(&mut card, &[0x00, 0xA4, 0x04]), 0x6700);
    card.transmit_now(&select_file(0x17));
    assert_eq!(status(&mut card, &[0x00, 0xB0, 0x00, 0x00, 0x00]), 0x6981);
}

#[test]
fn the_signature_certificate_is_behind_its_own_pin() {
    let mut card = selected(Character::Holder);
    card.transmit_now(GOOD_PIN);
    assert_eq!(status(&mut card, &[0x00, 0xB0, 0x81, 0x00, 0x00]), 0x6982);
    card.transmit_now(&select_file(0x1B));
    let mut verify = vec![0x00, 0x20, 0x00, 0x80, 0x0D];
    verify.extend(planted::SIGNATURE_PASSWORD.bytes());
    assert_eq!(status(&mut card, &verify), 0x9000);
    assert_eq!(status(&mut card, &[0x00, 0xB0, 0x81, 0x00, 0x00]), 0x9000);
}

#[test]
fn my_number_lies_in_another_application_behind_its_own_pin() {
    let mut card = powered(Character::Holder);
    assert_eq!(status(&mut card, SELECT_PROFILE), 0x9000);
    assert_eq!(status(&mut card, &[0x00, 0xB0, 0x81, 0x00, 0x00]), 0x6982);
    assert_eq!(status(&mut card, &[0x00, 0x20, 0x00, 0x91, 0x04, b'1', b'2', b'3', b'4']), 0x9000);
    let answer = card.transmit_now(&[0x00, 0xB0, 0x81, 0x00, 0x00]);
    assert!(answer.starts_with(planted::MY_NUMBER.as_bytes()));
}

#[test]
fn the_log_holds_no_pin_and_no_answer() {
    let mut card = selected(Character::Holder);
    card.transmit_now(GOOD_PIN);
    card.transmit_now(&sign(0x97));
    let log = format!("{:?}", card.log().entries().collect::<Vec<_>>());
    assert!(!log.contains("31323334") && !log.contains("1234"));
    assert!(log.contains("00 20 00 98 04 .."), "{log}");
    assert!(log.contains("80 2A 00 97 33 .. 00"), "{log}");
}

#[test]
fn a_torn_card_is_gone_until_it_is_put_back() {
    let mut card = with_faults(&[Fault::TornAt { command: 2, executed: false, back_after_ms: Some(300) }]);
    assert_eq!(status(&mut card, SELECT_JPKI), 0x9000);
    let back_after = Some(std::time::Duration::from_millis(300));
    assert_eq!(card.transmit(READ_WINDOW), CardAnswer::Torn { back_after });
    assert_eq!(card.transmit(READ_WINDOW), CardAnswer::Torn { back_after: None });
    card.power_on();
    assert_eq!(status(&mut card, SELECT_JPKI), 0x9000);
    assert_eq!(status(&mut card, READ_WINDOW), 0x9000);
}

#[test]
fn a_card_torn_after_the_try_has_counted_it() {
    for (executed, left) in [(true, 2), (false, 3)] {
        let mut card = with_faults(&[Fault::TornAt { command: 2, executed, back_after_ms: None }]);
        card.transmit_now(SELECT_JPKI);
        assert!(card.transmit_now(WRONG_PIN).is_empty());
        assert_eq!(card.tries_left(), left);
    }
}

#[test]
fn a_copied_card_signs_with_another_key() {
    let (mut copy, mut holder) = (selected(Character::Copy), selected(Character::Holder));
    assert_eq!(copy.transmit_now(READ_WINDOW), holder.transmit_now(READ_WINDOW));
    copy.transmit_now(GOOD_PIN);
    holder.transmit_now(GOOD_PIN);
    assert_ne!(copy.transmit_now(&sign(0x97)), holder.transmit_now(&sign(0x97)));

    let mut faulty = with_faults(&[Fault::OtherKey]);
    faulty.transmit_now(SELECT_JPKI);
    faulty.transmit_now(GOOD_PIN);
    assert_ne!(faulty.transmit_now(&sign(0x97)), holder.transmit_now(&sign(0x97)));
}

#[test]
fn a_card_of_old_forms_wants_select_ef() {
    for (refusal, word) in [
        (ShortFormRefusal::FileNotFound, 0x6A82),
        (ShortFormRefusal::WrongP1P2, 0x6A86),
        (ShortFormRefusal::WrongOffset, 0x6B00),
        (ShortFormRefusal::UnknownInstruction, 0x6D00),
    ] {
        let mut card = with_faults(&[Fault::NoShortForms(refusal)]);
        card.transmit_now(SELECT_JPKI);
        for short in [READ_WINDOW, PIN_STATUS, GOOD_PIN, &sign(0x97)] {
            assert_eq!(status(&mut card, short), word);
        }
        card.transmit_now(&select_file(0x0A));
        assert_eq!(card.transmit_now(&[0x00, 0xB0, 0x00, 0xFF, 0x00]).len(), 258);
        card.transmit_now(&select_file(0x18));
        assert_eq!(status(&mut card, &[0x00, 0x20, 0x00, 0x80]), 0x63C3);
        assert_eq!(status(&mut card, &[0x00, 0x20, 0x00, 0x80, 0x04, b'1', b'2', b'3', b'4']), 0x9000);
        card.transmit_now(&select_file(0x17));
        assert_eq!(status(&mut card, &sign(0x80)), 0x9000);
    }
}

#[test]
fn a_phone_shows_nothing_before_the_pin() {
    let mut card = selected(Character::Phone);
    assert_eq!(status(&mut card, READ_WINDOW), 0x6982);
    card.transmit_now(GOOD_PIN);
    assert_eq!(status(&mut card, READ_WINDOW), 0x9000);
}

#[test]
fn a_card_that_fails_first_is_well_afterwards_until_the_next_power_on() {
    let mut card = with_faults(&[Fault::FirstCommandFails]);
    for _ in 0..2 {
        assert_eq!(status(&mut card, SELECT_JPKI), 0x6F00);
        assert_eq!(status(&mut card, SELECT_JPKI), 0x9000);
        card.power_off();
        card.power_on();
    }
}

#[test]
fn a_pin_that_another_verified_shows_as_9000_until_the_power_ends() {
    let mut card = with_faults(&[Fault::VerifiedBefore(1)]);
    card.transmit_now(SELECT_JPKI);
    assert_eq!(status(&mut card, PIN_STATUS), 0x9000);
    card.power_off();
    card.power_on();
    card.transmit_now(SELECT_JPKI);
    assert_eq!(status(&mut card, PIN_STATUS), 0x63C3);
}

#[test]
fn after_a_good_pin_the_status_is_either_of_two_guesses() {
    for (faults, word) in [(&[][..], 0x63C3), (&[Fault::StatusIsDoneOnceVerified][..], 0x9000)] {
        let mut card = with_faults(faults);
        card.transmit_now(SELECT_JPKI);
        assert_eq!(status(&mut card, PIN_STATUS), 0x63C3);
        card.transmit_now(GOOD_PIN);
        assert_eq!(status(&mut card, PIN_STATUS), word);
    }
}

#[test]
fn spoiled_answers_are_as_spoiled_as_they_say() {
    let mut long = with_faults(&[Fault::LongAnswer]);
    long.transmit_now(SELECT_JPKI);
    assert_eq!(long.transmit_now(READ_WINDOW).len(), 256 + 16 + 2);

    let mut short = with_faults(&[Fault::ShortSignature]);
    short.transmit_now(SELECT_JPKI);
    short.transmit_now(GOOD_PIN);
    assert_eq!(short.transmit_now(&sign(0x97)).len(), 255 + 2);

    assert_eq!(status(&mut with_faults(&[Fault::EndlessMore]), SELECT_JPKI) >> 8, 0x61);
    assert_eq!(status(&mut with_faults(&[Fault::EndlessWrongLength]), SELECT_JPKI) >> 8, 0x6C);
    assert_eq!(with_faults(&[Fault::SilentFrom(1)]).transmit(SELECT_JPKI), CardAnswer::Silent);
}

#[test]
fn slow_answers_say_how_long_they_take() {
    let mut card = with_faults(&[Fault::SlowCommand(10), Fault::SlowSignature(400)]);
    let mut took = |command: &[u8]| match card.transmit(command) {
        CardAnswer::Bytes { after, .. } => after.as_millis(),
        gone @ (CardAnswer::Torn { .. } | CardAnswer::Silent) => panic!("{gone:?}"),
    };
    assert_eq!((took(SELECT_JPKI), took(GOOD_PIN), took(&sign(0x97))), (10, 10, 410));
}

#[test]
fn wrong_certificates_lie_where_the_right_one_should() {
    let mut garbage = selected(Character::Garbage);
    let mut oversized = selected(Character::Oversized);
    let mut signature = selected(Character::SignatureIn000a);
    let first = [0x00, 0xB0, 0x8A, 0x00, 0x04];
    assert_ne!(garbage.transmit_now(&first)[0], 0x30);
    assert_eq!(oversized.transmit_now(&first)[..4], [0x30, 0x82, 0x7E, 0xFC]);
    oversized.transmit_now(&select_file(0x0A));
    assert_eq!(status(&mut oversized, &[0x00, 0xB0, 0x20, 0x00, 0x00]), 0x9000);
    assert_eq!(signature.transmit_now(&first)[..4], signature_certificate().unwrap()[..4]);
}

#[test]
fn a_card_without_a_pin_accepts_none() {
    let mut card = selected(Character::NoPin);
    assert_eq!(status(&mut card, PIN_STATUS), 0x6A88);
    assert_eq!(status(&mut card, GOOD_PIN), 0x6A88);
    assert_eq!(card.tries_left(), 3);
}

#[test]
fn the_locked_and_the_last_try_are_in_the_cast() {
    assert_eq!(status(&mut selected(Character::Locked), PIN_STATUS), 0x6984);
    assert_eq!(status(&mut selected(Character::OneTry), PIN_STATUS), 0x63C1);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_answered_with_a_status_word(commands in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), 1..12)) {
        let mut card = selected(Character::Holder);
        for command in commands {
            let answer = card.transmit_now(&command);
            proptest::prop_assert!(answer.len() >= 2 && answer.len() <= 258);
        }
    }
}
