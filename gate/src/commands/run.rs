//! `kido-gate run`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use kido_gate::barrier::{Barrier, BarrierCommand};
use kido_gate::config::{BarrierConfig, Config};
use kido_gate::display::{LaneSign, TypedInputs, Viewer, display};
use kido_gate::gate_clock::GateClock;
use kido_gate::hatch::Hatch;
use kido_gate::identity::{DataFolder, Identity};
use kido_gate::journal::Journal;
use kido_gate::kiosk::{Kiosk, Page};
use kido_gate::metrics::Metrics;
use kido_gate::reader::{ReaderProgram, reader};
use kido_gate::replica::Replica;
use kido_gate::runtime::{self, Ended, Front, Parts};
use kido_gate::screen::Screen;
use kido_gate::terminal::{self, Keyboard, Source};
use kido_gate::words::Words;
use kido_observe::Endpoint;
use kido_shared::clock::Clock as _;
use kido_shared::error_chain::Chain;
use kido_shared::refusal::Refusal;
use rand::rngs::OsRng;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{folder_of, machine_clock, say};
use crate::{LaneOptions, LogFormat, LogOptions};

pub(super) async fn run(mut config: Config, options: LaneOptions, log: LogOptions) -> anyhow::Result<ExitCode> {
    if let Some(name) = &options.reader {
        config.reader.name.clone_from(name);
    }
    if let Some(listen) = options.kiosk {
        config.kiosk.listen = listen;
    }
    if let Some(barrier) = &options.barrier {
        config.barrier = barrier.clone();
    }
    if let Some(direction) = options.direction {
        config.lane.direction = direction;
    }
    if let Some(listen) = options.metrics {
        config.metrics.listen = Some(listen);
    }
    let config = config.checked()?;
    let folder = folder_of(&config);
    let identity = Identity::load(&folder)?;
    let parts = open(&folder, identity, &config).await?;
    announce(&parts);
    let (stop, stopped) = watch::channel(false);
    let mut signals = JoinSet::new();
    signals.spawn(wait_for_signal(stop.clone())?);

    let (display, viewer, typed) = show(&parts, &config)?;
    let page = Page::compiled_in(config.kiosk.language)?;
    let kiosk = Kiosk::bind(config.kiosk.listen).await?;
    let address = kiosk.address();
    tracing::info!(%address, "the lane's screen and pad");
    let mut views = JoinSet::new();
    let ending = stopped.clone();
    let watched = viewer.clone();
    views.spawn(kiosk.serve(page, watched, until(ending)));
    let scraped = serve_metrics(&config, &parts.metrics, stopped.clone(), &mut views).await?;
    let keyboard = begin_terminal(&options, viewer, &mut views)?;
    let (reader, supervisor) = reader(reader_program(&config, &log)?);
    let front = Front { reader, supervisor, display, typed };
    if !options.terminal {
        if let Some(scraped) = scraped {
            say(&format!("metrics on http://{scraped}/metrics"))?;
        }
        say(&format!("ready: kiosk on http://{address}"))?;
    }
    let mut hatch = open_hatch(&folder, &parts);
    let ended = runtime::run(parts, front, until(stopped)).await;
    stop.send_replace(true);
    hatch.shutdown().await;
    while views.join_next().await.is_some() {}
    drop(keyboard);
    if ended? == Ended::Retention {
        folder.wipe()?;
        tracing::warn!("the event's retention date has come: subkeys, replica and journal were wiped");
    }
    tracing::info!("the gate has ended");
    Ok(ExitCode::SUCCESS)
}

/// Opens the stores, off the asynchronous workers: they read and verify whole logs.
async fn open(folder: &DataFolder, identity: Identity, config: &Config) -> anyhow::Result<Parts> {
    let (folder, barrier) = (folder.clone(), barrier(&config.barrier));
    let passage = config.lane.direction.into();
    let opening = move || -> anyhow::Result<Parts> {
        let machine = machine_clock();
        let gate = identity.enrolment().gate;
        let replica = Replica::open(&folder.replica(), identity.followed())?;
        let (journal, recovered) = Journal::open(&folder.journal(), gate, machine.now(), &mut OsRng)?;
        if recovered.withdrawn > 0 {
            tracing::warn!(withdrawn = recovered.withdrawn, "the last run left intents without an admission");
        }
        let clock = Arc::new(GateClock::start(machine, recovered.newest));
        let metrics = Metrics::begin(clock.now());
        Ok(Parts { identity, journal, replica, clock, barrier, passage, metrics })
    };
    tokio::task::spawn_blocking(opening).await.context("opening the stores was cut off")?
}

/// Where files are handed in and out while the lane is open. A gate without it is a gate all the same.
fn open_hatch(folder: &DataFolder, parts: &Parts) -> JoinSet<()> {
    let mut serving = JoinSet::new();
    match Hatch::open(folder) {
        Ok(hatch) => {
            serving.spawn(hatch.serve(parts.clone()));
        }
        Err(error) => tracing::error!(error = %Chain(&error), "no files can be handed in or out while this gate runs"),
    }
    serving
}

