//! `kido-gate enrol`.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use kido_follow::enrol::{ASK_INTERVAL, Comparing};
use kido_follow::{Signer, Uplink};
use kido_gate::config::Config;
use kido_gate::gate_clock::{GateClock, PassedClock, RequestClock};
use kido_gate::identity::{DataFolder, Identity};
use kido_gate::replica::Replica;
use kido_gate::sync::http::{RegistrarClient, note};
use kido_shared::enrolment::{Applicant, EnrolmentLink};
use kido_shared::wire::v1::enrolment::OfferedPlace;
use rand::rngs::OsRng;
use zeroize::Zeroizing;

use super::{folder_of, machine_clock, say};
use crate::Place;

/// Longest link that is read: an origin, a token and a fingerprint are under 400 characters.
const LINK_BYTES_MAX: u64 = 1_024;

pub(super) async fn enrol(config: Config, place: &Place) -> anyhow::Result<ExitCode> {
    let folder = folder_of(&config);
    folder.may_be_enrolled()?;
    folder.create()?;
    let link = EnrolmentLink::parse(&ask_for_link()?)?;
    let clock = machine_clock();
    let comparing = Comparing::begin(link, Applicant::Gate, kido_gate::PROGRAM, &mut OsRng).await?;
    let started = comparing.started();
    say(&format!("Event:     {}{}", started.event_name, if started.rehearsal { "  (REHEARSAL)" } else { "" }))?;
    if let OfferedPlace::Gate { zone, entrance } = &started.place {
        say(&format!("Entrance:  {entrance} (zone {zone})"))?;
    }
    say(&format!("Gate:      {}", started.name.as_gate()))?;
    say(&format!("short code: {}", comparing.short_code()))?;
    say("The operator types these digits into the console, or where `kido-registrar gate add` asks for them.")?;
    say("They stand on this screen alone; only the right ones let this gate in. Waiting ...")?;
    let identity = loop {
        match comparing.ask(Arc::clone(&clock)).await? {
            Some(enrolled) => break kido_gate::enrol::identity(enrolled)?,
            None => tokio::time::sleep(ASK_INTERVAL).await,
        }
    };
    identity.store(&folder)?;
    say("enrolled")?;
    if let Err(error) = first_feed(&folder, &identity).await {
        say(&format!("The feed could not be fetched yet ({error:#}); `kido-gate run` goes on with it."))?;
    }
    say(&format!("next: kido-gate doctor {place}, then kido-gate run {place}"))?;
    Ok(ExitCode::SUCCESS)
}

/// The link holds a secret: it comes from the person, never from the command line.
fn ask_for_link() -> anyhow::Result<Zeroizing<String>> {
    if std::io::stdin().is_terminal() {
        say("Paste the enrolment link that the registrar shows:")?;
    }
    let mut link = Zeroizing::new(String::new());
    let mut input = std::io::stdin().lock().take(LINK_BYTES_MAX);
    input.read_line(&mut link).context("the link could not be read")?;
    Ok(link)
}

async fn first_feed(folder: &DataFolder, identity: &Identity) -> anyhow::Result<()> {
    let replica = Replica::open(&folder.replica(), identity.followed())?;
    let clock = Arc::new(GateClock::start(machine_clock(), None));
    let enrolment = identity.enrolment();
    let signer =
        Signer::new(enrolment.gate, identity.keys().signing().clone(), Arc::new(RequestClock(Arc::clone(&clock))));
    let uplink = Uplink::new(enrolment.origin.clone(), kido_gate::PROGRAM)?;
    let client =
        RegistrarClient::new(uplink, signer, Arc::new(PassedClock(Arc::clone(&clock))), replica.folder().to_path_buf());
    let pulled = client.pull(&replica).await?;
    note(&pulled, &clock, &replica).await?;
    say(&format!("Feed:      {} records, {} bytes", pulled.records, pulled.bytes))?;
    tokio::task::spawn_blocking(move || replica.close()).await??;
    Ok(())
}
