//! What a person carries between this gate and its registrar while the line is dead: the feed in, the journal out.
//!
//! Both work on stores that are open, so it is the same whether the gate runs ([`crate::hatch`]) or not. A file tells no
//! time: its head may be hours old, so it makes the replica younger and sets no clock, neither the lane's nor the one that
//! requests are dated by.

use kido_follow::PullError;
use kido_follow::carried::{Brought, CarriedError, bring};
use kido_shared::carried::{Heard, JOURNAL_FILE_FACTS_MAX, JournalFile, JournalFileError};
use kido_shared::clock::Timestamp;
use kido_shared::feed::FollowedTo;
use kido_shared::ids::EventId;
use tokio::io::AsyncRead;

use crate::clockwork::JUMP_MAX;
use crate::identity::Identity;
use crate::journal::{Journal, JournalError, Undelivered};
use crate::replica::{Replica, ReplicaError, Standing};

/// What the gate's clocks say.
#[derive(Debug, Clone, Copy)]
pub struct Moments {
    /// The moment.
    pub now: Timestamp,
    /// The newest one that is sure to have passed.
    pub passed: Timestamp,
}

/// What a feed file has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FeedTaken {
    /// Which event.
    pub event: EventId,
    /// Records in the file.
    pub in_file: u64,
    /// Records that were new here.
    pub new: u64,
    /// Records that are here now.
    pub here: u64,
    /// How long before now the registrar has signed the file's head, in seconds.
    pub age_s: u64,
    /// Whether the head's time can be: where it lies ahead of this gate's clock, nothing here became younger by it.
    pub dated_well: bool,
}

impl FeedTaken {
    /// Whether the gate knew more than the file.
    #[must_use]
    pub const fn is_older(&self) -> bool {
        self.in_file < self.here
    }
}

/// Follows the feed as far as a file goes.
///
/// # Errors
/// [`CarriedError`].
pub async fn take_feed(
    replica: &Replica,
    file: impl AsyncRead + Unpin + Send,
    moments: Moments,
) -> Result<FeedTaken, CarriedError<ReplicaError>> {
    let Brought { records, head, is_older } = bring(replica, file, replica.folder(), moments.passed).await?;
    let issued_at = head.head().issued_at;
    let dated_well = issued_at.since(moments.now) <= JUMP_MAX;
    if dated_well && !is_older {
        replica.note_head(&head, moments.now).await.map_err(PullError::Copy)?;
    }
    let here = replica.position().length;
    let age_s = moments.now.since(issued_at).as_secs();
    let taken =
        FeedTaken { event: replica.event(), in_file: head.reaches().length, new: records, here, age_s, dated_well };
    tracing::info!(new = taken.new, in_file = taken.in_file, length = here, age_s, dated_well, "a feed file was taken");
    Ok(taken)
}

/// Why no journal file was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The journal failed.
    #[error("the journal failed")]
    Journal(#[from] JournalError),
    /// What is in it makes no file.
    #[error("the journal makes no file")]
    File(#[from] JournalFileError),
}

/// What of the journal waits for the registrar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct JournalWritten {
    /// Admissions in the file.
    pub admissions: usize,
    /// Refused proofs in the file.
    pub showings: usize,
    /// Ends of admissions in the file.
    #[serde(default)]
    pub endings: usize,
    /// Whether more waits than one file holds.
    pub more: bool,
    /// How many records of the feed the file says that this gate knows; absent where it cannot be said.
    #[serde(default)]
    pub heard: Option<u64>,
    /// The file's length in bytes; 0 where nothing waits, and there is no file.
    pub bytes: usize,
}

/// When a journal file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalWanted {
    /// Where facts wait in it.
    Facts,
    /// Also where none does: for its word how far the feed was followed.
    Acknowledgement,
}

/// Writes what the registrar has not acknowledged, oldest first, under the gate's signature. It all stays in the journal:
/// only the registrar's own answer, over the line, ends that.
///
/// `known` is what was known before the journal is looked at: what this gate decides from then on, it decides by that.
///
/// # Errors
/// [`WriteError`].
pub fn write_journal(
    journal: &Journal,
    known: &Standing,
    identity: &Identity,
    (wanted, now): (JournalWanted, Timestamp),
) -> Result<(JournalWritten, Vec<u8>), WriteError> {
    use kido_follow::JournalWitness as _;
    let is_told = journal.is_told_by_uploads()?;
    let Undelivered { admissions, showings, endings, more } = journal.undelivered(JOURNAL_FILE_FACTS_MAX)?;
    let FollowedTo { epoch, length, .. } = known.position;
    let heard = known.head.map(|head| Heard { epoch, length, head_issued_at: head.issued_at });
    let heard = heard.filter(|_| is_told && !more);
    let (entries, ended) = (admissions.len(), endings.len());
    let mut written = JournalWritten {
        admissions: entries,
        showings: showings.len(),
        endings: ended,
        more,
        heard: heard.map(|heard| heard.length),
        bytes: 0,
    };
    let is_empty = admissions.is_empty() && showings.is_empty() && endings.is_empty();
    if is_empty && (wanted == JournalWanted::Facts || heard.is_none()) {
        return Ok((written, Vec::new()));
    }
    let (event, gate) = (identity.enrolment().event, journal.gate());
    // Behind the facts: the journal is at least as long as what is told of it.
    let head = journal.journal_head();
    let file = JournalFile { event, gate, journal: head, exported_at: now, admissions, showings, endings, heard };
    let file = file.sign(identity.keys().signing())?;
    written.bytes = file.len();
    let JournalWritten { admissions, showings, endings, more, heard, bytes } = written;
    tracing::info!(admissions, showings, endings, more, ?heard, bytes, "the journal was written out");
    Ok((written, file))
}

#[cfg(test)]
pub(crate) mod tests;
