//! `serve`: the registrar itself.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use kido_shared::challenge::Origin;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::CliError;
use crate::config::{CardHelperUrl, DataFolder, LogFormat, ServeConfig, ServeFlags};
use crate::serve::Reached;

const MORE: &str = "\
It listens on this machine alone unless told otherwise. Put what ends TLS in front, and let it pass path and query on
unchanged: gates sign them, with the origin. Or let it speak TLS itself, with --tls-certificate, --tls-key and --listen;
both files are read again when somebody renews them. SIGTERM or Ctrl-C ends it once what is under way is done.

Rehearsals: an event with --rehearsal-of accepts test cards whose root is given by --trust-anchor; no other event does.

Next: kido-registrar event create --help";

/// Run the registrar
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(super) struct ServeArgs {
    /// Folder that `init` has made
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Configuration file [default: DIR/registrar.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8420]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Where Prometheus reads /metrics: loopback, or a network of its own, since nobody is asked who they are [default:
    /// nowhere]
    #[arg(long, value_name = "ADDR:PORT")]
    metrics: Option<SocketAddr>,
    /// PEM file with this host's certificate and those up to its root: TLS without a proxy in front
    #[arg(long, value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// PEM file with its key, which nobody else may read
    #[arg(long, env = "KIDO_TLS_KEY_FILE", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// As cards and gates reach this registrar [default: the one of `init`]
    #[arg(long, value_name = "URL")]
    origin: Option<Origin>,
    /// A further root in DER, or a folder of them, for rehearsals only; may be repeated
    #[arg(long = "trust-anchor", value_name = "FILE|DIR")]
    trust_anchors: Vec<PathBuf>,
    /// Where buyers get the card helper, an https page of yours [default: the page says that the shop tells]
    #[arg(long, value_name = "URL")]
    card_helper_url: Option<CardHelperUrl>,
    /// The master key, where it is kept better than in the keyring: a systemd credential
    #[arg(long, env = "KIDO_MASTER_KEY_FILE", value_name = "FILE")]
    master_key: Option<PathBuf>,
    /// How log lines on standard error look
    #[arg(long, env = "KIDO_LOG_FORMAT", value_enum)]
    log_format: Option<LogFormat>,
    /// Log every answered request: route, status, time
    #[arg(long)]
    verbose: bool,
}

pub(super) fn run(args: ServeArgs) -> Result<ExitCode, CliError> {
    let ServeArgs { data, config, listen, metrics, origin, trust_anchors, card_helper_url, .. } = args;
    let (master_key, log_format, verbose) = (args.master_key, args.log_format, args.verbose);
    let card_helper = card_helper_url;
    let (tls_certificate, tls_key) = (args.tls_certificate, args.tls_key);
    let flags = ServeFlags {
        config,
        origin,
        listen,
        metrics,
        trust_anchors,
        log_format,
        card_helper,
        master_key,
        tls_certificate,
        tls_key,
    };
    let config = ServeConfig::resolve(DataFolder::at(data), flags)?;
    log_to_stderr(config.log_format, verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Terminal)?;
    runtime.block_on(crate::serve::run(config, ready))?;
    Ok(ExitCode::SUCCESS)
}

/// The lines that whoever started this process waits for.
fn ready(Reached { address, tls, metrics }: Reached) {
    let scheme = if tls { "https" } else { "http" };
    let mut out = std::io::stdout().lock();
    let scraped = metrics.map_or(Ok(()), |metrics| writeln!(out, "metrics on http://{metrics}/metrics"));
    let said = scraped.and_then(|()| writeln!(out, "listening on {scheme}://{address}")).and_then(|()| out.flush());
    if said.is_err() {
        tracing::debug!("nobody reads standard output");
    }
}

/// Our own lines from `info` on, everybody else's from `warn`: a library may log what it was given.
fn log_to_stderr(format: LogFormat, verbose: bool) {
    let own = if verbose { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let targets = Targets::new().with_default(LevelFilter::WARN);
    let targets = targets.with_target("kido_registrar", own).with_target("kido_store", LevelFilter::INFO);
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(targets)).init();
}
