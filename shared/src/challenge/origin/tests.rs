use proptest::prelude::*;

use super::*;

#[test]
fn an_origin_has_one_spelling() {
    let spellings = [
        ("https://Tickets.Example", "https://tickets.example"),
        ("HTTPS://tickets.example:443", "https://tickets.example"),
        ("https://tickets.example:8443", "https://tickets.example:8443"),
        ("https://xn--fiqs8s.example", "https://xn--fiqs8s.example"),
        ("https://192.0.2.7:444", "https://192.0.2.7:444"),
        ("https://[2001:DB8:0:0:0:0:0:1]:443", "https://[2001:db8::1]"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.200.3.4", "http://127.200.3.4"),
    ];
    for (given, canonical) in spellings {
        assert_eq!(Origin::parse(given).unwrap().as_str(), canonical);
    }
}

#[test]
fn plain_http_is_for_the_machine_itself() {
    for text in [
        "http://tickets.example",
        "http://192.0.2.7",
        "http://localhost.example",
        "http://[::ffff:127.0.0.1]",
        "http://0.0.0.0",
    ] {
        assert_eq!(Origin::parse(text).unwrap_err(), OriginError::PlainHttp, "{text}");
    }
    assert!(Origin::parse("https://localhost").unwrap().is_loopback());
    assert!(Origin::parse("HTTPS://localhost").unwrap().is_tls());
    assert!(!Origin::parse("http://localhost").unwrap().is_tls());
    assert!(!Origin::parse("https://tickets.example").unwrap().is_loopback());
}

#[test]
fn an_origin_is_nothing_more() {
    let refused = [
        ("tickets.example", OriginError::Scheme),
        ("ftp://tickets.example", OriginError::Scheme),
        ("https:/tickets.example", OriginError::Scheme),
        (" https://tickets.example", OriginError::Scheme),
        ("https://tickets.example/", OriginError::BeyondPort),
        ("https://tickets.example?q", OriginError::BeyondPort),
        ("https://tickets.example#f", OriginError::BeyondPort),
        ("https://user@tickets.example", OriginError::BeyondPort),
        ("https://evil.example\\@tickets.example", OriginError::BeyondPort),
        ("https://", OriginError::Host),
        ("https://:443", OriginError::Host),
        ("https://tickets.example.", OriginError::Host),
        ("https://tickets..example", OriginError::Host),
        ("https://-tickets.example", OriginError::Host),
        ("https://tickets example", OriginError::Host),
        ("https://\u{ff54}ickets.example", OriginError::Host),
        ("https://127.1", OriginError::Host),
        ("https://0x7f.0.0.1", OriginError::Host),
        ("https://127.0.0.0x1", OriginError::Host),
        ("https://2130706433", OriginError::Host),
        ("https://010.0.0.1", OriginError::Host),
        ("https://[::1", OriginError::Host),
        ("https://[::1]x", OriginError::Host),
        ("https://[::1]x:443", OriginError::Host),
        ("https://[fe80::1%eth0]", OriginError::Host),
        ("https://::1", OriginError::Port),
        ("https://tickets.example:", OriginError::Port),
        ("https://tickets.example:0", OriginError::Port),
        ("https://tickets.example:0443", OriginError::Port),
        ("https://tickets.example:+443", OriginError::Port),
        ("https://tickets.example:65536", OriginError::Port),
    ];
    for (text, error) in refused {
        assert_eq!(Origin::parse(text).map(String::from), Err(error), "{text}");
    }
    assert_eq!(Origin::parse(&format!("https://{}", "a".repeat(400))).unwrap_err(), OriginError::TooLong);
    assert_eq!(Origin::parse(&format!("https://{}.example", "a".repeat(64))).unwrap_err(), OriginError::Host);
}

#[test]
fn a_person_confirms_the_host_alone() {
    for (text, host) in [
        ("https://tickets.example:8443", "tickets.example"),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]"),
        ("http://127.0.0.1:8080", "127.0.0.1"),
    ] {
        assert_eq!(Origin::parse(text).unwrap().host(), host);
    }
}

proptest! {
    #[test]
    fn what_was_parsed_parses_to_itself(text in "(http|https|HTTPS)://[a-zA-Z0-9.:\\[\\]-]{1,30}(:[0-9]{0,6})?") {
        if let Ok(origin) = Origin::parse(&text) {
            prop_assert_eq!(Origin::parse(origin.as_str()), Ok(origin.clone()));
            let json = serde_json::to_string(&origin).unwrap();
            let read: Origin = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&read, &origin);
            prop_assert_eq!(minicbor::decode::<Origin>(&minicbor::to_vec(&origin).unwrap()).unwrap(), origin);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        prop_assert!(Origin::parse(&text).is_err());
        let _judged = Origin::parse(&format!("https://{text}")).is_ok();
    }
}
