//! The line to the registrar, as whoever follows its feed sees it: reached, believed, and agreeing on the time.

use core::time::Duration;

use ed25519_dalek::VerifyingKey;
use kido_follow::{LookedAtHead, UnbelievedHead, Uplink, look_at_head};
use kido_shared::clock::{Clock, Timestamp};
use kido_shared::error_chain::Chain;
use kido_shared::feed::{FeedKeyCertificate, VerifiedHead};
use kido_shared::ids::EventId;
use kido_shared::limits::FEED_HEAD_BYTES_MAX;
use kido_shared::wire::v1::routes;

use crate::Finding;

/// Deadline of one question.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// Days of a feed key's certificate under which its operator is told: a month for finding the root key.
const FEED_KEY_DAYS_FEW: u64 = 30;

const DAY_S: u64 = 24 * 60 * 60;

/// How far this machine's clock may lie from the registrar's before a doctor frowns: half of what signatures allow.
const CLOCK_APART_MAX: Duration = Duration::from_secs(30);

/// Asks the registrar for the head of an event's feed. A line that is down is to be looked at and no more: to go on without
/// one is what gates and boxes are for.
pub async fn look(
    uplink: &Uplink,
    (root, event): (VerifyingKey, EventId),
    enrolled: &FeedKeyCertificate,
    clock: &dyn Clock,
) -> Vec<Finding> {
    let origin = uplink.origin().as_str();
    let bytes = match uplink.get(&routes::feed_head(event), FEED_HEAD_BYTES_MAX, DEADLINE).await {
        Ok(bytes) => bytes,
        Err(error) => return vec![Finding::look("uplink", format!("{origin}: {}", Chain(&error)))],
    };
    let now = clock.now();
    let mut findings = vec![Finding::well("uplink", origin)];
    match look_at_head(uplink, (root, event), enrolled, (&bytes, now)).await {
        Err(error @ UnbelievedHead::Feed(_)) => findings.push(Finding::broken("clock", Chain(&error).to_string())),
        Err(error @ UnbelievedHead::Uplink(_)) => findings.push(Finding::look("uplink", Chain(&error).to_string())),
        Ok(LookedAtHead { head, key_ends }) => findings.extend([look_at_clock(&head, now), look_at_key(key_ends, now)]),
    }
    findings
}

fn look_at_key(ends: Timestamp, now: Timestamp) -> Finding {
    let days = ends.since(now).as_secs() / DAY_S;
    if days < FEED_KEY_DAYS_FEW {
        let said = format!("{days} days left; then no head is believed: kido-registrar key rotate EVENT");
        return Finding::look("feed key", said);
    }
    Finding::well("feed key", format!("certified for {days} days"))
}

fn look_at_clock(head: &VerifiedHead, now: Timestamp) -> Finding {
    let ahead = head.head().issued_at.since(now);
    let behind = if head.is_expired(now) { now.since(head.head().expires_at) } else { Duration::ZERO };
    if ahead > CLOCK_APART_MAX {
        Finding::look("clock", format!("{} s behind the registrar", ahead.as_secs()))
    } else if behind > Duration::ZERO {
        Finding::look("clock", format!("{} s after the head has ended: fast, or the head is old", behind.as_secs()))
    } else {
        Finding::well("clock", "agrees with the registrar")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity;

    #[test]
    fn an_operator_hears_a_month_before_that_a_feed_key_ends() {
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let in_days = |days: u64| now.after(Duration::from_secs(days * DAY_S));
        assert_eq!(look_at_key(in_days(31), now).severity, Severity::Well);
        let few = look_at_key(in_days(29), now);
        assert_eq!(few.severity, Severity::Look);
        assert!(few.said.contains("29 days left") && few.said.contains("key rotate"), "{}", few.said);
    }
}
