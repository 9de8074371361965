//! Kido as people see it: each chapter is one person's way through real pages, with the real processes behind them and
//! a virtual card behind a real pcscd.
//!
//! Every page and state is looked at in two sizes, light and dark; what axe-core calls serious is a failure, what
//! Chromium complains about is one, and so is anything of a card in what the browser sent, was sent or kept. Each way is
//! gone twice: in Japanese by keyboard alone, in English with a pointer. `states.rs` lists every state that a page can be
//! in, with the chapter that looks at it.
#![expect(clippy::print_stdout, reason = "a step that is under way is told, so that a hang shows where")]

mod buyer;
mod chapter;
mod console;
mod desk;
mod gallery;
mod helper;
mod kiosk;
mod lane;
mod states;
mod tour;
mod trouble;
mod visit;
