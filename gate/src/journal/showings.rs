//! Proofs that opened nothing, until the registrar has them for their holders.

use kido_shared::clock::Timestamp;
use kido_shared::ids::{ShowingId, TicketId};
use kido_shared::limits::SHOWINGS_PER_BATCH;
use kido_shared::refusal::StaffCode;
use kido_shared::showing::RefusedShowing;
use kido_shared::wire::v1::showings::ShowingBatch;
use rand::{CryptoRng, RngCore};

use super::fact::Fact;
use super::project::Key;
use super::{Journal, JournalError, append, bounded};

/// One batch on its way, and which facts it is made of.
#[derive(Debug, Clone)]
pub struct Showings {
    batch: ShowingBatch,
    positions: Vec<u64>,
}

impl Showings {
    /// The body to be sent; without showings there is nothing to send.
    #[must_use]
    pub const fn batch(&self) -> &ShowingBatch {
        &self.batch
    }

    /// Whether nothing waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.positions.len()
    }
}

impl Journal {
    /// Keeps that the cards of these tickets proved themselves and did not enter, and why.
    ///
    /// # Errors
    /// [`JournalError`]; then none of them is kept.
    pub async fn note_refused(
        &self,
        refused: &[(TicketId, StaffCode)],
        at: Timestamp,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<(), JournalError> {
        bounded(refused.len())?;
        let gate = self.gate;
        let showing = |(ticket, code): &(TicketId, StaffCode)| RefusedShowing {
            id: ShowingId::generate(random),
            ticket: *ticket,
            gate,
            at,
            code: *code,
        };
        let facts: Vec<Fact> = refused.iter().map(showing).map(Fact::Refused).collect();
        let pending =
            self.store.transact(move |transaction| facts.iter().try_for_each(|fact| append(transaction, fact)));
        pending.await?;
        Ok(())
    }

    /// The oldest refused showings that the registrar has not taken, at most one batch.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn showings(&self) -> Result<Showings, JournalError> {
        let (mut showings, mut positions) = (Vec::new(), Vec::new());
        for entry in self.store.scan_prefix(Key::SHOWINGS)?.take(SHOWINGS_PER_BATCH) {
            let (key, showing) = entry?;
            let place = key.strip_prefix(Key::SHOWINGS).and_then(|place| <[u8; 8]>::try_from(place).ok());
            positions.push(place.map(u64::from_be_bytes).ok_or(JournalError::Unreadable)?);
            showings.push(minicbor::decode(&showing).map_err(|_no_detail| JournalError::Unreadable)?);
        }
        Ok(Showings { batch: ShowingBatch { showings }, positions })
    }

    /// The oldest refused showings that the registrar has not taken, at most so many.
    pub(super) fn showings_waiting(&self, most: usize) -> Result<Vec<RefusedShowing>, JournalError> {
        let mut showings = Vec::new();
        for entry in self.store.scan_prefix(Key::SHOWINGS)?.take(most) {
            showings.push(minicbor::decode(&entry?.1).map_err(|_no_detail| JournalError::Unreadable)?);
        }
        Ok(showings)
    }

    /// Notes that the registrar has taken a batch.
    ///
    /// # Errors
    /// [`JournalError`]; then it is sent once more, which is harmless.
    pub async fn note_showings_uploaded(&self, taken: Showings) -> Result<(), JournalError> {
        let fact = Fact::ShowingsUploaded { positions: taken.positions };
        self.store.transact(move |transaction| append(transaction, &fact)).await?;
        Ok(())
    }
}
