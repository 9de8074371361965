//! The line to the registrar: reached, believed, and agreeing on the time.

use std::sync::Arc;
use std::time::Duration;

use kido_follow::uplink::JSON_BYTES_MAX;
use kido_follow::{LookedAtHead, UnbelievedHead, Uplink};
use kido_shared::clock::{Clock, Timestamp};
use kido_shared::error_chain::Chain;
use kido_shared::feed::VerifiedHead;
use kido_shared::limits::FEED_HEAD_BYTES_MAX;
use kido_shared::wire::v1::routes;

use super::{AskedAt, CLOCK_APART_MAX, Finding};
use crate::identity::Identity;

/// Days of a feed key's certificate under which its operator is told: a month for finding the root key.
const FEED_KEY_DAYS_FEW: u64 = 30;

const DAY_S: u64 = 24 * 60 * 60;

/// Deadline of one question.
const DEADLINE: Duration = Duration::from_secs(5);

/// Asks for the head and for a sign of life.
pub(super) async fn look(identity: &Identity, clock: &Arc<dyn Clock>, arbiter: AskedAt) -> Vec<Finding> {
    let enrolment = identity.enrolment();
    let uplink = match Uplink::new(enrolment.origin.clone(), crate::PROGRAM) {
        Ok(uplink) => uplink,
        Err(error) => return vec![Finding::broken("uplink", Chain(&error).to_string())],
    };
    let mut findings = Vec::new();
    match uplink.get(&routes::feed_head(enrolment.event), FEED_HEAD_BYTES_MAX, DEADLINE).await {
        Err(error) => {
            findings.push(Finding::look("uplink", format!("{}: {}", enrolment.origin.as_str(), Chain(&error))))
        }
        Ok(bytes) => {
            findings.push(Finding::well("uplink", enrolment.origin.as_str()));
            findings.extend(look_at_head(&uplink, identity, &bytes, clock).await);
        }
    }
    match arbiter {
        AskedAt::Here => findings.push(Finding::well("arbiter", "this gate decides by itself")),
        AskedAt::Registrar => findings.push(ask(&uplink, "inside the registrar").await),
        AskedAt::Venue(addresses) if addresses.is_empty() => {
            findings.push(Finding::broken("arbiter", "in the venue, and none is enrolled: kido-registrar arbiter add"));
        }
        AskedAt::Venue(addresses) => {
            for address in addresses {
                findings.push(match Uplink::new(address.clone(), crate::PROGRAM) {
                    Ok(uplink) => ask(&uplink, address.as_str()).await,
                    Err(error) => Finding::broken("arbiter", Chain(&error).to_string()),
                });
            }
        }
        AskedAt::Unknown => {
            findings
                .push(ask(&uplink, "at the registrar; another home is known only while the gate does not run").await);
        }
    }
    findings
}

async fn ask(arbiter: &Uplink, place: &str) -> Finding {
    match arbiter.get(routes::HEALTH, JSON_BYTES_MAX, DEADLINE).await {
        Ok(_alive) => Finding::well("arbiter", format!("answers, {place}")),
        Err(error) => Finding::look("arbiter", format!("silent, {place}: {}", Chain(&error))),
    }
}

async fn look_at_head(uplink: &Uplink, identity: &Identity, bytes: &[u8], clock: &Arc<dyn Clock>) -> Vec<Finding> {
    let (enrolment, now) = (identity.enrolment(), clock.now());
    let under = (enrolment.root, enrolment.event);
    match kido_follow::look_at_head(uplink, under, &enrolment.feed_key, (bytes, now)).await {
        Err(error @ UnbelievedHead::Feed(_)) => vec![Finding::broken("clock", Chain(&error).to_string())],
        Err(error @ UnbelievedHead::Uplink(_)) => vec![Finding::look("uplink", Chain(&error).to_string())],
        Ok(LookedAtHead { head, key_ends }) => vec![look_at_clock(head, now), look_at_key(key_ends.since(now))],
    }
}

fn look_at_key(left: Duration) -> Finding {
    let days = left.as_secs() / DAY_S;
    if days < FEED_KEY_DAYS_FEW {
        let said = format!("{days} days left; then no head is believed: kido-registrar key rotate EVENT");
        return Finding::look("feed key", said);
    }
    Finding::well("feed key", format!("certified for {days} days"))
}

fn look_at_clock(head: VerifiedHead, now: Timestamp) -> Finding {
    let issued_at = head.head().issued_at;
    let ahead = issued_at.since(now);
    let behind = if head.is_expired(now) { now.since(head.head().expires_at) } else { Duration::ZERO };
    if ahead > CLOCK_APART_MAX {
        Finding::look("clock", format!("{} s behind the registrar", ahead.as_secs()))
    } else if behind > Duration::ZERO {
        Finding::look("clock", format!("{} s after the head has ended: fast, or the head is old", behind.as_secs()))
    } else {
        Finding::well("clock", "agrees with the registrar")
    }
}
