//! The gate: one process drives one lane.
//!
//! ```text
//! reader child ──▶ runtime ──▶ lane ──▶ effects ──▶ replica, journal, arbiter, barrier, screen
//! ```
//!
//! What decides is pure and takes time and answers as arguments: [`lane`], the rules of [`claim`], [`clockwork`], and
//! what a [`screen`] says. The rest are shells that read, write and wait. [`runtime`] holds the one `select!`, carries
//! the lane's effects out in order and hands their answers in again.

pub mod barrier;
pub mod carried;
pub mod claim;
pub mod clockwork;
pub mod config;
pub mod display;
pub mod doctor;
pub mod enrol;
pub mod gate_clock;
pub mod hatch;
pub mod identity;
pub mod journal;
pub mod kiosk;
pub mod lane;
pub mod metrics;
pub mod reader;
pub mod replica;
pub mod runtime;
pub mod screen;
pub mod sync;
pub mod terminal;
pub mod words;

/// The name under which this program calls its registrar and its arbiter.
pub const PROGRAM: &str = "kido-gate";
