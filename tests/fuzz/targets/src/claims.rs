//! A ticket's claims, as an arbiter keeps them on its disk or reads them out of an etcd.

use kido_shared::claim::{CLOSED_MAX, TicketClaims};

use crate::specimen::unhex;

/// A record that reads holds together, keeps its bound, and is written and read again as the same.
pub fn run(data: &[u8]) {
    let Ok(claims) = minicbor::decode::<TicketClaims>(data) else { return };
    if let Some(holding) = claims.holding() {
        assert!(claims.entry() > 0, "somebody is inside on no entry");
        assert!(claims.closed(holding.admission).is_none(), "somebody is inside who is not");
    }
    let written = minicbor::to_vec(&claims).expect("a record that was read can be written");
    // A closed admission takes at least an id and three numbers.
    assert!(written.len() >= 4 && written.len() <= 64 + CLOSED_MAX * 64, "{} bytes", written.len());
    let again = minicbor::decode::<TicketClaims>(&written);
    assert!(again.is_ok_and(|again| again == claims), "another record");
}

/// Records in each state.
pub fn seeds() -> Vec<Vec<u8>> {
    let free = minicbor::to_vec(TicketClaims::new()).unwrap_or_default();
    let holding = "8350a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1506a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a1b000001a3185f0f20";
    let closed = "8450a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a200001b000001a3185f0f20";
    let texts = [
        format!("a4000101820{}0201{}", format_args!("1{holding}"), "0380"),
        format!("a40002018202{holding}02010381{closed}"),
        "a4000701810302010380".to_owned(),
    ];
    core::iter::once(free).chain(texts.iter().map(|text| unhex(text))).collect()
}
