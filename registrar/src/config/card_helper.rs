//! Where buyers get the card helper: a link of the operator's on a page of ours.

use core::fmt;
use core::str::FromStr;

use reqwest::Url;

/// Longest address: no page is told by a longer one.
const URL_BYTES_MAX: usize = 512;

/// An address that buyers are sent to. It names a host, is protected on its way, and carries nobody's name or password.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct CardHelperUrl(String);

/// Why an address is none that buyers are sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an https address without a user name, up to {URL_BYTES_MAX} characters: https://shop.example/card-helper")]
pub struct CardHelperUrlError;

impl CardHelperUrl {
    /// The address, as it stands in a link.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CardHelperUrl {
    type Err = CardHelperUrlError;

    fn from_str(text: &str) -> Result<Self, CardHelperUrlError> {
        let url = Url::parse(text).map_err(|_no_detail| CardHelperUrlError)?;
        let nobody = url.username().is_empty() && url.password().is_none();
        // Parsing mends what looks like an address; what buyers read must be what was meant.
        let as_written = text.starts_with("https://") && text.bytes().all(|byte| byte.is_ascii_graphic());
        let sound = url.scheme() == "https" && url.has_host() && nobody && as_written && text.len() <= URL_BYTES_MAX;
        if sound { Ok(Self(url.into())) } else { Err(CardHelperUrlError) }
    }
}

impl TryFrom<String> for CardHelperUrl {
    type Error = CardHelperUrlError;

    fn try_from(text: String) -> Result<Self, CardHelperUrlError> {
        text.parse()
    }
}

impl fmt::Display for CardHelperUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buyers_are_sent_to_https_alone() {
        let good = ["https://shop.example/card-helper", "https://shop.example:8443/?lang=ja#windows"];
        for text in good {
            assert_eq!(text.parse::<CardHelperUrl>().unwrap().as_str(), text);
        }
        let long = format!("https://shop.example/{}", "x".repeat(URL_BYTES_MAX));
        let bad = [
            "http://shop.example/card-helper",
            "javascript:alert(1)",
            "https://",
            "https:shop.example",
            "https://shop@evil.example/",
            "https://shop.example/a b",
            " https://shop.example/",
            "shop.example",
            "",
            &long,
        ];
        for text in bad {
            assert_eq!(text.parse::<CardHelperUrl>(), Err(CardHelperUrlError), "{text}");
        }
    }
}
