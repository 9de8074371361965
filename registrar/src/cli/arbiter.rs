//! `arbiter add | list | revoke`.

use clap::{Args, Subcommand};
use kido_shared::challenge::Origin;
use kido_shared::enrolment::Applicant;
use kido_shared::ids::{ArbiterId, EventId};
use kido_shared::wire::v1::operator::{self, ArbiterBody, ArbiterList, OfferArbiter, RevokeArbiter};

use super::client::Client;
use super::{CliError, Connection, moment, offer};

const EXAMPLES: &str = "\
Example:
  kido-registrar event update EVENT --arbiter venue
  kido-registrar arbiter add EVENT --address https://arbiter.venue.example
It prints an offer, good for one box and ten minutes. Give it to `kido-arbiter enrol` on the box in the venue; the box
then shows six digits. Type them here: only if they are the right ones does the box get the event's keys. Gates learn
its address from the feed.

Next: on the box, kido-arbiter doctor --data DIR, then kido-arbiter run --data DIR";

const REVOKING: &str = "\
Only for a box that is off and stays off. What it granted and no gate has uploaded yet is known to it alone: let every
gate upload first (console, the event's gates), or a ticket that was claimed there may enter once more.
Afterwards another box can be added; it begins with what the feed tells of entries, and gates ask it and no other.
Of several boxes that share their records, the others go on; take its access to the etcd away, too.";

const NONE_YET: &str = "no venue arbiter yet; next: kido-registrar arbiter add EVENT --address URL";

/// Add, list and revoke the venue's arbiter
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ArbiterArgs {
    #[command(flatten)]
    pub(super) connection: Connection,
    #[command(subcommand)]
    command: ArbiterCommand,
}

#[derive(Debug, Subcommand)]
enum ArbiterCommand {
    /// Offer a place to a box in the venue, compare its digits, confirm it
    #[command(after_help = EXAMPLES)]
    Add {
        /// The event's id
        event: EventId,
        /// Where gates ask it; may be given up to four times, the first is asked first
        #[arg(long = "address", required = true, value_name = "URL")]
        addresses: Vec<Origin>,
        /// One of several boxes that share their records in an etcd; say it for each of them, the first one too
        #[arg(long)]
        shared: bool,
    },
    /// List the event's venue arbiters
    List {
        /// The event's id
        event: EventId,
    },
    /// End an arbiter's rights: its box died, was lost or stolen
    #[command(after_help = REVOKING)]
    Revoke {
        /// The event's id
        event: EventId,
        /// The arbiter's id
        arbiter: ArbiterId,
        /// Your word that the box is off and stays off
        #[arg(long)]
        box_is_off: bool,
    },
}

pub(super) async fn run(args: ArbiterArgs) -> Result<(), CliError> {
    let (client, console) = (Client::of(&args.connection)?, args.connection.console());
    match args.command {
        ArbiterCommand::Add { event, addresses, shared } => {
            let wanted = OfferArbiter { addresses, shared };
            let arbiter: ArbiterBody = offer::enrol((&client, console), event, Applicant::Arbiter, &wanted).await?;
            console.show(&arbiter, |arbiter| {
                let next = if arbiter.shared {
                    "next, on the box: kido-arbiter etcd --data DIR --endpoint URL ..., on the first one with --begin"
                } else {
                    "next, on the box: kido-arbiter doctor --data DIR, then kido-arbiter run --data DIR"
                };
                format!("arbiter: {}\n{next}", arbiter.arbiter)
            })
        }
        ArbiterCommand::List { event } => {
            let list: ArbiterList = client.get(&operator::arbiters(event)).await?;
            console.show_list(&list, &list.arbiters, describe, NONE_YET)
        }
        ArbiterCommand::Revoke { event, arbiter, box_is_off } => {
            let path = operator::arbiter_revoke(event, arbiter);
            let arbiter: ArbiterBody = client.post(&path, &RevokeArbiter { box_is_off }).await?;
            console.show(&arbiter, describe)
        }
    }
}

fn describe(arbiter: &ArbiterBody) -> String {
    let state = match (arbiter.revoked, arbiter.shared) {
        (true, _) => "REVOKED",
        (false, true) => "in force, shares its records",
        (false, false) => "in force",
    };
    let added_at = moment::show(arbiter.added_at);
    let addresses = arbiter.addresses.iter().map(Origin::as_str).collect::<Vec<_>>().join(" ");
    format!("{}  {addresses}  incarnation {}  since {added_at}  {state}", arbiter.arbiter, arbiter.epoch)
}
