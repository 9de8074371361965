//! What every handler may reach.

use std::path::PathBuf;
use std::sync::Arc;

use kido_shared::challenge::Origin;
use kido_shared::clock::Timestamp;
use rand::rngs::StdRng;

use crate::auth::nonces::Nonces;
use crate::auth::tokens::Tokens;
use crate::enrolment::Enrolments;
use crate::entropy::Entropy;
use crate::registration::{CertificateTrust, Registrations};
use crate::store::Store;
use crate::web::Pages;

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
    entropy: Entropy,
}

impl AppState {
    /// A registrar.
    #[must_use]
    pub fn new(parts: AppParts) -> Self {
        let AppParts { store, origin, trust, tokens, entropy, data, pages } = parts;
        let registrations = Registrations::new(store.clone(), origin.clone(), trust);
        Self(Arc::new(App {
            store,
            origin,
            registrations,
            enrolments: Enrolments::default(),
            tokens: Arc::new(tokens),
            nonces: Nonces::default(),
            data,
            pages,
            entropy,
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

    /// A generator of its own for one piece of work.
    pub(crate) fn random(&self) -> StdRng {
        self.entropy.fork()
    }
}
