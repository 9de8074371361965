//! What somebody at the console is shown instead of a page: what happened, why, what to do.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use kido_web::icons;

use super::why::key_of;
use crate::error::AppError;
use crate::web::Page;

#[derive(Debug, Template)]
#[template(path = "console_refused.html")]
struct RefusedPage<'p> {
    page: Page<'p>,
    /// What to do, by its word; the page's name for styles and tests.
    kind: &'static str,
    what: String,
    next: String,
    trace: Option<String>,
}

/// The page of a refusal, by its status and its word for programs; with what finds it in the log, where something failed.
pub(crate) fn refusal_page(
    page: Page<'_>,
    status: StatusCode,
    code: Option<&str>,
    trace: Option<String>,
) -> Result<Response, AppError> {
    let kind = kind(status, code.unwrap_or_default());
    let known = code.and_then(|code| key_of(code, page.speech));
    let what = known.unwrap_or_else(|| format!("console-error-{kind}-what"));
    let next = format!("console-error-{kind}-next");
    page.show(&RefusedPage { page, kind, what: page.speech.say(&what), next: page.speech.say(&next), trace })
}

/// What to do depends on less than what happened.
fn kind(status: StatusCode, code: &str) -> &'static str {
    match (status, code) {
        (_, "role") => "role",
        (_, "other_site") => "other-page",
        (StatusCode::NOT_FOUND | StatusCode::GONE, _) => "nothing-here",
        (StatusCode::PAYLOAD_TOO_LARGE, _) => "too-large",
        (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, _) => "busy",
        (status, _) if status.is_server_error() => "failed",
        (_, _) => "not-understood",
    }
}

#[cfg(test)]
mod tests {
    use kido_web::language::Language;

    use super::*;
    use crate::web::Pages;

    #[test]
    fn every_refusal_says_what_to_do() {
        let pages = Pages::compiled_in().unwrap();
        for language in Language::ALL {
            let speech = pages.page(language).speech;
            for (status, code) in [
                (StatusCode::FORBIDDEN, "role"),
                (StatusCode::FORBIDDEN, "other_site"),
                (StatusCode::NOT_FOUND, "unknown_event"),
                (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
                (StatusCode::SERVICE_UNAVAILABLE, "busy"),
                (StatusCode::INSUFFICIENT_STORAGE, "disk_full"),
                (StatusCode::METHOD_NOT_ALLOWED, "method"),
            ] {
                for part in ["what", "next"] {
                    let key = format!("console-error-{}-{part}", kind(status, code));
                    assert_ne!(speech.say(&key), key);
                }
            }
        }
    }
}
