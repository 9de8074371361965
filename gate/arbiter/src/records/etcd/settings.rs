//! Where the etcd is and how it is spoken to: a file of the data folder, so that no forgotten option ever makes a box
//! decide on records of its own.

use std::path::{Path, PathBuf};

use kido_shared::challenge::Origin;
use kido_shared::ids::EventId;
use kido_store::private_file::{self, PrivateFileError};
use reqwest::{Certificate, ClientBuilder, Identity};
use zeroize::Zeroizing;

use super::cluster::Cluster;
use super::mark::{Mark, MarkError, settle};

/// Most members that are named: five voters, and two that are about to take the place of two.
const ENDPOINTS_MAX: usize = 7;

/// Largest of the files: a few certificates.
const FILE_BYTES_MAX: usize = 64 * 1024;

/// Why the etcd cannot be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No member, too many, or one twice.
    #[error("an etcd is one to {ENDPOINTS_MAX} endpoints, each once")]
    Endpoints,
    /// A certificate without its key, or a key without its certificate.
    #[error("--cert and --key go together")]
    Half,
    /// A file could not be read, or others can read a secret one.
    #[error("cannot use {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PrivateFileError,
    },
    /// A file holds no certificate, or no key that fits its certificate.
    #[error("{} is no PEM file of the kind that belongs there", path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The settings do not read back.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// The client could not be made.
    #[error("the HTTP client cannot be made")]
    Client(#[source] reqwest::Error),
}

/// Files of certificates: whom this box believes, and as whom it comes. They are named here and read at each start.
#[derive(Debug, Clone, PartialEq, Eq, Default, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct TlsFiles {
    /// The authority of the members' certificates; the machine's own where there is none.
    #[n(0)]
    ca: Option<String>,
    /// This box's certificate and its key.
    #[n(1)]
    identity: Option<(String, String)>,
}

impl TlsFiles {
    /// From what was said on a command line.
    ///
    /// # Errors
    /// [`SettingsError::Half`].
    pub fn new(ca: Option<String>, cert: Option<String>, key: Option<String>) -> Result<Self, SettingsError> {
        match (cert, key) {
            (Some(cert), Some(key)) => Ok(Self { ca, identity: Some((cert, key)) }),
            (None, None) => Ok(Self { ca, identity: None }),
            (Some(_), None) | (None, Some(_)) => Err(SettingsError::Half),
        }
    }

    /// Whether a secret of this box is shown to the members.
    #[must_use]
    pub const fn is_known_by_certificate(&self) -> bool {
        self.identity.is_some()
    }

    pub(super) fn dress(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, SettingsError> {
        if let Some(ca) = self.ca.as_deref().map(Path::new) {
            let file = private_file::read(ca, FILE_BYTES_MAX).map_err(unusable(ca))?;
            builder = builder.tls_certs_only(Certificate::from_pem_bundle(&file).map_err(no_pem(ca))?);
        }
        if let Some((cert, key)) = &self.identity {
            let (cert, key) = (Path::new(cert), Path::new(key));
            let mut pem = Zeroizing::new(private_file::read_secret(key, FILE_BYTES_MAX).map_err(unusable(key))?);
            pem.push(b'\n');
            pem.extend_from_slice(&private_file::read(cert, FILE_BYTES_MAX).map_err(unusable(cert))?);
            builder = builder.identity(Identity::from_pem(&pem).map_err(no_pem(cert))?);
        }
        Ok(builder)
    }
}

fn unusable(path: &Path) -> impl FnOnce(PrivateFileError) -> SettingsError {
    let path = path.to_path_buf();
    move |source| SettingsError::File { path, source }
}

fn no_pem(path: &Path) -> impl FnOnce(reqwest::Error) -> SettingsError {
    let path = path.to_path_buf();
    move |source| SettingsError::Pem { path, source }
}

/// How this box speaks to its etcd.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct EtcdSettings {
    #[n(0)]
    endpoints: Vec<Origin>,
    #[n(1)]
    tls: TlsFiles,
}

impl EtcdSettings {
    /// From what was said on a command line.
    ///
    /// # Errors
    /// [`SettingsError::Endpoints`].
    pub fn new(endpoints: Vec<Origin>, tls: TlsFiles) -> Result<Self, SettingsError> {
        let once = endpoints.iter().enumerate().all(|(at, one)| !endpoints.iter().take(at).any(|other| other == one));
        if once && (1..=ENDPOINTS_MAX).contains(&endpoints.len()) {
            Ok(Self { endpoints, tls })
        } else {
            Err(SettingsError::Endpoints)
        }
    }

