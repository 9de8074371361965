//! `kido-arbiter import`: the feed from a file, while the box stands still.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use kido_arbiter::book::{Book, BookError};
use kido_arbiter::following::{self, Carried};
use kido_arbiter::identity::{DataFolder, Identity};
use kido_store::StoreError;
use tokio::fs::File;

use super::{machine_clock, say};

pub(super) async fn import(folder: &DataFolder, path: &Path) -> anyhow::Result<ExitCode> {
    let file = File::open(path).await.with_context(|| format!("{} cannot be read", path.display()))?;
    let identity = Identity::load(folder)?;
    folder.create()?;
    let (place, followed) = (folder.book(), identity.followed());
    let book = match tokio::task::spawn_blocking(move || Book::open(&place, followed)).await? {
        Err(BookError::Store(StoreError::InUse { .. })) => anyhow::bail!(
            "the box is running: stop it, say this again, and start it. Gates ask on, and go by the event's offline choice \
             where that takes more than ten seconds"
        ),
        book => book?,
    };
    let carried = following::carried(&book, file, &folder.book(), machine_clock().now()).await;
    tokio::task::spawn_blocking(move || book.close()).await??;
    say(&describe(carried.with_context(|| path.display().to_string())?))?;
    Ok(ExitCode::SUCCESS)
}

fn describe(carried: Carried) -> String {
    match carried {
        Carried::Older => "The file is older than what is known here: nothing was changed.".to_owned(),
        Carried::Followed { records: 0 } => "Nothing new: the records of the file are known here.".to_owned(),
        Carried::Followed { records } => format!("Taken: {records} new records."),
        Carried::DatedAhead { records } => format!(
            "Taken: {records} new records. The file is dated ahead of this machine's clock: one of the two clocks is \
             wrong, please look. What is known here counts as being as old as before."
        ),
    }
}
