//! Kido as its users have it: real processes, a real PC/SC stack, a card in bytes.
//!
//! [`harness`] starts and drives the programs the way a person or a script would, by command line and HTTP; the demo
//! and the end-to-end tests are both written on it. [`browser`] is a person's browser before their pages. [`leak`] looks for what must never be found.

pub mod browser;
pub mod desk;
pub mod harness;
pub mod leak;
pub mod story;
