//! Puts the parts together, runs one command, and ends it cleanly: whatever happens, the card is left without power.

use core::time::Duration;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use kido_reader::{Cancel, ReaderKeys, ReaderPattern};
use kido_shared::challenge::Origin;
use kido_shared::clock::{Clock as _, SystemClock};
use kido_shared::codes::Code;
use kido_shared::ids::EventId;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{
    Cli, Command, DialogueOptions, DoctorOptions, LogFormat, LogLevel, OpenOptions, ReaderOption, ShowOptions,
    StatusOptions,
};
use crate::dialogue::{self, Around};
use crate::doctor::{self, DoctorReport};
use crate::host::{self, KnownHosts};
use crate::link::LinkKind;
use crate::news::Listener;
use crate::open;
use crate::page;
use crate::problem::Problem;
use crate::reader::{CARD_PATIENCE, CardDesk, PROGRAM_PATIENCE, PcscCards};
use crate::report::{self, Report};
use crate::session::Asked;
use crate::status::{StatusReport, Trust};
use crate::terminal::{StandardInput, Terminal};
use crate::words::{Voice, Words};

/// Runs one command of `kido-card` to its end.
#[must_use]
pub fn run(cli: Cli) -> ExitCode {
    start_log(cli.general.log, cli.general.log_format);
    let Ok(words) = Words::compiled_in(cli.general.language()) else {
        tracing::error!("the word files are broken");
        return ExitCode::FAILURE;
    };
    // With --json, standard output belongs to a program.
    let sink: Box<dyn Write + Send> = if cli.general.json { Box::new(io::stderr()) } else { Box::new(io::stdout()) };
    let voice = Arc::new(Voice::new(words, sink));
    let patience = if cli.general.json { PROGRAM_PATIENCE } else { CARD_PATIENCE };
    let ended = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let ended = runtime.block_on(Box::pin(until_interrupted(cli.command, &voice, patience)));
            // A question that was abandoned still holds its thread; the card's thread has ended before.
            runtime.shutdown_background();
            ended
        }
        Err(_no_runtime) => Err(Problem::Start),
    };
    let mut stdout = io::stdout();
    let json: Option<&mut dyn Write> = if cli.general.json { Some(&mut stdout) } else { None };
    report::end(&ended, &voice, json)
}

