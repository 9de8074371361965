//! Claims decided on three boxes over three members of an etcd: members and boxes die at random, and one entry stays one.

mod crowd;
mod records;

use std::time::Duration;

use kido_tests::harness::{Arbiter, Etcd, EventOptions, FOLLOWS_WITHIN, Gate, HarnessError, TicketRow, Venue};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::chapter::{Chapter, asked, bind, link, welcome};

/// How long a gate may take to call itself offline: ten seconds without an answer, and some.
const OFFLINE_WITHIN: Duration = Duration::from_secs(40);

/// How long everything may take to find itself again.
const BACK_WITHIN: Duration = Duration::from_secs(60);

/// Whether there is an etcd here; says so where there is none.
fn installed(title: &'static str) -> anyhow::Result<bool> {
    if !Etcd::is_installed() {
        Chapter::skip(title, &std::io::Error::other("etcd-server is not installed: bash tests/install.sh"))?;
        return Ok(false);
    }
    Ok(true)
}

/// What stands in the venue.
struct Boxes {
    etcd: Etcd,
    arbiters: Vec<Arbiter>,
}

#[tokio::test(flavor = "multi_thread")]
async fn three_boxes_are_one_arbiter_and_lose_nothing_with_one_of_them() -> anyhow::Result<()> {
    if !installed("etcd")? {
        return Ok(());
    }
    let Some(mut chapter) = Chapter::open("etcd")? else { return Ok(()) };
    let venue = Venue::open(chapter.folder()).await?;
    let etcd = Etcd::start(3, chapter.folder()).await?;
    let event = venue.registrar.rehearsal(&EventOptions { arbiter: "venue", ..EventOptions::default() }).await?;
    let names = ["SHARED-1", "SHARED-2", "SHARED-3"];
    let links = venue.registrar.import(&event, &names.map(TicketRow::open_now), false).await?;
    let cards = [Character::Holder, Character::SecondHolder, Character::EndsSoon];
    for (card, name) in cards.into_iter().zip(names) {
        bind(&venue, card, link(&links, name)?).await?;
    }
    let mut boxes = Boxes { etcd, arbiters: Vec::new() };
    for number in 0..3 {
        boxes.arbiters.push(Arbiter::enrol_beside(&venue, &event, (&boxes.etcd, number == 0)).await?);
    }
    let mut gates = Vec::new();
    for slot in [0, 1] {
        gates.push(Gate::enrol(&venue, &event, "A", slot).await?);
    }
    let [first, second] = gates.as_mut_slice() else { anyhow::bail!("two gates") };
    at_two_boxes(&mut chapter, &venue, &mut boxes, (&event, [&mut *first, &mut *second])).await?;
    crowd::comes(&mut chapter, &venue, &mut boxes, &event).await?;
    without_two_of_three(&mut chapter, &venue, &mut boxes, [&mut *first, &mut *second]).await?;
    afterwards(&mut chapter, &venue, &boxes, (&event, first)).await;
    for mut gate in gates {
        gate.stop().await?;
    }
    for mut arbiter in boxes.arbiters {
        arbiter.stop().await?;
    }
    chapter.end()
}

/// What one box has granted, another one knows.
async fn at_two_boxes(
    chapter: &mut Chapter,
    venue: &Venue,
    boxes: &mut Boxes,
    (event, [first, second]): (&str, [&mut Gate; 2]),
) -> anyhow::Result<()> {
    let [one, other, third] = boxes.arbiters.as_mut_slice() else { anyhow::bail!("three boxes") };
    one.start().await?;
    for gate in [&mut *first, &mut *second] {
        gate.start().await?;
        gate.followed(&venue.registrar, event, FOLLOWS_WITHIN).await?;
    }
    chapter
        .step("one box of three is there: a holder enters", async {
            first.online(BACK_WITHIN).await?;
            welcome(&first.tap(venue, Character::Holder, Vec::new(), PIN).await?)
        })
        .await;
    one.kill().await?;
    other.start().await?;
    chapter
        .step("that box is killed, another one is there: the same ticket is refused at another gate", async {
            second.online(BACK_WITHIN).await?;
            let again = second.tap(venue, Character::Holder, Vec::new(), PIN).await?;
            asked("already_in", 18, "already_in").holds(&again)
        })
        .await;
    one.start().await?;
    third.start().await?;
    chapter
        .step("a doctor sees three members, one leader, and the history that the box decides on", async {
            let said = third.doctor().await?.to_string();
            anyhow::ensure!(said.contains("3 of 3 members answer here, 1 of them leads"), "{said}");
            anyhow::ensure!(said.contains("the history that this box decides on"), "{said}");
            anyhow::ensure!(said.contains("a plain file"), "how its keys are kept: {said}");
            Ok(())
        })
        .await;
    chapter
        .step("a box takes up no other etcd, empty or not, whatever it is told, and its own once more", async {
            let other = Etcd::start(1, &venue.folder().join("other")).await?;
            for begin in [false, true] {
                anyhow::ensure!(third.join(&other, begin).await.is_err(), "it joined another etcd");
            }
            Ok(third.join(&boxes.etcd, false).await?)
        })
        .await;
    Ok(())
}

