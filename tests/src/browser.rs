//! A browser as a person has one, driven from a test: Debian's Chromium through its own driver.
//!
//! Each [`Browser`] is a process of its own with an empty profile, and is gone when it is dropped, however its test ends.
//! Nothing waits for a length of time: [`Browser::wait`] waits for what a page says, with a deadline. What Chromium
//! complains about on its console (an uncaught error, a blocked script, anything against the content security policy)
//! is kept until [`Browser::complaints`] is asked, and a page that was looked at with [`Browser::look`] has been held
//! against axe-core in both colour schemes and left its picture.
//!
//! Why WebDriver: some twenty small crates instead of the sixty thousand lines that the whole DevTools protocol is in
//! Rust; the few commands of that protocol that are needed go through the driver.

mod axe;
mod command;
mod driver;
mod error;
mod hand;
mod look;
mod painted;
mod paper;
mod tabs;
mod traffic;

use std::path::{Path, PathBuf};
use std::time::Duration;

use fantoccini::Client;
use serde_json::{Value, json};

pub use axe::{Axe, Finding};
pub use driver::{Setting, installed};
pub use error::BrowserError;
pub use hand::Hand;
pub use look::{GATE, PAGE, Size};
pub use painted::Painted;
pub use paper::Paper;
pub use tabs::Tab;
pub use traffic::{Request, Traffic};

use crate::harness::Process;
use command::Raw;

/// How long a page may take to say what was waited for: a process behind it, on a machine that is busy.
const SAYS_WITHIN: Duration = Duration::from_secs(30);

/// How often a page is asked.
const ASK_EVERY: Duration = Duration::from_millis(40);

/// Characters of a page that are told when something was waited for in vain.
const TOLD_CHARS_MAX: usize = 600;

/// A running browser with one page.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    driver: Process,
    profile: PathBuf,
    hand: Hand,
    axe: Axe,
    pictures: PathBuf,
    traffic: Traffic,
    keeps_traffic: bool,
}

impl Browser {
    /// Starts one with an empty profile in `folder`; its pictures go to the folder of this build.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn start(folder: &Path, setting: Setting) -> Result<Self, BrowserError> {
        let axe = Axe::of_this_build()?;
        let pictures = look::pictures_folder(&axe)?;
        let profile = folder.join("profile");
        let (driver, client) = driver::start(folder, &profile, setting).await?;
        let (hand, traffic, keeps_traffic) = (Hand::Pointer, Traffic::default(), setting.keeps_traffic);
        let browser = Self { client, driver, profile, hand, axe, pictures, traffic, keeps_traffic };
        browser.has_focus().await?;
        browser.show_as(PAGE[0], look::Scheme::Light).await?;
        Ok(browser)
    }

    /// Uses pages this way from now on.
    pub const fn use_with(&mut self, hand: Hand) {
        self.hand = hand;
    }

    /// Where its profile is: a leak search looks there when it has ended.
    #[must_use]
    pub fn profile(&self) -> &Path {
        &self.profile
    }

    /// Goes to an address.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn go(&mut self, address: &str) -> Result<(), BrowserError> {
        self.keep_traffic().await?;
        self.client.goto(address).await?;
        Ok(())
    }

    /// Runs a script in the page and gives what it returns.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn ask(&self, script: &str) -> Result<Value, BrowserError> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// Waits until an expression is true in the page.
    ///
    /// # Errors
    /// [`BrowserError::Waited`] with what the page says instead.
    pub async fn wait(&self, what: &str, expression: &str) -> Result<(), BrowserError> {
        self.wait_within(what, expression, SAYS_WITHIN).await
    }

    /// The same with a deadline of its own.
    ///
    /// # Errors
    /// [`BrowserError::Waited`].
    pub async fn wait_within(&self, what: &str, expression: &str, within: Duration) -> Result<(), BrowserError> {
        let script = format!("return Boolean({expression})");
        let asking = async {
            // A page that is just being left has no answer; the next one will.
            while !matches!(self.ask(&script).await, Ok(Value::Bool(true))) {
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        if tokio::time::timeout(within, asking).await.is_ok() {
            return Ok(());
        }
        let said = self.ask("return location.pathname + ' ' + document.body.innerText").await.unwrap_or_default();
        let said: String = said.as_str().unwrap_or_default().chars().take(TOLD_CHARS_MAX).collect();
        Err(BrowserError::Waited { what: what.to_owned(), within, said: said.replace('\n', " / ") })
    }

    /// Waits until something that this selector finds is there to be seen.
    ///
    /// # Errors
    /// [`BrowserError::Waited`].
    pub async fn sees(&self, selector: &str) -> Result<(), BrowserError> {
        self.wait(selector, &format!("[...document.querySelectorAll({})].some({SEEN})", json!(selector))).await
    }

    /// Whether something that this selector finds is there to be seen now.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn shows(&self, selector: &str) -> Result<bool, BrowserError> {
        let seen = format!("return [...document.querySelectorAll({})].some({SEEN})", json!(selector));
        Ok(self.ask(&seen).await? == Value::Bool(true))
    }

    /// Waits until the page has this text somewhere to be seen.
    ///
    /// # Errors
    /// [`BrowserError::Waited`].
    pub async fn reads(&self, text: &str) -> Result<(), BrowserError> {
        self.wait(text, &format!("document.body.innerText.includes({})", json!(text))).await
    }

    /// The text that is there to be seen, of everything that the selector finds.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn text(&self, selector: &str) -> Result<String, BrowserError> {
        let script = format!(
            "return [...document.querySelectorAll({})].filter({SEEN}).map((e) => e.innerText).join('\\n')",
            json!(selector)
        );
        Ok(self.ask(&script).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Sends a command of the DevTools protocol through the driver.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn devtools(&self, command: &str, parameters: Value) -> Result<Value, BrowserError> {
        let body = json!({ "cmd": command, "params": parameters });
        Ok(self.client.issue_cmd(Raw::post("goog/cdp/execute", body)).await?)
    }

    /// What Chromium complained about since the last time it was asked, but for what contains one of these texts.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn complaints(&self, expected: &[&str]) -> Result<Vec<String>, BrowserError> {
        let lines = self.client.issue_cmd(Raw::post("se/log", json!({ "type": "browser" }))).await?;
        let lines = lines.as_array().cloned().unwrap_or_default();
        let text = |line: &Value, field: &str| line.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let bad = lines.iter().filter(|line| {
            text(line, "level") == "SEVERE" || text(line, "message").contains("Content Security Policy")
        });
        let said = bad.map(|line| format!("{}: {}", text(line, "source"), text(line, "message")));
        Ok(said.filter(|line| !expected.iter().any(|expected| line.contains(expected))).collect())
    }

    /// Ends it the way a person closes a window, so that it writes to its profile what it wants to keep; gives all that
    /// went over its wires.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn close(mut self) -> Result<Traffic, BrowserError> {
        self.keep_traffic().await?;
        let Self { client, driver, traffic, .. } = self;
        client.close().await?;
        driver.kill().await?;
        Ok(traffic)
    }
}

/// A function that tells whether an element is there to be seen.
const SEEN: &str = "((e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }))";
