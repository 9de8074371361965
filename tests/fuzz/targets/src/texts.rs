//! Short texts: codes, offers, origins, ids, places in a feed, a journal's head.

use core::fmt::Display;
use core::str::FromStr;

use kido_shared::challenge::Origin;
use kido_shared::codes::Code;
use kido_shared::enrolment::{EnrolmentLink, ShortCode};
use kido_shared::ids::{AdmissionId, EventId, GateId, TicketId};
use kido_shared::journal_head::JournalHead;
use kido_shared::ticket::{SeatLabel, Zone};
use kido_shared::wire::base64url;
use kido_shared::wire::v1::feed_stream::FeedPlace;

/// Longest origin: scheme, name and port.
const ORIGIN_CHARACTERS_MAX: usize = 8 + 253 + 6;

/// What reads is written again as the same; what has one form reads in no other.
pub fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    one_form::<FeedPlace>(text);
    one_form::<JournalHead>(text);
    reads_again::<GateId>(text);
    reads_again::<EventId>(text);
    reads_again::<TicketId>(text);
    reads_again::<AdmissionId>(text);
    if let Some(bytes) = base64url::decode(text) {
        assert_eq!(base64url::encode(&bytes), text, "another form of the same bytes");
    }
    if let Ok(code) = Code::parse(text) {
        let again = Code::parse(code.reveal().as_str()).expect("a code that was shown reads");
        assert!(again.hash() == code.hash(), "another code");
    }
    if let Ok(origin) = Origin::parse(text) {
        assert!(origin.as_str().len() <= ORIGIN_CHARACTERS_MAX, "longer than any origin");
        assert!(origin.is_tls() || origin.is_loopback(), "in the clear to another machine");
        assert!(Origin::parse(origin.as_str()).is_ok_and(|again| again == origin), "another origin");
        assert!(!origin.host().is_empty() && !origin.as_str().contains(['@', '#', '?', '\\', ' ']), "no host");
    }
    if let Ok(link) = EnrolmentLink::parse(text) {
        let again = EnrolmentLink::parse(link.reveal().as_str()).expect("an offer that was shown reads");
        assert!(again.origin == link.origin && again.root == link.root, "another offer");
        assert!(again.token.hash() == link.token.hash(), "another token");
    }
    if let Some(digits) = ShortCode::parse(text) {
        assert!(ShortCode::parse(&digits.to_string()) == Some(digits), "other digits");
    }
    if let Ok(zone) = Zone::new(text) {
        assert!(Zone::new(zone.as_str()).is_ok_and(|again| again == zone), "another zone");
    }
    if let Ok(seat) = SeatLabel::new(text) {
        assert!(seat.as_str().chars().count() <= 24 && !seat.as_str().contains('@'), "no label of a seat");
    }
}

fn one_form<T: FromStr + Display>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert_eq!(read.to_string(), text, "another form of the same");
    }
}

fn reads_again<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(read) = text.parse::<T>() {
        assert!(read.to_string().parse::<T>().is_ok_and(|again| again == read), "another id");
    }
}

/// One text of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let texts = [
        "5D5D5-D5D5D-5D5D5-D5D5D-5D5D5-A".to_owned(),
        format!("https://tickets.example/enrol#5D5D5-D5D5D-5D5D5-D5D5D-5D5D5-A.{}", base64url::encode(&[7; 32])),
        "https://[2001:db8::1]:8443".to_owned(),
        "http://127.0.0.1:8420".to_owned(),
        GateId::from_bytes([7; 16]).to_string(),
        TicketId::from_bytes([0xFF; 16]).to_string(),
        "3-1234".to_owned(),
        format!("boot=3, begun=:{hash}:, length=120, chain=:{hash}:"),
        "123 456".to_owned(),
        "1階 3列 12番".to_owned(),
    ];
    texts.map(String::into_bytes).to_vec()
}
