//! What leaves a page by a button: a copied text, a printed sheet.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Browser, BrowserError};
use crate::harness::HarnessError;

/// What a printed page is in a file: with its space, so that the list of pages is not counted.
const PAGE_OBJECT: &[u8] = b"/Type /Page\n";

/// A4, in inches.
const A4: [f64; 2] = [8.27, 11.69];

/// A page as a printer gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    /// How many sheets it takes.
    pub sheets: usize,
}

impl Browser {
    /// Lets pages of this origin copy, and this test read what was copied: as a person's browser does for the page that
    /// they are using.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn may_copy(&self, origin: &str) -> Result<(), BrowserError> {
        let permissions = json!({ "origin": origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        self.devtools("Browser.grantPermissions", permissions).await.map(|_nothing| ())
    }

    /// What was copied last, and nothing from now on.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn takes_copied(&self) -> Result<String, BrowserError> {
        let script = "const done = arguments[arguments.length - 1]; \
            navigator.clipboard.readText().then(async (text) => { await navigator.clipboard.writeText(''); done(text); }, \
            (error) => done(String(error)));";
        let text = self.client.execute_async(script, Vec::new()).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Counts from now on how often this page asks to be printed: no window for it opens without a screen.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn watch_printing(&self) -> Result<(), BrowserError> {
        let script = "const real = window.print.bind(window); window.asked = 0; \
            window.print = () => { window.asked += 1; real(); };";
        self.ask(script).await.map(|_nothing| ())
    }

    /// How often it asked.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn asked_to_print(&self) -> Result<u64, BrowserError> {
        Ok(self.ask("return window.asked").await?.as_u64().unwrap_or_default())
    }

    /// Prints the page to a file beside its pictures, on A4.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn print(&self, name: &str) -> Result<Paper, BrowserError> {
        let [width, height] = A4;
        let options = json!({ "paperWidth": width, "paperHeight": height, "printBackground": false });
        let answer = self.devtools("Page.printToPDF", options).await?;
        let data = answer.get("data").and_then(Value::as_str).and_then(|data| STANDARD.decode(data).ok());
        let data = data.ok_or_else(|| HarnessError::Shape { what: "a printed page", text: name.to_owned() })?;
        let sheets = data.windows(PAGE_OBJECT.len()).filter(|part| *part == PAGE_OBJECT).count();
        let path = self.pictures.join(format!("{name}.pdf"));
        std::fs::write(&path, data).map_err(|source| HarnessError::File { path, source })?;
        Ok(Paper { sheets })
    }
}
