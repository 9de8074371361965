//! The venue's arbiter: decides, on a box beside the gates, that one entry is one entry (`protocol.md` §7).
//!
//! ```text
//! gate ──signed step──▶ api ──▶ decide ──▶ kido_shared::claim::step ──▶ records: compare-and-set, durable ──▶ answer
//!                         │        ▲
//!                    rate per gate │ gates, tickets, policy
//!                                 book ◀── kido_follow ◀── registrar's feed
//! ```
//!
//! The rules are pure and elsewhere ([`kido_shared::claim`]), the same as inside the registrar. Here are the shells: the
//! [`book`] that the feed fills, the [`records`] that are changed by compare-and-set alone, and [`decide`] between them.
//!
//! **Invariant.** No answer leaves before the record behind it is durable. A box decides only while the policy that it
//! follows names the very incarnation that it was enrolled for, and only for gates that name the same one.

pub mod api;
pub mod book;
pub mod decide;
pub mod doctor;
pub mod following;
pub mod held_claims;
pub mod identity;
mod metrics;
pub mod records;
pub mod request_dates;
pub mod runs;
pub mod serve;
#[cfg(test)]
mod testing;

/// The name under which this program calls its registrar.
pub const PROGRAM: &str = "kido-arbiter";
