//! What may stand in a log.
//!
//! Types that own secrets or card data write `Name(..)` as their `Debug` and have no `Display`. A type whose text may
//! be logged says so by [`LogSafe`]; logging code takes `impl LogSafe`, so that a new type is unloggable by default.

use core::fmt;

/// Marks a type whose text names no person, card or secret.
pub trait LogSafe: fmt::Display {}

impl LogSafe for crate::ids::EventId {}
impl LogSafe for crate::ids::TicketId {}
impl LogSafe for crate::ids::PartyId {}
impl LogSafe for crate::ids::GateId {}
impl LogSafe for crate::ids::AdmissionId {}
impl LogSafe for crate::ids::SessionId {}
impl LogSafe for crate::ids::EnrolmentId {}
impl LogSafe for crate::ids::ArbiterId {}
impl LogSafe for crate::ids::FeedSequence {}
impl LogSafe for crate::ids::Epoch {}

/// Gives a type a `Debug` that tells its name and nothing else.
macro_rules! redacted_debug {
    ($($name:ident),+ $(,)?) => {$(
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )+};
}
pub(crate) use redacted_debug;
