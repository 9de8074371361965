//! Refused showings: what gates tell a ticket's history of proofs that opened nothing.

use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, GateId, TicketId};
use kido_shared::limits::SHOWINGS_PER_BATCH;
use kido_shared::showing::RefusedShowing;

use super::changing::Changing;
use super::error::{Failed, StorageError};
use super::reading::Entries as _;
use super::{Store, keys, reading};
use crate::domain::gate::Believed;
use crate::domain::history::{Happening, HistoryLine};
use crate::domain::ingest::IngestRefusal;
use crate::fact::{Fact, ShowingRefused};

/// Most refused showings in one ticket's history: more tell nobody anything new, and a stolen gate's key must not push
/// everything else out of sight ([`super::tickets::HISTORY_LINES_MAX`]).
const REFUSED_PER_TICKET_MAX: usize = 50;

fn take(changing: &mut Changing<'_, '_>, showing: RefusedShowing, now: Timestamp) -> Result<(), StorageError> {
    let RefusedShowing { id, ticket, gate, .. } = showing;
    if reading::is_showing_kept(changing, id)? {
        return Ok(());
    }
    if reading::ticket(changing, ticket)?.is_none() {
        tracing::warn!(showing = %id, %ticket, %gate, "a refused showing is of no ticket here");
        return Ok(());
    }
    if refused_so_far(changing, ticket)? >= REFUSED_PER_TICKET_MAX {
        tracing::warn!(%ticket, %gate, "a history has all the refused showings that it takes");
        return Ok(());
    }
    changing.append(&Fact::ShowingRefused(ShowingRefused { showing, at: now }))?;
    Ok(())
}

fn refused_so_far(changing: &Changing<'_, '_>, ticket: TicketId) -> Result<usize, StorageError> {
    let mut refused = 0_usize;
    for entry in changing.entries(&keys::history(ticket))? {
        let line: HistoryLine = reading::decode(&entry?.1, "a line of history")?;
        refused = refused.saturating_add(usize::from(matches!(line.happening, Happening::Refused(..))));
    }
    Ok(refused)
}

impl Store {
    /// Enters what a gate has uploaded into the histories of its tickets, each showing once and all in one step. What
    /// can never be entered is dropped with a line in the log: a history has no other reader than its holder and staff.
    ///
    /// # Errors
    /// [`IngestRefusal`] or [`StorageError`].
    pub async fn take_showings(
        &self,
        event: EventId,
        signed_by: GateId,
        showings: Vec<RefusedShowing>,
    ) -> Result<(), Failed<IngestRefusal>> {
        self.take_showings_of(event, (signed_by, Believed::InForce), showings).await
    }

    /// The same from whoever is believed.
    pub(crate) async fn take_showings_of(
        &self,
        event: EventId,
        (signed_by, believed): (GateId, Believed),
        showings: Vec<RefusedShowing>,
    ) -> Result<(), Failed<IngestRefusal>> {
        if showings.len() > SHOWINGS_PER_BATCH {
            return Err(Failed::Refused(IngestRefusal::TooMany));
        }
        if let Some(foreign) = showings.iter().find(|showing| showing.gate != signed_by) {
            return Err(Failed::Refused(IngestRefusal::ShowingOfOtherGate(foreign.id)));
        }
        let live = self.live(event)?;
        let now = self.now();
        live.transact(move |changing| {
            let gate = reading::gate(changing, signed_by)?;
            believed.gate(gate).map_err(|refusal| Failed::Refused(IngestRefusal::Gate(refusal)))?;
            showings.into_iter().try_for_each(|showing| Ok(take(changing, showing, now)?))
        })
        .await
    }
}
