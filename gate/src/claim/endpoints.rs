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
    Fixed(Arc<[Uplink]>, Option<AskedArbiter>),
    OfPolicy { replica: Box<Replica>, registrar: Arc<[Uplink]>, venue: Arc<Mutex<Venue>> },
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
        Self(Kind::Fixed(uplinks.into(), None))
    }

    /// These, asked by that name.
    #[must_use]
    pub fn named(uplinks: Vec<Uplink>, arbiter: AskedArbiter) -> Self {
        Self(Kind::Fixed(uplinks.into(), Some(arbiter)))
    }

    /// Those of the arbiter that the followed policy names: the registrar, or the venue's addresses.
    #[must_use]
    pub fn of_policy(replica: Replica, registrar: Uplink) -> Self {
        Self(Kind::OfPolicy { replica: Box::new(replica), registrar: Arc::new([registrar]), venue: Arc::default() })
    }

    /// Who is asked now.
    pub(super) fn now(&self) -> Asked {
        match &self.0 {
            Kind::Fixed(uplinks, arbiter) => Asked { uplinks: Arc::clone(uplinks), arbiter: *arbiter },
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

#[cfg(test)]
mod tests {
    use kido_shared::feed::{ArbiterRecord, FeedRecord};
    use kido_shared::ids::ArbiterId;
    use kido_shared::policy::{ArbiterName, EventPolicy, OfflineChoice};

    use super::*;
    use crate::replica::tests::{Feed, follow, policy};

    const CLUSTER: ArbiterId = ArbiterId::from_bytes([3; 16]);

    fn named(home: ArbiterHome, epoch: u32) -> FeedRecord {
        let mut draft = policy(OfflineChoice::Refuse).choices().clone();
        draft.arbiter = ArbiterName { home, cluster: CLUSTER, epoch };
        FeedRecord::Policy(EventPolicy::new(draft).unwrap())
    }

    fn a_box(number: u8, epoch: u32, revoked: bool) -> FeedRecord {
        let (arbiter, cluster) = (ArbiterId::from_bytes([number; 16]), CLUSTER);
        let addresses = vec![Origin::parse(&format!("https://box-{number}.example")).unwrap()];
        FeedRecord::Arbiter(ArbiterRecord { arbiter, cluster, epoch, addresses, revoked, shared: false })
    }

    #[test]
    fn a_gate_asks_the_one_arbiter_that_the_policy_names_and_by_that_name() {
        let home = tempfile::tempdir().unwrap();
        let mut feed = Feed::with_tickets(0);
        let replica = Replica::open(&home.path().join("replica"), feed.followed()).unwrap();
        let registrar = Uplink::new(Origin::parse("https://registrar.example").unwrap(), crate::PROGRAM).unwrap();
        let endpoints = Endpoints::of_policy(replica.clone(), registrar);
        let steps = [
            (vec![], Some(0), vec!["https://registrar.example"]),
            (vec![named(ArbiterHome::Venue, 0)], Some(0), vec![]),
            (vec![a_box(1, 0, false)], Some(0), vec!["https://box-1.example"]),
            (vec![a_box(1, 0, true), named(ArbiterHome::Venue, 1)], Some(1), vec![]),
            (vec![a_box(2, 1, false)], Some(1), vec!["https://box-2.example"]),
        ];
        assert_eq!(endpoints.now().arbiter, None, "nothing is known yet");
        for (records, epoch, places) in steps {
            records.iter().for_each(|record| feed.publish(record));
            let news = feed.records.clone();
            follow(&replica, &feed, &news).unwrap();
            let asked = endpoints.now();
            let asked_at: Vec<&str> = asked.uplinks.iter().map(|uplink| uplink.origin().as_str()).collect();
            assert_eq!((asked.arbiter.map(|arbiter| arbiter.epoch), asked_at), (epoch, places), "{records:?}");
        }
    }
}
