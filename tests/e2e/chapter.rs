//! What a tap must come to, and how a ticket comes onto a card.

pub(crate) use kido_tests::chapter::{Chapter, Steps};
use kido_tests::harness::{HarnessError, Tap};

/// What a tap must come to: before a proof the screen says what to do, in the log stands why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) notice: &'static str,
    pub(crate) code: u64,
    pub(crate) reason: &'static str,
    pub(crate) asked_for_pin: bool,
}

impl Told {
    /// Holds a tap against this.
    pub(crate) fn holds(&self, tap: &Tap) -> anyhow::Result<()> {
        let seen = (tap.shown.kind(), tap.shown.notice(), tap.shown.code(), tap.reason.as_str(), tap.asked_for_pin);
        let told = ("refused", self.notice, Some(self.code), self.reason, self.asked_for_pin);
        anyhow::ensure!(seen == told, "seen {seen:?}, where {told:?} was told");
        Ok(())
    }
}

/// Refused before a proof, for what the card or its ticket is: no PIN was asked.
pub(crate) const fn unasked(notice: &'static str, code: u64, reason: &'static str) -> Told {
    Told { notice, code, reason, asked_for_pin: false }
}

/// Refused after the pad was shown.
pub(crate) const fn asked(notice: &'static str, code: u64, reason: &'static str) -> Told {
    Told { notice, code, reason, asked_for_pin: true }
}

/// Holds a tap against an open lane.
pub(crate) fn welcome(tap: &Tap) -> anyhow::Result<()> {
    anyhow::ensure!(tap.is_welcome(), "seen {:?} ({})", tap.shown, tap.reason);
    Ok(())
}

/// A link of an import.
pub(crate) fn link<'a>(
    links: &'a std::collections::BTreeMap<String, String>,
    name: &str,
) -> Result<&'a str, HarnessError> {
    let found = links.get(name).map(String::as_str);
    found.ok_or_else(|| HarnessError::Shape { what: "the links", text: format!("none for {name}") })
}

/// Binds a ticket to a card; must succeed.
pub(crate) async fn bind(
    venue: &kido_tests::harness::Venue,
    card: kido_virtual_card::character::Character,
    link: &str,
) -> anyhow::Result<()> {
    let run = venue.register(card, link).await?;
    anyhow::ensure!(run.success, "not bound: {} {:?}", run.answer, run.said);
    Ok(())
}
