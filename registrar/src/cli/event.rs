//! `event create | update | export | list | show | recover | cut | forget`.

mod cut;
mod export;
mod postpone;
mod recover;

use core::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use kido_shared::clock::Timestamp;
use kido_shared::ids::EventId;
use kido_shared::policy::{ArbiterHome, OfflineChoice};
use kido_shared::wire::v1::operator::{
    self, CreateEvent, EventBody, EventForgotten, EventList, GateList, PolicyChoices, TicketCounts, UpdateEvent,
};

use super::client::Client;
use super::console::Console;
use super::{CliError, Connection, moment};

use cut::CutArgs;
pub use cut::CutCommandError;
use export::ExportArgs;
use recover::RecoverArgs;

const FORGETTING: &str = "\
From the retention date on (event show) this deletes the event at the registrar, for good: tickets, references, bindings,
histories. It is asked once; --yes answers for a program.

What goes: the event's folder, and the key of its retention week once no other event of that week needs it; with that key
gone, the event's key in old backups is noise. Files are overwritten, synced and removed. On an SSD, or a file system that
copies or keeps snapshots, the overwriting may miss old blocks: what protects then is an encrypted disk. Backups of the events
folder are yours to delete: they hold tickets and histories in plain.
What stays: the event's id, the end of its feed and the key that signs it, and its lines in the audit list.

First: let every gate upload (the console's day view says which one waits; one that says so is not overrun). A gate that is
switched on and has followed the feed to its end goes on hearing the time and wipes itself within about an hour; any other:
kido-gate wipe --data DIR.
If it fails halfway, say it again, or restart the registrar: it goes on by itself.";

const EXAMPLES: &str = "\
Examples:
  kido-registrar event create --name 'Opening night' --starts-at 2027-01-10T18:00:00+09:00 \\
      --ends-at 2027-01-10T22:00:00+09:00 --offline refuse
  kido-registrar event create --name 'Try-out' … --offline admit --rehearsal-of EVENT
  kido-registrar event update EVENT --ends-at 2027-01-10T23:00:00+09:00
  kido-registrar event update EVENT --postpone-to 2027-03-10T18:00:00+09:00 --dry-run

There is no default for --offline: what gates do while no arbiter answers is yours to decide.
  refuse      nobody enters; staff help
  home-gate   only tickets whose zone is that gate's alone
  admit       everybody with a proof; may admit one ticket twice, at two gates

Next: kido-registrar tickets import --help";

/// Milliseconds of a minute.
const MINUTE_MS: u64 = 60_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const NONE_YET: &str = "no event yet; next: kido-registrar event create --help";

/// Create, change and look at events
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct EventArgs {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(subcommand)]
    command: EventCommand,
}

#[derive(Debug, Subcommand)]
enum EventCommand {
    /// Create an event with keys of its own
    #[command(after_help = EXAMPLES)]
    Create(CreateArgs),
    /// Change what is named, or move the event with all its tickets to another date; gates learn it from the feed
    #[command(after_help = postpone::HELP)]
    Update(UpdateArgs),
    /// Write lists that a desk can look tickets up in when all machines are dead
    #[command(after_help = export::HELP)]
    Export(ExportArgs),
    /// Say how far an event has been got back from its gates after a restore, or go on without somebody
    #[command(after_help = recover::HELP)]
    Recover(RecoverArgs),
    /// Begin an event's feed anew with the root key, where its gates refuse what a restored registrar says
    #[command(after_help = cut::HELP)]
    Cut(CutArgs),
    /// List the events
    List,
    /// Show one event
    Show {
        /// The event's id
        event: EventId,
    },
    /// Delete an event whose retention date has come, for good
    #[command(after_help = FORGETTING)]
    Forget {
        /// The event's id
        event: EventId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Offline {
    /// Nobody enters
    Refuse,
    /// Only tickets whose zone is that gate's alone
    HomeGate,
    /// Everybody with a proof; may admit twice
    Admit,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Arbiter {
    /// Inside the registrar
    Registrar,
    /// Inside the event's only gate
    Local,
    /// On a box in the venue: `kido-registrar arbiter add` enrols it
    Venue,
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// What people call it
    #[arg(long)]
    name: String,
    /// Doors, RFC 3339 with offset
    #[arg(long, value_parser = moment::parse, value_name = "MOMENT")]
    starts_at: Timestamp,
    /// When everybody has gone home
    #[arg(long, value_parser = moment::parse, value_name = "MOMENT")]
    ends_at: Timestamp,
    /// What gates do while no arbiter answers
    #[arg(long, value_enum)]
    offline: Offline,
    /// Where it is decided whether a ticket was used
    #[arg(long, value_enum, default_value = "registrar")]
    arbiter: Arbiter,
    /// The event that this one rehearses: test cards are accepted, and everything says so
    #[arg(long, value_name = "EVENT")]
    rehearsal_of: Option<EventId>,
    /// Days from the end until gates wipe themselves and `event forget` is possible [default: 30]
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<u32>,
    #[command(flatten)]
    choices: ChoiceArgs,
}

#[derive(Debug, Args)]
struct UpdateArgs {
    /// The event's id
    event: EventId,
    /// Doors on another date: end, retention date and every ticket's window move along
    #[arg(long, value_parser = moment::parse, value_name = "MOMENT", conflicts_with_all = [
        "name", "starts_at", "ends_at", "offline", "arbiter", "retention_at", "tickets_per_card", "replica_age_minutes",
    ])]
    postpone_to: Option<Timestamp>,
    /// Only say what would move, and which tickets are to be checked again
    #[arg(long, requires = "postpone_to")]
    dry_run: bool,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Doors
    #[arg(long, value_parser = moment::parse, value_name = "MOMENT")]
    starts_at: Option<Timestamp>,
    /// When everybody has gone home; the retention date moves along
    #[arg(long, value_parser = moment::parse, value_name = "MOMENT")]
    ends_at: Option<Timestamp>,
    /// What gates do while no arbiter answers
    #[arg(long, value_enum)]
    offline: Option<Offline>,
    /// Where it is decided whether a ticket was used
    #[arg(long, value_enum)]
    arbiter: Option<Arbiter>,
    /// When gates wipe themselves and `event forget` becomes possible
    #[arg(long, value_parser = moment::parse, value_name = "MOMENT")]
    retention_at: Option<Timestamp>,
    #[command(flatten)]
    choices: ChoiceArgs,
}

