//! A head of the list that somebody noted down, and whether the list still contains it.
//!
//! The list is a chain: the hash behind each line covers every line before it. Whoever owns the machine can write another
//! list with a chain of its own, but not one that contains a head which was noted down elsewhere, on paper or by a
//! colleague, before. So a head that is kept outside makes everything before it unchangeable unseen.

use core::fmt;
use core::str::FromStr;
use std::path::Path;

use kido_shared::clock::Timestamp;
use kido_store::{LogHead, StoreError, follow_log};

use super::{AuditLine, IDENTITY};

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// How many lines there are, and the hash over them: `1234:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotedHead {
    lines: u64,
    hash: [u8; HASH_BYTES],
}

/// The text is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a head is the number of lines, a colon, and 64 hexadecimal digits, as `audit head` prints it")]
pub struct HeadError;

/// The list could not be read, or is damaged.
#[derive(Debug, thiserror::Error)]
#[error("the audit list is not readable")]
pub struct UnreadableList(#[source] StoreError);

/// The list as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What to note down.
    pub head: NotedHead,
    /// When its last line was written; nothing where it has none.
    pub last: Option<Timestamp>,
}

/// What a list says to a head that was noted down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It contains that head; so many lines were added since.
    Unbroken {
        /// How many.
        since: u64,
    },
    /// It has fewer lines than that head: its end is gone.
    Shorter,
    /// The lines up to there are others than they were.
    Rewritten,
}

impl From<&LogHead> for NotedHead {
    fn from(head: &LogHead) -> Self {
        Self { lines: head.count(), hash: *head.hash().as_bytes() }
    }
}

impl fmt::Display for NotedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.lines)?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for NotedHead {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let (lines, digits) = text.trim().split_once(':').ok_or(HeadError)?;
        let lines = lines.parse().map_err(|_no_number| HeadError)?;
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        if pairs.len() != HASH_BYTES || !rest.is_empty() {
            return Err(HeadError);
        }
        let mut hash = [0; HASH_BYTES];
        for (byte, pair) in hash.iter_mut().zip(pairs) {
            let pair =
                core::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
            *byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or(HeadError)?;
        }
        Ok(Self { lines, hash })
    }
}

/// The head of the list in a folder, also while its registrar runs. Blocks: every line is verified.
///
/// # Errors
/// [`UnreadableList`].
pub fn head(folder: &Path) -> Result<Seen, UnreadableList> {
    let mut last = None;
    let head = follow_log(folder, IDENTITY, |_head, line| last = Some(line.to_vec())).map_err(UnreadableList)?;
    let last = last.and_then(|line| AuditLine::from_bytes(&line).ok()).map(|line| line.at);
    Ok(Seen { head: NotedHead::from(&head), last })
}

/// Whether the list in a folder contains a head that was noted down. Blocks: every line is verified.
///
/// # Errors
/// [`UnreadableList`].
pub fn verify(folder: &Path, noted: &NotedHead) -> Result<Verdict, UnreadableList> {
    // Before the first line there is nothing to be rewritten but whose list it is, which opens the chain.
    let mut there = None;
    let head = follow_log(folder, IDENTITY, |head, _line| {
        if head.count() == noted.lines {
            there = Some(NotedHead::from(head));
        }
    });
    let head = NotedHead::from(&head.map_err(UnreadableList)?);
    if head.lines < noted.lines {
        return Ok(Verdict::Shorter);
    }
    let there = if head.lines == noted.lines { Some(head) } else { there };
    Ok(match there {
        Some(there) if there == *noted => Verdict::Unbroken { since: head.lines.saturating_sub(noted.lines) },
        Some(_) | None => Verdict::Rewritten,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Audit, Deed, Door, Object};

    fn line(at: i64, label: &str) -> AuditLine {
        AuditLine {
            at: Timestamp::from_unix_seconds(at),
            role: Some("operator".to_owned()),
            label: label.to_owned(),
            door: Door::Api,
            deed: Deed::SignedIn,
            event: None,
            object: Object::Nothing,
            refused: None,
        }
    }

    async fn list(folder: &Path, labels: &[&str]) -> Audit {
        let audit = Audit::open(folder).unwrap();
        for (at, label) in (1_800_000_000..).zip(labels) {
            audit.write(line(at, label)).await.unwrap();
        }
        audit
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_head_that_was_noted_stays_in_a_list_that_only_grows() {
        let home = tempfile::tempdir().unwrap();
        let audit = list(home.path(), &["a", "b"]).await;
        // Beside the process that writes it.
        let noted = head(home.path()).unwrap();
        assert_eq!(noted.last, Some(Timestamp::from_unix_seconds(1_800_000_001)));
        assert_eq!(verify(home.path(), &noted.head).unwrap(), Verdict::Unbroken { since: 0 });
        audit.write(line(1_800_000_009, "c")).await.unwrap();
        assert_eq!(verify(home.path(), &noted.head).unwrap(), Verdict::Unbroken { since: 1 });
        assert_eq!(noted.head.to_string().parse(), Ok(noted.head));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_list_that_was_written_anew_or_cut_does_not_contain_it() {
        let homes: [_; 3] = core::array::from_fn(|_place| tempfile::tempdir().unwrap());
        drop(list(homes[0].path(), &["a", "b", "c"]).await);
        let noted = head(homes[0].path()).unwrap().head;
        drop(list(homes[1].path(), &["a", "somebody-else", "c", "d"]).await);
        assert_eq!(verify(homes[1].path(), &noted).unwrap(), Verdict::Rewritten);
        drop(list(homes[2].path(), &["a", "b"]).await);
        assert_eq!(verify(homes[2].path(), &noted).unwrap(), Verdict::Shorter);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_changed_byte_is_found_without_any_noted_head() {
        let home = tempfile::tempdir().unwrap();
        drop(list(home.path(), &["a", "b", "c"]).await);
        let log =
            std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_file());
        let log = home.path().join("facts.log").exists().then(|| home.path().join("facts.log")).or(log).unwrap();
        let mut bytes = std::fs::read(&log).unwrap();
        let place = bytes.windows(8).position(|part| part == b"operator").unwrap();
        bytes[place] = b'O';
        std::fs::write(&log, bytes).unwrap();
        assert!(head(home.path()).is_err());
    }

    #[test]
    fn what_is_no_head_is_refused() {
        let digits = "0f".repeat(32);
        assert!(format!(" 7:{digits}\n").parse::<NotedHead>().is_ok());
        for text in ["", "7", &digits, &format!("x:{digits}"), &format!("7:{digits}0"), &format!("7:+{}", &digits[1..])]
        {
            assert_eq!(text.parse::<NotedHead>(), Err(HeadError), "{text}");
        }
    }
}
