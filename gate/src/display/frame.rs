//! One screen as it is drawn: the JSON that the lane's page reads.
//!
//! ```json
//! {
//!   "number": 17,
//!   "sign": { "event": "木戸の会", "entrance": "B", "lane": "3", "rehearsal": null },
//!   "screen": "refused", "notice": "wrong_pin", "code": 28, "take_card": true,
//!   "look": { "ground": "elsewhere", "picture": "place_again", "tone": "level" },
//!   "sentence": { "ja": "暗証番号が ちがいます。…", "en": "Wrong PIN, 2 tries left. …" },
//!   "hint": null
//! }
//! ```
//!
//! `screen` is one of `idle`, `reading`, `ask_pin` and `ask_pin_at_reader` (with `tries`), `proving`, `ask_party` (with `most`), `welcome` (with
//! `zone`, `seats`, `take_card`), `refused` (with `notice`, `code`, `take_card`), `card_forgotten` and `out_of_order`
//! (with `code`). `look` says how each of them looks and sounds. Fields may be added, never changed.

use kido_shared::refusal::StaffCode;
use kido_shared::ticket::{SeatLabel, Zone};

use super::{Look, Typed};
use crate::screen::Screen;
use crate::words::{Bilingual, Said};

/// Numbers the screens of one run: what is typed names the one that asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct FrameNumber(u64);

impl FrameNumber {
    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    pub(super) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// What stands on a lane's screen whatever it shows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LaneSign {
    /// What people call the event.
    pub event: String,
    /// The entrance, as signs at the venue name it.
    pub entrance: String,
    /// The lane, as staff name it.
    pub lane: String,
    /// That nobody really enters here, at a rehearsal.
    pub rehearsal: Option<Bilingual>,
}

/// One screen as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Frame {
    /// Which one of this run.
    pub number: FrameNumber,
    /// What stands around it.
    pub sign: LaneSign,
    /// What it shows.
    #[serde(flatten)]
    pub shows: Shows,
    /// How it looks and sounds.
    pub look: Look,
    /// The one sentence.
    pub sentence: Bilingual,
    /// The smaller line under it.
    pub hint: Option<Bilingual>,
}

/// What a frame shows, apart from words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "screen", rename_all = "snake_case")]
pub enum Shows {
    /// Nobody is here.
    Idle,
    /// The card is being read.
    Reading,
    /// The pad, for four digits.
    AskPin {
        /// Tries left on the card.
        tries: u8,
    },
    /// Where to type, with nothing to type on here: the reader has keys of its own.
    AskPinAtReader {
        /// Tries left on the card.
        tries: u8,
    },
    /// The card is proving itself.
    Proving,
    /// The pad, for a number of people.
    AskParty {
        /// How many at most.
        most: usize,
    },
    /// Come in.
    Welcome {
        /// Where to go.
        zone: Zone,
        /// Which places.
        seats: Vec<SeatLabel>,
        /// Whether the card still lies in the tray.
        take_card: bool,
    },
    /// Until next time.
    Goodbye {
        /// Whether the card still lies in the tray.
        take_card: bool,
    },
    /// Not here, not now, or not so.
    Refused {
        /// Which sentence, by name.
        notice: NoticeName,
        /// What staff hear on the radio.
        code: StaffCode,
        /// Whether the card still lies in the tray.
        take_card: bool,
    },
    /// A card was left in the tray.
    CardForgotten,
    /// Nobody can enter by this lane.
    OutOfOrder {
        /// What staff hear on the radio.
        code: StaffCode,
    },
}

/// The name of a sentence for somebody who does not enter, as programs read it: `wrong_pin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeName(&'static str);

impl serde::Serialize for NoticeName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.replace('-', "_"))
    }
}

/// What a frame lets its holder type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// Nothing.
    Nothing,
    /// Four digits, or *cancel*.
    Pin,
    /// A number of people, or *cancel*.
    Party {
        /// How many at most.
        most: usize,
    },
}

impl Frame {
    pub(super) fn new(number: FrameNumber, sign: LaneSign, screen: &Screen, said: Said) -> Self {
        let Said { sentence, hint } = said;
        Self { number, sign, shows: Shows::of(screen), look: Look::of(screen), sentence, hint }
    }

    /// What the holder may type now.
    #[must_use]
    pub const fn asks(&self) -> Asks {
        match self.shows {
            Shows::AskPin { .. } => Asks::Pin,
            Shows::AskParty { most } => Asks::Party { most },
            Shows::Idle
            | Shows::Reading
            | Shows::AskPinAtReader { .. }
            | Shows::Proving
            | Shows::Welcome { .. }
            | Shows::Goodbye { .. }
            | Shows::Refused { .. }
            | Shows::CardForgotten
            | Shows::OutOfOrder { .. } => Asks::Nothing,
        }
    }

    /// Whether this frame is that one, and asks for this.
    pub(super) fn takes(&self, number: FrameNumber, typed: &Typed) -> bool {
        self.number == number
            && match (self.asks(), typed) {
                (Asks::Pin, Typed::Pin(_)) | (Asks::Pin | Asks::Party { .. }, Typed::Cancel) => true,
                (Asks::Party { most }, Typed::Party(count)) => (1..=most).contains(count),
                (Asks::Nothing, _) | (Asks::Pin, Typed::Party(_)) | (Asks::Party { .. }, Typed::Pin(_)) => false,
            }
    }
}

impl Shows {
    fn of(screen: &Screen) -> Self {
        match screen {
            Screen::Idle => Self::Idle,
            Screen::Reading => Self::Reading,
            Screen::AskPin(tries) => Self::AskPin { tries: tries.get() },
            Screen::AskPinAtReader(tries) => Self::AskPinAtReader { tries: tries.get() },
            Screen::Proving => Self::Proving,
            Screen::AskParty { most, .. } => Self::AskParty { most: *most },
            Screen::Welcome(welcome) => {
                Self::Welcome { zone: welcome.zone.clone(), seats: welcome.seats.clone(), take_card: welcome.take_card }
            }
            Screen::Goodbye { take_card } => Self::Goodbye { take_card: *take_card },
            Screen::Refused(notice) => {
                Self::Refused { notice: NoticeName(notice.kind.key()), code: notice.code, take_card: notice.take_card }
            }
            Screen::CardForgotten => Self::CardForgotten,
            Screen::OutOfOrder(code) => Self::OutOfOrder { code: *code },
        }
    }
}
