//! The key of a feed changes: for gates on line, away and late, for a box in the venue, and because it was stolen.

use std::time::Duration;

use anyhow::Context as _;
use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_tests::harness::{Arbiter, EventOptions, FOLLOWS_WITHIN, Gate, Registrar, TicketRow, Venue, wait_for};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;
use serde_json::Value;

use crate::chapter::{Chapter, bind, link, welcome};

/// How long the key lasts that is to end while a gate is away: long enough to be followed once.
const SHORT_KEY_S: i64 = 30;

/// How long it may take until that has passed.
const ENDED_WITHIN: Duration = Duration::from_secs(60);

/// What whoever has heard of the revocation says of a head under a stolen key, and of its old statement.
const REVOKED: &str = "the feed key was revoked by the root key";

/// An evening on which keys change.
struct Evening {
    venue: Venue,
    event: String,
    links: std::collections::BTreeMap<String, String>,
    root: String,
    arbiter: Arbiter,
    here: Gate,
    late: Gate,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_gets_another_key_and_everybody_goes_on_but_the_thief_of_an_old_one() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("rotation")? else { return Ok(()) };
    let mut evening = evening(&chapter).await?;
    let old_feed = path(&chapter, "old.feed")?;
    evening.venue.registrar.json(&["feed", "export", &evening.event, &old_feed]).await?;
    on_line(&mut chapter, &mut evening).await;
    late(&mut chapter, &mut evening).await;
    stolen(&mut chapter, &mut evening, &old_feed).await?;
    evening.here.stop().await?;
    evening.late.stop().await?;
    evening.arbiter.stop().await?;
    chapter.end()
}

fn path(chapter: &Chapter, name: &str) -> anyhow::Result<String> {
    Ok(chapter.folder().join(name).to_str().context("a path in UTF-8")?.to_owned())
}

async fn evening(chapter: &Chapter) -> anyhow::Result<Evening> {
    let venue = Venue::open(chapter.folder()).await?;
    let event = venue.registrar.rehearsal(&EventOptions { arbiter: "venue", ..EventOptions::default() }).await?;
    let names = ["ROTATED-1", "ROTATED-2", "ROTATED-3"];
    let links = venue.registrar.import(&event, &names.map(TicketRow::open_now), false).await?;
    let mut arbiter = Arbiter::enrol(&venue, &event).await?;
    arbiter.start().await?;
    let here = Gate::started(&venue, &event, 0).await?;
    let mut late = Gate::started(&venue, &event, 1).await?;
    late.stop().await?;
    let root = path(chapter, "root.key")?;
    Ok(Evening { venue, event, links, root, arbiter, here, late })
}

impl Evening {
    async fn rotate(&self, more: &[&str]) -> anyhow::Result<Value> {
        let order = ["key", "rotate", self.event.as_str(), "--root-key", self.root.as_str()];
        Ok(self.venue.registrar.json(&[order.as_slice(), more].concat()).await?)
    }

    /// Binds a ticket to a card and lets it in through that gate: the gate and the box have heard of both.
    async fn enters(&mut self, name: &str, card: Character, late: bool) -> anyhow::Result<()> {
        bind(&self.venue, card, link(&self.links, name)?).await?;
        let length = self.venue.registrar.feed_length(&self.event).await?;
        self.arbiter.followed(length, FOLLOWS_WITHIN).await?;
        let gate = if late { &mut self.late } else { &mut self.here };
        gate.followed(&self.venue.registrar, &self.event, FOLLOWS_WITHIN).await?;
        welcome(&gate.tap(&self.venue, card, Vec::new(), PIN).await?)
    }

    async fn keys(&self) -> anyhow::Result<Vec<Value>> {
        let listed = self.venue.registrar.json(&["key", "list", &self.event]).await?;
        let keys = listed.pointer("/events/0/keys").and_then(Value::as_array);
        keys.cloned().with_context(|| listed.to_string())
    }
}

