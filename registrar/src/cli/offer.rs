//! An offer to a gate or a venue arbiter, from the operator's side: shown, awaited, its digits typed.

use core::time::Duration;

use kido_shared::enrolment::Applicant;
use kido_shared::ids::{EnrolmentId, EventId};
use kido_shared::wire::v1::operator::{self, ConfirmGate, GateOffered, OfferState};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::Client;
use super::console::Console;
use super::{CliError, moment};
use crate::error::codes::NOT_DIGITS;

/// How often the registrar is asked whether somebody has come.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// How often a person may type something that is not six digits. Six wrong digits end the offer at once.
const TYPING_TRIES: usize = 3;

/// Where offers to one kind of applicant are, and what operators call it.
struct Offers {
    make: fn(EventId) -> String,
    look: fn(EventId, EnrolmentId) -> String,
    confirm: fn(EventId, EnrolmentId) -> String,
    noun: &'static str,
    program: &'static str,
}

const fn offers(applicant: Applicant) -> Offers {
    match applicant {
        Applicant::Gate => Offers {
            make: operator::gate_offers,
            look: operator::gate_offer,
            confirm: operator::gate_offer_confirm,
            noun: "gate",
            program: "kido-gate",
        },
        Applicant::Arbiter => Offers {
            make: operator::arbiter_offers,
            look: operator::arbiter_offer,
            confirm: operator::arbiter_offer_confirm,
            noun: "box",
            program: "kido-arbiter",
        },
    }
}

/// Offers a place, and answers with whoever took it once the operator has typed the digits.
pub(super) async fn enrol<A: DeserializeOwned>(
    (client, console): (&Client, Console),
    event: EventId,
    applicant: Applicant,
    wanted: &impl Serialize,
) -> Result<A, CliError> {
    let Offers { make, look, confirm, noun, program } = offers(applicant);
    let offered: GateOffered = client.post(&make(event), wanted).await?;
    let until = moment::show(offered.expires_at);
    console.note(&format!("Good until {until}. Waiting for the {noun} ({program} enrol) …"))?;
    console.line(&format!("offer: {}", offered.link.as_str()))?;
    wait(client, &look(event, offered.enrolment)).await?;
    let path = confirm(event, offered.enrolment);
    let question = format!("The six digits on the {noun}'s screen: ");
    for _try in 0..TYPING_TRIES {
        let short_code = console.ask(&question).await?.trim().to_owned();
        match client.post(&path, &ConfirmGate { short_code }).await {
            Err(CliError::Refused(problem)) if problem.code == NOT_DIGITS => console.note(&problem.detail)?,
            answer => return answer,
        }
    }
    Err(CliError::NoDigits)
}

/// Until the digits are shown; the offer's end is the registrar's answer.
async fn wait(client: &Client, offer: &str) -> Result<(), CliError> {
    loop {
        match client.get::<OfferState>(offer).await? {
            OfferState::Waiting => tokio::time::sleep(ASK_EVERY).await,
            OfferState::ShowsCode { .. } | OfferState::Confirmed { .. } => return Ok(()),
        }
    }
}
