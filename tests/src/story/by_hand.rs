//! The tour by hand: every page of Kido, and a desk that puts cards into the readers.

use tokio::io::{AsyncBufReadExt as _, BufReader};

use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::desk::{Desk, Signpost};
use crate::harness::{Gate, HarnessError, TicketRow, Venue};

/// A ticket that nobody has registered yet: the visitor's.
const VISITORS_TICKET: &str = "TICKET-VISITOR";

/// Stays up until Ctrl-C or the end of input.
pub(super) async fn tour(venue: &Venue, gate: &mut Gate, event: &str, holder: &str) -> Result<(), HarnessError> {
    let signs = signs(venue, gate, event, holder).await?;
    let desk = Desk::open(venue, signs.clone()).await?;
    println!("\nStill running; Ctrl-C ends everything. Begin at the desk, with a browser on this machine:\n");
    println!("  demo desk       {}", desk.address());
    for Signpost { name, address } in &signs {
        println!("  {:<15} {address}", told(name));
    }
    println!("\n  Every card's PIN is {PIN}. Event {event}; logs in {}.", venue.logs().display());
    println!(
        "Or type a card to tap it without a browser (its PIN is typed for it), such as: holder, second-holder, copy,"
    );
    println!("stranger, locked, one-try, no-pin, phone, slow, garbage. An empty line ends the tour.");
    by_typing(venue, gate).await
}

/// The three pages, each with what a visitor needs for it.
async fn signs(venue: &Venue, gate: &Gate, event: &str, holder: &str) -> Result<Vec<Signpost>, HarnessError> {
    let rows = [TicketRow::open_now(VISITORS_TICKET)];
    let links = venue.registrar.import(event, &rows, false).await?;
    let sign = |name, address: String| Signpost { name, address };
    Ok(vec![
        sign("buyer", super::link(&links, VISITORS_TICKET).to_owned()),
        sign("holder", holder.to_owned()),
        sign("gate", format!("{}/", gate.kiosk_address())),
    ])
}

fn told(name: &str) -> &'static str {
    match name {
        "buyer" => "buyer's link",
        "holder" => "holder's page",
        _ => "lane's screen",
    }
}

async fn by_typing(venue: &Venue, gate: &mut Gate) -> Result<(), HarnessError> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line.ok().flatten(),
            _interrupted = tokio::signal::ctrl_c() => {
                println!();
                return Ok(());
            }
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
