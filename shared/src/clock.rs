//! Time as an argument: a plain [`Timestamp`] inside, a [`Clock`] only at the edge.

use core::fmt;
use core::time::Duration;

/// A moment: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
    minicbor::Encode,
    minicbor::Decode,
)]
#[serde(transparent)]
#[cbor(transparent)]
pub struct Timestamp(#[n(0)] i64);

impl Timestamp {
    /// The moment this many milliseconds after 1970.
    #[must_use]
    pub const fn from_unix_ms(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// The moment this many seconds after 1970.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole minutes since 1970, rounded down.
    #[must_use]
    pub const fn minute(self) -> i64 {
        self.unix_seconds().div_euclid(60)
    }

    /// This moment and a span more; the end of time where the sum does not fit.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This moment less a span; the beginning of time where the difference does not fit.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; zero where it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// Where the shells read the time. Nothing in this crate holds one.
pub trait Clock: Send + Sync {
    /// The moment now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    fn now(&self) -> Timestamp {
        let now = std::time::SystemTime::now();
        match now.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Timestamp::default().after(since),
            Err(before) => Timestamp::default().before(before.duration()),
        }
    }
}

/// A clock that stands still until it is moved: for tests, simulations and rehearsing a postponement.
#[derive(Debug, Default)]
pub struct ManualClock(std::sync::atomic::AtomicI64);

impl ManualClock {
    /// A clock that shows this moment.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(std::sync::atomic::AtomicI64::new(moment.unix_ms()))
    }

    /// Shows another moment from now on.
    pub fn set(&self, moment: Timestamp) {
        self.0.store(moment.unix_ms(), std::sync::atomic::Ordering::SeqCst);
    }

    /// Moves on by a span.
    pub fn advance(&self, span: Duration) {
        self.set(self.now().after(span));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_never_wraps() {
        let end = Timestamp::from_unix_ms(i64::MAX);
        assert_eq!(end.after(Duration::from_secs(1)), end);
        assert_eq!(Timestamp::default().since(end), Duration::ZERO);
    }

    #[test]
    fn seconds_round_down_also_before_1970() {
        assert_eq!(Timestamp::from_unix_ms(-1).unix_seconds(), -1);
    }
}
