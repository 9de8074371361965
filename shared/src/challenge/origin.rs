//! Where a registrar is: scheme, host and port, in the one spelling that gets signed.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

/// Longest origin: scheme, a DNS name of 253 characters (RFC 1035 §2.3.4), colon and port.
pub const ORIGIN_CHARACTERS_MAX: usize = "https://".len() + 253 + ":65535".len();

/// Longest label of a DNS name (RFC 1035 §2.3.4).
const LABEL_CHARACTERS_MAX: usize = 63;

/// Longest DNS name.
const NAME_CHARACTERS_MAX: usize = 253;

/// Why a text is no origin that Kido talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Longer than any origin can be.
    #[error("an address has at most {ORIGIN_CHARACTERS_MAX} characters")]
    TooLong,
    /// Neither `https://` nor `http://`.
    #[error("an address begins with https://")]
    Scheme,
    /// Plain http to another machine: anyone between could change what is signed.
    #[error("plain http is only for this machine itself; use https")]
    PlainHttp,
    /// There is a user name, path, query or fragment.
    #[error("an address here is scheme, host and port alone")]
    BeyondPort,
    /// The host is no DNS name in ASCII and no IP address in its usual form.
    #[error("the host is neither a name in ASCII letters nor an IP address")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
}

/// `scheme://host[:port]` (RFC 6454 §6.2) in lower case, without the scheme's own port.
///
/// There is one spelling only, because helper and registrar both sign it: names in their ASCII form, no trailing dot,
/// IPv6 in brackets as RFC 5952 writes it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(into = "String")]
pub struct Origin {
    text: String,
    loopback: bool,
}

impl Origin {
    /// Reads an origin as a person or a link gives it.
    ///
    /// # Errors
    /// [`OriginError`] where it is none, or is plain http to another machine.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text.len() > ORIGIN_CHARACTERS_MAX {
            return Err(OriginError::TooLong);
        }
        let text = text.to_ascii_lowercase();
        let (scheme, own_port, rest) = match text.split_once("://") {
            Some(("https", rest)) => ("https", 443, rest),
            Some(("http", rest)) => ("http", 80, rest),
            Some(_) | None => return Err(OriginError::Scheme),
        };
        if rest.contains(['/', '?', '#', '@', '\\']) {
            return Err(OriginError::BeyondPort);
        }
        let (host, port) = split_port(rest)?;
        let host = Host::parse(host)?;
        let loopback = host.is_loopback();
        if scheme == "http" && !loopback {
            return Err(OriginError::PlainHttp);
        }
        let text = match port.filter(|port| *port != own_port) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Ok(Self { text, loopback })
    }

    /// The one spelling: what is shown, compared and signed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is the machine itself.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether it is reached over TLS; only the machine itself may be without.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.text.starts_with("https://")
    }

    /// The host alone, as a person confirms it; IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.text.split_once("://").map_or(self.text.as_str(), |(_scheme, rest)| rest);
        match rest.rfind(']') {
            Some(end) => rest.get(..=end).unwrap_or(rest),
            None => rest.split_once(':').map_or(rest, |(host, _port)| host),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl crate::LogSafe for Origin {}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        Self::parse(text)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.text
    }
}

impl<'de> serde::Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl<C> minicbor::Encode<C> for Origin {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.str(&self.text)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Origin {
    fn decode(decoder: &mut minicbor::Decoder<'b>, _context: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(decoder.str()?).map_err(minicbor::decode::Error::custom)
    }
}

/// A host in one of its three forms.
enum Host<'a> {
    Name(&'a str),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl<'a> Host<'a> {
    fn parse(text: &'a str) -> Result<Self, OriginError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(OriginError::Host)?;
            return inner.parse().map(Self::V6).map_err(|_no_address| OriginError::Host);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::V4(address));
        }
        let labels_fit = text.split('.').all(is_label);
        // A name that ends in a number is an IPv4 address to some resolvers (`127.1`, `0x7f.1`): none of those.
        let ends_in_a_number =
            text.rsplit('.').next().is_none_or(|last| last.starts_with(|c: char| c.is_ascii_digit()));
        if labels_fit && !ends_in_a_number && text.len() <= NAME_CHARACTERS_MAX {
            Ok(Self::Name(text))
        } else {
            Err(OriginError::Host)
        }
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => *name == "localhost",
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => fmt::Display::fmt(address, f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// Letters, digits and inner hyphens (RFC 1123 §2.1).
fn is_label(label: &str) -> bool {
    (1..=LABEL_CHARACTERS_MAX).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Host and port; the brackets of an IPv6 address stay.
fn split_port(rest: &str) -> Result<(&str, Option<u16>), OriginError> {
    let host_ends = if rest.starts_with('[') {
        rest.find(']').ok_or(OriginError::Host)? + 1
    } else {
        rest.find(':').unwrap_or(rest.len())
    };
    let (host, tail) = rest.split_at_checked(host_ends).ok_or(OriginError::Host)?;
    if tail.is_empty() {
        return Ok((host, None));
    }
    let port = tail.strip_prefix(':').ok_or(OriginError::Host)?;
    let number = port.parse::<u16>().map_err(|_no_number| OriginError::Port)?;
    // One spelling: no sign, no leading zero, no port 0.
    if number == 0 || number.to_string() != port {
        return Err(OriginError::Port);
    }
    Ok((host, Some(number)))
}

#[cfg(test)]
mod tests;
