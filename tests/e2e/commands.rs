//! The commands of `protocol.md` §4, written out by hand: what a card's log may show, and nothing else.

use kido_tests::harness::Venue;

/// A tap without faults, in order.
pub(crate) const FAULTLESS_TAP: [&str; 5] = [
    "00 A4 04 0C 0A D392F000260100000001",
    "00 B0 8A FF 00",
    "00 20 00 98",
    "00 20 00 98 04 ..",
    "80 2A 00 97 33 .. 00",
];

/// The forms for cards that know no short EF identifiers and no key references.
const OLD_FORMS: [&str; 7] = [
    "00 A4 02 0C 02 000A",
    "00 B0 00 FF 00",
    "00 A4 02 0C 02 0018",
    "00 20 00 80",
    "00 20 00 80 04 ..",
    "00 A4 02 0C 02 0017",
    "80 2A 00 80 33 .. 00",
];

/// What `61xx` and `6Cxx` are answered with; the last byte is the length that the card named.
const AS_THE_CARD_ASKED: [&str; 5] =
    ["00 C0 00 00 ", "00 B0 8A FF ", "00 B0 00 FF ", "80 2A 00 97 33 .. ", "80 2A 00 80 33 .. "];

/// Holds every distinct command that every card of the venue was asked against the lists.
pub(crate) fn only_these(venue: &Venue) -> anyhow::Result<()> {
    let cards = venue.control()?.cards()?;
    let asked = cards.iter().flat_map(|card| card.distinct_commands.iter().map(move |command| (card.card, command)));
    let others: Vec<_> = asked.filter(|(_, command)| !is_of_the_protocol(command)).collect();
    anyhow::ensure!(others.is_empty(), "commands that the protocol does not have: {others:?}");
    let distinct: std::collections::BTreeSet<_> = cards.iter().flat_map(|card| &card.distinct_commands).collect();
    println!("     {} distinct commands over {} cards: {distinct:?}", distinct.len(), cards.len());
    Ok(())
}

fn is_of_the_protocol(command: &str) -> bool {
    let continued = |begin: &str| command.strip_prefix(begin).is_some_and(|length| length.len() == 2);
    FAULTLESS_TAP.contains(&command)
        || OLD_FORMS.contains(&command)
        || AS_THE_CARD_ASKED.iter().any(|begin| continued(begin))
        || is_registration_read(command)
}

/// READ BINARY of EF 000A at an offset below 4,096: the rest of the certificate, at a registration.
fn is_registration_read(command: &str) -> bool {
    let bytes: Vec<&str> = command.split(' ').collect();
    matches!(bytes.as_slice(), ["00", "B0", high, low, length]
        if high.len() == 2 && high.starts_with('0') && low.len() == 2 && length.len() == 2)
}

#[test]
fn the_list_lets_nothing_else_through() {
    for forbidden in [
        "00 A4 04 0C 0A D3921000310001010408",
        "00 A4 02 0C 02 0001",
        "00 A4 02 0C 02 001A",
        "00 A4 02 0C 02 001B",
        "00 B0 80 00 00",
        "00 B0 81 00 00",
        "00 B0 8B 00 00",
        "00 B0 10 00 00",
        "00 20 00 9B",
        "00 20 00 9B 0D ..",
        "80 2A 00 9A 33 .. 00",
        "80 2A 00 97 14 .. 00",
        "00 C0 00 00",
    ] {
        assert!(!is_of_the_protocol(forbidden), "{forbidden}");
    }
    assert!(is_of_the_protocol("00 B0 05 00 3C") && is_of_the_protocol("00 C0 00 00 10"));
}
