//! What every handler may reach.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kido_shared::challenge::Origin;
use kido_shared::clock::Timestamp;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::audit::Audit;
use crate::auth::nonces::Nonces;
use crate::auth::tokens::Tokens;
use crate::config::CardHelperUrl;
use crate::enrolment::Enrolments;
use crate::entropy::Entropy;
use crate::imports::Imports;
use crate::live_feed::LiveFeeds;
use crate::metrics::Metrics;
use crate::misses::Misses;
use crate::per_minute::TooOften;
use crate::registration::{CertificateTrust, Registrations};
use crate::reports::Reports;
use crate::runs::Runs;
use crate::store::Store;
use crate::visitor::{Neighbourhood, Proxies};
use crate::web::Pages;
use crate::web::buyer::Buyers;
use crate::web::console::Clerks;

/// What a registrar is put together from.
#[derive(Debug)]
pub struct AppParts {
    /// All events.
    pub store: Store,
    /// As the outside sees this registrar.
    pub origin: Origin,
    /// Whose certificates are believed.
    pub trust: CertificateTrust,
    /// Who may do what.
    pub tokens: Tokens,
    /// Random bytes.
    pub entropy: Entropy,
    /// The folder whose disk the health answer looks at.
    pub data: PathBuf,
    /// Words and files of its pages.
    pub pages: Pages,
    /// Who did what.
    pub audit: Audit,
    /// Where buyers get the card helper.
    pub card_helper: Option<CardHelperUrl>,
    /// Who may say from where a request comes.
    pub proxies: Proxies,
}

/// Everything of one registrar. Clones are handles to the same one.
#[derive(Debug, Clone)]
pub struct AppState(Arc<App>);

/// The parts, each with its own lock where it needs one.
#[derive(Debug)]
pub struct App {
    pub(crate) store: Store,
    pub(crate) origin: Origin,
    pub(crate) registrations: Registrations,
    pub(crate) enrolments: Enrolments,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) nonces: Nonces,
    pub(crate) data: PathBuf,
    pub(crate) pages: Pages,
    pub(crate) buyers: Buyers,
    pub(crate) clerks: Clerks,
    pub(crate) audit: Audit,
    pub(crate) card_helper: Option<CardHelperUrl>,
    pub(crate) proxies: Proxies,
    misses: Mutex<Misses>,
    imports: Mutex<Imports>,
    pub(crate) reports: Reports,
    pub(crate) runs: Runs,
    pub(crate) live_feeds: LiveFeeds,
    pub(crate) metrics: Metrics,
    /// What operators began: it ends with its line in the list, also when the process is asked to stop.
    pub(crate) deeds: TaskTracker,
    entropy: Entropy,
    stopping: watch::Sender<bool>,
}

impl AppState {
    /// A registrar.
    #[must_use]
    pub fn new(parts: AppParts) -> Self {
        let AppParts { store, origin, trust, tokens, entropy, data, pages, audit, card_helper, proxies } = parts;
        let registrations = Registrations::new(store.clone(), origin.clone(), trust);
        let stopping = watch::Sender::new(false);
        let live_feeds = LiveFeeds::new(store.clone(), stopping.subscribe());
        let metrics = Metrics::begin(store.now());
        Self(Arc::new(App {
            store,
            origin,
            registrations,
            enrolments: Enrolments::default(),
            tokens: Arc::new(tokens),
            nonces: Nonces::default(),
            data,
            pages,
            buyers: Buyers::default(),
            clerks: Clerks::default(),
            audit,
            card_helper,
            proxies,
            misses: Mutex::default(),
            imports: Mutex::default(),
            reports: Reports::default(),
            runs: Runs::default(),
            live_feeds,
            metrics,
            deeds: TaskTracker::new(),
            entropy,
            stopping,
        }))
    }
}

impl std::ops::Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

impl App {
    /// The clock that every rule here reads.
    pub(crate) fn now(&self) -> Timestamp {
        self.store.now()
    }

    /// Becomes true once the process is asked to stop: whatever would go on for ever ends then.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Ends what would go on for ever.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Counts a wrong code, on a page or from a card helper. Right codes are never limited: whoever guesses must not keep
    /// anybody else out.
    pub(crate) fn note_miss(&self, from: Option<Neighbourhood>) -> Result<(), TooOften> {
        self.misses.lock().unwrap_or_else(PoisonError::into_inner).note(from, self.now())
    }

    /// The imports under way.
    pub(crate) fn imports(&self) -> MutexGuard<'_, Imports> {
        self.imports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A generator of its own for one piece of work.
    pub(crate) fn random(&self) -> StdRng {
        self.entropy.fork()
    }
}
