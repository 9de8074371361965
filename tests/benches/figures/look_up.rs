//! Look-up and unseal alone: does a gate of a stadium answer as fast as that of a theatre?

use std::time::{Duration, Instant};

use kido_gate::replica::Replica;
use kido_shared::certificate::PlacedKey;
use kido_shared::ids::EventId;
use kido_shared::keys::GateSubkeys;
use rand::rngs::OsRng;
use serde_json::json;

use crate::Scale;
use crate::event::MadeEvent;
use crate::machine::{self, Times};
use crate::report::{Reach, Row, Yardstick, rounded};

const FEW: usize = 10_000;
const MANY: usize = 1_000_000;
/// Cards that are looked up, spread over the whole feed.
const SAMPLES: usize = 2_048;
/// Rounds over all of them; the two replicas take turns.
const ROUNDS: usize = 8;

/// A filled replica, and cards that are in it.
struct Filled {
    replica: Replica,
    cards: Vec<PlacedKey>,
    event: EventId,
    subkeys: GateSubkeys,
    made: Duration,
    stored: Duration,
}

pub(crate) fn measure(scale: Scale) -> anyhow::Result<Vec<Row>> {
    let folder = machine::scratch()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fill = |name: &str, tickets: usize| -> anyhow::Result<Filled> {
        let begun = Instant::now();
        let mut event = MadeEvent::begin(2)?;
        let cards = event.bind_random(tickets, SAMPLES)?;
        let made = begun.elapsed();
        let replica = Replica::open(&folder.path().join(name), event.followed())?;
        let begun = Instant::now();
        event.fill(&replica, &runtime)?;
        let stored = begun.elapsed();
        let (event, subkeys) = (event.event, event.subkeys.clone());
        Ok(Filled { replica, cards, event, subkeys, made, stored })
    };
    let few = fill("few", scale.of(FEW))?;
    let many = fill("many", scale.of(MANY))?;
    for filled in [&few, &many] {
        round(filled, &mut Times::default())?;
    }
    let (mut of_few, mut of_many) = (Times::default(), Times::default());
    for _round in 0..ROUNDS {
        round(&few, &mut of_few)?;
        round(&many, &mut of_many)?;
    }
    let mut details = serde_json::Map::new();
    let (few_tickets, many_tickets) = (scale.of(FEW), scale.of(MANY));
    for (name, tickets, filled, times) in [("few", few_tickets, &few, &of_few), ("many", many_tickets, &many, &of_many)]
    {
        details.insert(
            name.to_owned(),
            json!({
                "tickets": tickets,
                "p50_us": rounded(times.percentile_us(50)),
                "p99_us": rounded(times.percentile_us(99)),
                "mean_us": rounded(times.mean_us()),
                "feed_made_s": rounded(filled.made.as_secs_f64()),
                "replica_filled_s": rounded(filled.stored.as_secs_f64()),
            }),
        );
    }
    let ratio = of_many.percentile_us(50) / of_few.percentile_us(50);
    details.insert("ratio_of_means".to_owned(), rounded(of_many.mean_us() / of_few.mean_us()));
    let bare_us = bare(&many)?.percentile_us(50);
    few.replica.close()?;
    many.replica.close()?;
    Ok(vec![Row {
        name: "look-up",
        what: format!("look-up and unseal, {many_tickets} against {few_tickets} tickets (medians)"),
        figure: ratio,
        unit: "×",
        reach: Reach::AtMost(1.5),
        yardstick: Yardstick { what: "tag and unseal in memory, no replica", figure: bare_us, unit: "µs" },
        ratio: of_many.percentile_us(50) / bare_us,
        details,
    }])
}

/// What no look-up can do without: the tag out of the window, the key out of its seal.
fn bare(filled: &Filled) -> anyhow::Result<Times> {
    let Filled { cards, event, subkeys, .. } = filled;
    let mut times = Times::default();
    for card in cards {
        let (tag, sealed) = card.bind(event, &subkeys.tag, &subkeys.seal, &mut OsRng);
        let begun = Instant::now();
        let again = card.window().tag(&subkeys.tag);
        let key = sealed.open(event, &again, card.window(), &subkeys.seal)?;
        times.add(begun.elapsed());
        anyhow::ensure!(tag == again && key == *card.key(), "another key came out");
    }
    Ok(times)
}

fn round(filled: &Filled, times: &mut Times) -> anyhow::Result<()> {
    for card in &filled.cards {
        let begun = Instant::now();
        let found = filled.replica.look_up(card.window())?;
        times.add(begun.elapsed());
        anyhow::ensure!(found.key.as_ref() == Some(card.key()), "another key came out");
    }
    Ok(())
}
