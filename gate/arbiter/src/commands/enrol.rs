//! `kido-arbiter enrol`.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use kido_arbiter::PROGRAM;
use kido_arbiter::book::Book;
use kido_arbiter::following;
use kido_arbiter::identity::{DataFolder, Identity};
use kido_follow::enrol::{ASK_INTERVAL, Comparing};
use kido_follow::{FeedClient, Uplink};
use kido_shared::enrolment::{Applicant, EnrolmentLink};
use kido_shared::wire::v1::enrolment::OfferedPlace;
use rand::rngs::OsRng;
use zeroize::Zeroizing;

use super::{machine_clock, say};

/// Longest link that is read: an origin, a token and a fingerprint are under 400 characters.
const LINK_BYTES_MAX: u64 = 1_024;

pub(super) async fn enrol(folder: &DataFolder) -> anyhow::Result<ExitCode> {
    folder.may_be_enrolled()?;
    folder.create()?;
    let link = EnrolmentLink::parse(&ask_for_link()?)?;
    let clock = machine_clock();
    let comparing = Comparing::begin(link, Applicant::Arbiter, PROGRAM, &mut OsRng).await?;
    let started = comparing.started();
    say(&format!("Event:     {}{}", started.event_name, if started.rehearsal { "  (REHEARSAL)" } else { "" }))?;
    if let OfferedPlace::Arbiter { addresses } = &started.place {
        for address in addresses {
            say(&format!("Address:   {address}"))?;
        }
    }
    say(&format!("short code: {}", comparing.short_code()))?;
    say("The operator types these digits where `kido-registrar arbiter add` asks for them.")?;
    say("They stand on this screen alone; only the right ones let this box in. Waiting ...")?;
    let identity = loop {
        match comparing.ask(Arc::clone(&clock)).await? {
            Some(enrolled) => break Identity::new(enrolled),
            None => tokio::time::sleep(ASK_INTERVAL).await,
        }
    };
    identity.store(folder)?;
    say("enrolled")?;
    if let Err(error) = first_feed(folder, &identity).await {
        say(&format!("The feed could not be fetched yet ({error:#}); `kido-arbiter run` goes on with it."))?;
    }
    let data = folder.path().display();
    say(&format!("next: kido-arbiter doctor --data {data}, then kido-arbiter run --data {data}"))?;
    Ok(ExitCode::SUCCESS)
}

/// The link holds a secret: it comes from the person, never from the command line.
fn ask_for_link() -> anyhow::Result<Zeroizing<String>> {
    if std::io::stdin().is_terminal() {
        say("Paste the enrolment link that `kido-registrar arbiter add` shows:")?;
    }
    let mut link = Zeroizing::new(String::new());
    let mut input = std::io::stdin().lock().take(LINK_BYTES_MAX);
    input.read_line(&mut link).context("the link could not be read")?;
    Ok(link)
}

async fn first_feed(folder: &DataFolder, identity: &Identity) -> anyhow::Result<()> {
    let book = Book::open(&folder.book(), identity.followed())?;
    let uplink = Uplink::new(identity.enrolment().origin.clone(), PROGRAM)?;
    let feed = FeedClient::new(uplink, machine_clock(), folder.book());
    let records = following::once(&book, &feed).await?;
    say(&format!("Feed:      {records} records"))?;
    tokio::task::spawn_blocking(move || book.close()).await??;
    Ok(())
}
