//! Commands of Chromium's driver that WebDriver itself does not have.

use axum::http::Method;
use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::Url;
use serde_json::Value;

/// A command by its path below the session.
#[derive(Debug)]
pub(super) struct Raw {
    path: &'static str,
    body: Value,
}

impl Raw {
    /// A command with a body.
    pub(super) const fn post(path: &'static str, body: Value) -> Self {
        Self { path, body }
    }
}

/// What [`Url::join`] gives.
type Joined = Result<Url, <Url as core::str::FromStr>::Err>;

impl WebDriverCompatibleCommand for Raw {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Joined {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _request_url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
