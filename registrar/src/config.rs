//! What an operator configures: flags over an optional file over what `init` wrote down.
//!
//! No secret stands here: keys are in the keyring, tokens are kept as hashes.

mod card_helper;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use kido_serve::TlsPair;
use kido_shared::certificate::path::CONFIGURED_ANCHORS_MAX;
use kido_shared::challenge::Origin;
use kido_shared::limits::CERTIFICATE_BYTES_MAX;
use kido_store::private_file::{self, PrivateFileError};

pub use card_helper::{CardHelperUrl, CardHelperUrlError};

use crate::keyring::Keyring;
use crate::visitor::Proxies;

/// Where a registrar listens unless told otherwise: on this machine alone, behind whatever speaks TLS for it.
pub const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8_420);

/// Largest configuration file: the sample, its comments included, takes a twentieth.
const CONFIG_BYTES_MAX: usize = 64 * 1024;

/// Memory for each event's index unless configured: a million tickets' hot keys; the file system caches the rest.
const INDEX_CACHE_MIB_DEFAULT: u64 = 64;

/// Largest configurable index cache: beyond it somebody has mistaken the unit.
const INDEX_CACHE_MIB_MAX: u64 = 65_536;

/// Why there is no usable configuration. Whoever configures is at fault.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PrivateFileError,
    },
    /// The configuration file is not what it should be.
    #[error("{} is no configuration", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// No origin is known.
    #[error("no public origin: run `kido-registrar init` first, or say --origin https://…")]
    NoOrigin,
    /// The index cache is no sensible size.
    #[error("index_cache_mib is 1 to {INDEX_CACHE_MIB_MAX}")]
    IndexCache,
    /// Half of what TLS needs.
    #[error("tls_certificate and tls_key go together")]
    HalfTls,
    /// There are more files than anchors may be.
    #[error("more than {CONFIGURED_ANCHORS_MAX} trust anchors are configured")]
    TooManyAnchors,
}

/// The folder with everything that one registrar keeps.
#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// The folder at a path; nothing is touched.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Master key, week keys, identities: outside every backup of the events.
    #[must_use]
    pub fn keyring(&self) -> PathBuf {
        self.0.join("keyring")
    }

    /// One folder for each event.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        self.0.join("events")
    }

    /// Who did what.
    #[must_use]
    pub fn audit(&self) -> PathBuf {
        self.0.join("audit")
    }

    /// Hashes of the bearer tokens.
    #[must_use]
    pub fn tokens(&self) -> PathBuf {
        self.0.join("tokens.json")
    }

    /// The first operator's token, to be moved to where the operator works.
    #[must_use]
    pub fn operator_token(&self) -> PathBuf {
        self.0.join("operator.token")
    }

    /// What `init` was told; read unless another file is named.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.0.join("registrar.toml")
    }

    /// Held by the one process that serves this folder.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// The configuration file. Unknown keys are an error: a misspelt one must not be a silent default.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// `https://tickets.example`: what cards sign and gates call, as the outside sees it.
    pub origin: Option<Origin>,
    /// Where to listen.
    pub listen: Option<SocketAddr>,
    /// Where to be scraped; nowhere, unless it is said.
    pub metrics: Option<SocketAddr>,
    /// Files or folders with further roots in DER, for rehearsals only.
    pub trust_anchors: Vec<PathBuf>,
    /// How log lines look.
    pub log_format: Option<LogFormat>,
    /// Memory for each event's index, in MiB.
    pub index_cache_mib: Option<u64>,
    /// Where buyers get the card helper.
    pub card_helper_url: Option<CardHelperUrl>,
    /// Where the master key lies.
    pub master_key: Option<PathBuf>,
    /// Where certificate and key for TLS of the registrar's own lie.
    pub tls_certificate: Option<PathBuf>,
    /// The key of that certificate.
    pub tls_key: Option<PathBuf>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Option<Vec<IpAddr>>,
}

