//! Following the feed and bringing admissions home: the shell is [`http`], when it is due says
//! [`kido_follow::schedule`].

pub mod http;
pub mod recovery;

use core::time::Duration;

/// How often the outbox is looked at without being told to: what could not be sent is not forgotten.
pub const PUSH_INTERVAL: Duration = Duration::from_secs(2);
