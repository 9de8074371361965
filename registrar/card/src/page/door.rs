//! The one-time secret of the address, and the cookie that the first request with it gets.
//!
//! The secret stands behind `#`: no request line, log or referrer carries it. It reaches the helper once, in the body of
//! a POST. The address is an argument of the browser's process for a moment, so somebody else of this computer may read
//! it; whoever comes second finds the door shut, and **both are put out**: better no registration than a shared one.

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, HeaderValue};
use kido_shared::codes::{Code, CodeHash};

/// The cookie's name. Cookies know no port, so the path, which is new every time, keeps it from other programs' pages.
const COOKIE_NAME: &str = "kido_card";

/// Who has been let in. Secrets are compared by their hashes, so that no timing tells one.
#[derive(Debug)]
pub(super) struct Door {
    secret: CodeHash,
    admitted: Option<CodeHash>,
}

/// What became of a secret that was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Knock {
    /// The first time: the cookie is good from now on.
    Admitted,
    /// It is not the secret.
    Wrong,
    /// It is, and was used before.
    Again,
}

impl Door {
    pub(super) fn new(secret: &Code) -> Self {
        Self { secret: secret.hash(), admitted: None }
    }

    /// Shows a secret; whoever is admitted will bring this cookie.
    pub(super) fn knock(&mut self, secret: &str, cookie: &Code) -> Knock {
        if Code::parse(secret).map(|code| code.hash()) != Ok(self.secret) {
            return Knock::Wrong;
        }
        if self.admitted.is_some() {
            return Knock::Again;
        }
        self.admitted = Some(cookie.hash());
        Knock::Admitted
    }

    /// Whether a request brings the cookie.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(admitted) = self.admitted else { return false };
        let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(name, value)| name == COOKIE_NAME && Code::parse(value).is_ok_and(|code| code.hash() == admitted))
    }
}

/// The `Set-Cookie` of whoever was admitted: out of scripts' reach, this page's alone, gone with the browser. Not
/// `Secure`, since the page is plain http on loopback, where browsers disagree about that word.
pub(super) fn set_cookie(cookie: &Code, path: &str) -> Option<HeaderValue> {
    let text = zeroize::Zeroizing::new(format!(
        "{COOKIE_NAME}={}; Path={path}; HttpOnly; SameSite=Strict",
        cookie.reveal().as_str()
    ));
    let mut value = HeaderValue::try_from(text.as_str()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> Code {
        Code::generate(&mut rand::thread_rng())
    }

    fn with_cookie(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::try_from(text).unwrap());
        headers
    }

    #[test]
    fn a_secret_lets_one_in_and_once() {
        let (secret, cookie) = (code(), code());
        let mut door = Door::new(&secret);
        let brought = with_cookie(&format!("a=b; {COOKIE_NAME}={}", cookie.reveal().as_str()));
        assert!(!door.admits(&brought), "nobody is in yet");
        assert_eq!(door.knock(&code().reveal(), &cookie), Knock::Wrong);
        assert_eq!(door.knock("", &cookie), Knock::Wrong);
        assert_eq!(door.knock(&secret.reveal(), &cookie), Knock::Admitted);
        assert!(door.admits(&brought));
        assert_eq!(door.knock(&secret.reveal(), &code()), Knock::Again);
        assert!(!door.admits(&with_cookie(&format!("{COOKIE_NAME}={}", secret.reveal().as_str()))));
        assert!(!door.admits(&with_cookie(&format!("other={}", cookie.reveal().as_str()))));
    }

    #[test]
    fn a_cookie_is_out_of_reach_of_scripts_and_of_other_pages() {
        let value = set_cookie(&code(), "/abc/").unwrap();
        let text = value.to_str().unwrap();
        assert!(text.ends_with("; Path=/abc/; HttpOnly; SameSite=Strict"));
        assert!(value.is_sensitive());
    }
}
