//! Who asks, as far as the answer depends on it: from where, and whether on a phone.

use core::convert::Infallible;
use core::net::{IpAddr, Ipv6Addr};
use std::collections::BTreeSet;

use axum::extract::FromRequestParts;
use axum::http::header::{HeaderMap, HeaderName, USER_AGENT};
use axum::http::request::Parts;
pub(crate) use kido_serve::Peer;

use crate::state::AppState;

/// Set by a proxy in front of this registrar; each hop adds what it saw at the end.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Words by which phones name themselves. Tablets that call themselves computers are found by the page's script.
const PHONES: [&str; 3] = ["Android", "iPhone", "iPod"];

/// A household or a machine: an IPv4 address, or the first half of an IPv6 address, which is what one subscriber has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbourhood(IpAddr);

/// An address is personal: it is counted for a minute, or as long as a dialogue is open, and printed nowhere.
impl core::fmt::Debug for Neighbourhood {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Neighbourhood(..)")
    }
}

impl Neighbourhood {
    pub(crate) const fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => Self(IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))),
        }
    }
}

/// Whose word is taken for where a request comes from: by default whatever else runs on this machine.
///
/// Nobody else is believed: whoever could name an address could name a new one for every guess.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Proxies {
    /// One on this machine, which is where TLS is ended unless somebody says otherwise.
    #[default]
    OfThisMachine,
    /// Exactly these; nobody where there is none.
    Named(BTreeSet<IpAddr>),
}

impl Proxies {
    /// Those of a configuration.
    #[must_use]
    pub fn of(named: Option<Vec<IpAddr>>) -> Self {
        let named = named.map(|named| named.into_iter().map(|address| address.to_canonical()).collect());
        named.map_or(Self::OfThisMachine, Self::Named)
    }

    fn believes(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self {
            Self::OfThisMachine => address.is_loopback(),
            Self::Named(named) => named.contains(&address),
        }
    }

    /// The connection's other end; where that is a proxy, the last hop that is none, as the proxies tell it.
    fn address(&self, peer: Option<Peer>, headers: &HeaderMap) -> Option<IpAddr> {
        let Peer(peer) = peer?;
        if !self.believes(peer) {
            return Some(peer);
        }
        for line in headers.get_all(FORWARDED_FOR).iter().rev() {
            for hop in line.to_str().ok()?.rsplit(',') {
                // Behind a hop that cannot be read stands whatever its client has written.
                let hop = hop.trim().parse().ok()?;
                if !self.believes(hop) {
                    return Some(hop);
                }
            }
        }
        None
    }
}

/// Whoever asked.
#[derive(Debug, Clone, Copy)]
pub struct Visitor {
    /// From where; nothing where that is not known, as behind a proxy that does not say.
    pub(crate) from: Option<Neighbourhood>,
    /// Whether the browser calls itself a phone's.
    pub(crate) phone: bool,
}

impl Visitor {
    fn of(peer: Option<Peer>, headers: &HeaderMap, proxies: &Proxies) -> Self {
        let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        Self {
            from: proxies.address(peer, headers).map(Neighbourhood::of),
            phone: PHONES.iter().any(|word| agent.contains(word)),
        }
    }
}

impl FromRequestParts<AppState> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Infallible> {
        Ok(Self::of(parts.extensions.get().copied(), &parts.headers, &app.proxies))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn from(proxies: &Proxies, peer: &str, forwarded: &[&'static str]) -> Option<String> {
        let peer = Peer(peer.parse().unwrap());
        proxies.address(Some(peer), &headers(&FORWARDED_FOR, forwarded)).map(|address| address.to_string())
    }

    fn named(addresses: &[&str]) -> Proxies {
        Proxies::of(Some(addresses.iter().map(|address| address.parse().unwrap()).collect()))
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed_unless_others_are_named() {
        let own = Proxies::of(None);
        assert_eq!(from(&own, "203.0.113.9", &["198.51.100.1"]).unwrap(), "203.0.113.9");
        assert_eq!(from(&own, "127.0.0.1", &["198.51.100.1, 192.0.2.7"]).unwrap(), "192.0.2.7");
        assert_eq!(from(&own, "::1", &["198.51.100.1", "192.0.2.7"]).unwrap(), "192.0.2.7");
        assert_eq!(from(&own, "127.0.0.1", &[]), None, "a proxy that names nobody must not make everybody one visitor");
        assert_eq!(from(&own, "127.0.0.1", &["unknown"]), None);
    }

    #[test]
    fn of_named_proxies_the_last_hop_that_is_none_counts() {
        let two = named(&["10.0.0.2", "2001:db8::1"]);
        assert_eq!(from(&two, "10.0.0.2", &["198.51.100.1, 192.0.2.7"]).unwrap(), "192.0.2.7");
        assert_eq!(from(&two, "::ffff:10.0.0.2", &["192.0.2.7, 2001:db8::1"]).unwrap(), "192.0.2.7", "through both");
        assert_eq!(from(&two, "10.0.0.2", &["192.0.2.7", "2001:db8::1"]).unwrap(), "192.0.2.7", "in two lines");
        assert_eq!(from(&two, "10.0.0.2", &["192.0.2.7, forged, 2001:db8::1"]), None);
        assert_eq!(from(&two, "10.0.0.3", &["192.0.2.7"]).unwrap(), "10.0.0.3");
        assert_eq!(from(&two, "127.0.0.1", &["192.0.2.7"]).unwrap(), "127.0.0.1", "this machine was not named");
        assert_eq!(from(&named(&[]), "127.0.0.1", &["192.0.2.7"]).unwrap(), "127.0.0.1");
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
        let phone = |agent| Visitor::of(None, &headers(&USER_AGENT, &[agent]), &Proxies::default()).phone;
        assert!(phone("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)"));
        assert!(phone("Mozilla/5.0 (Linux; Android 15) AppleWebKit"));
        assert!(!phone("Mozilla/5.0 (X11; Linux x86_64)"));
    }
}
