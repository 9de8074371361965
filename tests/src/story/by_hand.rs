//! The tour by hand: tickets and cards that nobody has used yet, every page of Kido, and a desk that moves the cards.

use kido_virtual_card::card::Fault;
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::{Stage, link, say, seat};
use crate::desk::{Desk, DeskCard, Tour};
use crate::harness::HarnessError;

/// A second ticket on the holder's card: the story has used the first.
const HOLDERS: (&str, &str) = ("TOUR-HOLDER", "1階 7列 12番");

/// The ticket on the card whose PIN is locked.
const LOCKED: (&str, &str) = ("TOUR-LOCKED", "1階 8列 2番");

/// The ticket that the visitor registers.
const VISITORS: (&str, &str) = ("TOUR-VISITOR", "2階 3列 15番");

/// The reader at home.
const HOME: u8 = 1;

impl Stage {
    /// Stays up for a tour by hand, until an empty line is typed.
    ///
    /// # Errors
    /// [`HarnessError`] where the tour cannot be laid out.
    pub async fn tour(&mut self) -> Result<(), HarnessError> {
        say("\nLaying out cards and tickets for a tour of your own.");
        let tour = self.lay_out().await?;
        let desk = Desk::open(&self.venue, tour.clone()).await?;
        say("\nStill running; Ctrl-C ends everything. Begin at the desk, with a browser on this machine: it leads");
        say("through all the others.\n");
        say(format_args!("  demo desk           {}", desk.address()));
        say(format_args!("  lane's screen       {}", tour.lane));
        say(format_args!("  buyer's page        {}   (seat {})", tour.registration, tour.visitors_seat));
        say(format_args!("  holder's page       {}   (seat {})", tour.ticket, tour.holders_seat));
        say(format_args!("  operator's console  {}", tour.console));
        say(format_args!("                      its token is the line in {}", tour.token_file.display()));
        say(format_args!("\n  Every card's PIN is {PIN}. Logs: {}", self.venue.logs().display()));
        say("Or type a card to tap it without a browser (its PIN is typed for it): holder, copy, stranger, one-try,");
        say("no-pin, phone, slow, garbage. An empty line ends the tour.");
        self.by_typing().await;
        Ok(())
    }

    /// Sells and registers what the visitor finds, and waits until the gate knows it.
    async fn lay_out(&mut self) -> Result<Tour, HarnessError> {
        let rows = [HOLDERS, LOCKED, VISITORS].map(|(name, label)| seat(name, label));
        let links = self.venue.registrar.import(&self.event, &rows, false).await?;
        let holder = self.venue.register(DeskCard::Holder.character(), link(&links, HOLDERS.0)).await?;
        let locked = self.venue.register(DeskCard::Locked.character(), link(&links, LOCKED.0)).await?;
        if let Some(run) = [&holder, &locked].into_iter().find(|run| !run.success) {
            return Err(HarnessError::Shape { what: "a registration", text: run.problem().to_owned() });
        }
        // Its owner mistyped the PIN three times since.
        let mut hand = self.venue.control()?;
        hand.insert(HOME, DeskCard::Locked.character(), vec![Fault::TriesLeft(0)])?;
        hand.remove(HOME)?;
        super::follow(&self.venue, &self.gate, &self.event).await?;
        let origin = self.venue.registrar.origin();
        Ok(Tour {
            lane: format!("{}/", self.gate.kiosk_address()),
            registration: link(&links, VISITORS.0).to_owned(),
            visitors_seat: VISITORS.1,
            ticket: holder.holder_link().unwrap_or_default().to_owned(),
            holders_seat: HOLDERS.1,
            console: format!("{origin}/console"),
            token_file: self.venue.registrar.token_file(),
        })
    }

    async fn by_typing(&mut self) {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line.trim().is_empty() {
                return;
            }
            match line.trim().parse::<Character>() {
                Ok(card) => match self.gate.tap(&self.venue, card, Vec::new(), PIN).await {
                    Ok(tap) => say(format_args!("  {}", super::told(&tap))),
                    Err(error) => say(format_args!("  {error}")),
                },
                Err(unknown) => say(format_args!("  {unknown}")),
            }
        }
        // Without a terminal there is nobody to type: stay until told to end.
        core::future::pending().await
    }
}
