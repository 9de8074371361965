//! Version 1 of the HTTP bodies: JSON, unknown fields refused, bytes as base64url, moments as milliseconds since 1970.
//!
//! Bodies are plain data on purpose; whoever receives one converts it into a type that cannot be wrong before acting.
//! Routes stand here too, so that client and server cannot drift apart.

pub mod admissions;
pub mod enrolment;
pub mod feed_stream;
pub mod operator;
pub mod problem;
pub mod recovery;
pub mod registration;
pub mod report;
pub mod routes;
pub mod showings;
