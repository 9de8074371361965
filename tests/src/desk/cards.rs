//! The cards that lie on the desk, and the readers that they can be put into.

use std::path::Path;

use kido_virtual_card::character::Character;
use kido_virtual_card::control::{CardState, Client, ControlError};

/// A card that lies on the desk, by what it is to a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeskCard {
    /// With a ticket on it.
    Holder,
    /// The holder's certificate on another card.
    Copy,
    /// Without a ticket.
    Stranger,
    /// With a ticket on it, and a PIN that was mistyped too often.
    Locked,
    /// Good, and not registered yet: the visitor's.
    Buyer,
}

impl DeskCard {
    pub(super) const ALL: [Self; 5] = [Self::Holder, Self::Copy, Self::Stranger, Self::Locked, Self::Buyer];

    /// Which of the cast it is. A card that was never good cannot have a ticket: the locked one was locked later.
    #[must_use]
    pub const fn character(self) -> Character {
        match self {
            Self::Holder => Character::Holder,
            Self::Copy => Character::Copy,
            Self::Stranger => Character::Stranger,
            Self::Locked => Character::Crowd(3),
            Self::Buyer => Character::Crowd(4),
        }
    }

    /// Its name in forms and words.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::Copy => "copy",
            Self::Stranger => "stranger",
            Self::Locked => "locked",
            Self::Buyer => "buyer",
        }
    }

    /// The card of this name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|card| card.name() == name)
    }

    /// What lies on the desk of the cast, if it does.
    pub(super) fn of_character(character: Character) -> Option<Self> {
        Self::ALL.into_iter().find(|card| card.character() == character)
    }
}

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

/// Puts a card into a reader; out of the other one first, since there is one of each.
pub(super) fn insert(control: &Path, reader: Reader, card: DeskCard) -> Result<(), ControlError> {
    let (mut client, card) = (Client::connect(control)?, card.character());
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
