//! From what PC/SC says of a reader to what happened to its card. Pure.

use crate::choice::{NoReader, ReaderName};

/// Something happened at the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReaderEvent {
    /// The chosen reader is there.
    Arrived(ReaderName),
    /// There is no reader to choose, or no longer.
    Gone(NoReader),
    /// A card lies in it.
    CardPresent,
    /// The card was taken away.
    CardGone,
}

/// The card slot as last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Slot {
    #[default]
    Empty,
    /// PC/SC counts insertions and removals; the count tells a card that lay there all the time from its successor.
    Card { count: u32 },
}

impl Slot {
    /// Takes what PC/SC says now and tells what happened since.
    pub(crate) fn see(&mut self, present: bool, count: u32) -> &'static [ReaderEventKind] {
        use ReaderEventKind::{CardGone, CardPresent};
        let before = *self;
        *self = if present { Self::Card { count } } else { Self::Empty };
        match (before, *self) {
            (Self::Empty, Self::Empty) => &[],
            (Self::Empty, Self::Card { .. }) => &[CardPresent],
            (Self::Card { .. }, Self::Empty) => &[CardGone],
            (Self::Card { count: before }, Self::Card { count: now }) if before == now => &[],
            (Self::Card { .. }, Self::Card { .. }) => &[CardGone, CardPresent],
        }
    }
}

/// The part of [`ReaderEvent`] that a slot can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReaderEventKind {
    CardPresent,
    CardGone,
}

impl From<ReaderEventKind> for ReaderEvent {
    fn from(kind: ReaderEventKind) -> Self {
        match kind {
            ReaderEventKind::CardPresent => Self::CardPresent,
            ReaderEventKind::CardGone => Self::CardGone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReaderEventKind::{CardGone, CardPresent};

    #[test]
    fn a_card_is_told_once_when_it_comes_and_once_when_it_goes() {
        let mut slot = Slot::default();
        assert_eq!(slot.see(false, 0), &[]);
        assert_eq!(slot.see(true, 1), &[CardPresent]);
        assert_eq!(slot.see(true, 1), &[]);
        assert_eq!(slot.see(false, 2), &[CardGone]);
    }

    #[test]
    fn a_card_exchanged_between_two_looks_is_another_card() {
        let mut slot = Slot::default();
        slot.see(true, 1);
        assert_eq!(slot.see(true, 3), &[CardGone, CardPresent]);
    }
}
