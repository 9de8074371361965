//! Which of the two languages a page speaks.

use core::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, HeaderMap, HeaderValue};
use axum::http::request::Parts;

/// The cookie that keeps a choice; it says `ja` or `en` and nothing else.
const COOKIE_NAME: &str = "kido_language";

/// How long a choice is kept, in seconds: a year, so that a ticket bought early is read in the same language.
const COOKIE_SECONDS: u32 = 365 * 24 * 60 * 60;

/// Ranges of an `Accept-Language` header that are looked at; browsers send fewer than ten.
const RANGES_MAX: usize = 32;

/// Japanese or English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// 日本語
    Ja,
    /// English
    En,
}

impl Language {
    /// Both, as the switch lists them.
    pub const ALL: [Self; 2] = [Self::Ja, Self::En];

    /// The tag of BCP 47, as `lang` attributes and word files carry it.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    /// Its own name for itself.
    #[must_use]
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::Ja => "日本語",
            Self::En => "English",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Ja => Self::En,
            Self::En => Self::Ja,
        }
    }

    /// The language that a tag names; nothing where it is neither.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next()?;
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    /// The best of the two for an `Accept-Language` (RFC 9110 §12.5.4).
    ///
    /// English for whoever asks for neither: a visitor who reads no Japanese is the one who cannot guess.
    #[must_use]
    pub fn of_accept_language(header: &str) -> Self {
        let mut best: Option<(u16, Self)> = None;
        for range in header.split(',').take(RANGES_MAX) {
            let (tag, quality) = range.split_once(';').unwrap_or((range, "q=1"));
            let Some(language) = Self::of_tag(tag.trim()) else { continue };
            let thousandths = thousandths(quality);
            // The first of equals is what the reader put first.
            if thousandths > best.map_or(0, |(most, _)| most) {
                best = Some((thousandths, language));
            }
        }
        best.map_or(Self::En, |(_, language)| language)
    }

    /// The language of a request: `?lang=`, else an earlier choice, else what the browser asks for, else Japanese.
    #[must_use]
    pub fn of_request(query: Option<&str>, headers: &HeaderMap) -> Self {
        let asked = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("lang=")));
        let kept = || {
            let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
            let mut pairs =
                cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
            pairs.find_map(|(name, value)| (name == COOKIE_NAME).then(|| Self::of_tag(value)).flatten())
        };
        let browser = || headers.get(ACCEPT_LANGUAGE)?.to_str().ok().map(Self::of_accept_language);
        asked.and_then(Self::of_tag).or_else(kept).or_else(browser).unwrap_or(Self::Ja)
    }

    /// The `Set-Cookie` that keeps this choice: no secret, so scripts of the page may read it.
    #[must_use]
    pub fn cookie(self) -> HeaderValue {
        let text = format!("{COOKIE_NAME}={}; Path=/; Max-Age={COOKIE_SECONDS}; SameSite=Lax", self.tag());
        // ASCII by its making; were it not, a page without the cookie is still right.
        HeaderValue::try_from(text).unwrap_or_else(|_never| HeaderValue::from_static(""))
    }
}

/// `q=0.8` → 800; whatever is no weight counts as the least.
fn thousandths(quality: &str) -> u16 {
    let Some(weight) = quality.trim().strip_prefix("q=") else { return 1 };
    let Ok(weight) = weight.trim().parse::<f32>() else { return 1 };
    [1000_u16, 900, 800, 700, 600, 500, 400, 300, 200, 100]
        .into_iter()
        .find(|step| weight * 1000.0 >= f32::from(*step))
        .unwrap_or_else(|| u16::from(weight > 0.0))
}

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of_request(parts.uri.query(), &parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_is_asked_in_its_order_of_preference() {
        for (header, language) in [
            ("ja", Language::Ja),
            ("ja-JP,ja;q=0.9,en;q=0.8", Language::Ja),
            ("en-GB,en;q=0.9,ja;q=0.8", Language::En),
            ("fr;q=1.0, ja;q=0.3, en;q=0.2", Language::Ja),
            ("ko-KR", Language::En),
            ("en;q=0, ja;q=0.1", Language::Ja),
            ("", Language::En),
            (";;;,,,q=", Language::En),
        ] {
            assert_eq!(Language::of_accept_language(header), language, "{header}");
        }
    }

    #[test]
    fn a_choice_goes_before_the_browser_and_a_switch_before_both() {
        let mut headers = HeaderMap::new();
        assert_eq!(Language::of_request(None, &headers), Language::Ja);
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
        assert_eq!(Language::of_request(None, &headers), Language::En);
        headers.insert(COOKIE, HeaderValue::from_static("a=b; kido_language=ja"));
        assert_eq!(Language::of_request(None, &headers), Language::Ja);
        assert_eq!(Language::of_request(Some("x=1&lang=en"), &headers), Language::En);
        assert_eq!(Language::of_request(Some("lang=fr"), &headers), Language::Ja);
    }
}
