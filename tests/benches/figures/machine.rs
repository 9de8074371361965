//! What the machine says: time, memory, disk.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// Length of a fact in a gate's log, framing included.
const FACT_BYTES: usize = 160;

/// Linux counts processor time in hundredths of a second wherever a process can see it (proc(5), `USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// The folder that the build lies in.
pub(crate) fn target_folder() -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().unwrap_or(tmp).to_owned()
}

/// A folder on the disk that is measured; gone with the value.
pub(crate) fn scratch() -> anyhow::Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("kido-figures-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

/// Times of one kind.
#[derive(Debug, Default, Clone)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn mean_us(&self) -> f64 {
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX).max(1);
        micros(self.0.iter().sum::<Duration>()) / f64::from(count)
    }

    /// The time that this share of all (in percent) do not exceed: nearest rank.
    pub(crate) fn percentile_us(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
        sorted.get(rank).copied().map_or(0.0, micros)
    }
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000_000.0
}

/// The bare durable write: append as much as a fact, `fdatasync`, nothing else.
#[derive(Debug)]
pub(crate) struct BareLog(File);

impl BareLog {
    pub(crate) fn create(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self(File::create(folder.join("bare.log"))?))
    }

    pub(crate) fn append(&mut self) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        self.0.write_all(&[0xA5; FACT_BYTES])?;
        self.0.sync_data()?;
        Ok(begun.elapsed())
    }
}

/// Processor time that a process has used so far, user and system.
pub(crate) fn cpu_time(pid: &str) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold spaces; the fields are counted behind it (proc(5): utime is 14, stime 15).
    let (_name, fields) = stat.rsplit_once(')').context("no process status")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(TICK.saturating_mul(u32::try_from(ticks)?))
}

/// Processor time that this thread has used so far.
pub(crate) fn thread_time() -> anyhow::Result<Duration> {
    // The first field is the time on a processor in nanoseconds (Linux, Documentation/scheduler/sched-stats.rst).
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = stat.split_whitespace().next().context("no scheduler statistics")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

/// The most memory that a process has ever had, in bytes.
pub(crate) fn peak_resident_bytes(pid: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes.saturating_mul(1_024))
}

/// The length of all files in a folder and below.
pub(crate) fn folder_bytes(folder: &Path) -> anyhow::Result<u64> {
    let mut sum = 0_u64;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let bytes = if metadata.is_dir() { folder_bytes(&entry.path())? } else { metadata.len() };
        sum = sum.saturating_add(bytes);
    }
    Ok(sum)
}

/// Bytes as a figure.
#[expect(clippy::cast_precision_loss, reason = "bytes for people")]
pub(crate) const fn bytes(bytes: u64) -> f64 {
    bytes as f64
}

/// The child of this process that runs a program of that name.
pub(crate) fn child_named(name: &str) -> anyhow::Result<String> {
    let own = std::process::id().to_string();
    for entry in std::fs::read_dir("/proc")? {
        let pid = entry?.file_name().to_string_lossy().into_owned();
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((head, fields)) = stat.rsplit_once(')') else { continue };
        let parent = fields.split_whitespace().nth(1);
        if parent == Some(own.as_str()) && head.split_once('(').is_some_and(|(_pid, comm)| comm == name) {
            return Ok(pid);
        }
    }
    anyhow::bail!("no child named {name}")
}

/// Builds the programs in the profile of this build where they are not up to date.
pub(crate) fn build_programs() -> anyhow::Result<()> {
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo.args(["build", "--workspace", "--bins", "--locked"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    anyhow::ensure!(cargo.status()?.success(), "the programs cannot be built");
    Ok(())
}
