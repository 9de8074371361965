//! The line is dead and somebody walks: the feed to the gates in a file, their journals back in others.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use kido_tests::harness::{EventOptions, FOLLOWS_WITHIN, Gate, OfflineChoice, TicketRow, Venue, free_port, wait_for};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;
use serde_json::Value;

use crate::chapter::{Chapter, bind, link, unasked, welcome};
use crate::proxy::Proxy;

/// How long a gate may take to call itself offline: ten seconds without an answer, and some.
const OFFLINE_WITHIN: Duration = Duration::from_secs(40);

/// How long a gate may take to notice that the line is back, and to bring everything home.
const BACK_WITHIN: Duration = Duration::from_secs(60);

/// The stick, and who is who.
struct Evening {
    venue: Venue,
    proxy: Proxy,
    event: String,
    other: String,
    stick: PathBuf,
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_line_feed_and_journals_are_carried_and_each_entry_counts_once() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("carried")? else { return Ok(()) };
    let evening = evening(&chapter).await?;
    let mut first = started(&evening, 0).await?;
    let mut second = started(&evening, 1).await?;
    // Nobody listens there: the line of both gates is dead, the registrar is not.
    evening.proxy.to(&format!("http://127.0.0.1:{}", free_port()?));
    journals(&mut chapter, &evening, [&mut first, &mut second]).await;
    refused_journals(&mut chapter, &evening).await;
    feed(&mut chapter, &evening, &mut first).await;
    refused_feeds(&mut chapter, &evening, &first).await;
    at_a_stopped_gate(&mut chapter, &evening, &mut second).await;
    back(&mut chapter, &evening, [&first, &second]).await;
    first.stop().await?;
    second.stop().await?;
    chapter.end()
}

async fn evening(chapter: &Chapter) -> anyhow::Result<Evening> {
    let proxy = Proxy::start().await?;
    let venue = Venue::open_behind(chapter.folder(), proxy.origin()).await?;
    proxy.to(&venue.registrar.origin());
    let options = EventOptions { offline: OfflineChoice::Admit, ..EventOptions::default() };
    let event = venue.registrar.rehearsal(&options).await?;
    let other = venue.registrar.rehearsal(&options).await?;
    let rows = ["HOLDER-01", "SECOND-01"].map(TicketRow::open_now);
    let links = venue.registrar.import(&event, &rows, false).await?;
    for (card, name) in [(Character::Holder, "HOLDER-01"), (Character::SecondHolder, "SECOND-01")] {
        bind(&venue, card, link(&links, name)?).await?;
    }
    let stick = chapter.folder().join("stick");
    std::fs::create_dir(&stick)?;
    Ok(Evening { venue, proxy, event, other, stick })
}

async fn started(evening: &Evening, slot: u8) -> anyhow::Result<Gate> {
    let mut gate = Gate::enrol(&evening.venue, &evening.event, "A", slot).await?;
    gate.start().await?;
    gate.followed(&evening.venue.registrar, &evening.event, FOLLOWS_WITHIN).await?;
    Ok(gate)
}

impl Evening {
    fn file(&self, name: &str) -> anyhow::Result<String> {
        Ok(self.stick.join(name).to_str().context("a path in UTF-8")?.to_owned())
    }

