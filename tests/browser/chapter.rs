//! One person's way in steps, told as every other test's; some steps have the machine to themselves.

use std::path::Path;

use kido_tests::{browser, chapter};
use kido_virtual_card::stack;
use tokio::sync::RwLock;

/// Shared by every step but those that measure: these have the machine to themselves, as far as these tests go.
static MACHINE: RwLock<()> = RwLock::const_new(());

/// The steps of one test.
pub(crate) struct Chapter(chapter::Chapter);

impl Chapter {
    /// Begins, or says why it cannot.
    pub(crate) fn open(title: &'static str) -> anyhow::Result<Option<Self>> {
        let skip = |missing| chapter::Chapter::skip(title, missing).map(|skipped| skipped.map(Self));
        if let Err(missing) = stack::installed() {
            return skip(&missing);
        }
        if let Err(missing) = browser::installed() {
            return skip(&missing);
        }
        let folder = tempfile::Builder::new().prefix("kido-browser-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        Ok(Some(Self(chapter::Chapter::begin(title, folder))))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.folder()
    }

    /// Does one step.
    pub(crate) async fn step(&mut self, told: &str, doing: impl Future<Output = anyhow::Result<()>>) {
        let _shared = MACHINE.read().await;
        self.0.step(told, doing).await;
    }

    /// Does one step that measures, while no other step of these tests is under way.
    pub(crate) async fn quiet_step(&mut self, told: &str, doing: impl Future<Output = anyhow::Result<()>>) {
        let _alone = MACHINE.write().await;
        self.0.step(told, doing).await;
    }

    /// Ends with every failure at once.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        self.0.end()
    }
}
