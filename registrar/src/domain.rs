//! The rules: current state, input and time in; facts or a typed refusal out.
//!
//! **Invariant**: nothing here knows a store, a socket, a clock or a source of randomness.

pub mod arbiter;
pub mod by_hand;
pub mod claim;
pub mod conflict;
pub mod cut;
pub mod event;
pub mod feed_key;
pub mod gate;
pub mod hand_over;
pub mod history;
pub mod ingest;
pub mod link;
pub mod party;
pub mod postponement;
pub mod recovery;
pub mod reference;
pub mod registration;
pub mod short_id;
pub mod ticket;
