//! One venue's story in steps: every step is told, every failure kept, and the folder too where there was one.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use kido_shared::clock::{Clock as _, SystemClock};
use kido_tests::harness::{HarnessError, Tap};
use kido_virtual_card::stack;
use tempfile::TempDir;

/// How long a gate may take to follow what the registrar published: a poll, and a wait after a failure.
pub(crate) const FOLLOWS_WITHIN: Duration = Duration::from_secs(45);

/// The steps of one test.
pub(crate) struct Chapter {
    title: &'static str,
    folder: TempDir,
    steps: Steps,
    went_well: bool,
}

/// Steps that went as told, and those that did not. Two lanes may each tell their own.
#[derive(Default)]
pub(crate) struct Steps {
    done: usize,
    failures: Vec<String>,
}

/// What a tap must come to: before a proof the screen says what to do, in the log stands why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) notice: &'static str,
    pub(crate) code: u64,
    pub(crate) reason: &'static str,
    pub(crate) asked_for_pin: bool,
}

impl Chapter {
    /// Begins, or says why it cannot.
    pub(crate) fn open(title: &'static str) -> anyhow::Result<Option<Self>> {
        if let Err(missing) = stack::installed() {
            // Past the test runner, which would show it for failures only.
            writeln!(std::io::stderr(), "skipped: {title}: {missing}")?;
            return Ok(None);
        }
        let folder = tempfile::Builder::new().prefix("kido-e2e-").tempdir()?;
        println!("{title} ({})", folder.path().display());
        Ok(Some(Self { title, folder, steps: Steps::default(), went_well: false }))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Does one step.
    pub(crate) async fn step(&mut self, told: &str, doing: impl Future<Output = anyhow::Result<()>>) {
        self.steps.step(told, doing).await;
    }

    /// Takes over the steps of a lane.
    pub(crate) fn add(&mut self, steps: Steps) {
        self.steps.done += steps.done;
        self.steps.failures.extend(steps.failures);
    }

    /// Ends: every failure at once, and the folder stays for whoever looks into it.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        let failures = std::mem::take(&mut self.steps.failures);
        println!("{}: {} steps, {} failed", self.title, self.steps.done, failures.len());
        self.went_well = failures.is_empty();
        if self.went_well {
            return Ok(());
        }
        let folder = self.folder.path().display();
        anyhow::bail!("{}; everything is in {folder}:\n{}", self.title, failures.join("\n"))
    }
}

impl Drop for Chapter {
    fn drop(&mut self) {
        self.folder.disable_cleanup(!self.went_well);
    }
}

impl Steps {
    /// Does one step.
    pub(crate) async fn step(&mut self, told: &str, doing: impl Future<Output = anyhow::Result<()>>) {
        let began = SystemClock.now();
        let done = Box::pin(doing).await;
        let took = SystemClock.now().since(began).as_millis();
        self.done += 1;
        match done {
            Ok(()) => println!("  ok {told} ({took} ms)"),
            Err(error) => {
                println!("  NO {told} ({took} ms): {error:#}");
                self.failures.push(format!("  {told}: {error:#}"));
            }
        }
    }
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
