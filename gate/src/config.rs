//! What an operator sets in the gate's file: one struct per concern, unknown keys refused, never a secret.
//!
//! Secrets are made by `kido-gate enrol` and lie in the data folder. The sample in `deploy/config/gate.toml` is read by
//! a test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kido_shared::challenge::Passage;

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Longest name of a lane: it stands in the strip of the screen.
const LANE_CHARS_MAX: usize = 16;

/// Longest that a barrier's program may take: a holder waits in front of it.
const BARRIER_DEADLINE_MS_MAX: u64 = 10_000;

/// Why the file is refused. The operator is at fault, and told where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Storage {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// It is no such file, or names something unknown.
    #[error("{} is not a gate's configuration", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: toml::de::Error,
    },
    /// The kiosk would listen where others can reach it, PIN pad and all.
    #[error("kiosk.listen must be an address of this machine alone, such as 127.0.0.1:8430")]
    KioskNotLoopback,
    /// A barrier of the kind `command` without a program, or a deadline that nobody waits for.
    #[error("barrier: `command` needs a program and a deadline_ms from 1 to {BARRIER_DEADLINE_MS_MAX}")]
    Barrier,
    /// A lane that lets people out, whose barrier sees nobody pass: it would note everybody as gone who only showed a card.
    #[error(
        "lane.direction `out` needs a barrier that sees people pass, and `log` sees nothing: barrier.kind = \"command\", with a \
         program that ends with 0 only once somebody has passed, with 40 where it knows that nobody did"
    )]
    NobodySeesPassages,
    /// The lane's name is empty or too long for the screen.
    #[error("lane.name is 1 to {LANE_CHARS_MAX} characters")]
    Lane,
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where keys, replica and journal are kept.
    pub data: PathBuf,
    /// The gate's private keys, where they do not lie in `data`: a systemd credential.
    #[serde(default)]
    pub keys: Option<PathBuf>,
    /// The lane itself.
    #[serde(default)]
    pub lane: LaneConfig,
    /// The card reader.
    #[serde(default)]
    pub reader: ReaderConfig,
    /// The lane's screen.
    #[serde(default)]
    pub kiosk: KioskConfig,
    /// Who may read its numbers.
    #[serde(default)]
    pub metrics: MetricsConfig,
    /// What opens.
    #[serde(default)]
    pub barrier: BarrierConfig,
}

/// The lane itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LaneConfig {
    /// What staff call it.
    pub name: String,
    /// Which way it lets people go: `in`, or `out` for those who may come in again.
    pub direction: Direction,
}

/// Which way a lane lets people go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Into the venue.
    #[default]
    In,
    /// Out of it.
    Out,
}

impl From<Direction> for Passage {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::In => Self::In,
            Direction::Out => Self::Out,
        }
    }
}

impl Default for LaneConfig {
    fn default() -> Self {
        Self { name: "1".to_owned(), direction: Direction::In }
    }
}

/// The card reader.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReaderConfig {
    /// Part of the reader's name; empty takes the only one there is.
    pub name: String,
    /// Whether the PIN is typed on the reader where it has keys of its own; without, on the lane's pad.
    pub pinpad: bool,
}

impl Default for ReaderConfig {
    fn default() -> Self {
        Self { name: String::new(), pinpad: true }
    }
}

/// Which language comes first on the lane's screen; the other is always there, smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// 日本語.
    #[default]
    Ja,
    /// English.
    En,
}

/// The lane's screen.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KioskConfig {
    /// Where the screen and pad are served; only an address of this machine.
    pub listen: SocketAddr,
    /// Which language comes first.
    pub language: Language,
}

impl Default for KioskConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8430)), language: Language::Ja }
    }
}

/// Who may read its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Where they are served; nowhere, unless it is said.
    pub listen: Option<SocketAddr>,
}

/// What opens when somebody may enter.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase", tag = "kind")]
pub enum BarrierConfig {
    /// A line in the log: staff open by hand, or nothing does.
    Log {},
    /// A program that opens and ends, with a deadline.
    Command {
        /// The program, by its whole path.
        program: PathBuf,
        /// Its arguments.
        #[serde(default)]
        arguments: Vec<String>,
        /// How long it may take, in milliseconds.
        #[serde(default = "barrier_deadline_ms")]
        deadline_ms: u64,
    },
}

impl Default for BarrierConfig {
    fn default() -> Self {
        Self::Log {}
    }
}

const fn barrier_deadline_ms() -> u64 {
    2_000
}

impl BarrierConfig {
    /// Reads one from a command line: `log`, or `command:PROGRAM` with the default deadline and no arguments.
    ///
    /// # Errors
    /// [`ConfigError::Barrier`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        match text.split_once(':') {
            None if text == "log" => Ok(Self::Log {}),
            Some(("command", program)) if !program.is_empty() => {
                let (program, arguments) = (PathBuf::from(program), Vec::new());
                Ok(Self::Command { program, arguments, deadline_ms: barrier_deadline_ms() })
            }
            None | Some(_) => Err(ConfigError::Barrier),
        }
    }

    /// Whether it tells that somebody has passed, and not only that it was told to open.
    #[must_use]
    pub const fn sees_passages(&self) -> bool {
        matches!(self, Self::Command { .. })
    }

    /// How long opening may take.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        match self {
            Self::Log {} => Duration::from_millis(barrier_deadline_ms()),
            Self::Command { deadline_ms, .. } => Duration::from_millis(*deadline_ms),
        }
    }
}

