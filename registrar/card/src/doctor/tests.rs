//! Each thing in the way is named, with what to do; nothing else counts as in the way.

use std::ffi::CString;

use kido_reader::TransmitError;
use kido_web::language::Language;

use super::*;
use crate::exchange::ExchangeError;
use crate::words::Words;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_359_600);

fn reader() -> ReaderName {
    ReaderName::from(CString::new("Virtual PCD 00 00").unwrap())
}

fn healthy() -> Found {
    let origin = Origin::parse("https://tickets.example").unwrap();
    Found {
        readers: Ok(vec![reader()]),
        chosen: Ok(reader()),
        typed: Some(PinEntry::Here),
        card: Some(Ok(())),
        server: Some((origin, Ok(Health { date: Some(NOW) }))),
        now: NOW,
    }
}

fn states(found: &Found) -> Vec<(&'static str, State)> {
    judge(found).into_iter().map(|check| (check.name, check.state)).collect()
}

#[test]
fn all_is_well_where_all_is_there() {
    let all_ok = ["service", "reader", "pin", "card", "server", "clock"].map(|name| (name, State::Ok));
    assert_eq!(states(&healthy()), all_ok);
}

#[test]
fn a_missing_card_is_no_fault() {
    let found = Found { card: Some(Err(Problem::Wait(WaitError::NoCard(reader())))), ..healthy() };
    assert!(states(&found).contains(&("card", State::Note)));
}

#[test]
fn a_card_that_does_not_answer_is_one() {
    let mute = ExchangeError::Transmit(TransmitError::Mute);
    let found = Found { card: Some(Err(mute.into())), ..healthy() };
    assert!(states(&found).contains(&("card", State::Problem)));
}

#[test]
fn without_the_service_nothing_is_said_of_readers() {
    let found = Found { readers: Err(NoReader::NoService), chosen: Err(NoReader::NoService), card: None, ..healthy() };
    assert_eq!(states(&found)[..2], [("service", State::Problem), ("server", State::Ok)]);
}

#[test]
fn a_clock_that_is_minutes_off_is_in_the_way() {
    for (off, state) in [(120, State::Ok), (200, State::Problem)] {
        let found = Found { now: NOW.after(Duration::from_secs(off)), ..healthy() };
        assert!(states(&found).contains(&("clock", state)), "{off} s ahead");
        let found = Found { now: NOW.before(Duration::from_secs(off)), ..healthy() };
        assert!(states(&found).contains(&("clock", state)), "{off} s behind");
    }
}

#[test]
fn one_problem_makes_the_computer_not_ready() {
    let voice = Voice::new(Words::compiled_in(Language::En).unwrap(), Box::new(std::io::sink()));
    assert!(DoctorReport::new(&judge(&healthy()), &voice).is_ready());
    let found = Found { server: Some((healthy().server.unwrap().0, Err(ClientError::Unreachable))), ..healthy() };
    let report = DoctorReport::new(&judge(&found), &voice);
    assert_eq!(serde_json::to_value(&report).unwrap()["problem"], "not_ready");
}
