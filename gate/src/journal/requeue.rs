//! Everything once more, for a registrar that was restored from a backup.
//!
//! The journal is the truth of what this gate has let in, also of what was acknowledged: an acknowledgement that the backup
//! does not know is worth nothing any more.

use std::collections::BTreeMap;

use kido_shared::clock::Timestamp;
use kido_shared::limits::SHOWINGS_PER_BATCH;
use kido_shared::showing::RefusedShowing;
use kido_store::Position;

use super::fact::Fact;
use super::project::Key;
use super::{Journal, JournalError, append};

impl Journal {
    /// Lets all admissions and refused showings wait for the registrar once more; says whether that was new. For each
    /// recovery it is done once.
    ///
    /// # Errors
    /// [`JournalError`]; then some showings may wait twice, which is harmless.
    pub async fn requeue(&self, since: Timestamp) -> Result<bool, JournalError> {
        let answered = self.store.get(&Key::Requeued.bytes())?;
        let answered = answered.map(|bytes| minicbor::decode::<Timestamp>(&bytes)).transpose();
        if answered.map_err(|_no_detail| JournalError::Unreadable)? == Some(since) {
            return Ok(false);
        }
        let journal = self.clone();
        let showings = tokio::task::spawn_blocking(move || journal.showings_taken()).await;
        let showings = showings.unwrap_or_else(|_cancelled| Ok(Vec::new()))?;
        for part in showings.chunks(SHOWINGS_PER_BATCH) {
            let facts: Vec<Fact> = part.iter().cloned().map(Fact::Refused).collect();
            let pending =
                self.store.transact(move |transaction| facts.iter().try_for_each(|fact| append(transaction, fact)));
            pending.await?;
        }
        // Last: a start in between finds that it was not answered.
        self.store.transact(move |transaction| append(transaction, &Fact::Requeued { since })).await?;
        Ok(true)
    }

    /// Refused showings that wait for nobody any more, each once.
    fn showings_taken(&self) -> Result<Vec<RefusedShowing>, JournalError> {
        let mut taken = BTreeMap::new();
        for fact in self.store.facts(Position::FIRST)? {
            let (position, fact) = fact?;
            if let Ok(Fact::Refused(showing)) = minicbor::decode(&fact)
                && self.store.get(&Key::Showing(position.get()).bytes())?.is_none()
            {
                taken.insert(showing.id, showing);
            }
        }
        Ok(taken.into_values().collect())
    }
}
