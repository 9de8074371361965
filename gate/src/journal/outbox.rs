//! Admissions that the registrar has not acknowledged yet.

use kido_shared::admission::Ending;
use kido_shared::clock::Timestamp;
use kido_shared::ids::AdmissionId;
use kido_shared::limits::ADMISSIONS_PER_BATCH;
use kido_shared::showing::RefusedShowing;
use kido_shared::wire::v1::admissions::{AdmissionBatch, UploadedAdmission};

use super::fact::Fact;
use super::project::{AdmissionEntry, Key};
use super::{Journal, JournalError, append};

/// One batch on its way, and what is noted once the registrar has it.
///
/// An admission comes twice where the first batch went before its lane had opened: the registrar learns the moment
/// from the second, and takes a repetition for what it is.
#[derive(Debug, Clone)]
pub struct Outbox {
    batch: AdmissionBatch,
    /// Where the facts of its endings stand, in their order.
    endings: Vec<u64>,
}

impl Outbox {
    /// The body to be sent.
    #[must_use]
    pub const fn batch(&self) -> &AdmissionBatch {
        &self.batch
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.batch.admissions.is_empty() && self.batch.endings.is_empty()
    }

    /// What each acknowledged admission said of its lane.
    fn opened(&self, admission: AdmissionId) -> Option<Option<Timestamp>> {
        let sent = self.batch.admissions.iter().find(|sent| sent.admission.id == admission);
        sent.map(|sent| sent.opened_at)
    }
}

/// What waits for the registrar, for somebody who carries it there.
#[derive(Debug, Clone)]
pub struct Undelivered {
    /// Admissions, oldest first.
    pub admissions: Vec<UploadedAdmission>,
    /// Refused proofs, oldest first.
    pub showings: Vec<RefusedShowing>,
    /// Ends of admissions, oldest first.
    pub endings: Vec<Ending>,
    /// Whether more waits.
    pub more: bool,
}

impl Journal {
    /// How many admissions, and ends of some, wait to be acknowledged.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn unacknowledged(&self) -> Result<usize, JournalError> {
        let mut waiting = 0_usize;
        for entry in self.store.scan_prefix(Key::OUTBOX)?.chain(self.store.scan_prefix(Key::ENDINGS)?) {
            let _waits = entry?;
            waiting = waiting.saturating_add(1);
        }
        Ok(waiting)
    }

    /// The oldest admissions that wait to be acknowledged, and the oldest ends, at most one batch of each.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn outbox(&self) -> Result<Outbox, JournalError> {
        let admissions = self.waiting(ADMISSIONS_PER_BATCH)?;
        let (endings, places) = self.endings_waiting(ADMISSIONS_PER_BATCH)?.into_iter().unzip();
        Ok(Outbox { batch: AdmissionBatch { admissions, endings }, endings: places })
    }

    /// Everything that waits to be acknowledged, at most so many facts: admissions first and their
    /// ends; the rest is for holders to read.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn undelivered(&self, facts_max: usize) -> Result<Undelivered, JournalError> {
        let one_more = facts_max.saturating_add(1);
        let mut admissions = self.waiting(one_more)?;
        let left = one_more.saturating_sub(admissions.len());
        let mut endings: Vec<_> = self.endings_waiting(left)?.into_iter().map(|(ending, _place)| ending).collect();
        let mut showings = self.showings_waiting(left.saturating_sub(endings.len()))?;
        let more = admissions.len().saturating_add(endings.len()).saturating_add(showings.len()) > facts_max;
        admissions.truncate(facts_max);
        endings.truncate(facts_max.saturating_sub(admissions.len()));
        showings.truncate(facts_max.saturating_sub(admissions.len()).saturating_sub(endings.len()));
        Ok(Undelivered { admissions, showings, endings, more })
    }

    fn endings_waiting(&self, most: usize) -> Result<Vec<(Ending, u64)>, JournalError> {
        let mut endings = Vec::new();
        for entry in self.store.scan_prefix(Key::ENDINGS)?.take(most) {
            let (key, ending) = entry?;
            let place = key.strip_prefix(Key::ENDINGS).and_then(|place| <[u8; 8]>::try_from(place).ok());
            let place = place.map(u64::from_be_bytes).ok_or(JournalError::Unreadable)?;
            endings.push((minicbor::decode(&ending).map_err(|_no_detail| JournalError::Unreadable)?, place));
        }
        Ok(endings)
    }

    fn waiting(&self, most: usize) -> Result<Vec<UploadedAdmission>, JournalError> {
        let mut admissions = Vec::new();
        for entry in self.store.scan_prefix(Key::OUTBOX)?.take(most) {
            let (_key, admission) = entry?;
            let admission = AdmissionId::try_from(admission.as_slice()).map_err(|_length| JournalError::Unreadable)?;
            let entry = AdmissionEntry::read(self.store.get(&Key::Admission(admission).bytes())?)?;
            admissions.push(UploadedAdmission { admission: entry.admission, opened_at: entry.opened_at });
        }
        Ok(admissions)
    }

    /// Notes which admissions of a batch the registrar has acknowledged, and says how many; the others stay.
    ///
    /// # Errors
    /// [`JournalError`]; then they are sent once more, which is harmless.
    pub async fn note_uploaded(&self, outbox: &Outbox, acknowledged: &[AdmissionId]) -> Result<usize, JournalError> {
        let facts: Vec<Fact> = acknowledged
            .iter()
            .filter_map(|admission| {
                let opened = outbox.opened(*admission)?.is_some();
                Some(Fact::Uploaded { admission: *admission, opened })
            })
            .collect();
        let noted = facts.len();
        let pending =
            self.store.transact(move |transaction| facts.iter().try_for_each(|fact| append(transaction, fact)));
        pending.await?;
        Ok(noted)
    }

    /// Notes which ends of admissions in a batch the registrar has acknowledged, and says how many; the others stay.
    ///
    /// # Errors
    /// [`JournalError`]; then they are sent once more, which is harmless.
    pub async fn note_endings_uploaded(
        &self,
        outbox: &Outbox,
        acknowledged: &[AdmissionId],
    ) -> Result<usize, JournalError> {
        let sent = outbox.batch.endings.iter().zip(&outbox.endings);
        let heard = sent.filter(|(ending, _place)| acknowledged.contains(&ending.admission));
        let positions: Vec<u64> = heard.map(|(_ending, place)| *place).collect();
        let noted = positions.len();
        if noted > 0 {
            let fact = Fact::EndingsUploaded { positions };
            self.store.transact(move |transaction| append(transaction, &fact)).await?;
        }
        Ok(noted)
    }
}