impl Config {
    /// What holds where there is no file: everything at its default, over one data folder.
    #[must_use]
    pub fn with_data(data: PathBuf) -> Self {
        Self {
            data,
            keys: None,
            lane: LaneConfig::default(),
            reader: ReaderConfig::default(),
            kiosk: KioskConfig::default(),
            metrics: MetricsConfig::default(),
            barrier: BarrierConfig::default(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        use std::io::Read as _;
        let storage = |source| ConfigError::Storage { path: path.to_path_buf(), source };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(storage)?;
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(storage)?;
        let config: Self =
            toml::from_str(&text).map_err(|source| ConfigError::Unreadable { path: path.to_path_buf(), source })?;
        config.checked()
    }

    /// Refuses what could be written down but must not be.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn checked(self) -> Result<Self, ConfigError> {
        if !self.kiosk.listen.ip().is_loopback() {
            return Err(ConfigError::KioskNotLoopback);
        }
        if let BarrierConfig::Command { program, deadline_ms, .. } = &self.barrier
            && (program.as_os_str().is_empty() || !(1..=BARRIER_DEADLINE_MS_MAX).contains(deadline_ms))
        {
            return Err(ConfigError::Barrier);
        }
        if self.lane.direction == Direction::Out && !self.barrier.sees_passages() {
            return Err(ConfigError::NobodySeesPassages);
        }
        if !(1..=LANE_CHARS_MAX).contains(&self.lane.name.chars().count()) {
            return Err(ConfigError::Lane);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("gate.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path)
    }

    #[test]
    fn the_sample_in_deploy_is_read() {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/config/gate.toml");
        let config = Config::load(&sample).unwrap();
        assert_eq!(config.kiosk, KioskConfig::default());
        assert!(matches!(config.barrier, BarrierConfig::Log {}));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(matches!(read("data = \"d\"\npin = \"0000\""), Err(ConfigError::Unreadable { .. })));
        assert!(matches!(read("data = \"d\"\n[kiosk]\nlisten_on = \"x\""), Err(ConfigError::Unreadable { .. })));
        assert!(matches!(
            read("data = \"d\"\n[barrier]\nkind = \"log\"\nprogram = \"/x\""),
            Err(ConfigError::Unreadable { .. })
        ));
    }

    #[test]
    fn the_pin_pad_is_served_to_this_machine_alone() {
        let text = "data = \"d\"\n[kiosk]\nlisten = \"0.0.0.0:8430\"";
        assert!(matches!(read(text), Err(ConfigError::KioskNotLoopback)));
    }

    #[test]
    fn a_lane_lets_people_in_unless_it_is_said_that_it_lets_them_out() {
        assert_eq!(read("data = \"d\"").unwrap().lane.direction, Direction::In);
        let barrier = "\n[barrier]\nkind = \"command\"\nprogram = \"/bin/true\"";
        let out = read(&format!("data = \"d\"\n[lane]\ndirection = \"out\"{barrier}")).unwrap();
        assert_eq!((out.lane.name.as_str(), Passage::from(out.lane.direction)), ("1", Passage::Out));
        assert!(matches!(read("data = \"d\"\n[lane]\ndirection = \"both\""), Err(ConfigError::Unreadable { .. })));
    }

    #[test]
    fn nobody_is_noted_as_gone_by_a_barrier_that_sees_nobody_pass() {
        for barrier in ["", "\n[barrier]\nkind = \"log\""] {
            let refused = read(&format!("data = \"d\"\n[lane]\ndirection = \"out\"{barrier}")).unwrap_err();
            assert!(matches!(refused, ConfigError::NobodySeesPassages), "{barrier}");
            assert!(refused.to_string().contains("barrier.kind = \"command\""), "says what to do");
        }
        let lane = LaneConfig { direction: Direction::Out, ..LaneConfig::default() };
        let told = Config { lane, ..Config::with_data(PathBuf::from("d")) };
        assert!(matches!(told.checked(), Err(ConfigError::NobodySeesPassages)), "by the command line, too");
    }

    #[test]
    fn a_barrier_command_has_a_deadline() {
        let text = |deadline| {
            format!("data = \"d\"\n[barrier]\nkind = \"command\"\nprogram = \"/bin/true\"\ndeadline_ms = {deadline}")
        };
        assert!(matches!(read(&text(0)), Err(ConfigError::Barrier)));
        assert!(matches!(read(&text(60_000)), Err(ConfigError::Barrier)));
        assert_eq!(read(&text(500)).unwrap().barrier.deadline(), Duration::from_millis(500));
    }
}
