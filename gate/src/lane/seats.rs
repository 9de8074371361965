//! The tickets of one plan and their places, to be said once it is known who enters.

use kido_shared::ids::TicketId;
use kido_shared::ticket::{SeatLabel, Zone};
use kido_shared::verdict::{Admissible, Usable};

use crate::journal::StoredAdmission;
use crate::screen::Welcome;

/// Where the tickets of one plan are, to be said in the welcome.
#[derive(Debug)]
pub(super) struct Seats {
    zone: Zone,
    places: Vec<(TicketId, SeatLabel)>,
}

impl Seats {
    pub(super) fn of(admissible: &Admissible) -> Self {
        let zone = admissible.first().ticket.record.zone.clone();
        let place = |usable: &Usable| (usable.id(), usable.ticket.record.seat_label.clone());
        Self { zone, places: admissible.tickets().map(place).collect() }
    }

    pub(super) fn welcome(self, admitted: &[StoredAdmission]) -> Welcome {
        let entered = |ticket| admitted.iter().any(|stored| stored.admission().ticket == ticket);
        let seats = self.places.into_iter().filter(|(ticket, _)| entered(*ticket)).map(|(_, seat)| seat).collect();
        Welcome { zone: self.zone, seats, take_card: false }
    }

    /// Which tickets they are.
    pub(super) fn tickets(&self) -> Vec<TicketId> {
        self.places.iter().map(|(ticket, _seat)| *ticket).collect()
    }

    /// Which of them did not enter.
    pub(super) fn left_out(&self, admitted: &[StoredAdmission]) -> Vec<TicketId> {
        let entered = |ticket: &TicketId| admitted.iter().any(|stored| stored.admission().ticket == *ticket);
        self.tickets().into_iter().filter(|ticket| !entered(ticket)).collect()
    }
}