/// The first line of every log says whether people really enter here.
fn announce(parts: &Parts) {
    let enrolment = parts.identity.enrolment();
    let (gate, event) = (enrolment.gate, enrolment.event);
    let (boot, rehearsal) = (parts.journal.boot(), enrolment.rehearsal);
    let length = parts.replica.position().length;
    tracing::info!(%gate, %event, zone = %enrolment.zone, boot, length, rehearsal, "the gate starts");
    if rehearsal {
        tracing::warn!("REHEARSAL: this event accepts test cards; nobody really enters");
    }
    if !parts.clock.reading().certain {
        tracing::warn!("the clock is uncertain until the registrar confirms it");
    }
}

fn show(parts: &Parts, config: &Config) -> anyhow::Result<(kido_gate::display::Display, Viewer, TypedInputs)> {
    let enrolment = parts.identity.enrolment();
    let words = Words::compiled_in()?;
    let rehearsal = enrolment.rehearsal.then(|| words.rehearsal());
    let (event, entrance) = (enrolment.event_name.clone(), enrolment.entrance.clone());
    let sign = LaneSign { event, entrance, lane: config.lane.name.clone(), rehearsal };
    let first = Screen::OutOfOrder(Refusal::ReaderFailed.code());
    Ok(display(words, sign, &first, parts.clock.now()))
}

/// Lets somebody scrape, where that was asked for; gives the address.
async fn serve_metrics(
    config: &Config,
    metrics: &Metrics,
    stopped: watch::Receiver<bool>,
    views: &mut JoinSet<()>,
) -> anyhow::Result<Option<SocketAddr>> {
    let Some(listen) = config.metrics.listen else { return Ok(None) };
    let endpoint = match Endpoint::bind(listen).await {
        Ok(endpoint) => endpoint,
        Err(error) => {
            // An address that is missing tonight must not keep a lane shut.
            tracing::error!(error = %Chain(&error), "nobody can scrape this gate");
            return Ok(None);
        }
    };
    let address = endpoint.address();
    views.spawn(endpoint.serve(Arc::new(metrics.clone()), until(stopped)));
    Ok(Some(address))
}

fn begin_terminal(options: &LaneOptions, viewer: Viewer, views: &mut JoinSet<()>) -> anyhow::Result<Option<Keyboard>> {
    if options.terminal {
        let drawn = viewer.clone();
        views.spawn(async move {
            if let Err(error) = terminal::draw(drawn, std::io::stdout()).await {
                tracing::warn!(error = %Chain(&error), "the terminal is gone");
            }
        });
    }
    let source = match (options.pin_stdin, options.terminal) {
        (true, _) => Source::Lines,
        (false, true) => Source::Terminal,
        (false, false) => return Ok(None),
    };
    let input = std::io::stdin().as_fd().try_clone_to_owned().context("standard input cannot be read")?;
    Ok(Some(Keyboard::start(input, source, viewer)?))
}

fn barrier(config: &BarrierConfig) -> Barrier {
    match config {
        BarrierConfig::Log {} => Barrier::Log,
        BarrierConfig::Command { program, arguments, .. } => Barrier::Command(BarrierCommand {
            program: program.clone(),
            arguments: arguments.clone(),
            time: config.deadline(),
        }),
    }
}

/// This very program, as the reader's process, logging as the gate does.
fn reader_program(config: &Config, log: &LogOptions) -> anyhow::Result<ReaderProgram> {
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let format = match log.log_format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    let options = ["reader-child", "--log-format", format, "--log", &log.log];
    let mut arguments: Vec<OsString> = options.map(OsString::from).to_vec();
    if !config.reader.name.trim().is_empty() {
        arguments.extend(["--reader".into(), config.reader.name.clone().into()]);
    }
    if !config.reader.pinpad {
        arguments.push("--no-pinpad".into());
    }
    Ok(ReaderProgram { program, arguments })
}

/// Ends the gate in good order on SIGTERM and on Ctrl-C.
fn wait_for_signal(stop: watch::Sender<bool>) -> std::io::Result<impl Future<Output = ()> + Send> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        let terminated = std::pin::pin!(terminate.recv());
        let interrupted = std::pin::pin!(interrupt.recv());
        first_of(terminated, interrupted).await;
        tracing::info!("told to stop");
        stop.send_replace(true);
    })
}

/// Ends with whichever ends first.
async fn first_of(mut one: impl Future + Unpin, mut other: impl Future + Unpin) {
    std::future::poll_fn(|context| {
        let one = std::pin::Pin::new(&mut one).poll(context).is_ready();
        let other = std::pin::Pin::new(&mut other).poll(context).is_ready();
        if one || other { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

async fn until(mut stopped: watch::Receiver<bool>) {
    if stopped.wait_for(|stopped| *stopped).await.is_err() {
        tracing::debug!("nobody is left to tell to stop");
    }
}
