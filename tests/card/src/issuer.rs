//! A JPKI of our own, from a fixed seed: the same bytes in every run.
//!
//! The certificates have the fields, order and lengths of the specimen in `shared/fixtures/jpki`, because Kido binds a
//! ticket to *bytes at an offset*: what a certificate library would write differently would prove nothing.

mod authority;
mod key;
mod leaf;
mod names;
#[cfg(test)]
mod tests;
mod time;

pub use authority::{Authority, Hierarchy};
pub use key::{CardKey, RSA_BITS, RSA_BYTES, SubjectKey};
pub use leaf::{Leaf, Profile};
pub use time::UtcTime;

/// Why the test issuer could not make what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// No key came out of the seed.
    #[error("no key from this seed: {0}")]
    KeyGeneration(String),
    /// The private operation was refused.
    #[error("not signed: {0}")]
    Signing(String),
    /// A date that no calendar has, or that `UTCTime` cannot say (before 1950 or after 2049).
    #[error("not a UTCTime: {0}")]
    Time(String),
}
