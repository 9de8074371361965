//! What travels over HTTP. One module per version; conversions to the types of this crate live beside the bodies.

pub mod base64url;
pub mod event_stream;
pub mod v1;
