//! Binds tickets to cards, publishes the feed, collects admissions.

pub mod api;
pub mod audit;
pub mod auth;
pub mod cli;
pub mod config;
mod doctor;
pub mod domain;
pub mod enrolment;
pub mod entropy;
pub mod error;
pub mod fact;
mod imports;
pub mod keyring;
mod live_feed;
mod metrics;
mod misses;
pub mod moment;
pub(crate) mod office;
pub mod openapi;
pub mod operator_files;
mod per_minute;
pub mod registration;
pub mod reports;
pub mod router;
pub mod runs;
pub mod serve;
pub mod server;
pub mod signer;
pub mod state;
pub mod store;
pub mod visitor;
pub mod web;

#[cfg(test)]
mod testing;
