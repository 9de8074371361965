//! A test told in steps: every step is told, every failure kept, and the folder too where there was one.
#![expect(clippy::print_stdout, reason = "the test runner keeps it for tests that fail")]

use std::error::Error;
use std::io::Write as _;
use std::path::Path;

use kido_shared::clock::{Clock as _, SystemClock};
use kido_virtual_card::stack;
use tempfile::TempDir;

/// The steps of one test, and its folder.
#[derive(Debug)]
pub struct Chapter {
    title: &'static str,
    folder: TempDir,
    steps: Steps,
    went_well: bool,
}

/// Steps that went as told, and those that did not. Two lanes may each tell their own.
#[derive(Debug, Default)]
pub struct Steps {
    done: usize,
    failures: Vec<String>,
}

impl Chapter {
    /// Begins a venue's story in a temporary folder, or says why it cannot.
    ///
    /// # Errors
    /// Where there is no folder.
    pub fn open(title: &'static str) -> anyhow::Result<Option<Self>> {
        if let Err(missing) = stack::installed() {
            return Self::skip(title, &missing);
        }
        Ok(Some(Self::begin(title, tempfile::Builder::new().prefix("kido-e2e-").tempdir()?)))
    }

    /// Says why a test does not run here.
    ///
    /// # Errors
    /// Where standard error is closed.
    pub fn skip(title: &str, missing: &dyn Error) -> anyhow::Result<Option<Self>> {
        // Past the test runner, which would show it for failures only.
        writeln!(std::io::stderr(), "skipped: {title}: {missing}")?;
        Ok(None)
    }

    /// Begins in this folder.
    #[must_use]
    pub fn begin(title: &'static str, folder: TempDir) -> Self {
        println!("{title} ({})", folder.path().display());
        Self { title, folder, steps: Steps::default(), went_well: false }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Does one step.
    pub async fn step(&mut self, told: &str, doing: impl Future<Output = anyhow::Result<()>>) {
        self.steps.step(told, doing).await;
    }

    /// Takes over the steps of a lane.
    pub fn add(&mut self, steps: Steps) {
        self.steps.done += steps.done;
        self.steps.failures.extend(steps.failures);
    }

    /// Ends: every failure at once, and the folder stays for whoever looks into it.
    ///
    /// # Errors
    /// What failed.
    pub fn end(mut self) -> anyhow::Result<()> {
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
    pub async fn step(&mut self, told: &str, doing: impl Future<Output = anyhow::Result<()>>) {
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
