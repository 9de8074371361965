//! What a person carries where no line goes: an event's feed to a gate, a gate's journal to its registrar.
//!
//! Both files are CBOR (RFC 8949) and believe nothing of whoever carries them. A feed file is the ranges of the feed behind
//! a signed head, so it is worth what a registrar's own answers are worth; a journal file is signed by its gate as a whole,
//! as its uploads are. Both may come late, twice, in any order or never: everything in them has a name of its own.
//!
//! A signed request is fresh or it is nothing (RFC 9421: `created` and `nonce`). A file that is hours old when it arrives
//! cannot be, and need not: an admission and a showing are taken once by their ids, a record by its place in the chain. What
//! a request's head of the journal tells of copied disks, a file tells too, as far as no clock is needed for it
//! ([`crate::copies::HeardRun::carried`]).
//!
//! **Invariant**: this module knows no file and no socket; bytes are values that somebody brings.

mod feed_file;
pub mod items;
mod journal_file;

pub use feed_file::{FEED_FILE_BEGIN_BYTES_MAX, FEED_FILE_BYTES_MAX, FeedFileBegin, NotAFeedFile};
pub use journal_file::{
    Heard, JOURNAL_FILE_BYTES_MAX, JOURNAL_FILE_FACTS_MAX, JournalFile, JournalFileError, UnverifiedJournalFile,
};
