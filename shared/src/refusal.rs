//! Every reason not to open the lane, with the two-digit code that staff hear on the radio.
//!
//! One list for verdict, card exchange and lane (`protocol.md` §7, codes in `pages.md` §4). Before a proof a screen may
//! show [`Refusal::before_proof`] only: a copied certificate must not become a spyglass into somebody's ticket.

use crate::card::PinTries;
use crate::clock::Timestamp;
use crate::ids::{AdmissionId, GateId};
use crate::ticket::Zone;

/// Why a lane stays shut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No ticket of this event is bound to this card.
    NoTicketHere,
    /// The ticket is for another part of the venue.
    OtherEntrance(Zone),
    /// The ticket's window has not begun.
    TooEarly(Timestamp),
    /// The ticket's window has ended.
    TooLate,
    /// The ticket was reported lost.
    Suspended,
    /// The ticket was cancelled or given back.
    Cancelled,
    /// Payment is not confirmed.
    NotPaid,
    /// The ticket has been used for this entry.
    AlreadyIn {
        /// Which admission used it.
        admission: AdmissionId,
        /// At which gate.
        gate: GateId,
        /// When.
        at: Timestamp,
    },
    /// All entries of the ticket have been used.
    Spent,
    /// An admission was stored but the lane was not seen to open: staff look.
    StoredNotOpened(AdmissionId),
    /// No My Number Card.
    NotMyNumberCard,
    /// The card or its answers could not be read.
    Unreadable,
    /// The card was taken away in the middle.
    CardLeft,
    /// A phone, which wants its PIN before it has shown anything.
    Phone,
    /// The PIN was wrong; this many tries are left.
    WrongPin(PinTries),
    /// Too few tries are left to risk one here.
    TooFewTries,
    /// The PIN is locked.
    PinLocked,
    /// The card was issued without a PIN.
    NoPin,
    /// No PIN came in time, or the holder pressed *cancel*.
    PinNotEntered,
    /// The signature does not verify under the bound key.
    ProofFailed,
    /// The arbiter has not answered yet.
    ArbiterSilent,
    /// No arbiter answers, and the event does not admit without one.
    OfflineNotAllowed,
    /// The replica is older than the event allows.
    ReplicaTooOld,
    /// The clock cannot be trusted, and the ticket's window depends on it.
    ClockUncertain,
    /// The gate's disk refused.
    StorageFailed,
    /// The reader failed or is gone.
    ReaderFailed,
    /// The barrier did not do as it was told.
    BarrierFailed,
}

/// Two digits that staff hear on the radio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub struct StaffCode(u8);

/// The number is no code of the manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no refusal has this code")]
pub struct UnknownCode;

impl TryFrom<u8> for StaffCode {
    type Error = UnknownCode;

    fn try_from(number: u8) -> Result<Self, UnknownCode> {
        Self::parse(number).ok_or(UnknownCode)
    }
}

impl From<StaffCode> for u8 {
    fn from(code: StaffCode) -> Self {
        code.0
    }
}

