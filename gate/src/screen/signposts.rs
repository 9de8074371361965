//! Which entrance is which gate's: the feed tells it, and screens name entrances as signs at the venue do.

use kido_shared::ids::GateId;
use kido_shared::ticket::Zone;

/// One gate of the event, as a visitor finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signpost {
    /// Which gate.
    pub gate: GateId,
    /// The part of the venue that it opens.
    pub zone: Zone,
    /// What is written over it.
    pub entrance: Zone,
    /// Whether it is still a gate of this event: nobody is sent to one that is not.
    pub open: bool,
}

/// All gates of the event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signposts(Vec<Signpost>);

impl Signposts {
    /// One more gate.
    pub fn add(&mut self, signpost: Signpost) {
        self.0.push(signpost);
    }

    /// What is written over a gate, open or not: somebody may have entered by it before it was closed.
    #[must_use]
    pub fn entrance_of(&self, gate: GateId) -> Option<&Zone> {
        self.0.iter().find(|signpost| signpost.gate == gate).map(|signpost| &signpost.entrance)
    }

    /// The entrance to a part of the venue; of several the first by name, so that all lanes send to the same one.
    #[must_use]
    pub fn entrance_to(&self, zone: &Zone) -> Option<&Zone> {
        let open = self.0.iter().filter(|signpost| signpost.open && signpost.zone == *zone);
        open.map(|signpost| &signpost.entrance).min_by(|one, other| one.as_str().cmp(other.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signpost(number: u8, zone: &str, entrance: &str, open: bool) -> Signpost {
        let text = |text| Zone::new(text).unwrap();
        Signpost { gate: GateId::from_bytes([number; 16]), zone: text(zone), entrance: text(entrance), open }
    }

    #[test]
    fn nobody_is_sent_to_a_gate_that_was_revoked_but_its_name_is_known() {
        let mut signposts = Signposts::default();
        signposts.add(signpost(1, "A", "East", false));
        assert_eq!(signposts.entrance_to(&Zone::new("A").unwrap()), None);
        assert_eq!(signposts.entrance_of(GateId::from_bytes([1; 16])).unwrap().as_str(), "East");
        signposts.add(signpost(2, "A", "West", true));
        signposts.add(signpost(3, "A", "South", true));
        assert_eq!(signposts.entrance_to(&Zone::new("A").unwrap()).unwrap().as_str(), "South");
    }
}
