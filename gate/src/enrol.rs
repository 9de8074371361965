//! Enrolment, the gate's side: from an offer that an operator shows to a gate that belongs to an event.
//!
//! The dialogue is [`kido_follow::enrol`]; here its end becomes an [`Identity`]. Nothing is written before the operator
//! has compared the digits.

use kido_follow::enrol::{EnrolError, Enrolled};
use kido_shared::keys::GateSubkeys;
use kido_shared::wire::v1::enrolment::OfferedPlace;

use crate::identity::{Enrolment, Identity};

/// The gate that a finished dialogue makes.
///
/// # Errors
/// [`EnrolError::OtherKind`] where the place is no gate's.
pub fn identity(enrolled: Enrolled<GateSubkeys>) -> Result<Identity, EnrolError> {
    let Enrolled { keys, subkeys, started, origin, root, feed_key } = enrolled;
    let OfferedPlace::Gate { zone, entrance } = started.place else { return Err(EnrolError::OtherKind) };
    let (gate, event, event_name) = (started.name.as_gate(), started.event, started.event_name);
    let rehearsal = started.rehearsal;
    let enrolment = Enrolment { gate, event, event_name, rehearsal, zone, entrance, origin, root, feed_key };
    Ok(Identity::new(keys, subkeys, enrolment))
}
