//! TLS of the server's own, where no proxy ends it: two files, read again when somebody renews them.
//!
//! A certificate of ninety days is renewed while the doors are open. Whoever renews it writes two files and goes; nobody
//! should have to restart what sells tickets or admits people. So the pair is looked at every few seconds, and put in
//! force once both halves are there and belong together; until then the old one stays.

use core::fmt;
use core::time::Duration;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use kido_shared::clock::Timestamp;
use kido_shared::error_chain::Chain;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, client};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use zeroize::{Zeroize as _, Zeroizing};

/// Largest of the two files: a chain of ten RSA-4096 certificates takes a third.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Most certificates of a chain: a leaf, and twice what any authority has between it and a root.
const CHAIN_MAX: usize = 10;

/// What the mode of a key may not give: reading by everybody. A group may read it; that is how Debian shares keys.
const EVERYBODY: u32 = 0o007;

/// How often the files are looked at: the next visitor after a renewal need not meet the new certificate.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long a client may take to agree on keys. It holds a place meanwhile.
pub(crate) const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

/// Why there is no TLS. Whoever configures is at fault.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Everybody on the machine can read the key.
    #[error("everybody on this machine can read {}: chmod o= it", .0.display())]
    Exposed(PathBuf),
    /// A file is longer than any such file.
    #[error("{} is longer than {FILE_BYTES_MAX} bytes", .0.display())]
    TooLong(PathBuf),
    /// A file holds something else than it should.
    #[error("{} holds no {wanted} in PEM", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// The chain is longer than any.
    #[error("{} holds more than {CHAIN_MAX} certificates", .0.display())]
    LongChain(PathBuf),
    /// The key is of another certificate, or of a kind that nobody speaks.
    #[error("{} is not the key of the first certificate in {}", key.display(), certificates.display())]
    Pair {
        /// The chain.
        certificates: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The library does not accept its own defaults: a bug.
    #[error("TLS cannot be set up")]
    Library(#[source] rustls::Error),
}

/// Where certificate and key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPair {
    /// The server's certificate, then those between it and a root, in PEM.
    pub certificates: PathBuf,
    /// Its key, in PEM: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// What a certificate says of itself, for whoever looks after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Examined {
    /// After this no client accepts it.
    pub ends_at: Timestamp,
    /// Whether it is for the host that clients call.
    pub names_host: bool,
}

impl TlsPair {
    /// Looks at the pair without serving it.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn examine(&self, host: &str) -> Result<Examined, TlsError> {
        let pair = self.read()?;
        let form = || TlsError::Form { path: self.certificates.clone(), wanted: "certificate" };
        let leaf = pair.cert.first().ok_or_else(form)?;
        let (_rest, parsed) = x509_parser::parse_x509_certificate(leaf).map_err(|_no_detail| form())?;
        let ends_at = Timestamp::from_unix_seconds(parsed.validity().not_after.timestamp());
        let names_host = ServerName::try_from(host).is_ok_and(|host| {
            ParsedCertificate::try_from(leaf).is_ok_and(|leaf| client::verify_server_name(&leaf, &host).is_ok())
        });
        Ok(Examined { ends_at, names_host })
    }

    fn read(&self) -> Result<CertifiedKey, TlsError> {
        let key = self.read_key()?;
        let chain = self.read_chain()?;
        let pair = |source| TlsError::Pair { certificates: self.certificates.clone(), key: self.key.clone(), source };
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(pair)
    }

    fn read_chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let path = &self.certificates;
        let form = || TlsError::Form { path: path.clone(), wanted: "certificate" };
        let pem = read(path, |_mode| Ok(()))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).take(CHAIN_MAX + 1).collect();
        let chain = chain.map_err(|_no_detail| form())?;
        match chain.len() {
            0 => Err(form()),
            1..=CHAIN_MAX => Ok(chain),
            _ => Err(TlsError::LongChain(path.clone())),
        }
    }

    fn read_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let path = &self.key;
        let private = |mode| if mode & EVERYBODY == 0 { Ok(()) } else { Err(TlsError::Exposed(path.clone())) };
        let mut pem = read(path, private)?;
        let key = PrivateKeyDer::from_pem_slice(&pem);
        pem.zeroize();
        key.map_err(|_no_detail| TlsError::Form { path: path.clone(), wanted: "private key" })
    }

    /// What changes when somebody writes the files anew, or turns a link to others.
    fn stamp(&self) -> io::Result<[Stamp; 2]> {
        Ok([Stamp::of(&self.certificates)?, Stamp::of(&self.key)?])
    }
}

fn read(path: &Path, may: impl FnOnce(u32) -> Result<(), TlsError>) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let failed = |source| TlsError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    may(metadata.permissions().mode())?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(TlsError::TooLong(path.to_owned()));
    }
    // As long as it can get, so that no piece of a key stays behind where the buffer stood before it grew.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX)));
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// One file as it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// The pair in force.
#[derive(Debug)]
struct InForce(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for InForce {
    fn resolve(&self, _whatever_is_asked_for: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// A server's side of TLS, 1.2 and 1.3, with one pair at a time.
pub struct Tls {
    files: TlsPair,
    in_force: Arc<InForce>,
    acceptor: TlsAcceptor,
    /// What was tried last, whether it came into force or not.
    tried: Option<[Stamp; 2]>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads both files. Blocks.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn open(files: TlsPair) -> Result<Self, TlsError> {
        let tried = files.stamp().ok();
        let in_force = Arc::new(InForce(RwLock::new(Arc::new(files.read()?))));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().map_err(TlsError::Library)?;
        let mut config = config.with_no_client_auth().with_cert_resolver(Arc::<InForce>::clone(&in_force));
        // The one protocol that the accept loop speaks; a client that offers it gets no other.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { files, in_force, acceptor: TlsAcceptor::from(Arc::new(config)), tried })
    }

    /// What connections are taken by.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Puts the files in force where they are others than those that were tried last. Blocks.
    pub(crate) fn renew(&mut self) {
        let stamp = match self.files.stamp() {
            Ok(stamp) => Some(stamp),
            // Between the removal of the old files and the arrival of the new ones; the pair in force is in memory.
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "a file of TLS is not there");
                return;
            }
        };
        if stamp == self.tried {
            return;
        }
        self.tried = stamp;
        match self.files.read() {
            Ok(pair) => {
                *self.in_force.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                tracing::info!("another TLS certificate is in force");
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the TLS certificate was not renewed; the old one stays");
            }
        }
    }
}

/// Agrees on keys with a client; nothing where that fails or takes too long.
pub(crate) async fn handshake(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    deadline: Duration,
) -> Option<TlsStream<TcpStream>> {
    match tokio::time::timeout(deadline, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(error = %Chain(&error), "no TLS with a client");
            None
        }
        Err(_elapsed) => {
            tracing::debug!("a client took too long for its keys");
            None
        }
    }
}

#[cfg(test)]
mod tests;
