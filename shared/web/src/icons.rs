//! The pictures of the registrar's pages, drawn for Kido: 48 by 48, one stroke, the colour of the text around them.
//!
//! They are placed into pages as elements, never linked, so that they take the colour scheme; beside each stands a word,
//! so screen readers pass over them.

/// A card with its chip.
pub const CARD: &str = include_str!("../icons/card.svg");
/// A card in a reader.
pub const READER: &str = include_str!("../icons/reader.svg");
/// Admitted, bound: a filled circle with an open doorway.
pub const WELCOME: &str = include_str!("../icons/welcome.svg");
/// Staff: a person in a triangle.
pub const DESK: &str = include_str!("../icons/desk.svg");
/// Out of order: a crossed frame.
pub const FAULT: &str = include_str!("../icons/fault.svg");
/// Waiting.
pub const WAIT: &str = include_str!("../icons/wait.svg");
/// Done.
pub const DONE: &str = include_str!("../icons/done.svg");
/// Something to know.
pub const NOTICE: &str = include_str!("../icons/notice.svg");
/// What is not read.
pub const SHIELD: &str = include_str!("../icons/shield.svg");
/// A smartphone.
pub const PHONE: &str = include_str!("../icons/phone.svg");
/// Locked.
pub const LOCKED: &str = include_str!("../icons/locked.svg");
/// A ticket.
pub const TICKET: &str = include_str!("../icons/ticket.svg");
/// A card that is not there.
pub const LOST: &str = include_str!("../icons/lost.svg");
/// Copy.
pub const COPY: &str = include_str!("../icons/copy.svg");
/// Print.
pub const PRINT: &str = include_str!("../icons/print.svg");
/// A computer.
pub const COMPUTER: &str = include_str!("../icons/computer.svg");
/// A lane.
pub const GATE: &str = include_str!("../icons/gate.svg");
/// Several people.
pub const PEOPLE: &str = include_str!("../icons/people.svg");
