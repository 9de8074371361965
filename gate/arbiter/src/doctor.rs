//! Whether this box is ready to decide: one finding for each thing that it needs.
//!
//! It may run beside the arbiter: what only one process may open is then said to be in use, not guessed at.

mod etcd;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use kido_follow::uplink::JSON_BYTES_MAX;
use kido_follow::{Uplink, UplinkError};
use kido_shared::clock::{Clock, Timestamp};
use kido_shared::error_chain::Chain;
use kido_shared::feed::{FeedHead, TrustedFeedKeys};
use kido_shared::limits::FEED_HEAD_BYTES_MAX;
use kido_shared::wire::v1::routes;
use kido_store::StoreError;
use tokio::time::Instant;

use crate::book::{Book, BookError, Followed};
use crate::decide::decides;
use crate::identity::{DataFolder, Identity};
use crate::records::Sharing;
use crate::records::etcd::JoinedEtcd;

/// Deadline of one question.
const DEADLINE: Duration = Duration::from_secs(5);

/// How far this clock may lie from the registrar's before a doctor frowns: half of what signatures allow.
const CLOCK_APART_MAX: Duration = Duration::from_secs(30);

/// Writes that are measured: enough for a median that means something.
const ROUNDS: usize = 20;

/// Bytes of one write: a record and its frame.
const WRITE_BYTES: usize = 512;

/// A median above this leaves a claim no room within a gate's 300 ms.
const SLOW: Duration = Duration::from_millis(100);

/// How much one finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Well,
    /// The box decides; somebody should look.
    Look,
    /// The box will not decide.
    Broken,
}

/// One thing that the box needs, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// A plain sentence.
    pub said: String,
}

fn finding(subject: &'static str, severity: Severity, said: impl Into<String>) -> Finding {
    Finding { subject, severity, said: said.into() }
}

/// Looks at everything that this box needs, and asks its own addresses.
pub async fn examine(folder: &DataFolder, clock: &dyn Clock) -> Vec<Finding> {
    let mut findings = vec![look_at_disk(folder.path())];
    let identity = match Identity::load(folder) {
        Ok(identity) => identity,
        Err(error) => {
            findings.push(finding("enrolment", Severity::Broken, Chain(&error).to_string()));
            return findings;
        }
    };
    let enrolment = identity.enrolment();
    let rehearsal = if enrolment.rehearsal { " (REHEARSAL)" } else { "" };
    let said = format!("{} · {}{rehearsal}", enrolment.event_name, enrolment.arbiter);
    findings.push(finding("enrolment", Severity::Well, said));
    findings.extend(look_at_line(&identity, clock.now()).await);
    let joined = match JoinedEtcd::load(&folder.etcd()) {
        Ok(joined) => joined,
        Err(error) => {
            findings.push(finding("etcd", Severity::Broken, Chain(&error).to_string()));
            None
        }
    };
    let sharing = Sharing::enrolled(joined.is_some());
    if let Some(joined) = joined {
        findings.extend(etcd::look(&joined, enrolment.event).await);
    }
    let (path, followed, now) = (folder.book(), identity.followed(), clock.now());
    let looked = tokio::task::spawn_blocking(move || look_at_book(&path, followed, (sharing, now))).await;
    let (found, addresses) = looked
        .unwrap_or_else(|_panicked| (finding("book", Severity::Broken, "an examination was cut off"), Vec::new()));
    findings.push(found);
    for address in addresses {
        findings.push(match Uplink::new(address.clone(), crate::PROGRAM) {
            Ok(uplink) => look_at_address(&uplink).await,
            Err(error) => finding("address", Severity::Broken, Chain(&error).to_string()),
        });
    }
    findings
}

fn look_at_disk(folder: &Path) -> Finding {
    match measure(&folder.join("doctor.tmp")) {
        Ok(median) => {
            let said = format!("fdatasync {:.1} ms", median.as_secs_f64() * 1_000.0);
            finding("disk", if median > SLOW { Severity::Look } else { Severity::Well }, said)
        }
        Err(error) => finding("disk", Severity::Broken, error.to_string()),
    }
}

/// The median of the rounds. A full disk gets its room back, too.
fn measure(path: &Path) -> io::Result<Duration> {
    let measured = rounds(path);
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut times = measured?;
    times.sort_unstable();
    Ok(times.get(times.len() >> 1).copied().unwrap_or_default())
}

