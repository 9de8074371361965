//! The lane's screens on a terminal, and its pad: for a lane without a browser, for the demo and for tests.
//!
//! What is typed is a secret while a PIN is asked, so a terminal echoes nothing at all, and whatever was typed before a
//! screen asked is thrown away: half a PIN that somebody left never meets the next holder's card.

mod keyboard;
#[cfg(test)]
mod tests;

use std::io::Write;

use kido_shared::card::Pin;

pub use keyboard::{Keyboard, KeyboardError, Source};

use crate::display::{Asks, Frame, Shows, Typed, Viewer};

/// Draws every screen as lines, until the display ends.
///
/// # Errors
/// Where the terminal is gone.
pub async fn draw(viewer: Viewer, mut out: impl Write + Send) -> std::io::Result<()> {
    let mut frames = viewer.frames();
    // Who only draws is nobody who may type.
    drop(viewer);
    frames.mark_changed();
    while frames.changed().await.is_ok() {
        let text = lines(&frames.borrow_and_update());
        out.write_all(text.as_bytes())?;
        out.flush()?;
    }
    Ok(())
}

/// A screen as text: both languages, the code, and what may be typed.
fn lines(frame: &Frame) -> String {
    let sign = &frame.sign;
    let mut text = format!("\n── {} · {} ──────────────────────────────\n", sign.entrance, sign.lane);
    let code = code(&frame.shows).map(|code| format!("   [{code}]"));
    let said = [Some(&frame.sentence), frame.hint.as_ref(), sign.rehearsal.as_ref()];
    for both in said.into_iter().flatten() {
        text.push_str(&format!("  {}\n  {}\n", both.ja, both.en));
    }
    text.extend(code.into_iter().chain(["\n".to_owned()]));
    text
}

fn code(shows: &Shows) -> Option<kido_shared::refusal::StaffCode> {
    match shows {
        Shows::Refused { code, .. } | Shows::OutOfOrder { code } => Some(*code),
        Shows::Idle
        | Shows::Reading
        | Shows::AskPin { .. }
        | Shows::AskPinAtReader { .. }
        | Shows::Proving
        | Shows::AskParty { .. }
        | Shows::Welcome { .. }
        | Shows::Goodbye { .. }
        | Shows::CardForgotten => None,
    }
}

/// What a line means to a screen: an empty one is *cancel*; one that makes no sense means nothing, and may be typed
/// again while the screen stands.
fn typed(asks: Asks, line: &str) -> Option<Typed> {
    match asks {
        Asks::Nothing => None,
        Asks::Pin | Asks::Party { .. } if line.is_empty() => Some(Typed::Cancel),
        Asks::Pin => Pin::parse(line).ok().map(Typed::Pin),
        Asks::Party { .. } => line.parse().ok().map(Typed::Party),
    }
}
