//! A feed that is not to be believed: the gate keeps what it has, says why, and goes on when the truth is back.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use kido_gate::identity::{DataFolder, Identity};
use kido_gate::replica::Replica;
use kido_shared::clock::{Clock as _, ManualClock};
use kido_shared::refusal::Refusal;
use kido_shared::verdict::{Connectivity, Here, Verdict, decide};
use kido_tests::harness::{EventOptions, FOLLOWS_WITHIN, Gate, TicketRow, Venue, free_port, wait_for};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted::PIN;

use crate::chapter::{Chapter, asked, bind, link, unasked, welcome};
use crate::proxy::{Lie, Proxy};

/// How long a gate may take to notice a lie: it polls every second, for this proxy lets no stream through, and waits up to
/// half a minute after failures.
const NOTICED_WITHIN: Duration = Duration::from_secs(45);

/// How long a card may lie in the tray of a closed lane before nothing can be expected to happen any more.
const NOTHING_HAPPENS: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_lies_changes_nothing_at_the_gate() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("feed")? else { return Ok(()) };
    let proxy = Proxy::start().await?;
    let mut venue = Venue::open_behind(chapter.folder(), proxy.origin()).await?;
    proxy.to(&venue.registrar.origin());
    let event = venue.registrar.rehearsal(&EventOptions::default()).await?;
    let other = venue.registrar.rehearsal(&EventOptions::default()).await?;
    let names = ["FIRST-01", "SECOND-01", "THIRD-01"];
    let rows: Vec<TicketRow> = names.into_iter().map(TicketRow::open_now).collect();
    let links = venue.registrar.import(&event, &rows, false).await?;
    // A longer history than this event has by the time it is shown: else it would merely be too short.
    let rows: Vec<TicketRow> = (0..60).map(|number| TicketRow::open_now(&format!("OTHER-{number:02}"))).collect();
    venue.registrar.import(&other, &rows, false).await?;
    for (card, name) in
        [(Character::Holder, "FIRST-01"), (Character::SecondHolder, "SECOND-01"), (Character::Stranger, "THIRD-01")]
    {
        bind(&venue, card, link(&links, name)?).await?;
    }
    let mut gate = Gate::started(&venue, &event, 0).await?;
    let old_head = head(&venue, &event).await?;
    news(&venue, &event, 0).await?;
    gate.followed(&venue.registrar, &event, FOLLOWS_WITHIN).await?;

    let lies = [
        ("altered records", Lie::AlteredRecords, "the chain differs from the signed one"),
        ("an altered head", Lie::AlteredHead, "no signature of a key that may sign it"),
        ("a shortened history", Lie::OldHead(old_head), "a history of"),
        ("another event's head", Lie::OtherEvent(other), "belongs to another event"),
    ];
    for (turn, (what, lie, why)) in lies.into_iter().enumerate() {
        let told = format!("{what}: refused, nothing changed, and the truth is followed when it is back");
        chapter.step(&told, refuses(&venue, &proxy, &gate, (lie, why, turn + 1))).await;
    }
    chapter
        .step("with a feed that lies the gate goes on with what it has", async {
            proxy.tell(Lie::AlteredHead);
            let tap = gate.tap(&venue, Character::Holder, Vec::new(), PIN).await;
            proxy.tell(Lie::Honest);
            welcome(&tap?)
        })
        .await;
    forked(&mut chapter, &mut venue, &proxy, &gate, &event).await;
    revoked(&mut chapter, &venue, &proxy, &mut gate).await;
    gate.stop().await?;
    expired(&mut chapter, &venue, &gate).await;
    chapter.end()
}

/// One more thing that the gate should learn.
async fn news(venue: &Venue, event: &str, turn: usize) -> anyhow::Result<()> {
    venue.registrar.import(event, &[TicketRow::open_now(&format!("NEWS-{turn:02}"))], false).await?;
    Ok(())
}