fn start_log(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Off => return,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    // Our own crates alone: what a library logs about a connection is not ours to vouch for.
    let ours = Targets::new().with_target("kido_card", level).with_target("kido_reader", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    if tracing_subscriber::registry().with(lines.with_filter(ours)).try_init().is_err() {
        tracing::debug!("a log is running already");
    }
}

async fn until_interrupted(command: Command, voice: &Arc<Voice>, patience: Duration) -> Result<Report, Problem> {
    let cancel = Cancel::new();
    let cards = |reader: ReaderOption, keys| PcscCards::new(cancel.clone(), pattern(reader), keys, patience);
    match command {
        Command::Register(options) => {
            let wanted = Wanted::Register;
            let cards = cards(options.reader.clone(), keys_of_dialogue(&options));
            Box::pin(hold(wanted, options, cards, voice, &cancel)).await
        }
        Command::Show(ShowOptions { dialogue, event, server }) => {
            let cards = cards(dialogue.reader.clone(), keys_of_dialogue(&dialogue));
            Box::pin(hold(Wanted::of_holder(false, event, server), dialogue, cards, voice, &cancel)).await
        }
        Command::Resume(ShowOptions { dialogue, event, server }) => {
            let cards = cards(dialogue.reader.clone(), keys_of_dialogue(&dialogue));
            Box::pin(hold(Wanted::of_holder(true, event, server), dialogue, cards, voice, &cancel)).await
        }
        Command::Open(options) => {
            let cards = PcscCards::new(
                cancel.clone(),
                pattern(options.reader.clone()),
                keys(&options.reader),
                options.patience().map_or(patience, |told| told.min(patience)),
            );
            Box::pin(opened(options, cards, voice, &cancel)).await
        }
        Command::Status(options) => {
            let cards = cards(options.reader.clone(), ReaderKeys::Ignore);
            Box::pin(status(options, cards, voice, &cancel)).await
        }
        Command::Doctor(DoctorOptions { reader, server }) => {
            let keys = keys(&reader);
            let found = doctor::examine(cancel.clone(), pattern(reader), keys, server);
            let found = or_interrupted(async { Ok(found.await) }, &cancel).await?;
            let report = DoctorReport::new(&doctor::judge(&found), voice);
            report.tell(voice);
            Ok(Report::Doctor(report))
        }
    }
}

enum Wanted {
    Register,
    /// By the holder's link: show, or resume.
    Ticket(fn(Code) -> Asked),
    /// By the card alone: the same.
    Card(Origin, Asked),
}

impl Wanted {
    fn of_holder(resumes: bool, event: Option<EventId>, server: Option<Origin>) -> Self {
        match (event, server) {
            (Some(event), Some(server)) => {
                Self::Card(server, if resumes { Asked::ResumeCard(event) } else { Asked::ShowCard(event) })
            }
            _no_pair => Self::Ticket(if resumes { Asked::ResumeTicket } else { Asked::ShowTicket }),
        }
    }
}

async fn hold(
    wanted: Wanted,
    options: DialogueOptions,
    cards: PcscCards,
    voice: &Arc<Voice>,
    cancel: &Cancel,
) -> Result<Report, Problem> {
    if options.misplaced.is_some() {
        return Err(Problem::LinkAsArgument);
    }
    let mut known = KnownHosts::read(options.registrars.or_else(host::usual_file)).map_err(Problem::HostList)?;
    let input = StandardInput::open().map_err(|_no_input| Problem::NoInput)?;
    let mut person = Terminal::new(Arc::clone(voice), Box::new(input), options.pin_stdin);
    let listener: Arc<dyn Listener> = Arc::<Voice>::clone(voice);
    let desk = CardDesk::open(Box::new(cards), Arc::clone(&listener))?;
    let held = async {
        let (origin, asked) = match wanted {
            Wanted::Card(origin, asked) => (origin, asked),
            Wanted::Register => {
                let link = dialogue::ask_link(&mut person, "ask-registration-link").await?;
                match link.kind {
                    LinkKind::Registration => (link.origin, Asked::Bind(link.code)),
                    LinkKind::Holder => return Err(Problem::WrongLink(LinkKind::Holder)),
                }
            }
            Wanted::Ticket(asked) => {
                let link = dialogue::ask_link(&mut person, "ask-holder-link").await?;
                match link.kind {
                    LinkKind::Holder => (link.origin, asked(link.code)),
                    LinkKind::Registration => return Err(Problem::WrongLink(LinkKind::Registration)),
                }
            }
        };
        let mut around = Around { listener: &listener, person: &mut person, desk: &desk, known: &mut known };
        Box::pin(dialogue::hold(&mut around, origin, asked, options.yes_host.as_deref(), &SystemClock)).await
    };
    let held = or_interrupted(held, cancel).await;
    desk.close().await;
    held.map(Report::Finished)
}

async fn opened(
    options: OpenOptions,
    cards: PcscCards,
    voice: &Arc<Voice>,
    cancel: &Cancel,
) -> Result<Report, Problem> {
    let limits = options.patience().map_or(open::LIMITS, |unanswered| open::Limits { unanswered, ..open::LIMITS });
    let plan = open::Plan::new(options)?;
    let (page, stage) = open::prepare(voice, &plan).await?;
    let listener: Arc<dyn Listener> = Arc::<page::Stage>::clone(&stage);
    let desk = CardDesk::open(Box::new(cards), listener)?;
    let held = open::hold(plan, &stage, &desk, limits, &SystemClock);
    let held = or_interrupted(held, cancel).await;
    desk.close().await;
    open::end(page, &stage, held.as_ref().map(drop)).await;
    held.map(Report::Finished)
}

async fn status(
    options: StatusOptions,
    cards: PcscCards,
    voice: &Arc<Voice>,
    cancel: &Cancel,
) -> Result<Report, Problem> {
    let trust = Trust::with(&options.trust_anchors)?;
    let desk = CardDesk::open(Box::new(cards), Arc::<Voice>::clone(voice))?;
    let shown = or_interrupted(desk.read(), cancel).await;
    desk.close().await;
    let shown = shown?;
    let report = StatusReport::of(&shown, &trust, SystemClock.now());
    report.tell(&shown, voice);
    Ok(Report::Status(report))
}

const fn keys(option: &ReaderOption) -> ReaderKeys {
    if option.no_pinpad { ReaderKeys::Ignore } else { ReaderKeys::Use }
}

/// A PIN that comes from standard input is not asked for on the reader.
const fn keys_of_dialogue(options: &DialogueOptions) -> ReaderKeys {
    if options.pin_stdin { ReaderKeys::Ignore } else { keys(&options.reader) }
}

fn pattern(reader: ReaderOption) -> ReaderPattern {
    ReaderPattern::from_option(reader.reader)
}

/// Runs to the end or to Ctrl-C; what is interrupted is dropped, and every wait for a card ends.
async fn or_interrupted<T>(work: impl Future<Output = Result<T, Problem>>, cancel: &Cancel) -> Result<T, Problem> {
    let ended = tokio::select! {
        ended = Box::pin(work) => ended,
        () = interrupted() => Err(Problem::Cancelled),
    };
    cancel.cancel();
    ended
}

/// Ctrl-C, or the system's word that the program is to end; never, where the system cannot tell.
async fn interrupted() {
    let ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            core::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = ctrl_c => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_no_signal) => core::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    core::future::pending().await
}
