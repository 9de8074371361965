//! Bugs that are planted to see whether they are found. Each sits at a seam of the simulation, none in the product.

use kido_shared::claim::ClaimStep;
use kido_shared::ids::AdmissionId;
use kido_shared::wire::v1::admissions::AdmissionBatch;
use rand::RngCore as _;

use crate::plan::{Home, Offline, Plan};
use crate::world::World;

/// What is wrong with a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// A gate stores its admission and opens first, and claims afterwards.
    ClaimAfterStore,
    /// A gate that gives a claim up tells nobody.
    NoWithdrawal,
    /// An arbiter says that a claim is withdrawn, and keeps no note of it.
    NoTombstone,
    /// After a crash a gate goes on from what its index has seen, not from its log.
    IndexTrusted,
    /// Whoever answers gates answers before the disk has synced.
    AckUnsynced,
    /// The venue's box begins each start without records.
    ArbiterForgets,
    /// An admission that is sent again comes under another name: its conflict is told twice.
    ConflictToldTwice,
    /// A gate takes silence for a yes.
    OpensOnSilence,
    /// A gate throws an upload away once it was sent, whether or not it was acknowledged.
    OutboxEmptiedUnheard,
    /// A gate calls itself offline on the first answer that it misses.
    OfflineAtOnce,
    /// A registrar that comes back from a backup is told that a journal is there again which nobody has sent.
    JournalKeptBack,
    /// A gate dates by the furthest head for ever, whatever is refused.
    FurthestHeadKept,
    /// A machine stops in the middle: no rule speaks of that.
    MerelyStops,
}

impl Mutation {
    /// Whether a night of this kind can show it at all.
    pub(crate) fn shows_in(self, plan: &Plan) -> bool {
        match self {
            Self::ArbiterForgets => plan.setting.home == Home::Venue && plan.weather.crashes > 2,
            Self::JournalKeptBack => plan.weather.restored,
            Self::FurthestHeadKept => plan.weather.server_jumps > 0,
            Self::OfflineAtOnce => plan.setting.home != Home::Local && plan.setting.offline == Offline::Admit,
            Self::ClaimAfterStore
            | Self::NoWithdrawal
            | Self::NoTombstone
            | Self::IndexTrusted
            | Self::AckUnsynced
            | Self::ConflictToldTwice
            | Self::OpensOnSilence
            | Self::OutboxEmptiedUnheard
            | Self::MerelyStops => true,
        }
    }
}

/// Whether an arbiter takes no note of this step.
pub(crate) fn swallows(world: &World, step: &ClaimStep) -> bool {
    world.is(Mutation::NoTombstone) && matches!(step, ClaimStep::Withdraw(_))
}

/// A batch as the registrar gets to see it.
pub(crate) fn uploaded(world: &World, mut batch: AdmissionBatch) -> AdmissionBatch {
    if world.is(Mutation::ConflictToldTwice) {
        for sent in &mut batch.admissions {
            let mut bytes = [0; 16];
            world.random.borrow_mut().fill_bytes(&mut bytes);
            if !world.ledger.borrow_mut().first_sent(sent.admission.id) {
                sent.admission.id = AdmissionId::from_bytes(bytes);
            }
        }
    }
    batch
}
