//! The store as its callers see it, and as accidents leave it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod damage;
mod disk_full;
mod export;
mod held;
mod index;
mod pairs;
mod places;
mod properties;
mod torn;
mod transactions;
