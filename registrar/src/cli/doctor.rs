//! `doctor`: whether this machine can be a registrar, and how its keys are kept.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use kido_doctor::Report;

use super::CliError;
use super::console::Console;
use crate::config::{DataFolder, ServeConfig, ServeFlags};
use crate::doctor;

const MORE: &str = "\
While the registrar runs, it is asked for a sign of life and, with a token, about recoveries; else it is left alone. While it does not, every event is opened as it
would open them, and its log verified from its first byte; nobody can start it meanwhile. An event that is got back after
a restore is named, with the gates that have not answered. Exit code 0: nothing is broken, 1: something is.

Run it as the registrar's own user. Under systemd, with its credentials:
  systemd-run --pipe --uid=kido-registrar -p LoadCredentialEncrypted=master.key:FILE \\
      -E KIDO_MASTER_KEY_FILE=/run/credentials/UNIT/master.key --unit=UNIT kido-registrar doctor --data DIR";

/// Say how disk, clock, keys and events are
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(super) struct DoctorArgs {
    /// Folder that `init` has made
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Configuration file [default: DIR/registrar.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the registrar listens, if it was told by a flag [default: as configured]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// The master key, where it is kept better than in the keyring
    #[arg(long, env = "KIDO_MASTER_KEY_FILE", value_name = "FILE")]
    master_key: Option<PathBuf>,
    /// The certificate for TLS of its own, if it was told by a flag [default: as configured]
    #[arg(long, value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// Its key
    #[arg(long, env = "KIDO_TLS_KEY_FILE", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// File with a bearer token: with it a running registrar says which gates it waits for after a restore [default:
    /// DIR/operator.token, while it is there]
    #[arg(long, env = "KIDO_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: DoctorArgs) -> Result<ExitCode, CliError> {
    let DoctorArgs { data, config, listen, master_key, tls_certificate, tls_key, token_file, json } = args;
    let flags = ServeFlags { config, listen, master_key, tls_certificate, tls_key, ..ServeFlags::default() };
    let config = ServeConfig::resolve(DataFolder::at(data), flags)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::Terminal)?;
    let report = Report::of(runtime.block_on(doctor::examine(&config, token_file.as_deref())));
    let console = Console::new(json);
    if json {
        console.json(&report)?
    } else {
        console.line(&report.to_string())?
    }
    Ok(if report.is_ready() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