impl ConfigFile {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError::File`] or [`ConfigError::Form`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let file = |source| ConfigError::File { path: path.to_owned(), source };
        let bytes = private_file::read(path, CONFIG_BYTES_MAX).map_err(file)?;
        let text = String::from_utf8(bytes).map_err(|_not_text| {
            file(PrivateFileError::storage("reading as text")(io::ErrorKind::InvalidData.into()))
        })?;
        let form = |source| ConfigError::Form { path: path.to_owned(), source: Box::new(source) };
        toml::from_str(&text).map_err(form)
    }

    /// What `init` writes down.
    #[must_use]
    pub fn of_init(origin: &Origin) -> String {
        format!(
            "# The public origin: cards sign it and gates call it, so it cannot change while events are on sale.\norigin = \"{origin}\"\n"
        )
    }
}

/// Everything that `serve` needs to know.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// Everything that is kept.
    pub data: DataFolder,
    /// As the outside sees this registrar.
    pub origin: Origin,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to be scraped, if at all.
    pub metrics: Option<SocketAddr>,
    /// Files or folders with further roots, for rehearsals only.
    pub trust_anchors: Vec<PathBuf>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Memory for each event's index.
    pub index_cache_bytes: u64,
    /// Where buyers get the card helper; where it is not said, the shop tells them.
    pub card_helper: Option<CardHelperUrl>,
    /// Where the master key lies: in the keyring, unless it is kept better.
    pub master_key: PathBuf,
    /// TLS of its own, where no proxy ends it.
    pub tls: Option<TlsPair>,
    /// Who may say from where a request comes.
    pub proxies: Proxies,
}

/// What flags said.
#[derive(Debug, Clone, Default)]
pub struct ServeFlags {
    /// Another configuration file than the one in the data folder.
    pub config: Option<PathBuf>,
    /// The public origin.
    pub origin: Option<Origin>,
    /// Where to listen.
    pub listen: Option<SocketAddr>,
    /// Where to be scraped.
    pub metrics: Option<SocketAddr>,
    /// Further roots; replace the file's.
    pub trust_anchors: Vec<PathBuf>,
    /// How log lines look.
    pub log_format: Option<LogFormat>,
    /// Where buyers get the card helper.
    pub card_helper: Option<CardHelperUrl>,
    /// Where the master key lies.
    pub master_key: Option<PathBuf>,
    /// The certificate for TLS of the registrar's own, and what lies between it and a root.
    pub tls_certificate: Option<PathBuf>,
    /// Its key.
    pub tls_key: Option<PathBuf>,
}

impl ServeConfig {
    /// Puts flags over the file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn resolve(data: DataFolder, flags: ServeFlags) -> Result<Self, ConfigError> {
        let file = match &flags.config {
            Some(path) => ConfigFile::read(path)?,
            None if data.config().exists() => ConfigFile::read(&data.config())?,
            None => ConfigFile::default(),
        };
        let trust_anchors = if flags.trust_anchors.is_empty() { file.trust_anchors } else { flags.trust_anchors };
        let cache_mib = file.index_cache_mib.unwrap_or(INDEX_CACHE_MIB_DEFAULT);
        if !(1..=INDEX_CACHE_MIB_MAX).contains(&cache_mib) {
            return Err(ConfigError::IndexCache);
        }
        let tls = match (flags.tls_certificate.or(file.tls_certificate), flags.tls_key.or(file.tls_key)) {
            (Some(certificates), Some(key)) => Some(TlsPair { certificates, key }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(ConfigError::HalfTls),
        };
        Ok(Self {
            origin: flags.origin.or(file.origin).ok_or(ConfigError::NoOrigin)?,
            listen: flags.listen.or(file.listen).unwrap_or(LISTEN_DEFAULT),
            metrics: flags.metrics.or(file.metrics),
            trust_anchors,
            log_format: flags.log_format.or(file.log_format).unwrap_or_default(),
            index_cache_bytes: cache_mib.saturating_mul(1024 * 1024),
            card_helper: flags.card_helper.or(file.card_helper_url),
            master_key: flags.master_key.or(file.master_key).unwrap_or_else(|| Keyring::master_file(&data.keyring())),
            tls,
            proxies: Proxies::of(file.trusted_proxies),
            data,
        })
    }
}

/// Reads the roots that rehearsals accept besides the compiled-in ones: DER files, or folders of `*.der` and `*.cer`.
/// Whether they can be roots is judged by whoever trusts them.
///
/// # Errors
/// [`ConfigError::File`] or [`ConfigError::TooManyAnchors`].
pub fn read_anchors(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, ConfigError> {
    let mut ders = Vec::new();
    for path in paths {
        let file = |path: &Path| {
            let path = path.to_owned();
            move |source| ConfigError::File { path, source }
        };
        for found in anchor_files(path).map_err(PrivateFileError::storage("listing")).map_err(file(path))? {
            if ders.len() >= CONFIGURED_ANCHORS_MAX {
                return Err(ConfigError::TooManyAnchors);
            }
            ders.push(private_file::read(&found, CERTIFICATE_BYTES_MAX).map_err(file(&found))?);
        }
    }
    Ok(ders)
}

fn anchor_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("der" | "cer")) {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_configuration_reads_and_names_every_key() {
        let sample = include_str!("../../deploy/config/registrar.toml");
        let read: ConfigFile = toml::from_str(sample).unwrap();
        assert_eq!(read.origin.unwrap().as_str(), "https://tickets.example");
        assert_eq!(read.listen, Some(LISTEN_DEFAULT));
        for key in [
            "origin",
            "listen",
            "metrics",
            "trust_anchors",
            "log_format",
            "index_cache_mib",
            "card_helper_url",
            "master_key",
            "tls_certificate",
            "tls_key",
            "trusted_proxies",
        ] {
            assert!(sample.contains(&format!("{key} =")), "{key}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(toml::from_str::<ConfigFile>("orgin = \"https://tickets.example\"").is_err());
    }

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let home = tempfile::tempdir().unwrap();
        let data = DataFolder::at(home.path().to_owned());
        assert!(matches!(ServeConfig::resolve(data.clone(), ServeFlags::default()), Err(ConfigError::NoOrigin)));
        let origin = Origin::parse("https://tickets.example").unwrap();
        std::fs::write(data.config(), ConfigFile::of_init(&origin)).unwrap();
        let of_file = ServeConfig::resolve(data.clone(), ServeFlags::default()).unwrap();
        assert_eq!((of_file.origin, of_file.listen), (origin, LISTEN_DEFAULT));
        let other = Origin::parse("http://127.0.0.1:1").unwrap();
        let flags = ServeFlags { origin: Some(other.clone()), ..ServeFlags::default() };
        assert_eq!(ServeConfig::resolve(data, flags).unwrap().origin, other);
    }

    #[test]
    fn half_of_tls_is_none() {
        let data = DataFolder::at(PathBuf::from("nowhere"));
        let half = ServeFlags {
            origin: Some(Origin::parse("https://tickets.example").unwrap()),
            tls_key: Some(PathBuf::from("key.pem")),
            ..ServeFlags::default()
        };
        assert!(matches!(ServeConfig::resolve(data.clone(), half.clone()), Err(ConfigError::HalfTls)));
        let whole = ServeFlags { tls_certificate: Some(PathBuf::from("chain.pem")), ..half };
        assert!(ServeConfig::resolve(data, whole).unwrap().tls.is_some());
    }

    #[test]
    fn only_der_in_a_folder_of_anchors_is_looked_at() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("notes.txt"), "x").unwrap();
        std::fs::write(home.path().join("root.der"), "root").unwrap();
        assert_eq!(read_anchors(&[home.path().to_owned()]).unwrap(), [b"root".to_vec()]);
        let many = vec![home.path().join("root.der"); CONFIGURED_ANCHORS_MAX + 1];
        assert!(matches!(read_anchors(&many), Err(ConfigError::TooManyAnchors)));
    }
}
