//! What the arbiter still has to hear, kept until it has answered.
//!
//! Each errand is a step that is harmless to repeat, so a lost answer costs a second question and nothing else.

use kido_shared::claim::{ClaimAnswer, ClaimStep};
use kido_shared::ids::{AdmissionId, TicketId};

use super::fact::Fact;
use super::project::Key;
use super::{Journal, JournalError, append};

/// Most errands that are read at a time: an hour offline is brought home in a few rounds.
const ERRANDS_AT_A_TIME: usize = 64;

/// Which step an errand is; the steps of one admission are taken in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum ErrandKind {
    /// Claim afterwards what was admitted offline.
    #[n(0)]
    Claim,
    /// Withdraw an intent that became no admission.
    #[n(1)]
    Withdraw,
    /// Say that the lane opened.
    #[n(2)]
    Opened,
    /// Say that nobody passed.
    #[n(3)]
    Annul,
    /// Say that the holder went out.
    #[n(4)]
    Exit,
}

impl ErrandKind {
    /// The last byte of its key in the index.
    pub(super) const fn order(self) -> u8 {
        match self {
            Self::Claim => 0,
            Self::Withdraw => 1,
            Self::Opened => 2,
            Self::Annul => 3,
            Self::Exit => 4,
        }
    }

    const fn of(step: &ClaimStep) -> Self {
        match step {
            ClaimStep::Claim(_) => Self::Claim,
            ClaimStep::Withdraw(_) => Self::Withdraw,
            ClaimStep::Opened(_) => Self::Opened,
            ClaimStep::Annul(_) => Self::Annul,
            ClaimStep::Exit(_) => Self::Exit,
        }
    }
}

/// One step that the arbiter has not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    kind: ErrandKind,
    step: ClaimStep,
}

impl Errand {
    /// The step to be asked for.
    #[must_use]
    pub const fn step(&self) -> &ClaimStep {
        &self.step
    }

    /// Which admission it is about.
    #[must_use]
    pub const fn admission(&self) -> AdmissionId {
        self.step.admission()
    }

    const fn ticket(&self) -> TicketId {
        match &self.step {
            ClaimStep::Claim(request) => request.ticket,
            ClaimStep::Withdraw(named)
            | ClaimStep::Opened(named)
            | ClaimStep::Annul(named)
            | ClaimStep::Exit(named) => named.ticket,
        }
    }

    /// Whether this answer ends it.
    ///
    /// An arbiter that has not caught up with the feed is asked again, and so is one whose record of the ticket is full
    /// for now: it has not taken the step, and a withdrawal that was never taken would keep its holder out.
    #[must_use]
    pub const fn is_ended_by(answer: &ClaimAnswer) -> bool {
        !matches!(answer, ClaimAnswer::Behind | ClaimAnswer::TooManySteps)
    }
}

fn errand(step: &[u8]) -> Result<Errand, JournalError> {
    let step: ClaimStep = minicbor::decode(step).map_err(|_no_detail| JournalError::Unreadable)?;
    Ok(Errand { kind: ErrandKind::of(&step), step })
}

impl Journal {
    /// Withdrawals first, since they free what a claim afterwards may need: it would be told that the entry is taken, and
    /// the entry be free a moment later. Then by admission, each admission's in their order.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn errands(&self) -> Result<Vec<Errand>, JournalError> {
        self.errands_behind(0)
    }

    /// As [`Self::errands`], behind so many that were not ended: one that nobody takes starves no other.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn errands_behind(&self, left: usize) -> Result<Vec<Errand>, JournalError> {
        let errands = |withdrawals: bool| -> Result<_, JournalError> {
            let is_wanted = move |key: &[u8]| (key.last() == Some(&ErrandKind::Withdraw.order())) == withdrawals;
            let entries = self.store.scan_prefix(Key::ERRANDS)?;
            Ok(entries.filter(move |entry| entry.as_ref().map_or(true, |(key, _)| is_wanted(key))))
        };
        let entries = errands(true)?.chain(errands(false)?).skip(left).take(ERRANDS_AT_A_TIME);
        entries.map(|entry| errand(&entry?.1)).collect()
    }

    /// What the arbiter has not heard of this ticket: it is told before it is asked for another entry, or it would
    /// grant one that was used, and refuse one that was given back.
    ///
    /// Withdrawals come first: they free what a claim afterwards may need.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn untold(&self, ticket: TicketId) -> Result<Vec<Errand>, JournalError> {
        let mut errands = Vec::new();
        for entry in self.store.scan_prefix(Key::ERRANDS)? {
            let errand = errand(&entry?.1)?;
            if errand.ticket() == ticket {
                errands.push(errand);
            }
        }
        errands.sort_by_key(|errand| errand.kind != ErrandKind::Withdraw);
        Ok(errands)
    }

    /// Notes that the arbiter has answered an errand.
    ///
    /// # Errors
    /// [`JournalError`]; then it is asked once more, which is harmless.
    pub async fn note_told(&self, errand: &Errand) -> Result<(), JournalError> {
        let fact = Fact::Told { admission: errand.admission(), errand: errand.kind };
        self.store.transact(move |transaction| append(transaction, &fact)).await?;
        Ok(())
    }
}