fn rounds(path: &Path) -> io::Result<Vec<Duration>> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let mut times = Vec::with_capacity(ROUNDS);
    for _round in 0..ROUNDS {
        file.write_all(&[0; WRITE_BYTES])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    Ok(times)
}

async fn look_at_line(identity: &Identity, now: Timestamp) -> Vec<Finding> {
    let enrolment = identity.enrolment();
    let asked = async {
        let uplink = Uplink::new(enrolment.origin.clone(), crate::PROGRAM)?;
        uplink.get(&routes::feed_head(enrolment.event), FEED_HEAD_BYTES_MAX, DEADLINE).await
    };
    let origin = enrolment.origin.as_str();
    match asked.await {
        Ok(bytes) => vec![finding("uplink", Severity::Well, origin), look_at_head(identity, &bytes, now)],
        // The venue's line may be down: that is what this box is for.
        Err(error) => vec![finding("uplink", Severity::Look, format!("{origin}: {}", Chain(&error)))],
    }
}

fn look_at_head(identity: &Identity, bytes: &[u8], now: Timestamp) -> Finding {
    let Followed { root, event, feed_key, .. } = identity.followed();
    let believed = TrustedFeedKeys::new(root, event).and_then(|mut keys| {
        keys.trust(&feed_key)?;
        FeedHead::verify(bytes, &keys, event, now)
    });
    match believed {
        Err(error) => finding("clock", Severity::Broken, format!("the head is refused: {error}")),
        Ok(head) => {
            let issued_at = head.head().issued_at;
            let behind = issued_at.since(now);
            if behind > CLOCK_APART_MAX {
                finding("clock", Severity::Look, format!("{} s behind the registrar", behind.as_secs()))
            } else {
                finding("clock", Severity::Well, "agrees with the registrar")
            }
        }
    }
}

fn look_at_book(
    path: &Path,
    followed: Followed,
    (sharing, now): (Sharing, Timestamp),
) -> (Finding, Vec<kido_shared::challenge::Origin>) {
    if !path.exists() {
        return (finding("book", Severity::Broken, "no feed yet: `kido-arbiter run` fetches it"), Vec::new());
    }
    let book = match Book::open(path, followed) {
        Ok(book) => book,
        Err(BookError::Store(StoreError::InUse { .. })) => {
            return (finding("book", Severity::Well, "in use: the arbiter is running"), Vec::new());
        }
        Err(error) => return (finding("book", Severity::Broken, Chain(&error).to_string()), Vec::new()),
    };
    let standing = book.standing();
    let said = format!("{} records, {} gates", standing.position.length, standing.gates.len());
    let found = match decides(&standing, sharing, now) {
        Ok(named) => finding("book", Severity::Well, format!("{said}, incarnation {}", named.epoch)),
        Err(refusal) => finding("book", Severity::Broken, format!("{said}: {refusal}")),
    };
    let addresses = standing.own.as_ref().map(|own| own.addresses.clone()).unwrap_or_default();
    if let Err(error) = book.close() {
        tracing::debug!(error = %Chain(&error), "the book did not close cleanly");
    }
    (found, addresses)
}

async fn look_at_address(uplink: &Uplink) -> Finding {
    let origin = uplink.origin().as_str().to_owned();
    match uplink.get(routes::HEALTH, JSON_BYTES_MAX, DEADLINE).await {
        Ok(_well) => finding("address", Severity::Well, format!("{origin} answers")),
        Err(UplinkError::Unwell { status, spoke: true }) => {
            finding("address", Severity::Look, format!("{origin} answers {status}: it does not decide now"))
        }
        // Before the first run nobody answers there.
        Err(error) => finding("address", Severity::Look, format!("{origin}: {}", Chain(&error))),
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::clock::SystemClock;

    use super::*;

    #[tokio::test]
    async fn a_box_that_is_not_enrolled_is_told_to() {
        let home = tempfile::tempdir().unwrap();
        let findings = examine(&DataFolder::at(home.path()), &SystemClock).await;
        let enrolment = findings.iter().find(|finding| finding.subject == "enrolment").unwrap();
        assert_eq!(enrolment.severity, Severity::Broken);
        assert!(enrolment.said.contains("kido-arbiter enrol"));
        assert!(findings[0].said.contains("fdatasync"), "{}", findings[0].said);
    }
}
