//! The arbiter's record of a ticket, and the only steps that change it (`protocol.md` §7).
//!
//! Pure: an arbiter reads the record, asks [`step`], writes the changed record by compare-and-set on its revision, and
//! only then answers. Every home of claims (inside the registrar, in the venue, in the only gate) is a shell around
//! this function, so all of them decide alike.
//!
//! ```text
//!            Claim                Opened               Exit
//!   Free ───────────▶ Claimed ───────────▶ Inside ───────────▶ Free, or Spent where no entry is left
//!     ▲  Withdraw, Annul │                    │ Annul
//!     └──────────────────┴────────────────────┘  (the entry is given back)
//! ```
//!
//! - Repeating a step changes nothing and gets the same answer, however late: closed admissions stay known for a day,
//!   and a signed request lives a minute.
//! - A withdrawn or annulled admission can never claim again; a withdrawal that overtakes its claim closes it as well.
//! - A claim for somebody who is inside already (offline, by hand) is a fact: neither a newer record nor a status
//!   undoes it, so only the state of the entry decides.
//! - Beside the steps stands one decision of people: claims of a revoked gate that no admission followed can be set free.

mod answer;
mod closed;
mod freeing;
pub mod rate;
mod record;
mod steps;

pub use answer::{ClaimAnswer, ClaimFacts, ClaimRequest, ClaimStep, NamedAdmission};
pub use closed::{CLOSED_FOR, CLOSED_MAX, Closed, Closing};
pub use freeing::FreedClaims;
pub use record::{ClaimState, Holding, TicketClaims};
pub use steps::step;

#[cfg(test)]
mod tests;
