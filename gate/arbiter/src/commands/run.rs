//! `kido-arbiter run`.

use std::net::SocketAddr;
use std::path::Path;
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
use kido_arbiter::rate::Paces;
use kido_arbiter::records::StoredRecords;
use kido_arbiter::serve::serve;
use kido_follow::{FeedClient, PullNow, Uplink};
use kido_shared::clock::Clock;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use super::{machine_clock, say};

/// How often the retention date is looked at: a day more or less is a matter of law, a minute is not.
const RETENTION_LOOKED_AT: Duration = Duration::from_secs(60);

/// Why the arbiter ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Told,
    Retention,
}

pub(super) async fn run(data: &Path, listen: SocketAddr) -> anyhow::Result<ExitCode> {
    let folder = DataFolder::at(data);
    let identity = Identity::load(&folder)?;
    let (book, records) = open(&folder, &identity).await?;
    let clock = machine_clock();
    announce(&identity, &book, &records);
    let (pull, pulls) = PullNow::new();
    let uplink = Uplink::new(identity.enrolment().origin.clone(), PROGRAM)?;
    let feed = FeedClient::new(uplink, Arc::clone(&clock), folder.book());
    let mut loops = JoinSet::new();
    loops.spawn(follow(book.clone(), feed, Arc::clone(&clock), pulls));
    let telling = tell(book.clone(), Arc::clone(&clock));
    loops.spawn(async move { match telling.await {} });
    let parts = Parts {
        book: book.clone(),
        records: records.clone(),
        names: identity.names().clone(),
        paces: Paces::LANE,
        pull,
    };
    let arbiter = Arc::new(Arbiter::new(parts, Arc::clone(&clock)));
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    say(&format!("ready: claims on http://{address}"))?;
    tracing::info!(%address, "the arbiter listens");
    let ended = std::sync::OnceLock::new();
    let stop = async {
        if ended.set(until_told(&book, &clock).await).is_err() {
            tracing::debug!("told to stop twice");
        }
    };
    serve(listener, router(Arc::clone(&arbiter)), stop).await;
    loops.shutdown().await;
    drop(arbiter);
    tokio::task::spawn_blocking(move || {
        let (records, book) = (records.close(), book.close());
        records?;
        anyhow::Ok(book?)
    })
    .await??;
    if ended.get() == Some(&Ended::Retention) {
        folder.wipe()?;
        tracing::warn!("the event's retention date has come: subkeys, book and claims were wiped");
    }
    tracing::info!("the arbiter has ended");
    Ok(ExitCode::SUCCESS)
}

/// Opens both stores, off the asynchronous workers: they read and verify whole logs.
async fn open(folder: &DataFolder, identity: &Identity) -> anyhow::Result<(Book, StoredRecords)> {
    let (folder, followed, event) = (folder.clone(), identity.followed(), identity.enrolment().event);
    let opening = move || -> anyhow::Result<(Book, StoredRecords)> {
        Ok((Book::open(&folder.book(), followed)?, StoredRecords::open(folder.path(), event)?))
    };
    tokio::task::spawn_blocking(opening).await.context("opening the stores was cut off")?
}

/// The first lines of every log: who decides here, and for what.
fn announce(identity: &Identity, book: &Book, records: &StoredRecords) {
    let enrolment = identity.enrolment();
    let (arbiter, event, rehearsal) = (enrolment.arbiter, enrolment.event, enrolment.rehearsal);
    let (length, written) = (book.standing().position.length, records.written());
    tracing::info!(%arbiter, %event, length, written, rehearsal, "the arbiter starts");
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
