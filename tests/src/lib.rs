//! Kido as its users have it: real processes, a real PC/SC stack, a card in bytes.
//!
//! [`harness`] starts and drives the programs the way a person or a script would, by command line and HTTP; the demo
//! and the end-to-end tests are both written on it. [`browser`] is a person's browser before their pages. [`chapter`] counts a test's steps. [`leak`]
//! looks for what must never be found. [`evening`] is what must be true of an evening, simulated or soaked. [`story`] is the demo, [`desk`] what its visitors use, [`ending`] how it ends.

pub mod browser;
pub mod chapter;
pub mod desk;
pub mod ending;
pub mod evening;
pub mod harness;
pub mod leak;
pub mod open_metrics;
pub mod story;
