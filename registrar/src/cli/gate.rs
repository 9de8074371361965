//! `gate add | list | revoke | free-claims`.

mod claims;

use clap::{Args, Subcommand};
use kido_shared::enrolment::Applicant;
use kido_shared::ids::{EventId, GateId};
use kido_shared::ticket::Zone;
use kido_shared::wire::v1::operator::{self, GateBody, GateList, OfferGate};

use super::client::Client;
use super::{CliError, Connection, moment, offer};

const EXAMPLES: &str = "\
Example:
  kido-registrar gate add EVENT --zone A --entrance North
It prints an offer, good for one gate and ten minutes. Give it to `kido-gate enrol` on the gate; the gate then shows six
digits. Type them here: only if they are the right ones does the gate get the event's keys.

The console (/console, the event's gates) does the same with a browser.

Next: on the gate, kido-gate doctor --data DIR, then kido-gate run --data DIR";

const NONE_YET: &str = "no gate yet; next: kido-registrar gate add EVENT --zone ZONE";

/// Add, list and revoke gates, and free what they hold
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct GateArgs {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(subcommand)]
    command: GateCommand,
}

#[derive(Debug, Subcommand)]
enum GateCommand {
    /// Offer a place to a new gate, compare its digits, confirm it
    #[command(after_help = EXAMPLES)]
    Add {
        /// The event's id
        event: EventId,
        /// The part of the venue that it serves
        #[arg(long, value_parser = Zone::new)]
        zone: Zone,
        /// What is written over the entrance [default: the zone]
        #[arg(long, value_parser = Zone::new)]
        entrance: Option<Zone>,
    },
    /// List the event's gates
    List {
        /// The event's id
        event: EventId,
    },
    /// End a gate's rights at once: it was lost, stolen or copied
    Revoke {
        /// The event's id
        event: EventId,
        /// The gate's id
        gate: GateId,
    },
    /// Say what a gate holds that nobody is known to have entered with, or set it free once the gate is revoked
    #[command(after_help = claims::HELP)]
    FreeClaims(claims::FreeClaimsArgs),
}

pub(super) async fn run(args: GateArgs) -> Result<(), CliError> {
    let (client, console) = (Client::of(&args.connection)?, args.connection.console());
    match args.command {
        GateCommand::Add { event, zone, entrance } => {
            let wanted = OfferGate { zone, entrance };
            let gate: GateBody = offer::enrol((&client, console), event, Applicant::Gate, &wanted).await?;
            console.show(&gate, |gate| {
                format!(
                    "gate: {}\nnext, on the gate: kido-gate doctor --data DIR, then kido-gate run --data DIR",
                    gate.gate
                )
            })
        }
        GateCommand::List { event } => {
            let list: GateList = client.get(&operator::gates(event)).await?;
            console.show_list(&list, &list.gates, describe, NONE_YET)
        }
        GateCommand::Revoke { event, gate } => {
            let gate: GateBody = client.order(&operator::gate_revoke(event, gate)).await?;
            console.show(&gate, revoked)
        }
        GateCommand::FreeClaims(wanted) => claims::run(&client, console, wanted).await,
    }
}

fn revoked(gate: &GateBody) -> String {
    format!("{}\nnext, if its tickets are to enter elsewhere: kido-registrar gate free-claims", describe(gate))
}

fn describe(gate: &GateBody) -> String {
    let state = match (gate.revoked, gate.copied) {
        (_, true) => "REVOKED: its disk was copied",
        (true, false) => "REVOKED",
        (false, false) => "in force",
    };
    let added_at = moment::show(gate.added_at);
    format!("{}  zone {}  entrance {}  since {added_at}  {state}", gate.gate, gate.zone, gate.entrance)
}
