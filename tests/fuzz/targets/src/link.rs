//! The buyer's link, as a browser hands it over, a person pastes it or a camera reads it.

use kido_card::{LINK_CHARACTERS_MAX, Link, LinkKind};

/// A link leads to one origin only, and reads the same however it came.
pub fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let handed_over = Link::handed_over(text);
    let Ok(link) = Link::parse(text) else {
        assert!(handed_over.is_err(), "handed over, but no link");
        return;
    };
    assert!(text.trim().len() <= LINK_CHARACTERS_MAX + "kido:".len(), "longer than any link");
    let shown = format!("{link:?}");
    let path = match link.kind {
        LinkKind::Registration => "/r",
        LinkKind::Holder => "/t",
    };
    assert_eq!(shown, format!("{}{path}#(..)", link.origin.as_str()), "the code stands in what is printed");
    assert!(link.origin.is_tls() || link.origin.is_loopback(), "in the clear to another machine");
    let written = format!("{}{path}#{}", link.origin.as_str(), link.code.reveal().as_str());
    for again in [Link::parse(&written), Link::handed_over(&format!("kido:{written}"))] {
        let again = again.expect("a link that was written reads");
        assert!(again.origin == link.origin && again.kind == link.kind, "another place");
        assert!(again.code.hash() == link.code.hash(), "another code");
    }
    if let Ok(handed_over) = handed_over {
        assert!(handed_over.origin == link.origin && handed_over.code.hash() == link.code.hash(), "another link");
        assert!(text.trim().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("kido:")), "without the scheme");
    }
}

/// Links of both kinds, with and without the scheme, and hosts in every form.
pub fn seeds() -> Vec<Vec<u8>> {
    let code = "5D5D5-D5D5D-5D5D5-D5D5D-5D5D5-A";
    let places = ["https://tickets.example", "http://127.0.0.1:8420", "https://[2001:db8::1]:8443", "http://localhost"];
    let texts = places.into_iter().flat_map(|place| {
        [
            format!("{place}/r#{code}"),
            format!("kido:{place}/t#{code}"),
            format!("KIDO:{place}/r#{}", code.replace('-', "")),
        ]
    });
    texts.map(String::into_bytes).collect()
}
