//! The entries of a feed that begins anew.

use kido_shared::feed::FollowedTo;
use kido_shared::ids::Epoch;
use kido_store::ProjectError;

use super::Entering;
use crate::domain::cut::Retelling;
use crate::domain::gate::Gate;
use crate::domain::ticket::Ticket;
use crate::fact::{FeedCut, RetoldTicket, TicketsRetold};
use crate::store::keys;
use crate::store::reading::{self, CutEntry, encode};

impl Entering<'_, '_> {
    pub(super) fn feed_cut(&mut self, fact: FeedCut) -> Result<(), ProjectError> {
        const NOT_FORWARD: ProjectError = ProjectError::Impossible("a cut that does not lead forward");
        let before = reading::feed(self.index)?.unwrap_or_else(|| FollowedTo::start(self.event, Epoch::FIRST));
        let FeedCut { cut: signed, epoch, at, gates } = fact;
        if epoch <= before.epoch {
            return Err(NOT_FORWARD);
        }
        for (gate, record_at) in gates {
            let old = reading::gate(self.index, gate)?;
            let old = old.ok_or(ProjectError::Impossible("a gate was told of that was never added"))?;
            self.index.put(keys::gate(gate), encode(&Gate { record_at, ..old }));
        }
        self.index.put(keys::FEED, encode(&FollowedTo::start(self.event, epoch)));
        let retelling = Some(Retelling::BEGIN);
        self.index.put(keys::CUT, encode(&CutEntry { signed, epoch, at, before, retelling }));
        Ok(())
    }

    pub(super) fn tickets_retold(&mut self, fact: TicketsRetold) -> Result<(), ProjectError> {
        const NO_CUT: ProjectError = ProjectError::Impossible("tickets were told of once more without a cut");
        let cut = reading::cut(self.index)?.ok_or(NO_CUT)?;
        for RetoldTicket { ticket, ticket_at, binding_at } in fact.tickets {
            self.change(ticket, |old| Ticket { ticket_at, binding_at, ..old })?;
        }
        self.index.put(keys::CUT, encode(&CutEntry { retelling: fact.next, ..cut }));
        Ok(())
    }
}