#[derive(Debug, Args)]
struct ChoiceArgs {
    /// Usable tickets on one card [default: 1]
    #[arg(long, value_name = "N")]
    tickets_per_card: Option<u16>,
    /// Oldest knowledge that a gate admits with, in minutes [default: 720]
    #[arg(long, value_name = "MINUTES")]
    replica_age_minutes: Option<u32>,
}

pub(super) async fn run(args: EventArgs) -> Result<(), CliError> {
    let (client, console) = (Client::of(&args.connection)?, args.connection.console());
    match args.command {
        EventCommand::Create(wanted) => {
            let event: EventBody = client.post(operator::EVENTS, &create(wanted)).await?;
            shown(console, &event)
        }
        EventCommand::Update(UpdateArgs { event, postpone_to: Some(starts_at), dry_run, .. }) => {
            postpone::run(&client, console, (event, starts_at, dry_run)).await
        }
        EventCommand::Update(wanted) => {
            let path = operator::event(wanted.event);
            let event: EventBody = client.patch(&path, &update(wanted)).await?;
            shown(console, &event)
        }
        EventCommand::Export(wanted) => export::run(&client, console, wanted).await,
        EventCommand::Recover(wanted) => recover::run(&client, console, wanted).await,
        EventCommand::Cut(wanted) => cut::run(&client, console, wanted).await,
        EventCommand::List => {
            let list: EventList = client.get(operator::EVENTS).await?;
            console.show_list(&list, &list.events, summary, NONE_YET)
        }
        EventCommand::Forget { event, yes } => {
            if !yes {
                agree(&client, console, event).await?;
            }
            let forgotten: EventForgotten = client.delete(&operator::event(event)).await?;
            console.show(&forgotten, describe_forgotten)
        }
        EventCommand::Show { event } => shown(console, &client.get::<EventBody>(&operator::event(event)).await?),
    }
}

/// Lets the operator type the event's name. An event that is gone already has none: what was begun is gone on with.
async fn agree(client: &Client, console: Console, event: EventId) -> Result<(), CliError> {
    let known: EventBody = match client.get(&operator::event(event)).await {
        Err(CliError::Refused(problem)) if problem.code == "event_forgotten" => return Ok(()),
        answer => answer?,
    };
    console.note(&describe(&known))?;
    let gates: GateList = client.get(&operator::gates(event)).await?;
    let in_force = gates.gates.iter().filter(|gate| !gate.revoked).count();
    console.note(&format!("gates in force: {in_force}; what they have not uploaded is lost"))?;
    let typed = console.ask("This cannot be undone. Type the event's name to delete it: ").await?;
    if typed.trim() == known.name.trim() { Ok(()) } else { Err(CliError::NotAgreed) }
}

