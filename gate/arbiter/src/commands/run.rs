//! `kido-arbiter run`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use kido_arbiter::PROGRAM;
use kido_arbiter::api::router;
use kido_arbiter::book::Book;
use kido_arbiter::decide::{Arbiter, Parts};
use kido_arbiter::following::{follow, tell};
use kido_arbiter::identity::{DataFolder, Identity};
use kido_arbiter::records::etcd::{Cluster, JoinedEtcd};
use kido_arbiter::records::{ClaimRecords, EtcdRecords, StoredRecords};
use kido_arbiter::serve::serve;
use kido_follow::{FeedClient, PullNow, Uplink};
use kido_observe::{Endpoint, Scrape};
use kido_serve::{Entry, Tls, TlsPair};
use kido_shared::claim::rate::Paces;
use kido_shared::clock::Clock;
use kido_shared::error_chain::Chain;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use super::{machine_clock, say};

/// How often the retention date is looked at: a day more or less is a matter of law, a minute is not.
const RETENTION_LOOKED_AT: Duration = Duration::from_secs(60);

/// Where it listens.
#[derive(Debug, Clone)]
pub(super) struct Listen {
    /// For gates.
    pub(super) gates: SocketAddr,
    /// With TLS of its own, where no proxy ends it.
    pub(super) tls: Option<TlsPair>,
    /// For whoever scrapes, if that was asked for.
    pub(super) metrics: Option<SocketAddr>,
}

/// Why the arbiter ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Told,
    Retention,
}

pub(super) async fn run(folder: &DataFolder, listen: Listen) -> anyhow::Result<ExitCode> {
    let identity = Identity::load(folder)?;
    let book = open_book(folder, &identity).await?;
    announce(&identity, &book);
    let ended = match JoinedEtcd::load(&folder.etcd())? {
        Some(joined) => on_etcd(folder, (&identity, &book), joined, listen).await?,
        None => on_own_disk(folder, (&identity, &book), listen).await?,
    };
    tokio::task::spawn_blocking(move || book.close()).await??;
    if ended == Ended::Retention {
        folder.wipe()?;
        tracing::warn!("the event's retention date has come: subkeys, book and claims were wiped");
    }
    tracing::info!("the arbiter has ended");
    Ok(ExitCode::SUCCESS)
}

/// Decides on records that this box keeps itself.
async fn on_own_disk(
    folder: &DataFolder,
    (identity, book): (&Identity, &Book),
    listen: Listen,
) -> anyhow::Result<Ended> {
    let (path, event) = (folder.path().to_owned(), identity.enrolment().event);
    // Off the asynchronous workers: it reads and verifies a whole log.
    let opened = tokio::task::spawn_blocking(move || StoredRecords::open(&path, event)).await;
    let records = opened.context("opening the records was cut off")??;
    tracing::info!(written = records.written(), "records on this box's disk");
    let ended = decide(folder, (identity, book), records.clone(), listen).await?;
    tokio::task::spawn_blocking(move || records.close()).await??;
    Ok(ended)
}

/// Decides on records that several boxes share.
async fn on_etcd(
    folder: &DataFolder,
    (identity, book): (&Identity, &Book),
    joined: JoinedEtcd,
    listen: Listen,
) -> anyhow::Result<Ended> {
    let JoinedEtcd { settings, mark } = joined;
    let cluster = Arc::new(Cluster::new(&settings)?);
    tracing::info!(endpoints = settings.endpoints().len(), "records in an etcd");
    let mut touch = JoinSet::new();
    let touched = Arc::clone(&cluster);
    touch.spawn(async move { match touched.stay_in_touch().await {} });
    let records = EtcdRecords::new(cluster, identity.enrolment().event, mark);
    let ended = decide(folder, (identity, book), records.clone(), listen).await?;
    touch.shutdown().await;
    if ended == Ended::Retention {
        // Another box may have been faster; and one whose etcd is gone for good still wipes what it has.
        if let Err(error) = records.wipe().await {
            tracing::error!(error = %Chain(&error), "the etcd could not be asked to delete the event's records: delete its data folders");
        }
    }
    Ok(ended)
}

