//! The lane's screen and pad, as the page beside the gate would use them.

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::HarnessError;

/// Screens that may wait for a reader.
const SCREENS_WAITING: usize = 1_024;

/// One screen as the lane's event stream gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown(pub Value);

impl Shown {
    /// `idle`, `ask_pin`, `welcome`, `refused`, ….
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.get("screen").and_then(Value::as_str).unwrap_or_default()
    }

    /// `wrong_pin`, `desk`, … of a screen that refuses.
    #[must_use]
    pub fn notice(&self) -> &str {
        self.0.get("notice").and_then(Value::as_str).unwrap_or_default()
    }

    /// The sentence in English.
    #[must_use]
    pub fn sentence(&self) -> &str {
        self.0.pointer("/sentence/en").and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self) -> &Value {
        self.0.get("number").unwrap_or(&Value::Null)
    }

    /// The two-digit code, where one is shown.
    #[must_use]
    pub fn code(&self) -> Option<u64> {
        self.0.get("code").and_then(Value::as_u64)
    }
}

/// A connection to a lane's event stream.
#[derive(Debug)]
pub struct Kiosk {
    address: String,
    http: reqwest::Client,
    screens: mpsc::Receiver<Shown>,
    follower: JoinHandle<()>,
}

impl Kiosk {
    /// Connects to `http://127.0.0.1:PORT`.
    ///
    /// # Errors
    /// [`HarnessError::Http`].
    pub async fn connect(address: &str) -> Result<Self, HarnessError> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let mut answer = http.get(format!("{address}/events")).send().await?.error_for_status()?;
        let (send, screens) = mpsc::channel(SCREENS_WAITING);
        let follower = tokio::spawn(async move {
            let mut waiting = String::new();
            while let Ok(Some(bytes)) = answer.chunk().await {
                waiting.push_str(&String::from_utf8_lossy(&bytes));
                while let Some((event, rest)) = waiting.split_once("\n\n") {
                    let data: String = event.lines().filter_map(|line| line.strip_prefix("data:")).collect();
                    let screen = serde_json::from_str(data.trim()).map(Shown);
                    waiting = rest.to_owned();
                    // Signs of life carry no screen.
                    if let Ok(screen) = screen
                        && !screen.kind().is_empty()
                        && send.send(screen).await.is_err()
                    {
                        return;
                    }
                }
            }
        });
        Ok(Self { address: address.to_owned(), http, screens, follower })
    }

    /// The next screen that `wanted` accepts; screens before it are passed over.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`].
    pub async fn screen(
        &mut self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&Shown) -> bool,
    ) -> Result<Shown, HarnessError> {
        let mut seen = Vec::new();
        let search = async {
            while let Some(screen) = self.screens.recv().await {
                if wanted(&screen) {
                    return Some(screen);
                }
                seen.push(screen.kind().to_owned());
            }
            None
        };
        let found = tokio::time::timeout(within, search).await.ok().flatten();
        found.ok_or_else(|| HarnessError::TimedOut { what: format!("{what} (screens: {})", seen.join(", ")), within })
    }

    /// The screen that stands now.
    ///
    /// # Errors
    /// [`HarnessError::Http`].
    pub async fn current(&self) -> Result<Shown, HarnessError> {
        let answer = self.http.get(format!("{}/screen", self.address)).send().await?.error_for_status()?;
        Ok(Shown(answer.json().await?))
    }

    /// Passes over every screen that has come so far.
    pub fn forget(&mut self) {
        while self.screens.try_recv().is_ok() {}
    }

    /// Types a PIN on the pad that this screen shows.
    ///
    /// # Errors
    /// [`HarnessError::Http`] where that screen does not stand any more.
    pub async fn pin(&self, screen: &Shown, pin: &str) -> Result<(), HarnessError> {
        self.post("pin", &serde_json::json!({ "screen": screen.number(), "pin": pin })).await
    }

    /// Says how many enter.
    ///
    /// # Errors
    /// [`HarnessError::Http`] where that screen does not stand any more.
    pub async fn party(&self, screen: &Shown, count: usize) -> Result<(), HarnessError> {
        self.post("party", &serde_json::json!({ "screen": screen.number(), "count": count })).await
    }

    /// Presses *cancel* on the pad that this screen shows.
    ///
    /// # Errors
    /// [`HarnessError::Http`] where that screen does not stand any more.
    pub async fn cancel(&self, screen: &Shown) -> Result<(), HarnessError> {
        self.post("cancel", &serde_json::json!({ "screen": screen.number() })).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<(), HarnessError> {
        let answer = self.http.post(format!("{}/{path}", self.address)).json(body).send().await?;
        answer.error_for_status()?;
        Ok(())
    }
}

impl Drop for Kiosk {
    fn drop(&mut self) {
        self.follower.abort();
    }
}
