//! `gate free-claims`: tickets that a dead, stolen or lying gate holds, and what setting them free risks.

use clap::Args;
use kido_shared::claim::FreedClaims;
use kido_shared::ids::{EventId, GateId};
use kido_shared::policy::ArbiterHome;
use kido_shared::wire::v1::operator::{self, FreeClaims, GateClaims};

use crate::cli::CliError;
use crate::cli::client::Client;
use crate::cli::console::Console;

pub(super) const HELP: &str = "\
Example:
  kido-registrar gate revoke EVENT GATE
  kido-registrar gate free-claims EVENT GATE              says what it holds, changes nothing
  kido-registrar gate free-claims EVENT GATE --told 3     sets it free: 3 is the number that was said
A gate claims a ticket before it opens, and tells afterwards who entered. One that died, was stolen or lied in between holds
tickets that nobody is known to have entered with: their holders are sent to staff all evening. Freed, they enter as if that
gate had never asked.

What it risks: whoever did enter through that gate, and whose entry only its disk knows, can enter once more. So before
anything else bring its journal, if the disk can still be read: kido-gate journal export there, then
kido-registrar admissions import-journal EVENT FILE (--of-revoked once it is revoked). What is known is never freed.
  without --opened-too  what the gate had not said to have opened for: right for a gate that stopped
  --opened-too          all that it held: for a stolen gate, whose word that it has opened is worth nothing

Where a box in the venue decides, this registrar does not see what a gate holds, and takes the number as you say it:
kido-arbiter claims --data DIR says it, on any of the event's boxes. The decision goes there with the feed; carry the feed (feed export) to a box without a line.

It is not taken back: others may have entered since. A journal that comes to light later is brought with --of-revoked;
whoever is in twice by then is shown as a conflict, once. One ticket is held back by cancelling it, or by a tick on paper
(admissions import) that its holder is in.";

/// Say what a gate holds, or set it free
#[derive(Debug, Args)]
pub(super) struct FreeClaimsArgs {
    /// The event's id
    event: EventId,
    /// The gate's id
    gate: GateId,
    /// How many claims it holds, as this command said it, or `kido-arbiter claims`: sets them free
    #[arg(long, value_name = "N")]
    told: Option<u64>,
    /// Those as well that the gate has said to have opened for
    #[arg(long, requires = "told")]
    opened_too: bool,
}

pub(super) async fn run(client: &Client, console: Console, wanted: FreeClaimsArgs) -> Result<(), CliError> {
    let FreeClaimsArgs { event, gate, told, opened_too } = wanted;
    let path = operator::gate_claims(event, gate);
    let body: GateClaims = match told {
        None => client.get(&path).await?,
        Some(told) => {
            let freed = if opened_too { FreedClaims::All } else { FreedClaims::Unopened };
            client.post(&path, &FreeClaims { freed, told }).await?
        }
    };
    console.show(&body, |body| describe(event, body))
}

fn describe(event: EventId, body: &GateClaims) -> String {
    let GateClaims { gate, revoked, decided_by, unopened, opened, freed } = body;
    let mut lines = vec![match (unopened, opened) {
        (Some(unopened), Some(opened)) => format!(
            "{gate}: {unopened} claims that it did not say to have opened for, {opened} that it did; no entry is known \
             behind any of them"
        ),
        _ if *decided_by == ArbiterHome::Local => {
            format!("{gate}: the event's only gate decides by itself; what it claimed binds no other")
        }
        _ => format!("{gate}: what it holds is known in the venue; on a box there: kido-arbiter claims --data DIR"),
    }];
    match freed {
        None => lines.push("Nothing of it was set free.".to_owned()),
        Some(FreedClaims::Unopened) => lines.push("FREE: what it did not say to have opened for.".to_owned()),
        Some(FreedClaims::All) => lines.push("FREE: all of it.".to_owned()),
    }
    if freed.is_some() {
        lines.push("Whoever did enter by one of these unseen can enter once more.".to_owned());
        lines.push("Its journal, if it comes to light: admissions import-journal --of-revoked".to_owned());
    } else if *revoked {
        lines.push(
            "Bring its journal first, if its disk can be read: admissions import-journal --of-revoked. Whoever did enter \
             by one of these unseen can enter once more when they are free."
                .to_owned(),
        );
        let told = unopened.map_or_else(|| "N".to_owned(), |unopened| unopened.to_string());
        let all =
            unopened.zip(*opened).map_or_else(|| "N".to_owned(), |(one, other)| one.saturating_add(other).to_string());
        lines.push(format!("to free what it had not opened for: gate free-claims {event} {gate} --told {told}"));
        lines.push(format!(
            "to free all of it:                  gate free-claims {event} {gate} --told {all} --opened-too"
        ));
    } else {
        lines.push(format!("It is in force, so these are its own. If it is lost: gate revoke {event} {gate}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(revoked: bool, freed: Option<FreedClaims>) -> GateClaims {
        let (gate, decided_by) = (GateId::from_bytes([2; 16]), ArbiterHome::Registrar);
        GateClaims { gate, revoked, decided_by, unopened: Some(3), opened: Some(4), freed }
    }

    fn said(body: &GateClaims) -> String {
        describe(EventId::from_bytes([1; 16]), body)
    }

    #[test]
    fn the_operator_is_told_how_many_what_it_risks_and_what_to_do_first() {
        let told = said(&held(true, None));
        for part in
            ["3 claims", "4 that it did", "can enter once more", "journal first", "--told 3\n", "--told 7 --opened-too"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn of_a_gate_in_force_nothing_is_offered_but_its_revocation() {
        let told = said(&held(false, None));
        assert!(told.contains("gate revoke") && !told.contains("--told"), "{told}");
    }

    #[test]
    fn what_was_freed_is_said_and_where_its_journal_goes() {
        for (freed, what) in [(FreedClaims::Unopened, "did not say to have opened"), (FreedClaims::All, "FREE: all")] {
            let told = said(&held(true, Some(freed)));
            assert!(told.contains("FREE") && told.contains(what) && told.contains("--of-revoked"), "{told}");
        }
    }

    #[test]
    fn where_a_box_decides_it_is_asked() {
        let body = GateClaims { decided_by: ArbiterHome::Venue, unopened: None, opened: None, ..held(true, None) };
        let told = said(&body);
        assert!(told.contains("kido-arbiter claims") && told.contains("--told N\n"), "{told}");
    }
}
