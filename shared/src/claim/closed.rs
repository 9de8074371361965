//! Admissions that hold nothing any more, remembered so that their late packets do no harm.

use core::time::Duration;

use crate::clock::Timestamp;
use crate::ids::AdmissionId;

/// How long a closed admission is remembered: longer than any gate is down between two shifts, and 1,440 times as
/// long as a signed request lives.
pub const CLOSED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// Most closed admissions that one ticket remembers: nobody goes in and out so often in a day, and the record stays
/// under 6 kB. A ticket that reaches it is refused further claims until a day has passed.
pub const CLOSED_MAX: usize = 128;

/// How an admission ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Closing {
    /// It never became an admission.
    #[n(0)]
    Withdrawn,
    /// Nobody passed.
    #[n(1)]
    Annulled,
    /// The holder went out.
    #[n(2)]
    Exited,
}

/// An admission that holds nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Closed {
    /// Which admission.
    #[n(0)]
    pub admission: AdmissionId,
    /// How it ended.
    #[n(1)]
    pub closing: Closing,
    /// Which entry it held; 0 where it never held one.
    #[n(2)]
    pub entry: u32,
    /// When it ended, by the arbiter's clock.
    #[n(3)]
    pub at: Timestamp,
}

impl Closed {
    /// Whether it may be forgotten.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        now.since(self.at) >= CLOSED_FOR
    }
}

/// Remembers one more, however many steps came before it: whoever is inside must be able to go. The place of one that never
/// held anything is given up first.
pub(super) fn remember(all: &mut Vec<Closed>, one: Closed) {
    while all.len() >= CLOSED_MAX {
        let least = all.iter().position(|closed| closed.closing == Closing::Withdrawn).unwrap_or_default();
        all.remove(least);
    }
    all.push(one);
}
