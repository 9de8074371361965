//! The key window: the 256 bytes of a card's certificate file that a gate reads.
//!
//! They lie inside the subject public key on every layout that [`crate::certificate`] accepts, so a gate learns no
//! serial, birthday, name or municipality (`protocol.md` §2).

use zeroize::{Zeroize as _, ZeroizeOnDrop};

use crate::binding::BindingTag;
use crate::keys::TagKey;
use crate::redact::redacted_debug;

/// Where the window begins in the certificate file: the largest offset of a READ BINARY with a short EF identifier.
pub const KEY_WINDOW_BEGINS: usize = 255;

/// Length of the window in bytes: what one short READ BINARY returns at most.
pub const KEY_WINDOW_BYTES: usize = 256;

/// First byte of the certificate file behind the window.
pub const KEY_WINDOW_ENDS: usize = KEY_WINDOW_BEGINS + KEY_WINDOW_BYTES;

/// What was read is no key window: it is not 256 bytes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key window is {KEY_WINDOW_BYTES} bytes")]
pub struct KeyWindowError;

/// Bytes 255 to 510 of the certificate file EF 000A.
///
/// Kept on the heap, so that moving the value leaves no copy behind; wiped when dropped.
#[derive(Clone)]
pub struct KeyWindow(Box<[u8; KEY_WINDOW_BYTES]>);

redacted_debug!(KeyWindow);

impl KeyWindow {
    /// The window with these bytes.
    #[must_use]
    pub fn new(mut bytes: [u8; KEY_WINDOW_BYTES]) -> Self {
        let window = Self(Box::new(bytes));
        bytes.zeroize();
        window
    }

    /// The window as it lies in a certificate file; nothing where the file ends before the window does.
    pub(crate) fn of_file(file: &[u8]) -> Option<Self> {
        Self::try_from(file.get(KEY_WINDOW_BEGINS..KEY_WINDOW_ENDS)?).ok()
    }

    /// The only name that this card has within one event: HMAC-SHA-256 under the event's `tag` subkey.
    #[must_use]
    pub fn tag(&self, key: &TagKey) -> BindingTag {
        BindingTag::from_bytes(key.hash(&[self.expose()]))
    }

    /// The bytes: to derive from and to rebuild a key with, never to keep.
    pub(crate) fn expose(&self) -> &[u8; KEY_WINDOW_BYTES] {
        &self.0
    }
}

impl TryFrom<&[u8]> for KeyWindow {
    type Error = KeyWindowError;

    fn try_from(bytes: &[u8]) -> Result<Self, KeyWindowError> {
        if bytes.len() != KEY_WINDOW_BYTES {
            return Err(KeyWindowError);
        }
        let mut window = Self(Box::new([0; KEY_WINDOW_BYTES]));
        window.0.copy_from_slice(bytes);
        Ok(window)
    }
}

impl Drop for KeyWindow {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for KeyWindow {}

#[cfg(test)]
mod tests;
