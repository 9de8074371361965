//! The line to the registrar: reached, believed, and agreeing on the time.

use std::sync::Arc;
use std::time::Duration;

use kido_follow::Uplink;
use kido_follow::uplink::JSON_BYTES_MAX;
use kido_shared::clock::Clock;
use kido_shared::error_chain::Chain;
use kido_shared::feed::{FeedHead, TrustedFeedKeys, VerifiedHead};
use kido_shared::limits::FEED_HEAD_BYTES_MAX;
use kido_shared::wire::v1::routes;

use super::{AskedAt, CLOCK_APART_MAX, Finding};
use crate::identity::Identity;

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
            findings.push(look_at_head(identity, &bytes, clock));
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

fn look_at_head(identity: &Identity, bytes: &[u8], clock: &Arc<dyn Clock>) -> Finding {
    let now = clock.now();
    match believed(identity, bytes, clock) {
        Err(error) => Finding::broken("clock", format!("the head is refused: {error}")),
        Ok(head) => {
            let issued_at = head.head().issued_at;
            let ahead = issued_at.since(now);
            let behind = if head.is_expired(now) { now.since(head.head().expires_at) } else { Duration::ZERO };
            if ahead > CLOCK_APART_MAX {
                Finding::look("clock", format!("{} s behind the registrar", ahead.as_secs()))
            } else if behind > Duration::ZERO {
                Finding::look(
                    "clock",
                    format!("{} s after the head has ended: fast, or the head is old", behind.as_secs()),
                )
            } else {
                Finding::well("clock", "agrees with the registrar")
            }
        }
    }
}

fn believed(
    identity: &Identity,
    bytes: &[u8],
    clock: &Arc<dyn Clock>,
) -> Result<VerifiedHead, kido_shared::feed::FeedError> {
    let enrolment = identity.enrolment();
    let mut keys = TrustedFeedKeys::new(enrolment.root, enrolment.event)?;
    keys.trust(&enrolment.feed_key)?;
    FeedHead::verify(bytes, &keys, enrolment.event, clock.now())
}
