//! Three boxes over one etcd, and gates that ask them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use kido_arbiter::api::router;
use kido_arbiter::decide::{Arbiter, Parts};
use kido_arbiter::records::etcd::Mark;
use kido_arbiter::records::{EtcdRecords, RecordName};
use kido_arbiter::serve::serve;
use kido_follow::{JournalWitness, PullNow, Signer, Uplink};
use kido_gate::claim::endpoints::Endpoints;
use kido_gate::claim::http::ArbiterClient;
use kido_gate::lane::ClaimOutcome;
use kido_shared::admission::{AdmissionBasis, DecidedOn};
use kido_shared::challenge::Origin;
use kido_shared::claim::rate::Paces;
use kido_shared::claim::{ClaimRequest, ClaimStep};
use kido_shared::clock::{Clock, SystemClock};
use kido_shared::ids::{AdmissionId, TicketId};
use kido_shared::journal_head::JournalHead;
use kido_tests::harness::Etcd;
use rand::rngs::OsRng;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::venue::MadeVenue;

/// Boxes, and members of the etcd.
const BOXES: usize = 3;

/// Clients that gates share: each has connections of its own, and a process has only so many files.
const CLIENTS: usize = 20;

/// A gate that has written nothing since its start.
struct JustStarted;

impl JournalWitness for JustStarted {
    fn journal_head(&self) -> JournalHead {
        JournalHead { boot: 1, begun: [1; 32], length: 1, chain: [1; 32] }
    }
}

/// A ticket, and what a claim for it names.
pub(super) type Ticket = (TicketId, DecidedOn);

/// The boxes at work, and their gates.
pub(super) struct Running {
    venue: MadeVenue,
    records: EtcdRecords,
    gates: Vec<ArbiterClient>,
    next: AtomicUsize,
    stop: watch::Sender<bool>,
    /// What the shipped boxes do besides answering.
    _touch: JoinSet<()>,
}

impl Running {
    pub(super) async fn begin(
        etcd: &Etcd,
        folder: &Path,
        (gates, tickets): (usize, usize),
        serving: &mut JoinSet<()>,
    ) -> anyhow::Result<Self> {
        let mut listeners = Vec::with_capacity(BOXES);
        for _box in 0..BOXES {
            listeners.push(TcpListener::bind("127.0.0.1:0").await?);
        }
        let address = |listener: &TcpListener| anyhow::Ok(format!("http://{}", listener.local_addr()?).parse()?);
        let addresses: Vec<Origin> = listeners.iter().map(address).collect::<Result<_, _>>()?;
        let venue = MadeVenue::make_shared(gates, tickets, &addresses)?;
        let mark = Mark::generate(&mut OsRng).begin(&etcd.client(0)?, venue.event).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let stop = watch::Sender::new(false);
        let mut touch = JoinSet::new();
        for (number, listener) in listeners.into_iter().enumerate() {
            let book = venue.book_of(number, &folder.join(format!("book-{number}"))).await?;
            let (pull, _pulls) = PullNow::new();
            let cluster = Arc::new(etcd.client(number)?);
            let records = EtcdRecords::new(Arc::clone(&cluster), venue.event, mark);
            touch.spawn(async move { match cluster.stay_in_touch().await {} });
            let (names, paces) = (venue.names(), Paces::LANE);
            let arbiter = Arbiter::new(Parts { book, records, names, paces, pull }, Arc::clone(&clock));
            let mut stopped = stop.subscribe();
            let stopped = async move {
                match stopped.wait_for(|stop| *stop).await {
                    Ok(_) | Err(_) => {}
                }
            };
            serving.spawn(async move { serve(listener, router(Arc::new(arbiter)), stopped).await });
        }
        let records = EtcdRecords::new(Arc::new(etcd.client(0)?), venue.event, mark);
        let gates = clients(&venue, &addresses, &clock)?;
        Ok(Self { venue, records, gates, next: AtomicUsize::new(0), stop, _touch: touch })
    }

    pub(super) fn next_ticket(&self) -> anyhow::Result<Ticket> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.venue.tickets.get(number).copied().context("more claims than tickets")
    }

    /// One claim at this gate, as long as a lane asks.
    pub(super) async fn claim(
        &self,
        gate: usize,
        (ticket, decided_on): Ticket,
    ) -> anyhow::Result<(AdmissionId, ClaimOutcome)> {
        let (id, client) = self.venue.gates.get(gate).zip(self.gates.get(gate)).context("no such gate")?;
        let (admission, basis) = (AdmissionId::generate(&mut OsRng), AdmissionBasis::Claimed);
        let at = SystemClock.now();
        let request = ClaimRequest { admission, ticket, gate: id.0, decided_on, at, basis };
        Ok((admission, client.ask_patiently(&ClaimStep::Claim(request)).await))
    }

    pub(super) const fn records(&self) -> &EtcdRecords {
        &self.records
    }

    pub(super) fn name(&self, ticket: TicketId) -> RecordName {
        RecordName::from_bytes(self.venue.names().name(ticket))
    }

    pub(super) async fn end(&self, serving: &mut JoinSet<()>) {
        self.stop.send_replace(true);
        while serving.join_next().await.is_some() {}
    }
}

/// Each gate begins with another box, as its id has it.
fn clients(venue: &MadeVenue, addresses: &[Origin], clock: &Arc<dyn Clock>) -> anyhow::Result<Vec<ArbiterClient>> {
    let uplinks = |_client| addresses.iter().map(|address| Uplink::new(address.clone(), "kido-figures")).collect();
    let uplinks: Vec<Vec<Uplink>> = (0..CLIENTS).map(uplinks).collect::<Result<_, _>>()?;
    let client = |(number, (gate, key)): (usize, &(_, ed25519_dalek::SigningKey))| {
        let mut own = uplinks.get(number % CLIENTS).context("no such client")?.clone();
        own.rotate_left(number % BOXES);
        let signer = Signer::new(*gate, key.clone(), Arc::clone(clock)).with_journal(Arc::new(JustStarted));
        let endpoints = Endpoints::named(own, venue.asked);
        Ok(ArbiterClient::new(endpoints, venue.event, *gate, signer, Arc::clone(clock)))
    };
    venue.gates.iter().enumerate().map(client).collect()
}
