//! Machine endpoints: each extracts, calls one thing, renders.

pub mod admissions;
pub mod arbiters;
pub mod claims;
pub mod enrolments;
pub mod epoch_cuts;
pub mod events;
pub mod extract;
pub mod feed;
pub mod feed_keys;
pub mod gates;
pub mod health;
pub mod journals;
pub mod paper;
pub mod postponement;
pub mod recovery;
pub mod registrations;
mod render;
pub mod reports;
pub mod showings;
pub mod tickets;
pub mod tokens;
