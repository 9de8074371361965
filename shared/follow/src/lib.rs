//! Follows an event's feed over HTTP: what gates and venue arbiters have in common.
//!
//! ```text
//! LiveFeed (told) ───┐
//! PullNow ──▶ Pulls ─┤
//! Schedule ──────────┴▶ FeedClient ──▶ Uplink ──▶ head ──▶ FeedTrust ──▶ ranges ──▶ Spool ──▶ FeedCopy
//! ```
//!
//! [`follow()`] is all of it at work: told while the live feed lasts, asking every second while it does not.
//!
//! What a feed may be believed for is decided in [`kido_shared::feed`]; what is kept of it, by whoever implements
//! [`FeedCopy`]. This crate fetches, proves the chain before the first record is opened, and knows when to come again.
//! Whoever learns that there is something new says so at one place, [`PullNow`].

pub mod carried;
pub mod enrol;
mod follow;
pub mod live;
pub mod pull;
mod registrar_time;
pub mod schedule;
mod spool;
mod trust;
pub mod uplink;
mod wish;

pub use follow::{NoteHead, Pace, follow};
pub use live::{LiveError, LiveFeed};
pub use pull::{FeedClient, FeedCopy, PullError, Pulled};
pub use registrar_time::{Dating, RegistrarTime, SendersClocks};
pub use schedule::{PULL_INTERVAL, Schedule};
pub use spool::{Spool, SpoolError};
pub use trust::{FeedTrust, LookedAtHead, UnbelievedHead, look_at_head};
pub use uplink::{JournalWitness, RefusedDate, Signer, Uplink, UplinkError};
pub use wish::{Asked, PullNow, Pulls};