/// Follows the feed and answers gates until it is told to stop.
async fn decide<R: ClaimRecords>(
    folder: &DataFolder,
    (identity, book): (&Identity, &Book),
    records: R,
    listen: Listen,
) -> anyhow::Result<Ended> {
    let clock = machine_clock();
    let (pull, pulls) = PullNow::new();
    let uplink = Uplink::new(identity.enrolment().origin.clone(), PROGRAM)?;
    let feed = FeedClient::new(uplink, Arc::clone(&clock), folder.book());
    let mut loops = JoinSet::new();
    let telling = tell(book.clone(), R::SHARING, Arc::clone(&clock));
    loops.spawn(async move { match telling.await {} });
    let parts = Parts { book: book.clone(), records, names: identity.names().clone(), paces: Paces::LANE, pull };
    let arbiter = Arc::new(Arbiter::new(parts, Arc::clone(&clock)));
    loops.spawn(follow(book.clone(), feed, (Arc::clone(&clock), Arc::clone(arbiter.dates())), pulls));
    let Listen { gates, tls, metrics } = listen;
    let tls = tokio::task::spawn_blocking(move || tls.map(Tls::open).transpose()).await??;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let listener = TcpListener::bind(gates).await.with_context(|| format!("cannot listen on {gates}"))?;
    let address = listener.local_addr()?;
    if let Some(metrics) = metrics {
        let endpoint = Endpoint::bind(metrics).await?;
        say(&format!("metrics on http://{}/metrics", endpoint.address()))?;
        loops.spawn(endpoint.serve(Arc::clone(&arbiter) as Arc<dyn Scrape>, std::future::pending()));
    }
    say(&format!("ready: claims on {scheme}://{address}"))?;
    tracing::info!(%address, "the arbiter listens");
    let ended = std::sync::OnceLock::new();
    let stop = async {
        if ended.set(until_told(book, &clock).await).is_err() {
            tracing::debug!("told to stop twice");
        }
    };
    serve(Entry::new(listener, tls), router(arbiter), stop).await;
    loops.shutdown().await;
    Ok(ended.get().copied().unwrap_or(Ended::Told))
}

/// Opens the book, off the asynchronous workers: it reads and verifies a whole log.
async fn open_book(folder: &DataFolder, identity: &Identity) -> anyhow::Result<Book> {
    let (path, followed) = (folder.book(), identity.followed());
    let opened = tokio::task::spawn_blocking(move || Book::open(&path, followed)).await;
    Ok(opened.context("opening the book was cut off")??)
}

/// The first lines of every log: who decides here, and for what.
fn announce(identity: &Identity, book: &Book) {
    let enrolment = identity.enrolment();
    let (arbiter, event, rehearsal) = (enrolment.arbiter, enrolment.event, enrolment.rehearsal);
    let length = book.standing().position.length;
    tracing::info!(%arbiter, %event, length, rehearsal, "the arbiter starts");
    if rehearsal {
        tracing::warn!("REHEARSAL: nobody really enters");
    }
}

/// Ends on SIGTERM, on Ctrl-C, and at the event's retention date.
async fn until_told(book: &Book, clock: &Arc<dyn Clock>) -> Ended {
    let over = async {
        while !book.standing().is_over(clock.now()) {
            tokio::time::sleep(RETENTION_LOOKED_AT).await;
        }
    };
    let told = async {
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                tokio::select! {
                    _told = terminate.recv() => {}
                    _told = interrupt.recv() => {}
                }
            }
            (Err(error), _) | (_, Err(error)) => {
                // Without a signal there is no way to ask it to stop; then it runs until it is killed, which loses nothing.
                tracing::error!(%error, "signals cannot be heard");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = told => Ended::Told,
        () = over => Ended::Retention,
    }
}
