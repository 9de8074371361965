//! How a person uses a page: with a pointer, or with nothing but a keyboard.

use fantoccini::Locator;
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use serde_json::{Value, json};

use super::{Browser, BrowserError};

/// Presses of the tabulator after which something counts as out of reach: more than any page has places.
const TABS_MAX: usize = 120;

/// The hand that uses a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// Clicks and touches.
    Pointer,
    /// Goes from place to place with the tabulator, and presses what has the focus.
    Keyboard,
}

impl Browser {
    /// Presses a button, a link, a box.
    ///
    /// # Errors
    /// [`BrowserError`] where it is not there, is hidden, or cannot be reached.
    pub async fn press(&self, selector: &str) -> Result<(), BrowserError> {
        self.sees(selector).await?;
        match self.hand {
            Hand::Pointer => Ok(self.client.find(Locator::Css(selector)).await?.click().await?),
            Hand::Keyboard => {
                self.tab_to(selector).await?;
                let boxes = "return document.activeElement.matches('input[type=checkbox], input[type=radio]')";
                let is_box = self.ask(boxes).await? == Value::Bool(true);
                self.key(if is_box { ' ' } else { char::from(Key::Enter) }).await
            }
        }
    }

    /// Fills a field, in place of what stands in it.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn fill(&self, selector: &str, text: &str) -> Result<(), BrowserError> {
        self.sees(selector).await?;
        match self.hand {
            Hand::Pointer => {
                let field = self.client.find(Locator::Css(selector)).await?;
                field.clear().await?;
                Ok(field.send_keys(text).await?)
            }
            Hand::Keyboard => {
                self.tab_to(selector).await?;
                self.ask("document.activeElement.select?.()").await?;
                self.type_keys(text).await
            }
        }
    }

    /// Sets a field that a person turns rather than types: a date, a choice, a file.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn set(&self, selector: &str, value: &str) -> Result<(), BrowserError> {
        let script = format!(
            "const e = document.querySelector({}); e.value = {}; \
             for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, {{ bubbles: true }}));",
            json!(selector),
            json!(value)
        );
        if self.hand == Hand::Keyboard {
            self.tab_to(selector).await?;
        }
        self.ask(&script).await.map(|_nothing| ())
    }

    /// Gives a file to a field for files.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn give_file(&self, selector: &str, file: &std::path::Path) -> Result<(), BrowserError> {
        if self.hand == Hand::Keyboard {
            self.tab_to(selector).await?;
        }
        let field = self.client.find(Locator::Css(selector)).await?;
        Ok(field.send_keys(&file.display().to_string()).await?)
    }

    /// Types these characters wherever the focus is, one key after another.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn type_keys(&self, text: &str) -> Result<(), BrowserError> {
        for character in text.chars() {
            self.key(character).await?;
        }
        Ok(())
    }

    /// Presses one key.
    ///
    /// # Errors
    /// [`BrowserError::Command`].
    pub async fn key(&self, value: char) -> Result<(), BrowserError> {
        let keys = KeyActions::new("keyboard".to_owned());
        let keys = keys.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        Ok(self.client.perform_actions(keys).await?)
    }

    /// Types a digit: on the keypad beside the screen, or on the pad that the page draws.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn digit(&self, digit: char) -> Result<(), BrowserError> {
        match self.hand {
            Hand::Keyboard => self.key(digit).await,
            Hand::Pointer => self.press(&format!("[data-key='{digit}']")).await,
        }
    }

    /// Says that the digits are complete, in the same way.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn enter(&self) -> Result<(), BrowserError> {
        match self.hand {
            Hand::Keyboard => self.key(char::from(Key::Enter)).await,
            Hand::Pointer => self.press("[data-key='enter']").await,
        }
    }

    /// Presses the tabulator until the focus is at what the selector finds, and holds that the focus is to be seen.
    ///
    /// # Errors
    /// [`BrowserError::Keyboard`].
    pub async fn tab_to(&self, selector: &str) -> Result<(), BrowserError> {
        let here = format!("return Boolean(document.activeElement?.matches({}))", json!(selector));
        let mut path = Vec::new();
        while self.ask(&here).await? != Value::Bool(true) {
            if path.len() == TABS_MAX {
                return Err(keyboard(selector, "cannot be reached", &path));
            }
            self.key(char::from(Key::Tab)).await?;
            path.push(self.ask(WHERE).await?.as_str().unwrap_or_default().to_owned());
        }
        if self.ask(FOCUS_SHOWS).await? == Value::Bool(true) {
            return Ok(());
        }
        Err(keyboard(selector, "has no focus to be seen", &path))
    }
}

fn keyboard(selector: &str, problem: &'static str, path: &[String]) -> BrowserError {
    let mut path = path.to_vec();
    path.dedup();
    path.truncate(12);
    BrowserError::Keyboard { selector: selector.to_owned(), problem, path: path.join(" → ") }
}

/// What has the focus, in a few words.
const WHERE: &str = "const e = document.activeElement; \
    return `${e.tagName.toLowerCase()}${e.id ? '#' + e.id : ''} ${(e.innerText ?? '').trim().slice(0, 20)}`";

/// Whether one sees where the focus is: a ring or a shadow, at the element or at what stands for it.
const FOCUS_SHOWS: &str = "
    const shows = (e) => {
      const style = getComputedStyle(e);
      return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
    };
    const e = document.activeElement;
    return [e, e.closest('label'), e.nextElementSibling, ...(e.labels ?? [])].some((e) => e && shows(e));";
