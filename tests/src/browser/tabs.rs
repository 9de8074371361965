//! Several tabs of one browser, and what else a person's machine decides for a page.

use fantoccini::wd::WindowHandle;
use serde_json::json;

use super::{Browser, BrowserError, Size};

/// What a phone's browser calls itself.
const PHONE: &str = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36";

/// One tab.
#[derive(Debug, Clone)]
pub struct Tab(WindowHandle);

impl Browser {
    /// Opens a tab of this size and goes to it; gives the one before.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn new_tab(&mut self, size: Size) -> Result<Tab, BrowserError> {
        self.keep_traffic().await?;
        let before = self.client.window().await?;
        let opened = self.client.new_window(true).await?;
        self.client.switch_to_window(opened.handle).await?;
        self.has_focus().await?;
        self.resize(size).await?;
        Ok(Tab(before))
    }

    /// Is the window that a person has before them: without a screen no window has the focus by itself.
    pub(super) async fn has_focus(&self) -> Result<(), BrowserError> {
        self.devtools("Page.bringToFront", json!({})).await?;
        self.devtools("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })).await.map(|_nothing| ())
    }

    /// Goes to a tab that is open.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn back_to(&mut self, tab: &Tab) -> Result<(), BrowserError> {
        self.keep_traffic().await?;
        self.client.switch_to_window(tab.0.clone()).await?;
        self.has_focus().await
    }

    /// Goes to the tab that was opened last.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn to_newest_tab(&mut self) -> Result<(), BrowserError> {
        let newest = self.client.windows().await?.pop();
        match newest {
            Some(newest) => self.back_to(&Tab(newest)).await,
            None => Ok(()),
        }
    }

    /// Closes this tab and goes to the first one.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn close_tab(&mut self) -> Result<(), BrowserError> {
        self.keep_traffic().await?;
        self.client.close_window().await?;
        match self.client.windows().await?.into_iter().next() {
            Some(first) => {
                self.client.switch_to_window(first).await?;
                self.has_focus().await
            }
            None => Ok(()),
        }
    }

    /// Forgets every cookie, as a browser that has never been here.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn forget_cookies(&self) -> Result<(), BrowserError> {
        self.devtools("Network.clearBrowserCookies", json!({})).await.map(|_nothing| ())
    }

    /// Saves what a page gives to be saved in this folder, unasked.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn saves_in(&self, folder: &std::path::Path) -> Result<(), BrowserError> {
        let options = json!({ "behavior": "allow", "downloadPath": folder.display().to_string() });
        self.devtools("Browser.setDownloadBehavior", options).await.map(|_nothing| ())
    }

    /// Is a phone from the next page on, or a computer again.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn as_phone(&self, phone: bool) -> Result<(), BrowserError> {
        // An empty name is the browser's own.
        let mut options = json!({ "userAgent": "" });
        if phone {
            let language = self.ask("return navigator.language").await?;
            let version = json!({
                "platform": "Android", "platformVersion": "14", "architecture": "", "model": "", "mobile": true,
            });
            options = json!({ "userAgent": PHONE, "userAgentMetadata": version, "acceptLanguage": language });
        }
        self.devtools("Emulation.setUserAgentOverride", options).await?;
        self.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": phone })).await.map(|_nothing| ())
    }
}
