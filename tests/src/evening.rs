//! What must be true of an evening, whoever played it: one thread by seed, or processes whose lines are cut.
//!
//! [`Evening`] is the truth that nobody in a venue has: every admission on some gate's disk, every lane that opened. It
//! is filled by whoever watches, and asked at the end, once everything has come to rest:
//!
//! | rule | asked by |
//! |---|---|
//! | an entry has one admission that was not annulled, but where one of two asked nobody and the event allows that, or a lost box alone knew | [`Evening::doubles`] |
//! | whoever admits without an arbiter is allowed to | [`Evening::unallowed`] |
//! | a lane opens on what is stored, once | [`Evening::ajar`] |
//! | what was acknowledged is kept, once each, and nothing else is | [`Evening::lost`], [`Evening::unpublished`] |
//! | a conflict stands once in the operator's list, once in the feed, once in the holder's history | [`Evening::conflicts`] |
//! | the feed tells how each admission ended, and of no other end | [`Evening::unended`] |
//! | every copy of the feed is what one is that followed all of it at once | [`Truth`] |
//! | whoever decides holds an entry for the admission that was stored, and for no other | [`Evening::holding`] |
//! | nobody who never got in is turned away without being told to whom to turn | [`locked_out`] |
//!
//! Each answers with complaints, as sentences that name what contradicts what.

mod admitted;
mod copies;
mod ended;
mod people;
mod revoked;
mod shown;

pub use admitted::{Evening, Granted, unchanged};
pub use copies::{ToldFeed, Truth, UnreadableFeed};
pub use people::{Fate, LastWord, locked_out, says_where_to_turn};
pub use shown::{Listed, Published, Shown};
