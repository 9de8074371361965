//! `event recover`: how far an event has been got back from its gates, and what to go on without.

use clap::Args;
use kido_shared::ids::{EventId, GateId};
use kido_shared::wire::v1::operator::{Brought, DecideRecovery, RecoveringGate, RecoveryBody, RecoveryStage};
use kido_shared::wire::v1::routes;

use crate::cli::CliError;
use crate::cli::client::Client;
use crate::cli::console::Console;

pub(super) const HELP: &str = "\
After a restore from a backup the registrar notices that its feed is shorter than what it had signed, and gets the event back
from its gates by itself: first the records of the feed, then what every gate has let in. Until the records are back nothing
of the event changes; until the journals are, too, no claim is answered, and gates do what the event's offline choice says.

Without options this says how far it is. It waits for every gate in force; one that will not come again is left out by name.
  --without GATE    do not wait for this gate. What it let in since the backup may enter once more, until it comes back: then
                    it is asked for its whole journal, and who entered twice shows as a conflict. If it had
                    followed further than the others it refuses this registrar from now on: revoke it and enrol it anew.
  --lost-records    go on although records that this registrar signed are with no gate. It keeps the numbers, and gives some
                    of them to other records: whoever has seen the lost ones (a gate that was left out, a venue arbiter, a
                    cache) refuses this registrar from then on. Where anybody may have: kido-registrar event cut instead,
                    which needs the root key, and which all of them follow.

What gates do not know is lost with the backup: codes of tickets that were bound or got a new code since (the holder gets
another one with the card alone), references of tickets that were imported since, times and persons in histories.";

/// Say how far an event has been got back, or go on without somebody
#[derive(Debug, Args)]
pub(super) struct RecoverArgs {
    /// The event's id
    event: EventId,
    /// A gate that will not come again
    #[arg(long, value_name = "GATE")]
    without: Vec<GateId>,
    /// Go on without records that no gate has
    #[arg(long)]
    lost_records: bool,
}

pub(super) async fn run(client: &Client, console: Console, wanted: RecoverArgs) -> Result<(), CliError> {
    let RecoverArgs { event, without, lost_records } = wanted;
    let path = routes::recovery(event);
    let body: RecoveryBody = if without.is_empty() && !lost_records {
        client.get(&path).await?
    } else {
        client.patch(&path, &DecideRecovery { without, lost_records }).await?
    };
    console.show(&body, describe)
}

fn describe(body: &RecoveryBody) -> String {
    let waits = match body.stage {
        RecoveryStage::Over => return format!("{}: nothing is missing, {} records", body.event, body.records),
        RecoveryStage::Records => "records of the feed; nothing of the event changes until then",
        RecoveryStage::Admissions => "what the gates have let in; no claim is answered until then",
    };
    let mut lines = vec![
        format!("{}: got back from its gates", body.event),
        format!("waits for: {waits}"),
        format!("records: {} here, {} signed", body.records, body.records_signed),
    ];
    lines.extend(body.gates.iter().map(of_gate));
    if body.stage == RecoveryStage::Records {
        lines.push(format!("where nobody will bring them: kido-registrar event cut {} --root-key FILE", body.event));
    }
    lines.join("\n")
}

fn of_gate(gate: &RecoveringGate) -> String {
    let brought = match gate.brought {
        Brought::Nothing => "nothing yet (is it on the line? if it will not come again: --without)",
        Brought::OtherHistory => {
            "ANOTHER HISTORY under this registrar's own signature: look at it, then --without, or event cut"
        }
        Brought::Records => "its records",
        Brought::Everything => "everything",
        Brought::LeftOut => "left out",
    };
    format!("  {}  {brought}", gate.gate)
}
