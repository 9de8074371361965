//! What the lane's screen shows, as data: the kiosk page and the terminal draw the same values.
//!
//! A screen never carries a name, a ticket number, a PIN digit or a tag. Before a proof it carries what to do and a
//! two-digit code, never why (`protocol.md` §4).

mod signposts;

use kido_shared::card::PinTries;
use kido_shared::challenge::Passage;
use kido_shared::clock::Timestamp;
use kido_shared::ids::GateId;
use kido_shared::refusal::{Refusal, StaffCode};
use kido_shared::ticket::{SeatLabel, Zone};

pub use signposts::{Signpost, Signposts};

/// One picture, one sentence, one thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Screen {
    /// Nobody is here: card into the tray.
    Idle,
    /// The card is being read.
    Reading,
    /// The pad is shown; this many tries are left.
    AskPin(PinTries),
    /// The reader waits for the digits on its own keys; this many tries are left.
    AskPinAtReader(PinTries),
    /// The card is proving itself.
    Proving,
    /// How many of the party pass now?
    AskParty {
        /// The party's usable tickets.
        most: usize,
        /// Which way they go.
        passage: Passage,
    },
    /// Come in, and take your card.
    Welcome(Welcome),
    /// Until next time, and take your card.
    Goodbye {
        /// Whether the card still lies in the tray.
        take_card: bool,
    },
    /// Not here, not now, or not so.
    Refused(Notice),
    /// A card was left in the tray, and nobody can tap before it is taken.
    CardForgotten,
    /// Nobody can enter by this lane; the code is for staff.
    OutOfOrder(StaffCode),
}

impl Screen {
    /// The name of the screen in logs and in the lane's event stream.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Reading => "reading",
            Self::AskPin(_) => "ask_pin",
            Self::AskPinAtReader(_) => "ask_pin_at_reader",
            Self::Proving => "proving",
            Self::AskParty { .. } => "ask_party",
            Self::Welcome(_) => "welcome",
            Self::Goodbye { .. } => "goodbye",
            Self::Refused(_) => "refused",
            Self::CardForgotten => "card_forgotten",
            Self::OutOfOrder(_) => "out_of_order",
        }
    }

    /// The same screen with entrances named as signs at the venue name them, as far as that is known.
    #[must_use]
    pub fn signposted(mut self, signposts: &Signposts) -> Self {
        if let Self::Refused(notice) = &mut self {
            notice.kind.signpost(signposts);
        }
        self
    }
}

/// What a holder who may enter is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Where to go.
    pub zone: Zone,
    /// Which places, one per admitted ticket.
    pub seats: Vec<SeatLabel>,
    /// Whether the card still lies in the tray.
    pub take_card: bool,
}

/// A sentence and a code for somebody who does not enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What is said.
    pub kind: NoticeKind,
    /// What staff hear on the radio.
    pub code: StaffCode,
    /// Whether the card still lies in the tray.
    pub take_card: bool,
}

/// The sentences of `pages.md` §4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeKind {
    /// Please go to the help desk; says no more.
    Desk,
    /// Please use the entrance of this zone.
    OtherEntrance(Zone),
    /// Doors open for you at this moment.
    TooEarly(Timestamp),
    /// Entry for this ticket has closed.
    TooLate,
    /// This is not a My Number Card.
    NotMyNumberCard,
    /// Could not read the card.
    Unreadable,
    /// To enter, please place the card again and leave it there.
    CardLeft,
    /// Phones do not work here yet.
    Phone,
    /// This card has no PIN.
    NoPin,
    /// The PIN is locked.
    PinLocked,
    /// To keep the card from locking, not here.
    TooFewTries,
    /// Wrong PIN; this many tries are left.
    WrongPin(PinTries),
    /// We could not verify the card.
    ProofFailed,
    /// One moment please.
    OneMoment,
    /// This lane is closed; use the next one.
    LaneClosed,
    /// After a proof: reported lost.
    Suspended,
    /// After a proof: cancelled.
    Cancelled,
    /// After a proof: not paid.
    NotPaid,
    /// After a proof: already entered.
    AlreadyIn {
        /// When.
        at: Timestamp,
        /// Where.
        by: Door,
    },
    /// After a proof: used.
    Spent,
    /// After a proof: recorded, staff are coming.
    StoredNotOpened,
}

/// Where somebody has entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// By this gate, as arbiters name it; a screen that knows no more names no place.
    Gate(GateId),
    /// By this entrance, as signs at the venue name it.
    Entrance(Zone),
}

