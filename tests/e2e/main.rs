//! End to end: real processes, a real PC/SC stack, a card in bytes. Every refusal is held against its own reason.
//!
//! One file is one venue and one test; its steps follow each other, and all that went otherwise is told at the end.
#![expect(clippy::print_stdout, reason = "a step that is under way is told, so that a hang shows where")]

mod arbiter;
mod cards;
mod carried;
mod chapter;
mod commands;
mod copied;
mod cut;
mod direct;
mod doctor;
mod etcd;
mod exits;
mod feed;
mod freed;
mod leak;
mod offline;
mod proxy;
mod refusals;
mod registration;
mod restored;
mod rotation;
mod tap;
mod tls;
mod traced;