/// Without a majority nobody guesses; with one again, nobody has to be called.
async fn without_two_of_three(
    chapter: &mut Chapter,
    venue: &Venue,
    boxes: &mut Boxes,
    [first, second]: [&mut Gate; 2],
) -> anyhow::Result<()> {
    let leader = boxes.etcd.leader().await?;
    let dead = [leader, (leader + 1) % 3];
    for number in dead {
        boxes.etcd.kill(number).await?;
    }
    chapter
        .step("two of three members are dead: the boxes cannot decide, one moment please", async {
            let tap = first.tap(venue, Character::SecondHolder, Vec::new(), PIN).await?;
            asked("one_moment", 31, "arbiter_silent").holds(&tap)
        })
        .await;
    chapter
        .step("ten seconds later the event's choice holds: refuse, and the lane closes", async {
            first.offline(OFFLINE_WITHIN).await?;
            anyhow::ensure!(first.closed(OFFLINE_WITHIN).await? == 32);
            Ok(())
        })
        .await;
    chapter
        .step("a doctor says that nothing can be decided", async {
            let said = boxes.arbiters.first().ok_or_else(|| anyhow::anyhow!("no box"))?.doctor().await?;
            let text = said.to_string();
            anyhow::ensure!(
                text.contains("nothing can be decided") && said.get("ready") == Some(&serde_json::Value::Bool(false)),
                "{text}"
            );
            Ok(())
        })
        .await;
    for number in dead {
        boxes.etcd.restart(number).await?;
    }
    chapter
        .step("the members are back, nobody touches a box or a gate: the waiting holder enters, once", async {
            first.online(BACK_WITHIN).await?;
            first.settled().await?;
            second.settled().await?;
            welcome(&second.tap(venue, Character::SecondHolder, Vec::new(), PIN).await?)?;
            for card in [Character::Holder, Character::SecondHolder] {
                let again = first.tap(venue, card, Vec::new(), PIN).await?;
                asked("already_in", 18, "already_in").holds(&again)?;
            }
            Ok(())
        })
        .await;
    Ok(())
}

async fn afterwards(chapter: &mut Chapter, venue: &Venue, boxes: &Boxes, (event, gate): (&str, &Gate)) {
    chapter
        .step("two admissions arrive, once each, and no conflict", async {
            for name in ["SHARED-1", "SHARED-2"] {
                let arrived = gate.uploaded(&venue.registrar, event, name, BACK_WITHIN).await?;
                anyhow::ensure!(arrived == 1, "{arrived} admissions of {name}");
            }
            let shown = venue.registrar.json(&["event", "show", event]).await?;
            let count = |what: &str| shown.pointer(&format!("/entries/{what}")).and_then(serde_json::Value::as_u64);
            anyhow::ensure!((count("admissions"), count("conflicts")) == (Some(2), Some(0)), "{shown}");
            Ok(())
        })
        .await;
    chapter
        .step(
            "a box beside these has to share their records, and one that is revoked leaves the others as they are",
            async {
                let alone = ["arbiter", "add", event, "--address", "http://127.0.0.1:9"];
                anyhow::ensure!(venue.registrar.json(&alone).await.is_err(), "a lone box was offered a place");
                let last = boxes.arbiters.last().ok_or_else(|| anyhow::anyhow!("no box"))?;
                let epoch = || async {
                    let listed = venue.registrar.json(&["arbiter", "list", event]).await?;
                    Ok::<_, HarnessError>(listed.pointer("/arbiters/0/epoch").cloned())
                };
                let before = epoch().await?;
                venue.registrar.json(&["arbiter", "revoke", event, last.id(), "--box-is-off"]).await?;
                anyhow::ensure!(epoch().await? == before, "the others' incarnation has changed");
                Ok(())
            },
        )
        .await;
}
