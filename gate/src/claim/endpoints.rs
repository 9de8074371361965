//! Where the arbiter that the policy names is asked, as the feed tells it.

use std::sync::{Arc, Mutex, PoisonError};

use kido_follow::Uplink;
use kido_shared::challenge::Origin;
use kido_shared::error_chain::Chain;
use kido_shared::policy::ArbiterHome;
use kido_shared::wire::v1::admissions::AskedArbiter;

use crate::replica::{Replica, Standing};

/// Where claims go. Clones share what is known.
#[derive(Debug, Clone)]
pub struct Endpoints(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Fixed(Arc<[Uplink]>),
    OfPolicy { replica: Replica, registrar: Arc<[Uplink]>, venue: Arc<Mutex<Venue>> },
}

/// The venue's addresses as they were last seen, and a client of each: connections outlive a claim.
#[derive(Debug, Default)]
struct Venue {
    addresses: Vec<Origin>,
    uplinks: Arc<[Uplink]>,
}

/// Who is asked, and as whom.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) uplinks: Arc<[Uplink]>,
    pub(super) arbiter: Option<AskedArbiter>,
}

impl Endpoints {
    /// These, whatever the policy says.
    #[must_use]
    pub fn fixed(uplinks: Vec<Uplink>) -> Self {
        Self(Kind::Fixed(uplinks.into()))
    }

    /// Those of the arbiter that the followed policy names: the registrar, or the venue's addresses.
    #[must_use]
    pub fn of_policy(replica: Replica, registrar: Uplink) -> Self {
        Self(Kind::OfPolicy { replica, registrar: Arc::new([registrar]), venue: Arc::default() })
    }

    /// Who is asked now.
    pub(super) fn now(&self) -> Asked {
        match &self.0 {
            Kind::Fixed(uplinks) => Asked { uplinks: Arc::clone(uplinks), arbiter: None },
            Kind::OfPolicy { replica, registrar, venue } => {
                let standing = replica.standing();
                let arbiter = standing.policy.as_ref().map(|policy| &policy.choices().arbiter);
                let uplinks = match arbiter.map(|arbiter| &arbiter.home) {
                    Some(ArbiterHome::Venue) => of_venue(&standing, venue),
                    Some(ArbiterHome::Registrar | ArbiterHome::Local) | None => Arc::clone(registrar),
                };
                Asked { uplinks, arbiter: arbiter.map(AskedArbiter::of) }
            }
        }
    }
}

fn of_venue(standing: &Standing, venue: &Mutex<Venue>) -> Arc<[Uplink]> {
    let addresses = standing.arbiter_addresses();
    let mut venue = venue.lock().unwrap_or_else(PoisonError::into_inner);
    if venue.addresses != addresses {
        let uplinks = addresses.iter().filter_map(|address| match Uplink::new(address.clone(), crate::PROGRAM) {
            Ok(uplink) => Some(uplink),
            Err(error) => {
                tracing::error!(%address, error = %Chain(&error), "the arbiter cannot be asked there");
                None
            }
        });
        *venue = Venue { uplinks: uplinks.collect(), addresses };
        tracing::info!(addresses = venue.uplinks.len(), "the venue's arbiter is asked");
    }
    Arc::clone(&venue.uplinks)
}
