//! Every bound on what comes from outside, with its reason. Bounds of one module stand in that module.

use core::time::Duration;

/// Largest certificate that is parsed: twice the largest known layout (`jpki.md` §2).
pub const CERTIFICATE_BYTES_MAX: usize = 4_096;

/// Smallest certificate that is parsed: an RSA-2048 key and its signature alone take more.
pub const CERTIFICATE_BYTES_MIN: usize = 512;

/// Records in one full range of the feed: an immutable file for any cache (`protocol.md` §6).
pub const FEED_RANGE_RECORDS: u64 = 1_024;

/// Longest feed of one epoch: 16 million records are ten facts about each of 1.6 million tickets; a follower keeps one
/// hash per 1,024 of them while it reads.
pub const FEED_LENGTH_MAX: u64 = 1 << 24;

/// Largest encrypted record: the longest policy takes under 1 kB; four times that leaves room to grow.
pub const FEED_RECORD_BYTES_MAX: usize = 4_096;

/// Largest body of one range: every record at its largest, and the array's heads.
pub const FEED_RANGE_BYTES_MAX: usize = 1_024 * (FEED_RECORD_BYTES_MAX + 3) + 9;

/// Largest head: `COSE_Sign1` over seven numbers is under 300 bytes.
pub const FEED_HEAD_BYTES_MAX: usize = 1_024;

/// Tickets on one tag that a gate looks at: the largest party and then some; more is refused at binding.
pub const TICKETS_PER_TAG_MAX: usize = crate::policy::TICKETS_PER_CARD_MAX as usize;

/// How often a registrar issues a head.
pub const HEAD_INTERVAL: Duration = Duration::from_secs(30);

/// How long a head is good for.
pub const HEAD_VALIDITY: Duration = Duration::from_secs(15 * 60);

/// How long a registration session lives.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// How long an enrolment offer lives.
pub const ENROLMENT_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// How far a signed request's `created` may lie from the receiver's clock.
pub const REQUEST_SKEW: Duration = Duration::from_secs(60);

/// Largest admission batch that one upload carries.
pub const ADMISSIONS_PER_BATCH: usize = 256;

/// Most refused showings that one upload carries: as many as admissions, and smaller.
pub const SHOWINGS_PER_BATCH: usize = 256;

/// Largest import batch: 5,000 rows of at most 400 bytes stay under the body limit.
pub const TICKETS_PER_BATCH: usize = 5_000;

/// Largest HTTP body that a registrar reads.
pub const HTTP_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
