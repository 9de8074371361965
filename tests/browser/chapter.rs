//! One person's way in steps: every step is told, every failure kept, and the folder too where there was one.

use std::io::Write as _;
use std::path::Path;

use kido_shared::clock::{Clock as _, SystemClock};
use kido_tests::browser;
use kido_virtual_card::stack;
use tempfile::TempDir;
use tokio::sync::RwLock;

/// Shared by every step but those that measure: these have the machine to themselves, as far as these tests go.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// The steps of one test.
pub(crate) struct Chapter {
    title: &'static str,
    folder: TempDir,
    done: usize,
    failures: Vec<String>,
}

impl Chapter {
    /// Begins, or says why it cannot.
    pub(crate) fn open(title: &'static str) -> anyhow::Result<Option<Self>> {
        let missing = stack::installed().map_err(|missing| missing.to_string());
        let missing = missing.and_then(|()| browser::installed().map_err(|missing| missing.to_string()));
        if let Err(missing) = missing {
            // Past the test runner, which would show it for failures only.
            writeln!(std::io::stderr(), "skipped: {title}: {missing}")?;
            return Ok(None);
        }
        let folder = tempfile::Builder::new().prefix("kido-browser-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        println!("{title} ({})", folder.path().display());
        Ok(Some(Self { title, folder, done: 0, failures: Vec::new() }))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Does one step.
    pub(crate) async fn step(&mut self, told: &str, doing: impl Future<Output = anyhow::Result<()>>) {
        let _shared = MACHINE.read().await;
        self.tell(told, doing).await;
    }

    /// Does one step that measures, while no other step of these tests is under way.
    pub(crate) async fn quiet_step(&mut self, told: &str, doing: impl Future<Output = anyhow::Result<()>>) {
        let _alone = MACHINE.write().await;
        self.tell(told, doing).await;
    }

    async fn tell(&mut self, told: &str, doing: impl Future<Output = anyhow::Result<()>>) {
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

    /// Ends: every failure at once, and the folder stays for whoever looks into it.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        println!("{}: {} steps, {} failed", self.title, self.done, self.failures.len());
        if self.failures.is_empty() {
            return Ok(());
        }
        self.folder.disable_cleanup(true);
        let folder = self.folder.path().display();
        anyhow::bail!("{}; everything is in {folder}:\n{}", self.title, self.failures.join("\n"))
    }
}
