//! The cards that lie on the desk, and the readers that they can be put into.

use std::path::Path;

use kido_virtual_card::character::Character;
use kido_virtual_card::control::{CardState, Client, ControlError};

/// What lies on the desk, in this order.
pub(super) const CARDS: [Character; 4] = [Character::Holder, Character::Copy, Character::Stranger, Character::Locked];

/// A reader, by what it is to a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// The tray of the lane.
    Tray,
    /// The buyer's own.
    Home,
}

impl Reader {
    pub(super) const ALL: [Self; 2] = [Self::Tray, Self::Home];

    /// The slot of the virtual reader.
    pub(super) const fn slot(self) -> u8 {
        match self {
            Self::Tray => 0,
            Self::Home => 1,
        }
    }

    /// Its name in forms and words.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Tray => "tray",
            Self::Home => "home",
        }
    }

    /// The reader of this name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reader| reader.name() == name)
    }
}

/// The card of this name, if it lies on the desk.
pub(super) fn of_name(name: &str) -> Option<Character> {
    CARDS.into_iter().find(|card| card.to_string() == name)
}

/// Puts a card into a reader; out of the other one first, since there is one of each.
pub(super) fn insert(control: &Path, reader: Reader, card: Character) -> Result<(), ControlError> {
    let mut client = Client::connect(control)?;
    let lies_in = client.cards()?.iter().find(|state| state.card == card).and_then(|state| state.slot);
    if let Some(slot) = lies_in {
        client.remove(slot)?;
    }
    client.insert(reader.slot(), card, Vec::new())
}

/// Takes whatever lies in a reader.
pub(super) fn remove(control: &Path, reader: Reader) -> Result<(), ControlError> {
    Client::connect(control)?.remove(reader.slot())
}

/// Every card that was ever in a reader.
pub(super) fn states(control: &Path) -> Result<Vec<CardState>, ControlError> {
    Client::connect(control)?.cards()
}
