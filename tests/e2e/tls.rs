//! TLS of the registrar's own, to programs that verify: its own command line, and a client that trusts one certificate.

use core::time::Duration;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kido_shared::wire::v1::routes;
use kido_tests::harness::{Programs, Registrar, finish, free_port, wait_for};
use reqwest::{Certificate, Client};
use tokio::process::Command;

/// One command of the client.
const COMMAND_WITHIN: Duration = Duration::from_secs(30);

/// The files are looked at every ten seconds.
const RENEWED_WITHIN: Duration = Duration::from_secs(40);

#[tokio::test]
async fn a_registrar_speaks_tls_itself_and_renews_it_without_a_restart() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let origin = format!("https://localhost:{port}");
    let mut registrar = Registrar::init_alone(folder.path(), (port, Some(&origin))).await?;
    let pair = Pair::make(&folder.path().join("pair")).await?;
    let config = registrar.folder().join("registrar.toml");
    let own = format!("tls_certificate = {:?}\ntls_key = {:?}\n", pair.certificate, pair.key);
    std::fs::write(&config, std::fs::read_to_string(&config)? + &own)?;
    registrar.start().await?;

    println!("1. an operator's command line believes the certificate that its machine trusts, and no other");
    let list = registrar.client(&["event", "list"]);
    let strange = finish(over(list, &origin), "", COMMAND_WITHIN).await?;
    anyhow::ensure!(!strange.status.success() && strange.stderr.contains("certificate"), "{}", strange.stderr);
    let mut list = over(registrar.client(&["event", "list"]), &origin);
    list.env("SSL_CERT_FILE", &pair.certificate);
    let listed = finish(list, "", COMMAND_WITHIN).await?;
    anyhow::ensure!(listed.status.success(), "{}", listed.stderr);

    println!("2. browsers are told to call it by nothing else");
    let answer = ask(&origin, &pair.certificate).await?;
    let alone = answer.headers().get("strict-transport-security").context("no such header")?;
    anyhow::ensure!(alone == "max-age=31536000", "{alone:?}");

    println!("3. its doctor says how long the certificate lasts, and that it answers with it");
    let mut doctor = Command::new(Programs::of_this_build()?.registrar());
    doctor.args(["doctor", "--json", "--data"]).arg(registrar.folder());
    doctor.args(["--listen", &format!("127.0.0.1:{port}")]).env("SSL_CERT_FILE", &pair.certificate);
    let told = finish(doctor, "", COMMAND_WITHIN).await?.stdout;
    for said in ["for localhost, ", "runs, and answers"] {
        anyhow::ensure!(told.contains(said), "{said}: {told}");
    }

    println!("4. a renewed pair is in force by itself");
    let renewed = Pair::make(&folder.path().join("renewed")).await?;
    std::fs::copy(&renewed.key, &pair.key)?;
    std::fs::copy(&renewed.certificate, &pair.certificate)?;
    wait_for("the renewed certificate", RENEWED_WITHIN, async || {
        Ok(ask(&origin, &renewed.certificate).await.ok().map(drop))
    })
    .await?;
    registrar.stop().await?;
    Ok(())
}

/// The same command to another server: options that come later count.
fn over(command: Command, origin: &str) -> Command {
    let mut over = Command::new(command.as_std().get_program());
    let arguments: Vec<_> = command.as_std().get_args().collect();
    let mut server = false;
    for argument in arguments {
        over.arg(if server { origin.as_ref() } else { argument });
        server = argument == "--server";
    }
    over
}

async fn ask(origin: &str, trusted: &Path) -> anyhow::Result<reqwest::Response> {
    let only = Certificate::from_pem(&std::fs::read(trusted)?)?;
    let client = Client::builder().no_proxy().tls_certs_only([only]).build()?;
    Ok(client.get(format!("{origin}{}", routes::HEALTH)).send().await?.error_for_status()?)
}

/// A certificate for this machine, and its key.
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl Pair {
    async fn make(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (certificate, key) = (folder.join("chain.pem"), folder.join("key.pem"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-batch"]);
        openssl.args(["-subj", "/CN=localhost", "-days", "90", "-addext", "subjectAltName=DNS:localhost"]);
        openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
        let made = finish(openssl, "", COMMAND_WITHIN).await?;
        anyhow::ensure!(made.status.success(), "{}", made.stderr);
        Ok(Self { certificate, key })
    }
}