async fn head(venue: &Venue, event: &str) -> anyhow::Result<Vec<u8>> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("{}/api/v1/events/{event}/feed/head", venue.registrar.origin());
    Ok(http.get(url).send().await?.error_for_status()?.bytes().await?.to_vec())
}

const NOT_TAKEN: &str = "the feed was not taken";

async fn refuses(
    venue: &Venue,
    proxy: &Proxy,
    gate: &Gate,
    (lie, why, turn): (Lie, &str, usize),
) -> anyhow::Result<()> {
    let (before, logged) = (gate.followed_to()?, gate.log_lines(NOT_TAKEN)?.len());
    proxy.tell(lie);
    let refused = async {
        news(venue, gate.event(), turn).await?;
        let said = wait_for("the reason in the gate's log", NOTICED_WITHIN, async || {
            let lines = gate.log_lines(NOT_TAKEN)?;
            Ok(lines.into_iter().skip(logged).find(|line| line.to_string().contains(why)))
        });
        said.await?;
        anyhow::ensure!(gate.followed_to()? == before, "{} records, where {before} were known", gate.followed_to()?);
        anyhow::Ok(())
    };
    let refused = refused.await;
    proxy.tell(Lie::Honest);
    refused?;
    Ok(gate.followed(&venue.registrar, gate.event(), FOLLOWS_WITHIN).await?)
}

/// A registrar restored from a backup signs another history with the same key.
async fn forked(chapter: &mut Chapter, venue: &mut Venue, proxy: &Proxy, gate: &Gate, event: &str) {
    chapter
        .step("a forked history, signed with the true key: refused", async {
            venue.registrar.stop().await?;
            let mut backup = venue.registrar.restored(&venue.folder().join("registrar-restored"), free_port()?)?;
            venue.registrar.start().await?;
            backup.start().await?;
            news(venue, event, 11).await?;
            gate.followed(&venue.registrar, event, FOLLOWS_WITHIN).await?;
            let rows: Vec<_> = (0..4).map(|number| TicketRow::open_now(&format!("FORKED-{number}"))).collect();
            backup.import(event, &rows, false).await?;
            let (true_length, forked_length) =
                (venue.registrar.feed_length(event).await?, backup.feed_length(event).await?);
            anyhow::ensure!(forked_length > true_length, "the fork has {forked_length} records of {true_length}");
            let lie = Lie::Elsewhere(backup.origin());
            let outcome = refuses(venue, proxy, gate, (lie, "the chain differs from the signed one", 12)).await;
            backup.stop().await?;
            outcome
        })
        .await;
}

async fn revoked(chapter: &mut Chapter, venue: &Venue, proxy: &Proxy, gate: &mut Gate) {
    chapter
        .step("a revoked gate that was not told: its claim is refused, its lane stays shut", async {
            proxy.tell(Lie::Withheld);
            let (event, id) = (gate.event().to_owned(), gate.id().to_owned());
            venue.registrar.json(&["gate", "revoke", &event, &id]).await?;
            let tap = gate.tap(venue, Character::SecondHolder, Vec::new(), PIN).await?;
            asked("one_moment", 31, "arbiter_silent").holds(&tap)?;
            let refusals = gate.log_lines("the arbiter refuses this gate")?;
            anyhow::ensure!(refusals.iter().any(|line| line.to_string().contains("gate_revoked")), "{refusals:?}");
            let admitted = venue.registrar.admitted(&event, "SECOND-01").await?;
            anyhow::ensure!(admitted == 0, "{admitted} admissions");
            Ok(())
        })
        .await;
    chapter
        .step("told at last, it closes its lane, and reads no card any more", async {
            proxy.tell(Lie::Honest);
            anyhow::ensure!(gate.closed(FOLLOWS_WITHIN).await? == 33);
            let before = venue.asked(Character::SecondHolder)?.len();
            venue.control()?.insert(gate.slot(), Character::SecondHolder, Vec::new())?;
            tokio::time::sleep(NOTHING_HAPPENS).await;
            let screen = gate.kiosk()?.current().await?;
            venue.control()?.remove(gate.slot())?;
            anyhow::ensure!(screen.kind() == "out_of_order", "{screen:?}");
            anyhow::ensure!(venue.asked(Character::SecondHolder)?.len() == before);
            Ok(())
        })
        .await;
}