fn describe_forgotten(forgotten: &EventForgotten) -> String {
    let EventForgotten { event, week_keys_gone, week_keys_kept } = forgotten;
    let mut lines = vec![format!("deleted: {event}")];
    if !week_keys_gone.is_empty() {
        lines.push(format!("week keys destroyed: {}", week_keys_gone.join(", ")));
    }
    if !week_keys_kept.is_empty() {
        lines.push(format!("week keys that other events still need: {}", week_keys_kept.join(", ")));
    }
    lines.push("next: delete backups of its folder, and wipe gates that are switched off (kido-gate wipe)".to_owned());
    lines.join("\n")
}

fn create(wanted: CreateArgs) -> CreateEvent {
    let CreateArgs { name, starts_at, ends_at, offline, arbiter, rehearsal_of, retention_days, choices } = wanted;
    let retention_at = retention_days.map(|days| ends_at.after(DAY.saturating_mul(days)));
    let choices = PolicyChoices { retention_at, ..choices.into() };
    CreateEvent { name, starts_at, ends_at, offline: offline.into(), arbiter: arbiter.into(), rehearsal_of, choices }
}

fn update(wanted: UpdateArgs) -> UpdateEvent {
    let UpdateArgs {
        event: _,
        postpone_to: _,
        dry_run: _,
        name,
        starts_at,
        ends_at,
        offline,
        arbiter,
        retention_at,
        choices,
    } = wanted;
    let choices = PolicyChoices { retention_at, ..choices.into() };
    UpdateEvent {
        name,
        starts_at,
        ends_at,
        offline: offline.map(Into::into),
        arbiter: arbiter.map(Into::into),
        choices,
    }
}

impl From<ChoiceArgs> for PolicyChoices {
    fn from(wanted: ChoiceArgs) -> Self {
        let minutes = |minutes: u32| u64::from(minutes) * MINUTE_MS;
        Self {
            tickets_per_card: wanted.tickets_per_card,
            replica_age_ms_max: wanted.replica_age_minutes.map(minutes),
            ..Self::default()
        }
    }
}

impl From<Offline> for OfflineChoice {
    fn from(wanted: Offline) -> Self {
        match wanted {
            Offline::Refuse => Self::Refuse,
            Offline::HomeGate => Self::HomeGate,
            Offline::Admit => Self::Admit,
        }
    }
}

impl From<Arbiter> for ArbiterHome {
    fn from(wanted: Arbiter) -> Self {
        match wanted {
            Arbiter::Registrar => Self::Registrar,
            Arbiter::Local => Self::Local,
            Arbiter::Venue => Self::Venue,
        }
    }
}

/// All tickets of an event, whatever their state.
fn all(counts: TicketCounts) -> usize {
    let TicketCounts { reserved, unbound, bound, suspended, returned, cancelled } = counts;
    let all = [reserved, unbound, bound, suspended, returned, cancelled].into_iter().fold(0, u64::saturating_add);
    usize::try_from(all).unwrap_or(usize::MAX)
}

fn shown(console: Console, event: &EventBody) -> Result<(), CliError> {
    console.show(event, describe)
}

fn summary(event: &EventBody) -> String {
    let rehearsal = if event.rehearsal { "  REHEARSAL" } else { "" };
    format!("{}  {}  {}{rehearsal}", event.event, moment::show(event.starts_at), event.name)
}

fn describe(event: &EventBody) -> String {
    let tickets = event.tickets;
    let mut lines = vec![
        format!("event: {}", event.event),
        format!("name: {}", event.name),
        format!("from {} until {}", moment::show(event.starts_at), moment::show(event.ends_at)),
    ];
    if let Some(real) = event.rehearsal_of {
        lines.push(format!("REHEARSAL of {real}: test cards are accepted"));
    }
    if let Some(retention_at) = event.choices.retention_at {
        let at = moment::show(retention_at);
        lines.push(format!("kept until {at}; gates wipe themselves then, you delete it here: event forget"));
    }
    lines.push(format!(
        "tickets: {} reserved, {} unbound, {} bound, {} suspended, {} returned, {} cancelled",
        tickets.reserved, tickets.unbound, tickets.bound, tickets.suspended, tickets.returned, tickets.cancelled
    ));
    if let Some(entries) = event.entries {
        lines.push(format!("admissions: {}, conflicts: {}", entries.admissions, entries.conflicts));
        if entries.settled > 0 {
            lines.push(format!("of these conflicts settled, since one of the two had ended: {}", entries.settled));
        }
    }
    if event.moving {
        lines.push("being moved to this date: say the same event update --postpone-to again, it goes on".to_owned());
    }
    if event.recovering {
        lines.push("got back from its gates after a restore: event recover says how far".to_owned());
    }
    lines.push(format!("feed: epoch {}, {} records", event.feed_epoch, event.feed_length));
    lines.join("\n")
}