    /// A file with its last byte missing, and one with a byte in its middle turned.
    fn spoilt(&self, name: &str) -> anyhow::Result<[(&'static str, String); 2]> {
        let bytes = std::fs::read(self.stick.join(name))?;
        let (cut, altered) = (self.file(&format!("{name}-cut"))?, self.file(&format!("{name}-altered"))?);
        std::fs::write(&cut, bytes.split_last().context("an empty file")?.1)?;
        let mut turned = bytes;
        let middle = turned.len() / 2;
        *turned.get_mut(middle).context("an empty file")? ^= 1;
        std::fs::write(&altered, turned)?;
        Ok([("cut", cut), ("altered", altered)])
    }

    async fn bring(&self, event: &str, file: &str) -> anyhow::Result<Value> {
        Ok(self.venue.registrar.json(&["admissions", "import-journal", event, file]).await?)
    }

    /// Admissions and conflicts of the evening.
    async fn entries(&self) -> anyhow::Result<(u64, u64)> {
        let shown = self.venue.registrar.json(&["event", "show", &self.event]).await?;
        let count = |what: &str| shown.pointer(&format!("/entries/{what}")).and_then(Value::as_u64).context("no count");
        Ok((count("admissions")?, count("conflicts")?))
    }
}

fn counts(taken: &Value) -> Vec<u64> {
    let count = |what| taken.get(what).and_then(Value::as_u64).unwrap_or(u64::MAX);
    ["stored", "repeated", "conflicts"].map(count).to_vec()
}

async fn journals(chapter: &mut Chapter, evening: &Evening, [first, second]: [&mut Gate; 2]) {
    chapter
        .step("a gate without its line admits, and its journal is written out while its lane is open", async {
            first.offline(OFFLINE_WITHIN).await?;
            let nothing = first.told(&["journal", "export", &evening.file("nothing")?]).await?;
            anyhow::ensure!(nothing.contains("Nothing waits") && !evening.stick.join("nothing").exists(), "{nothing}");
            welcome(&first.tap(&evening.venue, Character::Holder, Vec::new(), PIN).await?)?;
            let file = evening.file("first.journal")?;
            let said = first.told(&["journal", "export", &file]).await?;
            anyhow::ensure!(said.contains("1 admissions"), "{said}");
            let again = first.refused(&["journal", "export", &file]).await?;
            anyhow::ensure!(again.contains("something is there already"), "{again}");
            Ok(first.settled().await?)
        })
        .await;
    chapter
        .step("the registrar takes it, once however often it is brought", async {
            let file = evening.file("first.journal")?;
            for expected in [[1, 0, 0], [0, 1, 0]] {
                let taken = evening.bring(&evening.event, &file).await?;
                anyhow::ensure!(counts(&taken) == expected, "{taken}");
            }
            anyhow::ensure!(evening.venue.registrar.admitted(&evening.event, "HOLDER-01").await? == 1);
            Ok(())
        })
        .await;
    chapter
        .step("somebody who got in at a second gate without a line is one conflict, shown once", async {
            second.offline(OFFLINE_WITHIN).await?;
            welcome(&second.tap(&evening.venue, Character::Holder, Vec::new(), PIN).await?)?;
            let file = evening.file("second.journal")?;
            second.told(&["journal", "export", &file]).await?;
            for (name, expected) in
                [("second.journal", [0, 0, 1]), ("first.journal", [0, 1, 0]), ("second.journal", [0, 1, 0])]
            {
                let taken = evening.bring(&evening.event, &evening.file(name)?).await?;
                anyhow::ensure!(counts(&taken) == expected, "{name}: {taken}");
            }
            anyhow::ensure!(evening.entries().await? == (2, 1));
            Ok(())
        })
        .await;
}

async fn refused_journals(chapter: &mut Chapter, evening: &Evening) {
    chapter
        .step("a journal for another event, half a journal and an altered one are refused whole", async {
            let file = evening.file("first.journal")?;
            let refused = evening.bring(&evening.other, &file).await;
            let said = refused.err().context("another event's was taken")?.to_string();
            anyhow::ensure!(said.contains("other_event") && said.contains(&evening.event), "{said}");
            for (what, spoilt) in evening.spoilt("first.journal")? {
                let said = evening.bring(&evening.event, &spoilt).await.err().context(what)?.to_string();
                anyhow::ensure!(said.contains("cut short or altered") || said.contains("has not signed"), "{said}");
            }
            anyhow::ensure!(evening.entries().await? == (2, 1));
            Ok(())
        })
        .await;
}

async fn feed(chapter: &mut Chapter, evening: &Evening, gate: &mut Gate) {
    let registrar = &evening.venue.registrar;
    chapter
        .step("a suspension is carried to a gate without a line, and that card is sent to the desk", async {
            let before = gate.followed_to()?;
            registrar.json(&["feed", "export", &evening.event, &evening.file("older.feed")?]).await?;
            registrar.json(&["tickets", "suspend", &evening.event, "SECOND-01"]).await?;
            let file = evening.file("evening.feed")?;
            let exported = registrar.json(&["feed", "export", &evening.event, &file]).await?;
            let again = registrar.json(&["feed", "export", &evening.event, &file]).await;
            anyhow::ensure!(again.is_err_and(|error| error.to_string().contains("something is there already")));
            let said = gate.told(&["import", &file]).await?;
            let records = exported.get("records").and_then(Value::as_u64).context("no count")?;
            anyhow::ensure!(records > before && said.contains(&format!("{records} in all")), "{said}");
            let tap = gate.tap(&evening.venue, Character::SecondHolder, Vec::new(), PIN).await?;
            unasked("desk", 10, "suspended").holds(&tap)
        })
        .await;
    chapter
        .step("the same file again and an older one change nothing, and say so", async {
            let again = gate.told(&["import", &evening.file("evening.feed")?]).await?;
            anyhow::ensure!(again.contains("Nothing new"), "{again}");
            let older = gate.told(&["import", &evening.file("older.feed")?]).await?;
            anyhow::ensure!(older.contains("older than what is known here"), "{older}");
            Ok(())
        })
        .await;
}

async fn refused_feeds(chapter: &mut Chapter, evening: &Evening, gate: &Gate) {
    chapter
        .step("half a feed, an altered one, another event's and a journal are refused, and the lane goes on", async {
            let registrar = &evening.venue.registrar;
            registrar.import(&evening.event, &[TicketRow::open_now("LATER-01")], false).await?;
            registrar.json(&["feed", "export", &evening.event, &evening.file("later.feed")?]).await?;
            registrar.json(&["feed", "export", &evening.other, &evening.file("other.feed")?]).await?;
            for (what, spoilt) in evening.spoilt("later.feed")? {
                let said = gate.refused(&["import", &spoilt]).await?;
                let why = if what == "cut" { "not complete" } else { "refused" };
                anyhow::ensure!(said.contains(why), "{what}: {said}");
            }
            let foreign = gate.refused(&["import", &evening.file("other.feed")?]).await?;
            anyhow::ensure!(foreign.contains(&evening.other) && foreign.contains(&evening.event), "{foreign}");
            let journal = gate.refused(&["import", &evening.file("first.journal")?]).await?;
            anyhow::ensure!(journal.contains("no feed file"), "{journal}");
            let said = gate.told(&["import", &evening.file("later.feed")?]).await?;
            anyhow::ensure!(said.contains("Taken"), "after all that it is the first to bring something: {said}");
            Ok(())
        })
        .await;
}

async fn at_a_stopped_gate(chapter: &mut Chapter, evening: &Evening, gate: &mut Gate) {
    chapter
        .step("a gate that is switched off takes a file, too, and knows it when it starts", async {
            gate.stop().await?;
            let said = gate.told(&["import", &evening.file("later.feed")?]).await?;
            anyhow::ensure!(said.contains("Taken"), "{said}");
            let file = evening.file("second-again.journal")?;
            gate.told(&["journal", "export", &file]).await?;
            gate.start().await?;
            let tap = gate.tap(&evening.venue, Character::SecondHolder, Vec::new(), PIN).await?;
            unasked("desk", 10, "suspended").holds(&tap)?;
            let taken = evening.bring(&evening.event, &file).await?;
            anyhow::ensure!(counts(&taken) == [0, 1, 0], "{taken}");
            // The first run's file once more, behind that of the second.
            evening.bring(&evening.event, &evening.file("second.journal")?).await?;
            Ok(())
        })
        .await;
}

async fn back(chapter: &mut Chapter, evening: &Evening, gates: [&Gate; 2]) {
    chapter
        .step(
            "back on line the gates tell the same again, nothing counts twice, and nobody is taken for a copy",
            async {
                let registrar = &evening.venue.registrar;
                evening.proxy.to(&registrar.origin());
                for gate in gates {
                    gate.online(BACK_WITHIN).await?;
                    gate.logs("facts uploaded", 0, BACK_WITHIN).await?;
                    delivered(gate, &evening.stick).await?;
                }
                anyhow::ensure!(evening.entries().await? == (2, 1), "{:?}", evening.entries().await?);
                let listed = registrar.json(&["gate", "list", &evening.event]).await?;
                let listed = listed.get("gates").and_then(Value::as_array).context("no gates")?;
                let revoked = listed.iter().any(|gate| gate.get("revoked") != Some(&Value::Bool(false)));
                anyhow::ensure!(listed.len() == 2 && !revoked, "{listed:?}");
                Ok(())
            },
        )
        .await;
}

/// Waits until nothing of a gate's journal waits for the registrar.
async fn delivered(gate: &Gate, stick: &Path) -> anyhow::Result<()> {
    let file = stick.join("afterwards");
    let name = file.to_str().context("a path in UTF-8")?;
    let looked = async || {
        let said = gate.told(&["journal", "export", name]).await?;
        let waits = file.exists();
        if waits {
            std::fs::remove_file(&file)
                .map_err(|source| kido_tests::harness::HarnessError::File { path: file.clone(), source })?;
        }
        Ok((!waits && said.contains("Nothing waits")).then_some(()))
    };
    Ok(wait_for("the journal to be at home", BACK_WITHIN, looked).await?)
}
