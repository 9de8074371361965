//! The rules of an event's feed key taking another one's place.

use kido_shared::clock::Timestamp;
use kido_shared::feed::{FeedError, FeedKeyStatement};

/// Why a feed key does not come into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeedKeyRefusal {
    /// The root key has not said this, or said it of another event.
    #[error("this is not the word of this registrar's root key for a feed key of this event")]
    NotTheRoots(#[source] FeedError),
    /// It is for a key that this registrar does not have.
    #[error("this is for another key than the one that is to come: ask for that first")]
    OtherKey,
    /// It does not begin later than the key in force, so followers could not tell which of the two is revoked by the other.
    #[error("it has to begin later than the key in force: is the clock right where it was signed?")]
    NotLater,
    /// It would leave out that earlier keys are revoked, for whoever has not heard so.
    #[error("it has to revoke what the key in force revokes")]
    Forgets,
    /// It has not begun, or is over.
    #[error("it is not valid now: is the clock right where it was signed?")]
    NotNow,
}

/// Whether a key may take the place of the one in force.
///
/// # Errors
/// [`FeedKeyRefusal`].
pub fn may_follow(old: &FeedKeyStatement, new: &FeedKeyStatement, now: Timestamp) -> Result<(), FeedKeyRefusal> {
    if new.valid_from <= old.valid_from {
        return Err(FeedKeyRefusal::NotLater);
    }
    if new.revokes_before < old.revokes_before {
        return Err(FeedKeyRefusal::Forgets);
    }
    if now < new.valid_from || now >= new.valid_until { Err(FeedKeyRefusal::NotNow) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use kido_shared::ids::EventId;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn minutes(count: u64) -> Timestamp {
        NOW.after(Duration::from_secs(60 * count))
    }

    fn of(from: u64, revokes_before: Option<u64>) -> FeedKeyStatement {
        let (event, valid_from, valid_until) = (EventId::from_bytes([1; 16]), minutes(from), minutes(100));
        let revokes_before = revokes_before.map(minutes);
        FeedKeyStatement { event, verifying_key: [2; 32], valid_from, valid_until, revokes_before }
    }

    #[test]
    fn a_key_follows_on_an_earlier_one_while_it_is_valid() {
        let old = of(1, None);
        assert_eq!(may_follow(&old, &of(2, None), minutes(2)), Ok(()));
        assert_eq!(may_follow(&old, &of(2, Some(2)), minutes(2)), Ok(()));
        assert_eq!(may_follow(&old, &of(1, None), minutes(2)), Err(FeedKeyRefusal::NotLater));
        assert_eq!(may_follow(&old, &of(2, None), minutes(1)), Err(FeedKeyRefusal::NotNow));
        assert_eq!(may_follow(&old, &of(2, None), minutes(100)), Err(FeedKeyRefusal::NotNow));
    }

    #[test]
    fn what_was_revoked_once_stays_so_for_whoever_hears_of_the_newest_key_alone() {
        let old = of(3, Some(3));
        assert_eq!(may_follow(&old, &of(4, None), minutes(5)), Err(FeedKeyRefusal::Forgets));
        assert_eq!(may_follow(&old, &of(4, Some(2)), minutes(5)), Err(FeedKeyRefusal::Forgets));
        assert_eq!(may_follow(&old, &of(4, Some(3)), minutes(5)), Ok(()));
        assert_eq!(may_follow(&old, &of(4, Some(4)), minutes(5)), Ok(()));
    }
}