    /// The members, the first one first.
    #[must_use]
    pub fn endpoints(&self) -> &[Origin] {
        &self.endpoints
    }

    /// The files of certificates.
    #[must_use]
    pub const fn tls(&self) -> &TlsFiles {
        &self.tls
    }
}

/// What a box keeps of its etcd: how it is spoken to, and which history it holds.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct JoinedEtcd {
    /// How it is spoken to.
    #[n(0)]
    pub settings: EtcdSettings,
    /// The history that this box decides on.
    #[n(1)]
    pub mark: Mark,
}

impl JoinedEtcd {
    /// Joins the history that an etcd holds for the event, or begins one; nothing is kept yet.
    ///
    /// # Errors
    /// [`MarkError`].
    pub async fn join(
        settings: EtcdSettings,
        cluster: &Cluster,
        event: EventId,
        (before, begin): (Option<&Self>, Option<Mark>),
    ) -> Result<Self, MarkError> {
        let mark = settle(cluster, event, before.map(|before| before.mark), begin).await?;
        Ok(Self { settings, mark })
    }

    /// What was kept; nothing where this box has no etcd.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn load(path: &Path) -> Result<Option<Self>, SettingsError> {
        if !path.exists() {
            return Ok(None);
        }
        let bytes = private_file::read(path, FILE_BYTES_MAX).map_err(unusable(path))?;
        let joined: Option<Self> = minicbor::decode(&bytes).ok();
        joined.map(Some).ok_or_else(|| SettingsError::Damaged { path: path.to_path_buf() })
    }

    /// Keeps it; durable on return.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn store(&self, path: &Path) -> Result<(), SettingsError> {
        let mut bytes = Vec::new();
        if minicbor::encode(self, &mut bytes).is_err() {
            return Err(SettingsError::Damaged { path: path.to_path_buf() });
        }
        private_file::replace(path, &bytes).map_err(unusable(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(texts: &[&str]) -> Vec<Origin> {
        texts.iter().map(|text| Origin::parse(text).unwrap()).collect()
    }

    #[test]
    fn an_etcd_is_named_by_each_member_once_and_a_certificate_comes_with_its_key() {
        let one = "https://etcd-1.example:2379";
        assert!(matches!(EtcdSettings::new(Vec::new(), TlsFiles::default()), Err(SettingsError::Endpoints)));
        assert!(EtcdSettings::new(origins(&[one, one]), TlsFiles::default()).is_err());
        assert!(EtcdSettings::new(origins(&[one, "http://127.0.0.1:2379"]), TlsFiles::default()).is_ok());
        let file = |name: &str| Some(name.to_owned());
        assert!(matches!(TlsFiles::new(None, file("cert"), None), Err(SettingsError::Half)));
        assert!(TlsFiles::new(file("ca"), file("cert"), file("key")).unwrap().is_known_by_certificate());
    }

    #[test]
    fn what_a_box_knows_of_its_etcd_reads_back_and_half_of_it_does_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("etcd.cbor");
        assert_eq!(JoinedEtcd::load(&path).unwrap(), None);
        let tls = TlsFiles::new(Some("/etc/kido/ca.pem".to_owned()), None, None).unwrap();
        let settings = EtcdSettings::new(origins(&["https://etcd-1.example:2379"]), tls).unwrap();
        let joined = JoinedEtcd { settings, mark: Mark::generate(&mut rand::rngs::OsRng) };
        joined.store(&path).unwrap();
        assert_eq!(JoinedEtcd::load(&path).unwrap(), Some(joined));
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        assert!(matches!(JoinedEtcd::load(&path), Err(SettingsError::Damaged { .. })));
    }

    #[test]
    fn a_key_that_others_can_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let (cert, key) = (home.path().join("cert.pem"), home.path().join("key.pem"));
        std::fs::write(&cert, "").unwrap();
        std::fs::write(&key, "").unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let text = |path: &Path| Some(path.display().to_string());
        let tls = TlsFiles::new(None, text(&cert), text(&key)).unwrap();
        let refused = tls.dress(reqwest::Client::builder());
        assert!(matches!(refused, Err(SettingsError::File { path, .. }) if path == key));
    }
}
