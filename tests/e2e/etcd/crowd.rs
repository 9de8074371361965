//! Many lanes at once while a member and a box are killed: every ticket is asked for by two of them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use kido_gate::lane::ClaimOutcome;
use kido_shared::claim::ClaimAnswer;
use kido_shared::ids::TicketId;
use kido_tests::harness::{Claimed, ClaimingLane, TicketRow, Venue};

use super::Boxes;
use crate::chapter::Chapter;

/// Lanes; each ticket is claimed by two of them.
const LANES: usize = 4;

/// Claims of each lane: as many as a box takes from one gate at once, so that no rate is in the way.
const CLAIMS: usize = 40;

/// How often each lane claims.
const EVERY: Duration = Duration::from_millis(150);

/// When the leader and a box are killed: in the middle.
const KILLED_AFTER: Duration = Duration::from_secs(2);

/// Nobody stands longer at a lane.
const WAITS_MAX: Duration = Duration::from_secs(3);

/// The crowd comes, a leader and a box die under it, and every claim is looked at afterwards.
pub(super) async fn comes(chapter: &mut Chapter, venue: &Venue, boxes: &mut Boxes, event: &str) -> anyhow::Result<()> {
    let count = LANES / 2 * CLAIMS;
    let rows: Vec<TicketRow> = (0..count).map(|number| TicketRow::open_now(&format!("CROWD-{number:03}"))).collect();
    venue.registrar.import(event, &rows, false).await?;
    let mut lanes = Vec::with_capacity(LANES);
    for number in 0..LANES {
        let folder = chapter.folder().join(format!("claiming-{number}"));
        std::fs::create_dir_all(&folder)?;
        lanes.push(ClaimingLane::enrol(venue, event, &folder).await?);
    }
    let records = venue.registrar.feed_length(event).await?;
    let mut tickets = Vec::new();
    for lane in &lanes {
        tickets = lane.tickets(records).await?;
    }
    anyhow::ensure!(tickets.len() == count, "{} tickets of {count}", tickets.len());
    let mut seen = Vec::new();
    chapter
        .step("the leader and a box are killed in the middle of claims: no lane waits over three seconds", async {
            seen = rush(&lanes, &tickets, boxes).await?;
            let longest = seen.iter().flatten().map(|claimed| claimed.took).max().unwrap_or_default();
            let silent = seen.iter().flatten().filter(|claimed| !matches!(claimed.outcome, ClaimOutcome::Answered(_)));
            anyhow::ensure!(silent.count() == 0, "a claim was not answered; the longest wait was {longest:?}");
            println!("     the longest wait at a lane: {} ms", longest.as_millis());
            anyhow::ensure!(longest <= WAITS_MAX, "a lane waited {longest:?}");
            Ok(())
        })
        .await;
    chapter
        .step("of two lanes that asked for a ticket one was let in, and the other was told of it", async {
            once_each(&seen, count)
        })
        .await;
    chapter
        .step("with member and box back, every claim asked again is answered as it was", async {
            for (lane, claims) in lanes.iter().zip(&seen) {
                for claimed in claims {
                    let again = asked_again(lane, claimed).await;
                    anyhow::ensure!(again == claimed.outcome, "{:?} became {again:?}", claimed.outcome);
                }
            }
            Ok(())
        })
        .await;
    Ok(())
}

/// All lanes claim, two by two the same tickets; meanwhile a leader and a box die and come back.
async fn rush(
    lanes: &[ClaimingLane],
    tickets: &[(TicketId, u64)],
    boxes: &mut Boxes,
) -> anyhow::Result<Vec<Vec<Claimed>>> {
    let leader = boxes.etcd.leader().await?;
    let claiming = lanes.iter().enumerate().map(|(number, lane)| {
        let tickets = tickets.iter().skip(number / 2 * CLAIMS).take(CLAIMS);
        async move {
            let (mut seen, mut ticks) = (Vec::with_capacity(CLAIMS), tokio::time::interval(EVERY));
            for ticket in tickets {
                ticks.tick().await;
                seen.push(lane.claim(*ticket).await);
            }
            seen
        }
    });
    let dying = async {
        tokio::time::sleep(KILLED_AFTER).await;
        boxes.etcd.kill(leader).await?;
        let arbiter = boxes.arbiters.get_mut(1).context("three boxes")?;
        arbiter.kill().await?;
        anyhow::Ok(())
    };
    let (seen, died) = tokio::join!(all(claiming), dying);
    died?;
    boxes.etcd.restart(leader).await?;
    boxes.arbiters.get_mut(1).context("three boxes")?.start().await?;
    Ok(seen)
}

/// All of them at once, in their order.
async fn all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        for (future, done) in waiting.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            return std::task::Poll::Ready(done.iter_mut().filter_map(Option::take).collect());
        }
        std::task::Poll::Pending
    })
    .await
}

/// Each ticket has one admission, whose lane was told so, and whose other lane was told of it.
fn once_each(seen: &[Vec<Claimed>], count: usize) -> anyhow::Result<()> {
    let mut of_ticket: BTreeMap<TicketId, (Vec<_>, Vec<_>)> = BTreeMap::new();
    for claimed in seen.iter().flatten() {
        let (granted, taken) = of_ticket.entry(claimed.request.ticket).or_default();
        match &claimed.outcome {
            ClaimOutcome::Answered(ClaimAnswer::Granted { entry: 1 }) => granted.push(claimed.request.admission),
            ClaimOutcome::Answered(ClaimAnswer::Taken { admission, .. }) => taken.push(*admission),
            other @ (ClaimOutcome::Answered(_) | ClaimOutcome::Silent | ClaimOutcome::Offline) => {
                anyhow::bail!("{other:?}")
            }
        }
    }
    anyhow::ensure!(of_ticket.len() == count, "{} tickets were claimed", of_ticket.len());
    for (granted, taken) in of_ticket.values() {
        anyhow::ensure!(granted.len() == 1 && granted == taken, "granted {granted:?}, taken by {taken:?}");
    }
    Ok(())
}

/// The answer once the gate's rate allows one.
async fn asked_again(lane: &ClaimingLane, claimed: &Claimed) -> ClaimOutcome {
    loop {
        match lane.again(claimed.request.clone()).await.outcome {
            // Three seconds of `too fast` are silence for a lane.
            ClaimOutcome::Silent | ClaimOutcome::Offline => {}
            answered @ ClaimOutcome::Answered(_) => return answered,
        }
    }
}
