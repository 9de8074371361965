//! Who asks: bearers of tokens by their role, gates by their signature.

pub mod bearer;
pub mod gate;
pub mod nonces;
pub mod tokens;

pub use bearer::{Authenticated, May};
pub use gate::{GateBody, SignedRequest};
