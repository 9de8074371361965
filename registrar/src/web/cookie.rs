//! Cookies that keep a session: for this host alone, seen by no script, sent by no other site's page.

use core::time::Duration;

use axum::http::header::{COOKIE, HeaderMap, HeaderValue};

/// A cookie of these pages.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) struct Cookie {
    /// What it is called on a registrar without TLS.
    pub(in crate::web) name: &'static str,
    /// How long a browser keeps it; until it is closed where nothing is said.
    pub(in crate::web) max_age: Option<Duration>,
}

/// Under TLS a cookie's name begins with this, which ties it to its host alone (RFC 6265bis §4.1.3.2).
const HOST: &str = "__Host-";

impl Cookie {
    /// Its value in a request.
    pub(in crate::web) fn read(self, headers: &HeaderMap, tls: bool) -> Option<&str> {
        let prefix = if tls { HOST } else { "" };
        let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_name, value) = pairs.find(|(name, _value)| name.strip_prefix(prefix) == Some(self.name))?;
        Some(value)
    }

    /// The header that has a browser keep it.
    pub(in crate::web) fn set(self, value: &str, tls: bool) -> HeaderValue {
        let (prefix, only_tls) = if tls { (HOST, "; Secure") } else { ("", "") };
        let max_age = self.max_age.map(|age| format!(" Max-Age={};", age.as_secs())).unwrap_or_default();
        let text = format!("{prefix}{}={value}; Path=/;{max_age} HttpOnly; SameSite=Strict{only_tls}", self.name);
        // ASCII by its making; were it not, a browser that keeps nothing is the harmless answer.
        HeaderValue::try_from(text).unwrap_or_else(|_never| HeaderValue::from_static(""))
    }

    /// The header that has a browser forget it.
    pub(in crate::web) fn clear(self, tls: bool) -> HeaderValue {
        Self { max_age: Some(Duration::ZERO), ..self }.set("", tls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_A_PAGE: Cookie = Cookie { name: "kido-r", max_age: Some(Duration::from_secs(3_600)) };
    const UNTIL_CLOSED: Cookie = Cookie { name: "kido-console", max_age: None };

    fn sent(cookies: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(cookies).unwrap())])
    }

    #[test]
    fn a_cookie_is_for_this_host_and_no_script_and_only_loopback_goes_without_tls() {
        let of_page = "__Host-kido-r=x; Path=/; Max-Age=3600; HttpOnly; SameSite=Strict; Secure";
        assert_eq!(OF_A_PAGE.set("x", true), of_page);
        assert_eq!(OF_A_PAGE.set("x", false), "kido-r=x; Path=/; Max-Age=3600; HttpOnly; SameSite=Strict");
        assert_eq!(UNTIL_CLOSED.set("x", true), "__Host-kido-console=x; Path=/; HttpOnly; SameSite=Strict; Secure");
        let cleared = "__Host-kido-console=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure";
        assert_eq!(UNTIL_CLOSED.clear(true), cleared);
    }

    #[test]
    fn under_tls_a_cookie_without_the_prefix_of_its_host_is_none_of_ours() {
        assert_eq!(OF_A_PAGE.read(&sent("a=b; __Host-kido-r=x"), true), Some("x"));
        assert_eq!(OF_A_PAGE.read(&sent("kido-r=x"), true), None);
        assert_eq!(OF_A_PAGE.read(&sent("kido-r=x"), false), Some("x"));
        assert_eq!(OF_A_PAGE.read(&sent("__Host-kido-r=x"), false), None);
        assert_eq!(OF_A_PAGE.read(&sent("__Host-kido-t=x"), true), None);
    }
}
