//! The gate: one process drives one lane.
//!
//! ```text
//! reader child ──▶ runtime ──▶ lane ──▶ effects ──▶ replica, journal, arbiter, barrier, screen
//! ```
//!
//! [`lane`] is pure; everything else here is a shell around it. [`runtime`] holds the one `select!`, carries the lane's
//! effects out in order and hands their answers in again.

pub mod barrier;
pub mod claim;
pub mod clockwork;
pub mod config;
pub mod display;
pub mod doctor;
pub mod enrol;
pub mod gate_clock;
pub mod identity;
pub mod journal;
pub mod kiosk;
pub mod lane;
pub mod reader;
pub mod replica;
pub mod runtime;
pub mod screen;
pub mod sync;
pub mod terminal;
pub mod uplink;
pub mod words;
