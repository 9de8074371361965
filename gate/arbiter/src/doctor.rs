//! Whether this box is ready to decide: one finding for each thing that it needs.
//!
//! It may run beside the arbiter: what only one process may open is then said to be in use, not guessed at.

mod etcd;

use std::path::Path;

use kido_doctor::{Finding, disk, line, secrets};
use kido_follow::uplink::JSON_BYTES_MAX;
use kido_follow::{Uplink, UplinkError};
use kido_shared::clock::{Clock, Timestamp};
use kido_shared::error_chain::Chain;
use kido_shared::wire::v1::routes;
use kido_store::StoreError;

use crate::book::{Book, BookError, Followed};
use crate::decide::decides;
use crate::identity::{DataFolder, Identity};
use crate::records::Sharing;
use crate::records::etcd::JoinedEtcd;

/// What is said where looking itself failed.
const CUT_OFF: &str = "an examination was cut off";

/// Looks at everything that this box needs, and asks its own addresses.
pub async fn examine(folder: &DataFolder, clock: &dyn Clock) -> Vec<Finding> {
    let path = folder.path().to_owned();
    let looked =
        tokio::task::spawn_blocking(move || vec![secrets::look_at_folder("data folder", &path), disk::look(&path)]);
    let mut findings = looked.await.unwrap_or_else(|_panicked| vec![Finding::broken("doctor", CUT_OFF)]);
    let identity = match Identity::load(folder) {
        Ok(identity) => identity,
        Err(error) => {
            findings.push(Finding::broken("enrolment", Chain(&error).to_string()));
            return findings;
        }
    };
    let enrolment = identity.enrolment();
    let rehearsal = if enrolment.rehearsal { " (REHEARSAL)" } else { "" };
    let said = format!("{} · {}{rehearsal}", enrolment.event_name, enrolment.arbiter);
    findings.push(Finding::well("enrolment", said));
    findings.push(secrets::look_at_keeping("keys", &folder.keys()));
    findings.extend(look_at_line(&identity, clock).await);
    let joined = match JoinedEtcd::load(&folder.etcd()) {
        Ok(joined) => joined,
        Err(error) => {
            findings.push(Finding::broken("etcd", Chain(&error).to_string()));
            None
        }
    };
    let sharing = Sharing::enrolled(joined.is_some());
    if let Some(joined) = joined {
        findings.extend(etcd::look(&joined, enrolment.event).await);
    }
    let (path, followed, now) = (folder.book(), identity.followed(), clock.now());
    let looked = tokio::task::spawn_blocking(move || look_at_book(&path, followed, (sharing, now))).await;
    let (found, addresses) = looked.unwrap_or_else(|_panicked| (Finding::broken("book", CUT_OFF), Vec::new()));
    findings.push(found);
    for address in addresses {
        findings.push(match Uplink::new(address.clone(), crate::PROGRAM) {
            Ok(uplink) => look_at_address(&uplink).await,
            Err(error) => Finding::broken("address", Chain(&error).to_string()),
        });
    }
    findings
}

async fn look_at_line(identity: &Identity, clock: &dyn Clock) -> Vec<Finding> {
    let Followed { root, event, feed_key, .. } = identity.followed();
    match Uplink::new(identity.enrolment().origin.clone(), crate::PROGRAM) {
        Ok(uplink) => line::look(&uplink, (root, event), &feed_key, clock).await,
        Err(error) => vec![Finding::broken("uplink", Chain(&error).to_string())],
    }
}

fn look_at_book(
    path: &Path,
    followed: Followed,
    (sharing, now): (Sharing, Timestamp),
) -> (Finding, Vec<kido_shared::challenge::Origin>) {
    if !path.exists() {
        return (Finding::broken("book", "no feed yet: `kido-arbiter run` fetches it"), Vec::new());
    }
    let book = match Book::open(path, followed) {
        Ok(book) => book,
        Err(BookError::Store(StoreError::InUse { .. })) => {
            return (Finding::well("book", "in use: the arbiter is running"), Vec::new());
        }
        Err(error) => return (Finding::broken("book", Chain(&error).to_string()), Vec::new()),
    };
    let standing = book.standing();
    let said = format!("{} records, {} gates", standing.position.length, standing.gates.len());
    let found = match decides(&standing, sharing, now) {
        Ok(named) => Finding::well("book", format!("{said}, incarnation {}", named.epoch)),
        Err(refusal) => Finding::broken("book", format!("{said}: {refusal}")),
    };
    let addresses = standing.own.as_ref().map(|own| own.addresses.clone()).unwrap_or_default();
    if let Err(error) = book.close() {
        tracing::debug!(error = %Chain(&error), "the book did not close cleanly");
    }
    (found, addresses)
}

async fn look_at_address(uplink: &Uplink) -> Finding {
    let origin = uplink.origin().as_str().to_owned();
    match uplink.get(routes::HEALTH, JSON_BYTES_MAX, line::DEADLINE).await {
        Ok(_well) => Finding::well("address", format!("{origin} answers")),
        Err(UplinkError::Unwell { status, spoke: true }) => {
            Finding::look("address", format!("{origin} answers {status}: it does not decide now"))
        }
        // Before the first run nobody answers there.
        Err(error) => Finding::look("address", format!("{origin}: {}", Chain(&error))),
    }
}

#[cfg(test)]
mod tests {
    use kido_doctor::Severity;
    use kido_shared::clock::SystemClock;

    use super::*;

    #[tokio::test]
    async fn a_box_that_is_not_enrolled_is_told_to() {
        let home = tempfile::tempdir().unwrap();
        let findings = examine(&DataFolder::at(home.path()), &SystemClock).await;
        let enrolment = findings.iter().find(|finding| finding.subject == "enrolment").unwrap();
        assert_eq!(enrolment.severity, Severity::Broken);
        assert!(enrolment.said.contains("kido-arbiter enrol"));
        assert!(findings[1].said.contains("fdatasync"), "{}", findings[1].said);
    }
}
