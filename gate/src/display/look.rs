//! How a screen looks and sounds: one decision for each, made here so that no page has to guess.
//!
//! Shape, colour, word and sound agree, and any one of them alone is enough (`pages.md` §1). Nobody is accused: whoever
//! does not enter sees amber and a way forward.

use crate::screen::{NoticeKind, Screen};

/// The colour behind everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// Nothing is decided.
    Plain,
    /// Green: come in.
    Welcome,
    /// Amber: not here, not now, or not so.
    Elsewhere,
    /// Grey: nobody can enter by this lane.
    Fault,
}

/// The one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Picture {
    /// A hand lays a card into the tray.
    Tray,
    /// The card lies there and is being read.
    Reading,
    /// A card with four hidden digits, beside the pad.
    Digits,
    /// Several people, beside the pad.
    People,
    /// A ring that turns.
    Ring,
    /// A filled circle with an open doorway.
    Welcome,
    /// An open doorway, and an arrow out of it.
    Goodbye,
    /// An arrow in a square.
    Elsewhere,
    /// A clock in a square.
    Clock,
    /// A person in a triangle.
    Desk,
    /// A hand lays the card down once more.
    PlaceAgain,
    /// A card instead of a phone.
    Phone,
    /// Three dots.
    Wait,
    /// A hand takes the card.
    TakeCard,
    /// A crossed frame.
    Fault,
}

/// The sound with which it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Silence.
    None,
    /// Rises: come in.
    Rising,
    /// Stays level: elsewhere, later, or once more.
    Level,
    /// Two low ones: the desk.
    TwoLow,
    /// Two short high ones: take your card.
    TakeCard,
}

/// How a screen looks and sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Look {
    /// Its colour.
    pub ground: Ground,
    /// Its picture.
    pub picture: Picture,
    /// Its sound.
    pub tone: Tone,
}

impl Look {
    const fn quiet(picture: Picture) -> Self {
        Self { ground: Ground::Plain, picture, tone: Tone::None }
    }

    const fn elsewhere(picture: Picture, tone: Tone) -> Self {
        Self { ground: Ground::Elsewhere, picture, tone }
    }

    const FAULT: Self = Self { ground: Ground::Fault, picture: Picture::Fault, tone: Tone::None };

    /// The look of a screen.
    #[must_use]
    pub const fn of(screen: &Screen) -> Self {
        match screen {
            Screen::Idle => Self::quiet(Picture::Tray),
            Screen::Reading => Self::quiet(Picture::Reading),
            Screen::AskPin(_) | Screen::AskPinAtReader(_) => Self::quiet(Picture::Digits),
            Screen::Proving => Self::quiet(Picture::Ring),
            Screen::AskParty { .. } => Self::quiet(Picture::People),
            Screen::Welcome(_) => Self { ground: Ground::Welcome, picture: Picture::Welcome, tone: Tone::Rising },
            Screen::Goodbye { .. } => Self::quiet(Picture::Goodbye),
            Screen::Refused(notice) => Self::of_notice(&notice.kind),
            Screen::CardForgotten => Self::elsewhere(Picture::TakeCard, Tone::TakeCard),
            Screen::OutOfOrder(_) => Self::FAULT,
        }
    }

    const fn of_notice(kind: &NoticeKind) -> Self {
        match kind {
            NoticeKind::OtherEntrance(_) => Self::elsewhere(Picture::Elsewhere, Tone::Level),
            NoticeKind::TooEarly(_) => Self::elsewhere(Picture::Clock, Tone::Level),
            NoticeKind::NotMyNumberCard | NoticeKind::Unreadable | NoticeKind::CardLeft | NoticeKind::WrongPin(_) => {
                Self::elsewhere(Picture::PlaceAgain, Tone::Level)
            }
            NoticeKind::Phone => Self::elsewhere(Picture::Phone, Tone::Level),
            NoticeKind::OneMoment => Self::elsewhere(Picture::Wait, Tone::Level),
            NoticeKind::Desk
            | NoticeKind::TooLate
            | NoticeKind::NoPin
            | NoticeKind::PinLocked
            | NoticeKind::TooFewTries
            | NoticeKind::ProofFailed
            | NoticeKind::Suspended
            | NoticeKind::Cancelled
            | NoticeKind::NotPaid
            | NoticeKind::AlreadyIn { .. }
            | NoticeKind::Spent
            | NoticeKind::StoredNotOpened => Self::elsewhere(Picture::Desk, Tone::TwoLow),
            NoticeKind::LaneClosed => Self::FAULT,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::screen::tests::every_screen;

    #[test]
    fn colour_shape_and_sound_agree_and_each_alone_is_enough() {
        let mut grounds: BTreeMap<Picture, BTreeSet<Ground>> = BTreeMap::new();
        for screen in every_screen() {
            let look = Look::of(&screen);
            grounds.entry(look.picture).or_default().insert(look.ground);
            let rises = look.tone == Tone::Rising;
            assert_eq!(rises, look.ground == Ground::Welcome, "{screen:?}");
            assert_eq!(rises, look.picture == Picture::Welcome, "{screen:?}");
            assert_eq!(rises, matches!(screen, Screen::Welcome(_)), "{screen:?}");
            assert_eq!(look.ground == Ground::Fault, look.picture == Picture::Fault, "{screen:?}");
            assert_eq!(look.tone == Tone::TwoLow, look.picture == Picture::Desk, "{screen:?}");
            let silent = matches!(look.ground, Ground::Plain | Ground::Fault);
            assert_eq!(look.tone == Tone::None, silent, "{screen:?}");
        }
        assert!(grounds.values().all(|grounds| grounds.len() == 1), "{grounds:?}");
    }
}
