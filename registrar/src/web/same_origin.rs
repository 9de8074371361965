//! Whether a request comes from one of our own pages.

use axum::extract::FromRequestParts;
use axum::http::header::{HeaderMap, HeaderName, ORIGIN};
use axum::http::request::Parts;
use kido_shared::challenge::Origin;

use crate::error::{AppError, RequestError};
use crate::state::AppState;

/// Sent by browsers since 2023 with every request: whose page sent it (Fetch Metadata §2.4).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A request that changes something and was sent by one of our own pages.
///
/// Beside the cookie's `SameSite` and the JSON that no form of another site can send: one check that does not depend on
/// the others. A request that says neither where it comes from nor whose page sent it is refused too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SameOrigin;

impl SameOrigin {
    fn of(headers: &HeaderMap, own: &Origin) -> Option<Self> {
        let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
        let same = match (sites.next(), sites.next()) {
            (Some(site), None) => site == "same-origin",
            (Some(_), Some(_)) => false,
            (None, _) => {
                let mut origins = headers.get_all(ORIGIN).iter();
                matches!((origins.next(), origins.next()), (Some(origin), None) if origin == own.as_str())
            }
        };
        same.then_some(Self)
    }
}

impl FromRequestParts<AppState> for SameOrigin {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, AppError> {
        Self::of(&parts.headers, &app.origin).ok_or_else(|| RequestError::OtherSite.into())
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_request_of_another_page_or_of_none_is_refused() {
        let own = Origin::parse("https://tickets.example").unwrap();
        let same = |pairs: &[(HeaderName, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            SameOrigin::of(&headers.collect(), &own).is_some()
        };
        assert!(same(&[(SEC_FETCH_SITE, "same-origin")]));
        assert!(same(&[(ORIGIN, "https://tickets.example")]));
        assert!(!same(&[(SEC_FETCH_SITE, "same-site"), (ORIGIN, "https://tickets.example")]));
        assert!(!same(&[(SEC_FETCH_SITE, "cross-site")]));
        assert!(!same(&[(SEC_FETCH_SITE, "none")]), "typed into the address bar: no page sent it");
        assert!(!same(&[(ORIGIN, "https://evil.example")]));
        assert!(!same(&[(ORIGIN, "https://tickets.example"), (ORIGIN, "https://evil.example")]));
        assert!(!same(&[]));
    }
}
