//! How long the disk takes to keep what it is told to keep.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::Finding;

/// Writes that are measured: enough for a median that means something, over in a second on the slowest card.
const ROUNDS: usize = 20;

/// Bytes of one write: a few facts and their frames.
const WRITE_BYTES: usize = 512;

/// A median above this makes a holder wait noticeably: two of them stand in every tap, one in every claim.
const SLOW: Duration = Duration::from_millis(100);

/// Free space below which somebody should look, in bytes: the store itself keeps a reserve.
const SCARCE: u64 = 256 * 1024 * 1024;

/// Measures `fdatasync` in a folder, and looks at the free space. Blocks; a full disk gets its room back.
#[must_use]
pub fn look(folder: &Path) -> Finding {
    let free = rustix::fs::statvfs(folder).map(|space| space.f_bavail.saturating_mul(space.f_frsize));
    match (measure(folder), free) {
        (Ok((median, longest)), Ok(free)) => {
            let said = format!(
                "fdatasync {:.1} ms (longest {:.1} ms), {} MiB free",
                median.as_secs_f64() * 1_000.0,
                longest.as_secs_f64() * 1_000.0,
                free >> 20
            );
            if median > SLOW || free < SCARCE { Finding::look("disk", said) } else { Finding::well("disk", said) }
        }
        (Err(error), _) => Finding::broken("disk", error.to_string()),
        (_, Err(error)) => Finding::broken("disk", error.to_string()),
    }
}

/// Median and longest of the rounds.
fn measure(folder: &Path) -> io::Result<(Duration, Duration)> {
    let path = folder.join("doctor.tmp");
    let measured = rounds(&path);
    match std::fs::remove_file(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut times = measured?;
    times.sort_unstable();
    let median = times.get(times.len() >> 1).copied().unwrap_or_default();
    Ok((median, times.last().copied().unwrap_or_default()))
}

fn rounds(path: &Path) -> io::Result<Vec<Duration>> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let mut times = Vec::with_capacity(ROUNDS);
    for _round in 0..ROUNDS {
        file.write_all(&[0; WRITE_BYTES])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity;

    #[test]
    fn a_disk_is_measured_and_nothing_is_left_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let found = look(folder.path());
        assert!(found.said.contains("fdatasync") && found.said.contains("MiB free"), "{}", found.said);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(look(&folder.path().join("gone")).severity, Severity::Broken);
    }
}
