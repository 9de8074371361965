//! Who looks at a page, as far as the page must know: from where, and whether on a phone.

use core::convert::Infallible;
use core::net::{IpAddr, Ipv6Addr};

use axum::extract::FromRequestParts;
use axum::http::header::{HeaderMap, HeaderName, USER_AGENT};
use axum::http::request::Parts;
pub(crate) use kido_serve::Peer;

/// Set by whatever ends TLS in front of this registrar; each hop adds what it saw at the end.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Words by which phones name themselves. Tablets that call themselves computers are found by the page's script.
const PHONES: [&str; 3] = ["Android", "iPhone", "iPod"];

/// A household or a machine: an IPv4 address, or the first half of an IPv6 address, which is what one subscriber has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Neighbourhood(IpAddr);

/// An address is personal: it is counted for a minute and printed nowhere.
impl core::fmt::Debug for Neighbourhood {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Neighbourhood(..)")
    }
}

impl Neighbourhood {
    const fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => Self(IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))),
        }
    }
}

/// Whoever asked for a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visitor {
    /// From where; nothing where that is not known, as behind a proxy that does not say.
    pub(crate) from: Option<Neighbourhood>,
    /// Whether the browser calls itself a phone's.
    pub(crate) phone: bool,
}

impl Visitor {
    fn of(peer: Option<Peer>, headers: &HeaderMap) -> Self {
        let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        Self {
            from: address(peer, headers).map(Neighbourhood::of),
            phone: PHONES.iter().any(|word| agent.contains(word)),
        }
    }
}

/// The connection's other end, or what a proxy on this very machine says of it. Nobody else is believed: whoever could
/// name an address could name a new one for every guess.
fn address(peer: Option<Peer>, headers: &HeaderMap) -> Option<IpAddr> {
    match peer {
        Some(Peer(address)) if address.is_loopback() => {
            let hops = headers.get_all(FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
            hops.rsplit(',').next()?.trim().parse().ok()
        }
        Some(Peer(address)) => Some(address),
        None => None,
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts.extensions.get().copied(), &parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn from(peer: &str, forwarded: &[&'static str]) -> Option<IpAddr> {
        address(Some(Peer(peer.parse().unwrap())), &headers(&FORWARDED_FOR, forwarded))
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        assert_eq!(from("203.0.113.9", &["198.51.100.1"]), Some("203.0.113.9".parse().unwrap()));
        assert_eq!(from("127.0.0.1", &["198.51.100.1, 192.0.2.7"]), Some("192.0.2.7".parse().unwrap()));
        assert_eq!(from("::1", &["198.51.100.1", "192.0.2.7"]), Some("192.0.2.7".parse().unwrap()));
        assert_eq!(from("127.0.0.1", &[]), None, "a proxy that names nobody must not make everybody one visitor");
        assert_eq!(from("127.0.0.1", &["unknown"]), None);
    }

    #[test]
    fn a_subscriber_with_many_addresses_is_one_neighbourhood() {
        let of = |text: &str| Neighbourhood::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn phones_are_known_by_their_own_word() {
        let phone = |agent| Visitor::of(None, &headers(&USER_AGENT, &[agent])).phone;
        assert!(phone("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"));
        assert!(phone("Mozilla/5.0 (Linux; Android 15) AppleWebKit"));
        assert!(!phone("Mozilla/5.0 (X11; Linux x86_64)"));
    }
}
