//! The tour by hand: tickets and cards that nobody has used yet, every page of Kido, and a desk that moves the cards.

use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::{Stage, say};
use crate::desk::{Desk, Tour};
use crate::harness::HarnessError;

impl Stage {
    /// Stays up for a tour by hand, until an empty line is typed.
    ///
    /// # Errors
    /// [`HarnessError`] where the tour cannot be laid out.
    pub async fn tour(&mut self) -> Result<(), HarnessError> {
        say("\nLaying out cards and tickets for a tour of your own.");
        let tour = Tour::lay_out(&self.venue, &self.gate, &self.event).await?;
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
