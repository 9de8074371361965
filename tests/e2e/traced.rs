//! One tap is one trace: whoever looks for a holder's minute in the gate's log finds the same name in the registrar's.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context as _;
use kido_tests::harness::{EventOptions, FOLLOWS_WITHIN, Gate, TicketRow, Venue, wait_for};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::chapter::{Chapter, bind, link, welcome};

/// How long lines may take from a program to its log, and an upload from a gate to the registrar.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);

/// The traces that a log of JSON lines names.
fn traces(log: &str) -> BTreeSet<String> {
    const NAMED: &str = "\"trace\":\"";
    let behind = log.match_indices(NAMED).filter_map(|(at, name)| log.get(at + name.len()..));
    behind.filter_map(|rest| rest.split_once('"')).map(|(trace, _rest)| trace.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_a_gates_log_to_the_registrars() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("traced")? else { return Ok(()) };
    let mut venue = Venue::open(chapter.folder()).await?;
    venue.registrar.stop().await?;
    venue.registrar.log_requests();
    venue.registrar.start().await?;
    let event = venue.registrar.rehearsal(&EventOptions::default()).await?;
    let links = venue.registrar.import(&event, &[TicketRow::open_now("TRACED-01")], false).await?;
    bind(&venue, Character::Holder, link(&links, "TRACED-01")?).await?;
    let mut gate = Gate::enrol(&venue, &event, "A", 0).await?;
    gate.set_log_level("debug");
    gate.start().await?;
    gate.followed(&venue.registrar, &event, FOLLOWS_WITHIN).await?;
    chapter
        .step("a holder's tap has one name in both logs", async {
            welcome(&gate.tap(&venue, Character::Holder, Vec::new(), PIN).await?)?;
            gate.uploaded(&venue.registrar, &event, "TRACED-01", ARRIVES_WITHIN).await?;
            let log = venue.registrar.process().context("no registrar")?.log().to_owned();
            let both = || {
                let registrar = traces(&std::fs::read_to_string(&log).unwrap_or_default());
                let shared = traces(&gate.log()?).intersection(&registrar).count();
                Ok((shared > 0).then_some(()))
            };
            Ok(wait_for("a trace in both logs", ARRIVES_WITHIN, async || both()).await?)
        })
        .await;
    gate.stop().await?;
    chapter.end()
}
