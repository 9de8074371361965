//! What every page of Kido shares.
//!
//! The registrar's pages for buyers and operators, the card helper's own page and the lane's screen look and speak as
//! one: [`language`] chooses between Japanese and English, [`words`] says a sentence in either, [`assets`] serves the one
//! style sheet, [`icons`] holds the one set of pictures, [`headers`] says to the browser what a page may never do.
//!
//! **Invariant**: nothing here knows a ticket, a card or a route of anybody; nothing is loaded from another origin.

pub mod assets;
pub mod headers;
pub mod icons;
pub mod language;
pub mod qr;
pub mod words;