impl Notice {
    /// What may be said before the card has proved itself.
    #[must_use]
    pub fn before_proof(refusal: &Refusal, take_card: bool) -> Self {
        Self { kind: NoticeKind::plain(refusal), code: refusal.before_proof(), take_card }
    }

    /// What the holder may know after a proof.
    #[must_use]
    pub fn after_proof(refusal: &Refusal, take_card: bool) -> Self {
        let kind = NoticeKind::reason(refusal).unwrap_or_else(|| NoticeKind::plain(refusal));
        let code = if kind == NoticeKind::LaneClosed { refusal.before_proof() } else { refusal.code() };
        Self { kind, code, take_card }
    }
}

impl NoticeKind {
    /// The key of its sentence in the word files; also its name for programs.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::OtherEntrance(_) => "other-entrance",
            Self::TooEarly(_) => "too-early",
            Self::TooLate => "too-late",
            Self::NotMyNumberCard => "not-my-number-card",
            Self::Unreadable => "unreadable",
            Self::CardLeft => "card-left",
            Self::Phone => "phone",
            Self::NoPin => "no-pin",
            Self::PinLocked => "pin-locked",
            Self::TooFewTries => "too-few-tries",
            Self::WrongPin(_) => "wrong-pin",
            Self::ProofFailed => "proof-failed",
            Self::OneMoment => "one-moment",
            Self::LaneClosed => "lane-closed",
            Self::Suspended => "suspended",
            Self::Cancelled => "cancelled",
            Self::NotPaid => "not-paid",
            Self::AlreadyIn { .. } => "already-in",
            Self::Spent => "spent",
            Self::StoredNotOpened => "stored-not-opened",
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "no other sentence names a place")]
    fn signpost(&mut self, signposts: &Signposts) {
        match self {
            Self::OtherEntrance(zone) => {
                if let Some(entrance) = signposts.entrance_to(zone) {
                    zone.clone_from(entrance);
                }
            }
            Self::AlreadyIn { by, .. } => {
                if let Door::Gate(gate) = by
                    && let Some(entrance) = signposts.entrance_of(*gate)
                {
                    *by = Door::Entrance(entrance.clone());
                }
            }
            _ => {}
        }
    }

    /// Why, where only a holder who has proved to be one may know.
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is plain before a proof is so after it")]
    const fn reason(refusal: &Refusal) -> Option<Self> {
        Some(match refusal {
            Refusal::Suspended => Self::Suspended,
            Refusal::Cancelled => Self::Cancelled,
            Refusal::NotPaid => Self::NotPaid,
            Refusal::AlreadyIn { at, gate, .. } => Self::AlreadyIn { at: *at, by: Door::Gate(*gate) },
            Refusal::Spent => Self::Spent,
            Refusal::StoredNotOpened(_) => Self::StoredNotOpened,
            _ => return None,
        })
    }

    /// What anybody may be told: what to do, never why.
    fn plain(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::OtherEntrance(zone) => Self::OtherEntrance(zone.clone()),
            Refusal::TooEarly(from) => Self::TooEarly(*from),
            Refusal::TooLate => Self::TooLate,
            Refusal::NotMyNumberCard => Self::NotMyNumberCard,
            Refusal::Unreadable => Self::Unreadable,
            Refusal::CardLeft | Refusal::PinNotEntered => Self::CardLeft,
            Refusal::Phone => Self::Phone,
            Refusal::NoPin => Self::NoPin,
            Refusal::PinLocked => Self::PinLocked,
            Refusal::TooFewTries => Self::TooFewTries,
            Refusal::WrongPin(tries) => Self::WrongPin(*tries),
            Refusal::ProofFailed => Self::ProofFailed,
            Refusal::ArbiterSilent => Self::OneMoment,
            Refusal::OfflineNotAllowed
            | Refusal::ReplicaTooOld
            | Refusal::ClockUncertain
            | Refusal::StorageFailed
            | Refusal::ReaderFailed
            | Refusal::BarrierFailed => Self::LaneClosed,
            Refusal::NoTicketHere
            | Refusal::Suspended
            | Refusal::Cancelled
            | Refusal::NotPaid
            | Refusal::AlreadyIn { .. }
            | Refusal::Spent
            | Refusal::StoredNotOpened(_) => Self::Desk,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every sentence for somebody who does not enter.
    pub(crate) fn every_notice() -> Vec<NoticeKind> {
        let at = Timestamp::from_unix_seconds(1_795_338_120);
        vec![
            NoticeKind::Desk,
            NoticeKind::OtherEntrance(zone("B")),
            NoticeKind::TooEarly(at),
            NoticeKind::TooLate,
            NoticeKind::NotMyNumberCard,
            NoticeKind::Unreadable,
            NoticeKind::CardLeft,
            NoticeKind::Phone,
            NoticeKind::NoPin,
            NoticeKind::PinLocked,
            NoticeKind::TooFewTries,
            NoticeKind::WrongPin(PinTries::new(2)),
            NoticeKind::ProofFailed,
            NoticeKind::OneMoment,
            NoticeKind::LaneClosed,
            NoticeKind::Suspended,
            NoticeKind::Cancelled,
            NoticeKind::NotPaid,
            NoticeKind::AlreadyIn { at, by: Door::Gate(GateId::from_bytes([1; 16])) },
            NoticeKind::AlreadyIn { at, by: Door::Entrance(zone("B")) },
            NoticeKind::Spent,
            NoticeKind::StoredNotOpened,
        ]
    }

    /// Every screen of a lane, with a card in the tray where that makes a difference.
    pub(crate) fn every_screen() -> Vec<Screen> {
        let seats = ["12", "13"].map(|seat| SeatLabel::new(seat).unwrap()).to_vec();
        let others = [
            Screen::Idle,
            Screen::Reading,
            Screen::AskPin(PinTries::new(3)),
            Screen::AskPinAtReader(PinTries::new(3)),
            Screen::Proving,
            Screen::AskParty { most: 3, passage: Passage::In },
            Screen::AskParty { most: 3, passage: Passage::Out },
            Screen::Welcome(Welcome { zone: zone("B"), seats, take_card: true }),
            Screen::Goodbye { take_card: true },
            Screen::CardForgotten,
        ];
        let broken = [
            Refusal::OfflineNotAllowed,
            Refusal::ReplicaTooOld,
            Refusal::ClockUncertain,
            Refusal::StorageFailed,
            Refusal::ReaderFailed,
            Refusal::BarrierFailed,
        ];
        let out_of_order = broken.map(|refusal| Screen::OutOfOrder(refusal.code()));
        let refused = |kind| Screen::Refused(Notice { kind, code: StaffCode::DESK, take_card: true });
        others.into_iter().chain(out_of_order).chain(every_notice().into_iter().map(refused)).collect()
    }

    #[test]
    fn before_a_proof_a_screen_never_says_why() {
        for refusal in [Refusal::Suspended, Refusal::Cancelled, Refusal::NotPaid, Refusal::Spent] {
            let notice = Notice::before_proof(&refusal, true);
            assert_eq!((notice.kind, notice.code), (NoticeKind::Desk, StaffCode::DESK), "{}", refusal.name());
        }
    }

    fn zone(text: &str) -> Zone {
        Zone::new(text).unwrap()
    }

    fn refused(kind: NoticeKind) -> Screen {
        Screen::Refused(Notice { kind, code: StaffCode::DESK, take_card: false })
    }

    #[test]
    fn entrances_are_named_as_signs_name_them_where_that_is_known() {
        let (known, unknown) = (GateId::from_bytes([1; 16]), GateId::from_bytes([2; 16]));
        let mut signposts = Signposts::default();
        signposts.add(Signpost { gate: known, zone: zone("A"), entrance: zone("North"), open: true });
        let at = Timestamp::from_unix_seconds(1_795_338_120);
        let already_in = |by| refused(NoticeKind::AlreadyIn { at, by });
        let north = already_in(Door::Entrance(zone("North")));
        assert_eq!(already_in(Door::Gate(known)).signposted(&signposts), north);
        let nowhere = already_in(Door::Gate(unknown));
        assert_eq!(nowhere.clone().signposted(&signposts), nowhere);
        let other = |name| refused(NoticeKind::OtherEntrance(zone(name)));
        assert_eq!(other("A").signposted(&signposts), other("North"));
        assert_eq!(other("B").signposted(&signposts), other("B"));
    }

    #[test]
    fn after_a_proof_the_holder_may_know() {
        let notice = Notice::after_proof(&Refusal::Suspended, false);
        assert_eq!((notice.kind, notice.code.get()), (NoticeKind::Suspended, 15));
    }
}
