//! Moving an event to another date, with every one of its tickets.
//!
//! The policy goes first, and with it the retention date: no gate wipes itself while windows still move. Then the windows
//! follow, batch by batch, in the order of the tickets' ids; how far they are is kept with the event, so that whoever is
//! stopped goes on. In between each ticket has its old window or its new one, never a half: a gate decides every ticket
//! on one record.

use core::time::Duration;

use kido_shared::clock::Timestamp;
use kido_shared::ids::TicketId;
use kido_shared::policy::{EventPolicy, PolicyDraft, PolicyError};
use kido_shared::ticket::EntryWindow;

use super::ticket::{KeptBinding, Stage, Ticket};

/// How long after an event a postponed one may still happen: what *outlives by a year* is measured by.
pub const POSTPONEMENT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A span on the calendar, forward or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Shift(#[n(0)] i64);

impl Shift {
    /// What leads from one moment to another.
    #[must_use]
    pub const fn between(from: Timestamp, to: Timestamp) -> Self {
        Self(to.unix_ms().saturating_sub(from.unix_ms()))
    }

    /// The moment this much later.
    #[must_use]
    pub const fn of(self, moment: Timestamp) -> Timestamp {
        Timestamp::from_unix_ms(moment.unix_ms().saturating_add(self.0))
    }

    /// The window this much later. At the end of all time there is no later one: it stays.
    fn of_window(self, window: EntryWindow) -> EntryWindow {
        EntryWindow::new(self.of(window.from()), self.of(window.until())).unwrap_or(window)
    }
}

/// A postponement under way: how far the windows have followed the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub struct Moving {
    /// How far.
    #[n(0)]
    pub by: Shift,
    /// When the event was to end, which the cards' certificates were judged by.
    #[n(1)]
    pub ended_at: Timestamp,
    /// When it ends now.
    #[n(2)]
    pub ends_at: Timestamp,
    /// The last ticket that was looked at.
    #[n(3)]
    pub reached: Option<TicketId>,
}

impl Moving {
    /// The beginning of one.
    #[must_use]
    pub fn begin(old: &EventPolicy, new: &EventPolicy) -> Self {
        let (old, new) = (old.choices(), new.choices());
        let by = Shift::between(old.starts_at, new.starts_at);
        Self { by, ended_at: old.ends_at, ends_at: new.ends_at, reached: None }
    }

    /// What is known of a card's certificate on the new date: no more than the two answers of the day of its binding.
    ///
    /// After a move to a later date nothing is known of a year beyond it.
    #[must_use]
    pub fn judge(&self, binding: KeptBinding) -> KeptBinding {
        if self.ends_at <= self.ended_at {
            return binding;
        }
        let within_the_year = self.ends_at <= self.ended_at.after(POSTPONEMENT);
        let outlives_event = binding.outlives_year_after && within_the_year;
        KeptBinding { outlives_event, outlives_year_after: false, ..binding }
    }
}

/// The policy of the event on its new date: everything that has a date moves along.
///
/// # Errors
/// [`PolicyError`] where the dates leave what a policy may say.
pub fn moved_policy(old: &EventPolicy, starts_at: Timestamp) -> Result<EventPolicy, PolicyError> {
    let old = old.choices();
    let by = Shift::between(old.starts_at, starts_at);
    EventPolicy::new(PolicyDraft {
        starts_at,
        ends_at: by.of(old.ends_at),
        retention_at: by.of(old.retention_at),
        give_back_until: old.give_back_until.map(|until| by.of(until)),
        ..old.clone()
    })
}

impl Ticket {
    /// Whether its window moves with the event: nobody enters with one that is void or with the shop again.
    #[must_use]
    pub const fn moves(&self) -> bool {
        !matches!(self.stage, Stage::Returned | Stage::Cancelled(_))
    }

    /// The ticket on the event's new date; its record still to be published.
    #[must_use]
    pub fn moved(mut self, moving: &Moving) -> Self {
        self.particulars.window = moving.by.of_window(self.particulars.window);
        self.stage = match self.stage {
            Stage::Bound(binding) => Stage::Bound(moving.judge(binding)),
            Stage::Suspended(binding) => Stage::Suspended(moving.judge(binding)),
            stage @ (Stage::Unbound | Stage::Returned | Stage::Cancelled(_)) => stage,
        };
        self
    }

    /// Whether its holder has to look again: the card's certificate is not known to be valid when the event ends.
    #[must_use]
    pub fn to_recheck(&self) -> bool {
        self.moves() && self.binding().is_some_and(|binding| !binding.outlives_event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kido_shared::binding::{BindingTag, CertificateTag};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const END: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn kept(outlives_event: bool, outlives_year_after: bool) -> KeptBinding {
        let (tag, certificate_tag) = (BindingTag::from_bytes([1; 32]), CertificateTag::from_bytes([2; 32]));
        KeptBinding { tag, certificate_tag: Some(certificate_tag), outlives_event, outlives_year_after }
    }

    fn judged(ends_at: Timestamp, binding: KeptBinding) -> (bool, bool) {
        let by = Shift::between(END, ends_at);
        let kept = Moving { by, ended_at: END, ends_at, reached: None }.judge(binding);
        (kept.outlives_event, kept.outlives_year_after)
    }

    #[test]
    fn a_certificate_is_trusted_on_a_new_date_only_as_far_as_it_was_judged() {
        let year = END.after(POSTPONEMENT);
        let table = [
            (END.before(DAY), kept(true, false), (true, false)),
            (END, kept(false, false), (false, false)),
            (END.after(DAY), kept(true, false), (false, false)),
            (END.after(DAY), kept(true, true), (true, false)),
            (year, kept(true, true), (true, false)),
            (year.after(Duration::from_millis(1)), kept(true, true), (false, false)),
        ];
        for (ends_at, binding, wanted) in table {
            assert_eq!(judged(ends_at, binding), wanted, "{ends_at:?} {binding:?}");
        }
    }

    #[test]
    fn everything_that_has_a_date_moves_by_the_same_span() {
        let old = crate::testing::policy(|_draft| {});
        let (old_draft, to) = (old.choices().clone(), old.choices().starts_at.after(DAY));
        let new = moved_policy(&old, to).unwrap();
        let new = new.choices();
        for (before, after) in [
            (old_draft.starts_at, new.starts_at),
            (old_draft.ends_at, new.ends_at),
            (old_draft.retention_at, new.retention_at),
        ] {
            assert_eq!(after, before.after(DAY));
        }
        assert_eq!((new.offline, &new.arbiter), (old_draft.offline, &old_draft.arbiter));
        let back = moved_policy(&moved_policy(&old, to).unwrap(), old_draft.starts_at).unwrap();
        assert_eq!(back, old);
    }

    #[test]
    fn a_window_at_the_end_of_all_time_stays_a_window() {
        let window =
            EntryWindow::new(Timestamp::from_unix_ms(i64::MAX - 2), Timestamp::from_unix_ms(i64::MAX)).unwrap();
        assert_eq!(Shift(1_000).of_window(window), window);
    }
}
