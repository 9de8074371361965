use std::process::Command;

use axum::Router;
use axum::routing::get;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;

use super::*;
use crate::{Entry, Limits, serve};

const HOST: &str = "tickets.example";

/// A certificate of its own authority, as an operator without a public one makes it.
fn make(folder: &Path, host: &str, days: &str) -> TlsPair {
    let files = TlsPair { certificates: folder.join("chain.pem"), key: folder.join("key.pem") };
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch"])
        .args(["-subj", &format!("/CN={host}"), "-addext", &format!("subjectAltName=DNS:{host}"), "-days", days])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-out"])
        .arg(&files.certificates)
        .arg("-keyout")
        .arg(&files.key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    files
}

/// The answer to one request, if this certificate was the one in force.
async fn ask(address: core::net::SocketAddr, trusted: &Path) -> Result<String, io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&std::fs::read(trusted).unwrap()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
    let stream = TcpStream::connect(address).await?;
    let mut stream = connector.connect(ServerName::try_from(HOST).unwrap(), stream).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: tickets.example\r\nconnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn start(tls: Tls) -> (core::net::SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind((core::net::Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(async || "served"));
    let limits = Limits {
        connections: 4,
        read_buffer_bytes: 8 * 1024,
        head: crate::HEAD_DEADLINE,
        drain: Duration::from_secs(1),
    };
    let serving = serve(Entry::new(listener, Some(tls)), router, limits, core::future::pending());
    (address, tokio::spawn(serving))
}

#[tokio::test]
async fn whoever_trusts_the_certificate_is_served_and_plain_http_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let files = make(folder.path(), HOST, "90");
    let (address, serving) = start(Tls::open(files.clone()).unwrap()).await;
    assert!(ask(address, &files.certificates).await.unwrap().ends_with("served"));
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: tickets.example\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // An alert of TLS, or nothing; never an answer.
    plain.read_to_end(&mut answer).await.ok();
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    serving.abort();
}

#[tokio::test]
async fn a_renewed_pair_is_in_force_without_a_restart_and_half_of_one_is_not() {
    let (folder, next) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = make(folder.path(), HOST, "90");
    let old = folder.path().join("old.pem");
    std::fs::copy(&files.certificates, &old).unwrap();
    let mut tls = Tls::open(files.clone()).unwrap();
    let (acceptor, renewed) = (tls.acceptor(), make(next.path(), HOST, "90"));
    let listener = TcpListener::bind((core::net::Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    // As the accept loop does, with the looking in this test's hands.
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _from) = listener.accept().await.unwrap();
            if let Some(mut stream) = handshake(acceptor.clone(), stream, HANDSHAKE_DEADLINE).await {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nserved").await.ok();
                stream.shutdown().await.ok();
            }
        }
    });
    std::fs::rename(&renewed.certificates, &files.certificates).unwrap();
    tls.renew();
    ask(address, &old).await.expect("the key is still the old one, so the old pair stays");
    std::fs::rename(&renewed.key, &files.key).unwrap();
    tls.renew();
    ask(address, &files.certificates).await.expect("both halves are there now");
    ask(address, &old).await.expect_err("the old one is not in force any more");
    std::fs::remove_file(&files.key).unwrap();
    tls.renew();
    ask(address, &files.certificates).await.expect("what is in force is in memory");
    serving.abort();
}

#[tokio::test]
async fn a_client_that_never_agrees_on_keys_gives_its_place_back() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::open(make(folder.path(), HOST, "90")).unwrap();
    let listener = TcpListener::bind((core::net::Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let silent = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _from) = listener.accept().await.unwrap();
    assert!(handshake(tls.acceptor(), stream, Duration::from_millis(100)).await.is_none());
    drop(silent);
}

#[test]
fn a_certificate_says_whom_it_is_for_and_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let files = make(folder.path(), HOST, "90");
    let examined = files.examine(HOST).unwrap();
    assert!(examined.names_host && !files.examine("other.example").unwrap().names_host);
    let lasts = examined.ends_at.since(kido_shared::clock::Clock::now(&kido_shared::clock::SystemClock));
    assert!((89..=90).contains(&(lasts.as_secs() / 86_400)), "{lasts:?}");
}

#[test]
fn what_is_no_pair_is_refused_by_what_is_wrong_with_it() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = make(folder.path(), HOST, "90");
    let foreign = TlsPair { key: make(other.path(), HOST, "90").key, ..files.clone() };
    assert!(matches!(Tls::open(foreign), Err(TlsError::Pair { .. })));
    let swapped = TlsPair { certificates: files.key.clone(), key: files.certificates.clone() };
    std::fs::set_permissions(&files.certificates, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(Tls::open(swapped), Err(TlsError::Form { wanted: "private key", .. })));
    let long = folder.path().join("long.pem");
    std::fs::write(&long, std::fs::read(&files.certificates).unwrap().repeat(CHAIN_MAX + 1)).unwrap();
    let long = TlsPair { certificates: long, ..files.clone() };
    assert!(matches!(Tls::open(long), Err(TlsError::LongChain(_))));
    std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(Tls::open(files.clone()), Err(TlsError::Exposed(_))));
    std::fs::remove_file(&files.key).unwrap();
    assert!(matches!(Tls::open(files), Err(TlsError::File { .. })));
}
