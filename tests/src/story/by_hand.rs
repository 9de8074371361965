//! The tour by hand: cards are put into the tray by typing their names.

use tokio::io::{AsyncBufReadExt as _, BufReader};

use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::harness::{Gate, HarnessError, Venue};

/// Stays up until Ctrl-C or the end of input.
pub(super) async fn tour(venue: &Venue, gate: &mut Gate, event: &str) -> Result<(), HarnessError> {
    println!("\nStill running; Ctrl-C ends everything.");
    println!("  registrar      {}/openapi.json   {}/healthz", venue.registrar.origin(), venue.registrar.origin());
    println!("  lane's screen  {}/events   (the page that draws it comes with the next version)", gate.kiosk_address());
    println!("  event          {event}");
    println!("  logs           {}", venue.logs().display());
    println!(
        "Type a card to put it into the tray (its PIN {PIN} is typed for it), such as: holder, second-holder, copy,"
    );
    println!("stranger, locked, one-try, no-pin, phone, slow, garbage. An empty line ends the tour.");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line.ok().flatten(),
            _interrupted = tokio::signal::ctrl_c() => None,
        };
        let Some(line) = line else {
            // Without a terminal there is nobody to type: stay until told to end.
            if tokio::signal::ctrl_c().await.is_ok() {
                println!();
            }
            return Ok(());
        };
        if line.trim().is_empty() {
            return Ok(());
        }
        match line.trim().parse::<Character>() {
            Ok(card) => match gate.tap(venue, card, Vec::new(), PIN).await {
                Ok(tap) => println!("  {}", super::told(&tap)),
                Err(error) => println!("  {error}"),
            },
            Err(unknown) => println!("  {unknown}"),
        }
    }
}