impl<C> minicbor::Encode<C> for StaffCode {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _context: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.u8(self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for StaffCode {
    fn decode(decoder: &mut minicbor::Decoder<'b>, _context: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::try_from(decoder.u8()?).map_err(minicbor::decode::Error::custom)
    }
}

impl StaffCode {
    /// *Please go to the help desk*: says no more.
    pub const DESK: Self = Self(10);

    /// *This lane is out of order*: which part of it is for staff alone.
    pub const LANE: Self = Self(39);

    /// Every code that there is, in their order.
    pub const ALL: [Self; 27] = [
        Self(10),
        Self(12),
        Self(13),
        Self(14),
        Self(15),
        Self(16),
        Self(17),
        Self(18),
        Self(19),
        Self(21),
        Self(22),
        Self(23),
        Self(24),
        Self(25),
        Self(26),
        Self(27),
        Self(28),
        Self(29),
        Self(31),
        Self(32),
        Self(33),
        Self(34),
        Self(35),
        Self(36),
        Self(37),
        Self(38),
        Self(39),
    ];

    /// The code of this number; nothing where there is none.
    #[must_use]
    pub fn parse(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.0 == number)
    }

    /// The number, from 10 to 39.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl core::fmt::Display for StaffCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

impl Refusal {
    /// The precise code: for staff and logs, and for the holder after a proof.
    #[must_use]
    pub const fn code(&self) -> StaffCode {
        StaffCode(match self {
            Self::NoTicketHere => 10,
            Self::OtherEntrance(_) => 12,
            Self::TooEarly(_) => 13,
            Self::TooLate => 14,
            Self::Suspended => 15,
            Self::Cancelled => 16,
            Self::NotPaid => 17,
            Self::AlreadyIn { .. } => 18,
            Self::Spent => 19,
            Self::NotMyNumberCard => 21,
            Self::Unreadable => 22,
            Self::CardLeft | Self::PinNotEntered => 23,
            Self::Phone => 24,
            Self::NoPin => 25,
            Self::PinLocked => 26,
            Self::TooFewTries => 27,
            Self::WrongPin(_) => 28,
            Self::ProofFailed => 29,
            Self::ArbiterSilent => 31,
            Self::OfflineNotAllowed => 32,
            Self::ReplicaTooOld => 33,
            Self::ClockUncertain => 34,
            Self::StorageFailed => 35,
            Self::ReaderFailed => 36,
            Self::StoredNotOpened(_) => 37,
            Self::BarrierFailed => 38,
        })
    }

    /// The code that a screen may show before the card has proved itself: what to do, never why.
    #[must_use]
    pub const fn before_proof(&self) -> StaffCode {
        match self {
            Self::NoTicketHere
            | Self::Suspended
            | Self::Cancelled
            | Self::NotPaid
            | Self::AlreadyIn { .. }
            | Self::Spent
            | Self::StoredNotOpened(_) => StaffCode::DESK,
            Self::OfflineNotAllowed
            | Self::ReplicaTooOld
            | Self::ClockUncertain
            | Self::StorageFailed
            | Self::ReaderFailed
            | Self::BarrierFailed => StaffCode::LANE,
            Self::OtherEntrance(_)
            | Self::TooEarly(_)
            | Self::TooLate
            | Self::NotMyNumberCard
            | Self::Unreadable
            | Self::CardLeft
            | Self::Phone
            | Self::WrongPin(_)
            | Self::TooFewTries
            | Self::PinLocked
            | Self::NoPin
            | Self::PinNotEntered
            | Self::ProofFailed
            | Self::ArbiterSilent => self.code(),
        }
    }

    /// The name of the reason in logs, counters and staff panels: never a ticket, a time or a card.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoTicketHere => "no_ticket_here",
            Self::OtherEntrance(_) => "other_entrance",
            Self::TooEarly(_) => "too_early",
            Self::TooLate => "too_late",
            Self::Suspended => "suspended",
            Self::Cancelled => "cancelled",
            Self::NotPaid => "not_paid",
            Self::AlreadyIn { .. } => "already_in",
            Self::Spent => "spent",
            Self::StoredNotOpened(_) => "stored_not_opened",
            Self::NotMyNumberCard => "not_my_number_card",
            Self::Unreadable => "unreadable",
            Self::CardLeft => "card_left",
            Self::Phone => "phone",
            Self::WrongPin(_) => "wrong_pin",
            Self::TooFewTries => "too_few_tries",
            Self::PinLocked => "pin_locked",
            Self::NoPin => "no_pin",
            Self::PinNotEntered => "pin_not_entered",
            Self::ProofFailed => "proof_failed",
            Self::ArbiterSilent => "arbiter_silent",
            Self::OfflineNotAllowed => "offline_not_allowed",
            Self::ReplicaTooOld => "replica_too_old",
            Self::ClockUncertain => "clock_uncertain",
            Self::StorageFailed => "storage_failed",
            Self::ReaderFailed => "reader_failed",
            Self::BarrierFailed => "barrier_failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn before_a_proof_the_code_does_not_tell_why() {
        let telling = [Refusal::NoTicketHere, Refusal::Suspended, Refusal::Cancelled, Refusal::NotPaid, Refusal::Spent];
        for refusal in telling {
            assert_eq!(refusal.before_proof(), StaffCode::DESK, "{}", refusal.name());
        }
    }

    /// Every refusal once; a new one does not compile before it stands here.
    fn all() -> Vec<Refusal> {
        use Refusal::*;
        let (gate, at, admission) =
            (GateId::from_bytes([1; 16]), Timestamp::from_unix_seconds(0), AdmissionId::from_bytes([2; 16]));
        let all = vec![
            NoTicketHere,
            OtherEntrance(Zone::new("A").unwrap()),
            TooEarly(at),
            TooLate,
            Suspended,
            Cancelled,
            NotPaid,
            AlreadyIn { admission, gate, at },
            Spent,
            StoredNotOpened(admission),
            NotMyNumberCard,
            Unreadable,
            CardLeft,
            Phone,
            WrongPin(PinTries::new(2)),
            TooFewTries,
            PinLocked,
            NoPin,
            PinNotEntered,
            ProofFailed,
            ArbiterSilent,
            OfflineNotAllowed,
            ReplicaTooOld,
            ClockUncertain,
            StorageFailed,
            ReaderFailed,
            BarrierFailed,
        ];
        for refusal in &all {
            match refusal {
                NoTicketHere | OtherEntrance(_) | TooEarly(_) | TooLate | Suspended | Cancelled | NotPaid => {}
                AlreadyIn { .. } | Spent | StoredNotOpened(_) | NotMyNumberCard | Unreadable | CardLeft | Phone => {}
                WrongPin(_) | TooFewTries | PinLocked | NoPin | PinNotEntered | ProofFailed | ArbiterSilent => {}
                OfflineNotAllowed | ReplicaTooOld | ClockUncertain | StorageFailed | ReaderFailed | BarrierFailed => {}
            }
        }
        all
    }

    /// The tables of the manual that have codes, in their order: each code with the refusals that its row names.
    fn tables() -> Vec<BTreeMap<u8, BTreeSet<String>>> {
        let mut tables = vec![BTreeMap::new()];
        for line in include_str!("../manual/pages.md").lines() {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            match cells.as_slice() {
                ["", code, when, ..] if code.parse::<u8>().is_ok() => {
                    let rest = cells[2..].join("|");
                    let names = if when.contains('`') { *when } else { rest.as_str() };
                    let names = names.split('`').skip(1).step_by(2).map(str::to_owned).collect();
                    let doubled = tables.last_mut().unwrap().insert(code.parse().unwrap(), names);
                    assert!(doubled.is_none(), "{code} stands twice in a table");
                }
                ["", ..] => {}
                _no_row => tables.push(BTreeMap::new()),
            }
        }
        tables.retain(|table| !table.is_empty());
        tables
    }

    /// Which refusals have which code, some left out.
    fn coded(code: impl Fn(&Refusal) -> Option<StaffCode>) -> BTreeMap<u8, BTreeSet<String>> {
        let mut coded = BTreeMap::<u8, BTreeSet<String>>::new();
        for refusal in all() {
            if let Some(code) = code(&refusal) {
                assert!(coded.entry(code.get()).or_default().insert(refusal.name().to_owned()));
            }
        }
        coded
    }

    #[test]
    fn the_manual_has_every_code_and_each_with_its_refusals() {
        let [before, after, broken] = tables().try_into().unwrap();
        assert_eq!(before, coded(|refusal| Some(refusal.before_proof())));
        let is_broken = |refusal: &Refusal| refusal.before_proof() == StaffCode::LANE;
        let differs = |refusal: &&Refusal| refusal.code() != refusal.before_proof();
        assert_eq!(
            after,
            coded(|refusal| Some(refusal).filter(differs).filter(|it| !is_broken(it)).map(Refusal::code))
        );
        assert_eq!(broken, coded(|refusal| Some(refusal).filter(|it| is_broken(it)).map(Refusal::code)));
    }

    #[test]
    fn a_number_is_a_code_where_the_manual_has_it() {
        let known: BTreeSet<u8> = tables().into_iter().flat_map(BTreeMap::into_keys).collect();
        assert_eq!(StaffCode::ALL.map(StaffCode::get).to_vec(), Vec::from_iter(known.iter().copied()));
        for number in 0..=u8::MAX {
            assert_eq!(StaffCode::parse(number).is_some(), known.contains(&number), "{number}");
        }
    }

    #[test]
    fn a_broken_lane_tells_the_holder_only_that() {
        assert_eq!(Refusal::StorageFailed.before_proof().get(), 39);
        assert_eq!(Refusal::StorageFailed.code().get(), 35);
    }
}
