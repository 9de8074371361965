//! `event update --postpone-to`: the event and every ticket of it on another date.

use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, TicketId};
use kido_shared::wire::v1::operator::{self, EventBody, Postpone, PostponementStep, TicketToRecheck};

use crate::cli::client::Client;
use crate::cli::console::Console;
use crate::cli::progress::Progress;
use crate::cli::{CliError, ClientError, moment};

pub(super) const HELP: &str = "\
Another date:
  kido-registrar event update EVENT --postpone-to 2027-03-10T18:00:00+09:00 --dry-run
  kido-registrar event update EVENT --postpone-to 2027-03-10T18:00:00+09:00
Doors, end, retention date and the window of every ticket move by the same span, forward or back; void tickets and those
with the shop again stay as they are. First the policy moves, and with it the day on which gates wipe themselves; then the
tickets, 5,000 at a time, each batch in one durable step. In between a ticket has its old window or its new one, never
a half. It is run again with the same moment after any failure, and goes on where it stopped; until it is through, no
tickets can be imported. --dry-run changes nothing.

Tickets to re-check are listed: bound to a card whose certificate is not known to be valid on the new date. Of a card only
two answers are kept, does its certificate outlive the event, and does it by a year; so after a second postponement, or one
by more than a year, all bound tickets are listed. A card that was renewed keeps its ticket only where its key stayed:
let these holders try their card at home before the day, or come to the desk.
No shop reference is kept in clear: tickets are listed by id, zone and seat label; `tickets show EVENT REFERENCE` tells an id.";

/// What a postponement did, as it is printed.
#[derive(Debug, serde::Serialize)]
struct Postponed {
    dry_run: bool,
    starts_at: Timestamp,
    ends_at: Timestamp,
    retention_at: Timestamp,
    moved: u64,
    left_alone: u64,
    to_recheck: Vec<TicketToRecheck>,
}

pub(super) async fn run(
    client: &Client,
    console: Console,
    (event, starts_at, check): (EventId, Timestamp, bool),
) -> Result<(), CliError> {
    let known: EventBody = client.get(&operator::event(event)).await?;
    let mut progress = Progress::begin(console, super::all(known.tickets), if check { "looked at" } else { "moved" });
    let mut after = None;
    let mut sum = step(client, (event, starts_at, check), &mut after).await?;
    loop {
        progress.reached(usize::try_from(sum.moved.saturating_add(sum.left_alone)).unwrap_or(usize::MAX))?;
        if after.is_none() {
            break;
        }
        let next = step(client, (event, starts_at, check), &mut after).await?;
        sum.moved = sum.moved.saturating_add(next.moved);
        sum.left_alone = sum.left_alone.saturating_add(next.left_alone);
        sum.to_recheck.extend(next.to_recheck);
    }
    progress.end();
    console.show(&sum, describe)
}

/// One batch. How far it is stands with the event; only a look must be told where to go on.
async fn step(
    client: &Client,
    (event, starts_at, check): (EventId, Timestamp, bool),
    after: &mut Option<TicketId>,
) -> Result<Postponed, CliError> {
    let wanted = Postpone { starts_at, check, after: after.filter(|_after| check) };
    let done: Result<PostponementStep, CliError> = client.post(&operator::postponement(event), &wanted).await;
    let PostponementStep { starts_at, ends_at, retention_at, moved, left_alone, to_recheck, reached } =
        done.map_err(|error| interrupted(error, check))?;
    *after = reached;
    Ok(Postponed { dry_run: check, starts_at, ends_at, retention_at, moved, left_alone, to_recheck })
}

/// What breaks off in the middle is told with the way on.
fn interrupted(error: CliError, check: bool) -> CliError {
    if check || !matches!(error, CliError::Client(ClientError::Unreachable { .. })) {
        return error;
    }
    let CliError::Client(source) = error else { return error };
    CliError::PostponementInterrupted { source }
}

fn describe(done: &Postponed) -> String {
    let (would, windows) = if done.dry_run { ("would move to", "would move") } else { ("is on", "moved") };
    let mut lines = vec![
        format!("the event {would} {} until {}", moment::show(done.starts_at), moment::show(done.ends_at)),
        format!("kept until {}", moment::show(done.retention_at)),
        format!("{} tickets {windows} along, {} are void or with the shop and stay", done.moved, done.left_alone),
        format!("to re-check, because the card's certificate may end before: {}", done.to_recheck.len()),
    ];
    lines.extend(done.to_recheck.iter().map(|one| format!("  {}  {} {}", one.ticket, one.zone, one.seat_label)));
    if done.dry_run {
        lines.push("nothing was changed; say it without --dry-run to do it".to_owned());
    }
    lines.join("\n")
}
