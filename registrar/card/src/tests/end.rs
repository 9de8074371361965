//! What a card's state and a run's end look like to a program.

use std::path::PathBuf;

use kido_shared::card::{CardError, PinEntry, PinTries};
use kido_shared::certificate::CertificateDer;
use kido_shared::clock::Timestamp;
use kido_virtual_card::character::Character;
use kido_virtual_card::issuer::{Authority, Hierarchy};
use kido_web::language::Language;
use serde_json::Value;

use crate::exchange::{ClosedPin, ExchangeError};
use crate::problem::Problem;
use crate::reader::CardShown;
use crate::report::{self, Report};
use crate::status::{StatusReport, Trust};
use crate::words::{Voice, Words};

/// 2026-11-22T15:00:00Z.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_359_600);

fn shown(character: Character, tries: Result<u8, ClosedPin>) -> CardShown {
    CardShown {
        reader: "virtual".to_owned(),
        certificate: CertificateDer::new(character.certificate().unwrap()).unwrap(),
        typed: PinEntry::Here,
        tries: tries.map(PinTries::new),
    }
}

fn rehearsal() -> Trust {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("root.der");
    std::fs::write(&file, Authority::of(Hierarchy::Test2023).unwrap().certificate().unwrap()).unwrap();
    Trust::with(&[file]).unwrap()
}

/// The one JSON object of a run, and whether its exit code says that all went well.
fn ended(ended: &Result<Report, Problem>) -> (Value, bool) {
    let voice = Voice::new(Words::compiled_in(Language::En).unwrap(), Box::new(std::io::sink()));
    let mut json = Vec::new();
    let code = report::end(ended, &voice, Some(&mut json));
    let text = String::from_utf8(json).unwrap();
    assert!(text.ends_with('\n') && text.lines().count() == 1, "one line: {text}");
    (serde_json::from_str(&text).unwrap(), code == std::process::ExitCode::SUCCESS)
}

fn status(shown: &CardShown, trust: &Trust) -> (Value, bool) {
    ended(&Ok(Report::Status(StatusReport::of(shown, trust, NOW))))
}

#[test]
fn a_test_card_counts_where_its_root_is_named_and_only_there() {
    let card = shown(Character::Holder, Ok(3));
    let (json, good) = status(&card, &rehearsal());
    assert_eq!((json["certificate"].as_str(), json["tries_left"].as_u64(), good), (Some("accepted"), Some(3), true));
    assert_eq!(json["rehearsal"], true, "and it says so");
    let (json, good) = status(&card, &Trust::with(&[]).unwrap());
    assert_eq!((json["problem"].as_str(), good), (Some("certificate_refused"), false));
    assert!(json["reasons"].as_array().unwrap().contains(&"untrusted".into()));
}

#[test]
fn a_card_that_must_not_be_asked_is_described_all_the_same() {
    let cases = [
        (ClosedPin::TooFewTries(PinTries::new(1)), "too_few_tries", Some(1)),
        (ClosedPin::Locked, "pin_locked", Some(0)),
        (ClosedPin::Missing, "no_pin", None),
    ];
    for (error, problem, tries) in cases {
        let (json, good) = status(&shown(Character::Holder, Err(error)), &rehearsal());
        assert_eq!(json["problem"], problem);
        assert_eq!(json["tries_left"].as_u64(), tries);
        assert_eq!((json["certificate"].as_str(), good), (Some("accepted"), false));
    }
}

#[test]
fn a_status_holds_nothing_of_the_certificate() {
    let text = status(&shown(Character::Expired, Ok(3)), &rehearsal()).0.to_string();
    for marker in Character::Expired.markers().unwrap() {
        let hex: String = marker.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let raw = String::from_utf8_lossy(&marker.bytes).into_owned();
        assert!(!text.contains(&hex) && !text.contains(&raw), "{}", marker.label);
    }
    assert!(text.contains("expired"));
}

#[test]
fn a_file_that_is_no_root_is_named() {
    let refused = Trust::with(&[PathBuf::from("/nowhere/root.der")]).unwrap_err();
    assert!(matches!(refused, Problem::TrustAnchor(file) if file == "/nowhere/root.der"));
}

#[test]
fn a_problem_ends_with_a_word_a_sentence_and_the_tries_left() {
    let wrong = ExchangeError::Card(CardError::WrongPin(PinTries::new(2)));
    let (json, good) = ended(&Err(wrong.into()));
    assert_eq!((json["problem"].as_str(), json["tries_left"].as_u64(), good), (Some("wrong_pin"), Some(2), false));
    assert!(json["detail"].as_str().unwrap().contains("2 tries left"));
    assert_eq!(json["reasons"], Value::Array(Vec::new()));
    let (json, _bad) = ended(&Err(Problem::NoTerminal));
    assert!(json.get("tries_left").is_none());
}
