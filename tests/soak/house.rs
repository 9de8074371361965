//! The venue: a registrar, three boxes with an etcd's member and an arbiter each, six gates; each on its own machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use kido_tests::harness::{
    Arbiter, Etcd, EventOptions, FOLLOWS_WITHIN, Gate, HarnessError, Host, OfflineChoice, TicketRow, Venue,
};
use tokio::sync::watch;

use crate::crowd::Crowd;
use crate::lane::{Life, Shared, Stage};
use crate::network::Network;

/// Boxes of the venue.
pub(crate) const BOXES: usize = 3;

/// Gates of the venue.
pub(crate) const GATES: usize = 6;

/// Readers of two slots: one slot for each gate, and one for whoever registers a card.
const READERS: usize = 4;

/// The slot of whoever registers a card.
pub(crate) const OFFICE_SLOT: u8 = 7;

/// Cards that come at most: as many as the crowd has.
pub(crate) const CARDS: u8 = 240;

/// Every third card has a second ticket: as often as its holder may come in.
const SECOND_TICKET_EVERY: u8 = 3;

/// A gate's barrier: writes down each time that it opens, whatever becomes of the gate meanwhile.
const BARRIER: &str = "#!/bin/sh\necho \"$KIDO_ADMISSION\" >> \"$0.opened\"\n";

/// The machine of the people who run the event: nothing ever happens to its wires.
pub(crate) const OFFICE: &str = "office";
/// The registrar's machine.
pub(crate) const REGISTRAR: &str = "registrar";

/// The machine of a box.
pub(crate) fn a_box(number: usize) -> String {
    format!("box-{number}")
}

/// The machine of a gate.
pub(crate) fn a_gate(number: usize) -> String {
    format!("gate-{number}")
}

/// Every machine.
pub(crate) fn machines() -> Vec<String> {
    let fixed = [OFFICE.to_owned(), REGISTRAR.to_owned()];
    fixed.into_iter().chain((0..BOXES).map(a_box)).chain((0..GATES).map(a_gate)).collect()
}

/// What an attendee will come with.
#[derive(Debug, Clone)]
pub(crate) struct Bought {
    pub(crate) card: u8,
    /// Reference and link of each ticket.
    pub(crate) tickets: Vec<(String, String)>,
}

/// The venue.
pub(crate) struct House {
    pub(crate) event: String,
    pub(crate) venue: Venue,
    pub(crate) etcd: Etcd,
    pub(crate) arbiters: Vec<Arbiter>,
    pub(crate) network: Network,
    pub(crate) shared: Arc<Shared>,
}

impl House {
    /// Sets everything up in a folder, and starts all but the gates; they come apart, each with its machine.
    pub(crate) async fn open(
        folder: &Path,
        network: Network,
        seed: u64,
    ) -> anyhow::Result<(Self, Vec<(Gate, Host)>, Vec<Bought>)> {
        let venue = Venue::open_apart(folder, network.host(REGISTRAR)?, READERS).await?;
        let hosts = (0..BOXES).map(|number| network.host(&a_box(number))).collect::<Result<Vec<_>, _>>()?;
        let etcd = Etcd::start_on(hosts.clone(), folder).await?;
        let options = EventOptions { arbiter: "venue", offline: OfflineChoice::Refuse, ..EventOptions::default() };
        let event = venue.registrar.rehearsal(&options).await?;
        let bought = sell(&venue, &event).await?;
        let mut arbiters = Vec::new();
        for (number, host) in hosts.into_iter().enumerate() {
            let mut arbiter = Arbiter::enrol_on(&venue, &event, (&etcd, number == 0), host).await?;
            arbiter.start().await?;
            arbiters.push(arbiter);
        }
        let mut gates = Vec::new();
        for (number, slot) in (0..GATES).zip(0..) {
            let (mut gate, host) = (Gate::enrol(&venue, &event, "A", slot).await?, network.host(&a_gate(number))?);
            gate.set_log_level("kido_gate=debug,info");
            gate.set_barrier(&barrier(folder, number)?);
            gate.stand_on(host.clone());
            gates.push((gate, host));
        }
        let shared = Shared {
            crowd: Mutex::new(Crowd::new(seed, GATES)),
            stage: watch::Sender::new(Stage::Evening),
            lives: (0..GATES).map(|_number| Life::default()).collect(),
        };
        Ok((Self { event, venue, etcd, arbiters, network, shared: Arc::new(shared) }, gates, bought))
    }

    /// Everything that can be told from outside about records of the feed.
    pub(crate) async fn feed_length(&self) -> Result<u64, HarnessError> {
        self.venue.registrar.feed_length(&self.event).await
    }

    /// Waits until every box has read the feed so far.
    pub(crate) async fn boxes_follow(&self, length: u64) -> Result<(), HarnessError> {
        for arbiter in &self.arbiters {
            arbiter.followed(length, FOLLOWS_WITHIN).await?;
        }
        Ok(())
    }
}

/// Imports every ticket that there will be.
async fn sell(venue: &Venue, event: &str) -> Result<Vec<Bought>, HarnessError> {
    let references = |card: u8| {
        let tickets = if card.is_multiple_of(SECOND_TICKET_EVERY) { 2 } else { 1 };
        (1..=tickets).map(move |number| format!("SOAK-{card:03}-{number}"))
    };
    let rows: Vec<_> = (0..CARDS).flat_map(references).map(|reference| TicketRow::open_now(&reference)).collect();
    let links = venue.registrar.import(event, &rows, false).await?;
    let with_link = |reference: String| links.get(&reference).map(|link| (reference, link.clone()));
    Ok((0..CARDS).map(|card| Bought { card, tickets: references(card).filter_map(with_link).collect() }).collect())
}

/// Where a gate's barrier writes down what it opened for.
pub(crate) fn opened_at(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("barrier-{number}.opened"))
}

fn barrier(folder: &Path, number: usize) -> Result<PathBuf, HarnessError> {
    let program = folder.join(format!("barrier-{number}"));
    let failed = |source| HarnessError::File { path: program.clone(), source };
    std::fs::write(&program, BARRIER).map_err(failed)?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
    Ok(program)
}
