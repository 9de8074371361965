//! The way through Kido in numbered steps: where each page is, and which card each step is about.

use core::fmt;
use std::path::PathBuf;

use kido_virtual_card::card::Fault;

use super::cards::{DeskCard, Reader};
use crate::harness::{FOLLOWS_WITHIN, Gate, HarnessError, TicketRow, Venue};

/// The ticket on the holder's card: its reference, and the seat that people are told.
const HOLDERS: (&str, &str) = ("TOUR-HOLDER", "1階 7列 12番");

/// The ticket on the card whose PIN is locked.
const LOCKED: (&str, &str) = ("TOUR-LOCKED", "1階 8列 2番");

/// The ticket that the visitor registers.
const VISITORS: (&str, &str) = ("TOUR-VISITOR", "2階 3列 15番");

/// Where everything is that a visitor goes to. Two of the links hold codes.
#[derive(Clone)]
pub struct Tour {
    /// The lane's screen.
    pub lane: String,
    /// The link of a ticket that nobody has registered.
    pub registration: String,
    /// Its seat.
    pub visitors_seat: &'static str,
    /// The page of the ticket on the holder's card.
    pub ticket: String,
    /// Its seat.
    pub holders_seat: &'static str,
    /// The operator's console.
    pub console: String,
    /// The file with the token for it.
    pub token_file: PathBuf,
}

impl fmt::Debug for Tour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tour(..)")
    }
}

impl Tour {
    /// Sells and registers what the visitor finds, and waits until the gate knows it.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn lay_out(venue: &Venue, gate: &Gate, event: &str) -> Result<Self, HarnessError> {
        let sold = [HOLDERS, LOCKED, VISITORS].map(|(name, seat)| TicketRow::open_now_at(name, seat));
        let mut links = venue.registrar.import(event, &sold, false).await?;
        let mut link = |(name, _seat): (&str, &str)| links.remove(name).unwrap_or_default();
        let ticket = register(venue, DeskCard::Holder, &link(HOLDERS)).await?;
        register(venue, DeskCard::Locked, &link(LOCKED)).await?;
        // Its owner mistyped the PIN three times since.
        let (mut hand, home) = (venue.control()?, Reader::Home.slot());
        hand.insert(home, DeskCard::Locked.character(), vec![Fault::TriesLeft(0)])?;
        hand.remove(home)?;
        gate.followed(&venue.registrar, event, FOLLOWS_WITHIN).await?;
        Ok(Self {
            lane: format!("{}/", gate.kiosk_address()),
            registration: link(VISITORS),
            visitors_seat: VISITORS.1,
            ticket,
            holders_seat: HOLDERS.1,
            console: format!("{}/console", venue.registrar.origin()),
            token_file: venue.registrar.token_file(),
        })
    }
}

/// Registers a card of the desk with a link, and gives its holder's.
async fn register(venue: &Venue, card: DeskCard, link: &str) -> Result<String, HarnessError> {
    let run = venue.register(card.character(), link).await?;
    let shape = || HarnessError::Shape { what: "a registration", text: run.problem().to_owned() };
    run.holder_link().filter(|_| run.success).map(str::to_owned).ok_or_else(shape)
}

/// A step of the tour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The lane's screen is opened.
    Lane,
    /// The holder enters.
    Holder,
    /// The same card again.
    Again,
    /// A copy of it.
    Copy,
    /// A card without a ticket.
    Stranger,
    /// A card whose PIN is locked.
    Locked,
    /// The visitor registers a ticket.
    Register,
    /// What the holder sees of a ticket.
    Ticket,
    /// What the operator sees.
    Console,
}

impl Step {
    /// In their order.
    pub(super) const ALL: [Self; 9] = [
        Self::Lane,
        Self::Holder,
        Self::Again,
        Self::Copy,
        Self::Stranger,
        Self::Locked,
        Self::Register,
        Self::Ticket,
        Self::Console,
    ];

    /// Its name in forms, anchors and words.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Lane => "lane",
            Self::Holder => "holder",
            Self::Again => "again",
            Self::Copy => "copy",
            Self::Stranger => "stranger",
            Self::Locked => "locked",
            Self::Register => "register",
            Self::Ticket => "ticket",
            Self::Console => "console",
        }
    }

    /// The step of this name.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    /// The card that it is about.
    pub(super) const fn card(self) -> Option<DeskCard> {
        match self {
            Self::Holder | Self::Again | Self::Ticket => Some(DeskCard::Holder),
            Self::Copy => Some(DeskCard::Copy),
            Self::Stranger => Some(DeskCard::Stranger),
            Self::Locked => Some(DeskCard::Locked),
            Self::Register => Some(DeskCard::Buyer),
            Self::Lane | Self::Console => None,
        }
    }

    /// The readers that its card goes into, in this order.
    pub(super) const fn readers(self) -> &'static [Reader] {
        match self {
            Self::Register => &[Reader::Home, Reader::Tray],
            Self::Ticket => &[Reader::Home],
            Self::Holder | Self::Again | Self::Copy | Self::Stranger | Self::Locked => &[Reader::Tray],
            Self::Lane | Self::Console => &[],
        }
    }

    /// The page that it begins with.
    pub(super) fn page(self, tour: &Tour) -> Option<&str> {
        match self {
            Self::Lane => Some(&tour.lane),
            Self::Register => Some(&tour.registration),
            Self::Ticket => Some(&tour.ticket),
            Self::Console => Some(&tour.console),
            Self::Holder | Self::Again | Self::Copy | Self::Stranger | Self::Locked => None,
        }
    }

    /// Whether the card helper is opened for it.
    pub(super) const fn has_helper(self) -> bool {
        matches!(self, Self::Register | Self::Ticket)
    }

    /// The link that the card helper is handed for it.
    pub(super) fn helper_link(self, tour: &Tour) -> Option<&str> {
        self.has_helper().then(|| self.page(tour)).flatten()
    }
}
