#![doc = include_str!("../README.md")]

mod base32;
mod cbor_form;
pub mod clock;
pub mod codes;
pub mod error_chain;
pub mod ids;
pub mod keys;
pub mod limits;
mod redact;

pub mod admission;
pub mod apdu;
pub mod binding;
pub mod card;
pub mod carried;
pub mod certificate;
pub mod challenge;
pub mod claim;
pub mod copies;
pub mod enrolment;
pub mod feed;
pub mod journal_head;
pub mod policy;
pub mod proof;
pub mod refusal;
pub mod request_signature;
pub mod rsa_verifier;
pub mod showing;
pub mod ticket;
pub mod trace_context;
pub mod verdict;
pub mod window;
pub mod wire;

pub use redact::LogSafe;

/// Reasons, privacy and threats: the part of the design that a reviewer reads first.
pub mod manual {
    #[doc = include_str!("../manual/decisions.md")]
    pub mod decisions {}
    #[doc = include_str!("../manual/privacy.md")]
    pub mod privacy {}
    #[doc = include_str!("../manual/threats.md")]
    pub mod threats {}
}