async fn on_line(chapter: &mut Chapter, evening: &mut Evening) {
    chapter
        .step("a gate on line and a box in the venue go on through a change of key", async {
            evening.rotate(&[]).await?;
            anyhow::ensure!(evening.keys().await?.len() == 2);
            evening.enters("ROTATED-1", Character::Holder, false).await
        })
        .await;
    chapter
        .step("both know the new key when they start anew", async {
            evening.here.stop().await?;
            evening.arbiter.stop().await?;
            evening.arbiter.start().await?;
            evening.here.start().await?;
            evening.enters("ROTATED-2", Character::SecondHolder, false).await
        })
        .await;
}

async fn late(chapter: &mut Chapter, evening: &mut Evening) {
    chapter
        .step("a key that nobody replaced in time ends, and the one after it is followed all the same", async {
            let until = SystemClock.now().unix_seconds() + SHORT_KEY_S;
            evening.rotate(&["--until", &rfc3339(until)?]).await?;
            evening.here.followed(&evening.venue.registrar, &evening.event, FOLLOWS_WITHIN).await?;
            let over = || (SystemClock.now() > Timestamp::from_unix_seconds(until)).then_some(());
            wait_for("the end of a key", ENDED_WITHIN, async || Ok(over())).await?;
            evening.rotate(&[]).await?;
            Ok(evening.here.followed(&evening.venue.registrar, &evening.event, FOLLOWS_WITHIN).await?)
        })
        .await;
    chapter
        .step("a gate that was away through all of it comes back by the root's word", async {
            evening.late.start().await?;
            evening.enters("ROTATED-3", Character::EndsSoon, true).await
        })
        .await;
}

async fn stolen(chapter: &mut Chapter, evening: &mut Evening, old_feed: &str) -> anyhow::Result<()> {
    evening.venue.registrar.stop().await?;
    let mut thief = thief(chapter, &evening.venue.registrar)?;
    evening.venue.registrar.start().await?;
    chapter
        .step("a stolen key is revoked: gates and the box hear of it, and go on", async {
            evening.rotate(&["--revoke-older"]).await?;
            let revoked = |key: &Value| key.get("revoked").and_then(Value::as_bool) == Some(true);
            let keys = evening.keys().await?;
            anyhow::ensure!(keys.iter().filter(|key| revoked(key)).count() + 1 == keys.len(), "{keys:?}");
            let length = evening.venue.registrar.feed_length(&evening.event).await?;
            evening.arbiter.followed(length, FOLLOWS_WITHIN).await?;
            for gate in [&evening.here, &evening.late] {
                gate.followed(&evening.venue.registrar, &evening.event, FOLLOWS_WITHIN).await?;
            }
            Ok(())
        })
        .await;
    evening.venue.registrar.stop().await?;
    thief.start().await?;
    chapter
        .step("whoever has the stolen key and all else of the registrar from before tells gates nothing more", async {
            let said = async || Ok(evening.here.log()?.contains(REVOKED).then_some(()));
            Ok(wait_for("the gate to refuse the stolen key", FOLLOWS_WITHIN, said).await?)
        })
        .await;
    thief.stop().await?;
    evening.venue.registrar.start().await?;
    chapter
        .step("nor does a feed file from before", async {
            let refused = evening.here.refused(&["import", old_feed]).await?;
            anyhow::ensure!(refused.contains(REVOKED), "{refused}");
            Ok(())
        })
        .await;
    chapter
        .step("the registrar is back, and is believed", async {
            evening.venue.registrar.json(&["event", "update", &evening.event, "--offline", "admit"]).await?;
            Ok(evening.here.followed(&evening.venue.registrar, &evening.event, FOLLOWS_WITHIN).await?)
        })
        .await;
    Ok(())
}

/// Another machine with everything that the registrar's disk holds now, in its place on the line.
fn thief(chapter: &Chapter, registrar: &Registrar) -> anyhow::Result<Registrar> {
    let origin = registrar.origin();
    let port = origin.rsplit(':').next().context("a port")?.parse()?;
    Ok(registrar.restored(&chapter.folder().join("thief"), port)?)
}

fn rfc3339(seconds: i64) -> anyhow::Result<String> {
    let moment = time::OffsetDateTime::from_unix_timestamp(seconds)?;
    Ok(moment.format(&time::format_description::well_known::Rfc3339)?)
}