/// Time cannot be moved under running programs, so the gate's own replica is opened here, in this process, with a clock
/// of its own and the registrar's own head.
async fn expired(chapter: &mut Chapter, venue: &Venue, gate: &Gate) {
    chapter
        .step("an expired head: known to be old, gone on with, and at the event's limit no longer", async {
            let folder = DataFolder::at(gate.folder());
            let identity = Identity::load(&folder)?;
            let replica = Replica::open(&folder.replica(), identity.followed())?;
            let bytes = head(venue, gate.event()).await?;
            let issued_at = replica.standing().head.context("no head was kept")?.issued_at;
            let clock = ManualClock::at(issued_at);
            clock.advance(Duration::from_secs(60));
            let verified = replica.verify_head(&bytes, clock.now())?;
            anyhow::ensure!(!verified.is_expired(clock.now()), "fresh");
            clock.advance(Duration::from_secs(20 * 60));
            let verified = replica.verify_head(&bytes, clock.now())?;
            anyhow::ensure!(verified.is_expired(clock.now()), "recognised");
            anyhow::ensure!(replica.begin(&verified).is_ok(), "and still a way to go on");
            let standing = replica.standing();
            let policy = standing.policy.clone().context("no policy")?;
            for (hours, expected) in [(1, Refusal::NoTicketHere), (13, Refusal::ReplicaTooOld)] {
                clock.set(issued_at);
                clock.advance(Duration::from_secs(hours * 3_600));
                let here = Here {
                    gate: identity.enrolment().gate,
                    zone: &identity.enrolment().zone,
                    now: clock.now(),
                    clock_certain: true,
                    connectivity: Connectivity::Offline,
                    replica_age: standing.age(clock.now()),
                    zone_has_one_gate: true,
                    policy: &policy,
                };
                let verdict = decide(&[], &here);
                anyhow::ensure!(verdict == Verdict::Refuse(expected), "after {hours} h: {verdict:?}");
            }
            let closing = tokio::task::spawn_blocking(move || replica.close());
            Ok(closing.await??)
        })
        .await;
}

/// At the event's limit, end to end: the shortest that an event may set is a minute.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_hears_nothing_closes_at_the_events_limit() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("replica age")? else { return Ok(()) };
    let proxy = Proxy::start().await?;
    let venue = Venue::open_behind(chapter.folder(), proxy.origin()).await?;
    proxy.to(&venue.registrar.origin());
    let options = EventOptions { replica_age_minutes: Some(1), ..EventOptions::default() };
    let event = venue.registrar.rehearsal(&options).await?;
    let links: BTreeMap<_, _> = venue.registrar.import(&event, &[TicketRow::open_now("OLD-01")], false).await?;
    bind(&venue, Character::Holder, link(&links, "OLD-01")?).await?;
    let mut gate = Gate::started(&venue, &event, 0).await?;
    chapter
        .step("old knowledge closes the lane with its own code, and new knowledge opens it again", async {
            proxy.tell(Lie::Withheld);
            let tap = gate.tap(&venue, Character::Stranger, Vec::new(), PIN).await?;
            unasked("desk", 10, "no_ticket_here").holds(&tap)?;
            anyhow::ensure!(gate.closed(Duration::from_secs(120)).await? == 33);
            proxy.tell(Lie::Honest);
            gate.in_service().await?;
            welcome(&gate.tap(&venue, Character::Holder, Vec::new(), PIN).await?)
        })
        .await;
    gate.stop().await?;
    chapter.end()
}
