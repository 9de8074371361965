//! What must be true of every world: kept while it runs, looked at when it has come to rest.

mod ledger;
mod rest;

pub(crate) use ledger::{Counts, Ledger};
pub(crate) use rest::{UNREST, is_at_rest, look};
