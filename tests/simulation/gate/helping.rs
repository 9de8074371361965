//! Reports to the registrar, and what it wants back where it was restored from a backup: wired as the gate's own runtime
//! wires them, since that one reads its log and its journal on threads of their own.

use kido_gate::journal::JournalError;
use kido_shared::feed::encode_range;
use kido_shared::wire::v1::recovery::{RecoveryOffer, RecoveryWish};
use kido_shared::wire::v1::report::REPORT_EVERY_SECONDS;

use super::household::{House, push, push_showings};
use crate::genesis::on_a_thread;
use crate::mutations::Mutation;
use crate::network::{Reply, Request};
use crate::turns::Ms;

/// How often a gate tells how it is.
const REPORTS_EVERY: Ms = REPORT_EVERY_SECONDS * 1_000;

const REPORT_DEADLINE: Ms = 5_000;
const OFFER_DEADLINE: Ms = 10_000;

/// Most steps until the next report.
const STEPS_MAX: usize = 64;

/// Tells how this gate is, and brings back what is asked for.
pub(super) async fn tell_how_it_is(house: House) {
    loop {
        house.world.turns.sleep(REPORTS_EVERY).await;
        let head = house.running.replica.standing().head.map(|head| head.issued_at);
        let is_told = house.running.journal.outbox().is_ok_and(|outbox| outbox.is_empty());
        let knows = head.filter(|_signed| is_told);
        let reached = house.running.replica.position();
        let report = Request::Report { reached, knows };
        let Some(Reply::Wish(wish)) = house.ask(report, REPORT_DEADLINE).await else { continue };
        if let Err(JournalError::Store(_)) = bring_back(&house, wish).await {
            return house.gate.crash(&house.world);
        }
    }
}

/// Does what the registrar wants until it wants nothing more for now. What breaks off goes on with the next report.
async fn bring_back(house: &House, first: RecoveryWish) -> Result<(), JournalError> {
    let replica = &house.running.replica;
    let mut wish = first;
    for _step in 0..STEPS_MAX {
        let offer = match wish {
            RecoveryWish::Nothing => return Ok(()),
            RecoveryWish::Head => {
                let head = replica.signed_head().expect("its index").unwrap_or_default();
                RecoveryOffer::Head { head }
            }
            RecoveryWish::Records { from } => {
                let tail = replica.proved_tail(from).expect("its log");
                if tail.records.is_empty() {
                    return Ok(());
                }
                RecoveryOffer::Records { from, range: encode_range(&tail.records).expect("a range") }
            }
            RecoveryWish::Journal { since } => {
                if house.world.is(Mutation::JournalKeptBack) {
                    RecoveryOffer::Delivered { since }
                } else {
                    on_a_thread(house.running.journal.requeue(since))?;
                    if !all_again(house).await? {
                        return Ok(());
                    }
                    if !house.running.journal.outbox()?.batch().endings.is_empty() {
                        // Of admissions that other gates have not brought yet: what it takes no more of is not delivered.
                        return Ok(());
                    }
                    RecoveryOffer::Delivered { since }
                }
            }
        };
        match house.ask(Request::Offer(offer), OFFER_DEADLINE).await {
            Some(Reply::Wish(next)) => wish = next,
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// Uploads everything that waits; says whether it was acknowledged to the last of it.
async fn all_again(house: &House) -> Result<bool, JournalError> {
    loop {
        match push(house).await? {
            Some(0) => break,
            Some(_acknowledged) => {}
            None => return Ok(false),
        }
    }
    loop {
        match push_showings(house).await? {
            Some(0) => return Ok(true),
            Some(_taken) => {}
            None => return Ok(false),
        }
    }
}
