//! What a registration leaves behind: the only card-derived values that outlive an exchange.
//!
//! Each is keyed with a subkey of one event, so two events share nothing, and a replica names nobody and holds no
//! usable key (`protocol.md` §2).

use core::fmt;

use chacha20poly1305::aead::{AeadInPlace as _, KeyInit as _};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::cbor_form::{cbor_bytes, exactly};
use crate::certificate::{PlacedKey, SpkiError, SubjectPublicKey};
use crate::ids::{EventId, ID_BYTES};
use crate::keys::{SealKey, expand};
use crate::redact::redacted_debug;
use crate::window::KeyWindow;

/// Length of both tags in bytes: one SHA-256.
pub const TAG_BYTES: usize = 32;

/// Largest sealed key: nonce, length byte, an RSA-2048 key of which nothing lay in the window, authentication tag.
pub const SEALED_KEY_BYTES_MAX: usize = NONCE_BYTES + 1 + 294 + SEAL_TAG_BYTES;

/// Smallest sealed key: nonce, length byte, authentication tag.
const SEALED_KEY_BYTES_MIN: usize = NONCE_BYTES + 1 + SEAL_TAG_BYTES;

const NONCE_BYTES: usize = 24;
const SEAL_TAG_BYTES: usize = 16;
const SEAL_INFO: &[u8] = b"sealed key";

macro_rules! tag {
    ($(#[$doc:meta])* $name:ident, $wrong:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name([u8; TAG_BYTES]);

        redacted_debug!($name);

        impl $name {
            /// The tag with these bytes, as they stand in a record.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; TAG_BYTES]) -> Self {
                Self(bytes)
            }

            /// The tag's bytes: for records and look-ups, never for a log.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; TAG_BYTES] {
                &self.0
            }
        }

        cbor_bytes!($name, |bytes| exactly(bytes, $wrong).map(Self));
    };
}

tag! {
    /// The only name that a card has, and only within one event.
    BindingTag, "a binding tag is 32 bytes"
}
tag! {
    /// Serial and public key of one certificate in one keyed value; the registrar's alone.
    ///
    /// It is compared whenever the whole certificate is presented again. Serials are small and sequential, but the key
    /// window is part of the hash, so nobody can try them all.
    CertificateTag, "a certificate tag is 32 bytes"
}

/// Everything that binds a ticket to a card, as stored by the registrar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBinding {
    /// What gates look the ticket up by.
    pub tag: BindingTag,
    /// What the registrar compares when the certificate comes again.
    pub certificate_tag: CertificateTag,
    /// What a gate rebuilds the public key from, with the card's own window.
    pub sealed_key: SealedKey,
}

/// Why stored bytes can be no sealed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed key is {SEALED_KEY_BYTES_MIN} to {SEALED_KEY_BYTES_MAX} bytes")]
pub struct SealedKeyError;

/// Why a sealed key did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// Another window, tag, event or subkey than it was sealed for, or changed bytes.
    #[error("the sealed key does not open for this card and event")]
    Refused,
    /// It opened, but the parts do not join to a key: whoever sealed it erred.
    #[error("the parts of the sealed key do not fit together")]
    Parts,
    /// The joined bytes are no key that Kido accepts: whoever sealed it erred.
    #[error("the rebuilt public key is not acceptable")]
    Key(#[source] SpkiError),
}

/// The part of a public key that the window lacks, readable only with that window and the event's `seal` subkey.
///
/// `nonce (24) ‖ XChaCha20-Poly1305(u8 length ‖ bytes before the window ‖ bytes behind it)`; 79 bytes for RSA-2048.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKey(Vec<u8>);

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedKey(..)")
    }
}

impl SealedKey {
    /// Seals what the window lacks of a key, for one event and the tag that the window has there.
    #[must_use]
    pub fn seal(
        key: &PlacedKey,
        event: &EventId,
        tag: &BindingTag,
        seal: &SealKey,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Self {
        let mut nonce = XNonce::default();
        random.fill_bytes(&mut nonce);
        let mut text = key.lacking();
        let cipher = cipher(key.window(), seal);
        let Ok(mac) = cipher.encrypt_in_place_detached(&nonce, &associated(event, tag), &mut text) else {
            unreachable_length()
        };
        Self([nonce.as_slice(), text.as_slice(), mac.as_slice()].concat())
    }

    /// Rebuilds the public key with the window that the card has just shown.
    ///
    /// # Errors
    /// [`UnsealError`] where card, event or bytes are others, or where the parts join to no acceptable key.
    pub fn open(
        &self,
        event: &EventId,
        tag: &BindingTag,
        window: &KeyWindow,
        seal: &SealKey,
    ) -> Result<SubjectPublicKey, UnsealError> {
        let (nonce, rest) = self.0.split_first_chunk::<NONCE_BYTES>().ok_or(UnsealError::Parts)?;
        let (text, mac) = rest.split_last_chunk::<SEAL_TAG_BYTES>().ok_or(UnsealError::Parts)?;
        let mut text = Zeroizing::new(text.to_vec());
        cipher(window, seal)
            .decrypt_in_place_detached(nonce.into(), &associated(event, tag), &mut text, Tag::from_slice(mac))
            .map_err(|_opaque| UnsealError::Refused)?;
        let (length, parts) = text.split_first().ok_or(UnsealError::Parts)?;
        let (before, behind) = parts.split_at_checked(usize::from(*length)).ok_or(UnsealError::Parts)?;
        let joined = Zeroizing::new([before, window.expose().as_slice(), behind].concat());
        if behind.is_empty() {
            // The key ends inside the window: what follows it there are extensions.
            SubjectPublicKey::read_prefix(&joined)
        } else {
            SubjectPublicKey::from_spki(&joined)
        }
        .map_err(UnsealError::Key)
    }

    /// The bytes as they stand in a record.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for SealedKey {
    type Error = SealedKeyError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, SealedKeyError> {
        if (SEALED_KEY_BYTES_MIN..=SEALED_KEY_BYTES_MAX).contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(SealedKeyError)
        }
    }
}

cbor_bytes!(SealedKey, |bytes| Self::try_from(bytes.to_vec()).map_err(minicbor::decode::Error::custom));

fn cipher(window: &KeyWindow, seal: &SealKey) -> XChaCha20Poly1305 {
    let key = Zeroizing::new(expand(window.expose(), seal.expose(), &[SEAL_INFO]));
    XChaCha20Poly1305::new((&*key).into())
}

/// Event id ‖ tag: a sealed key moved to another ticket's tag or another event does not open.
fn associated(event: &EventId, tag: &BindingTag) -> [u8; ID_BYTES + TAG_BYTES] {
    let mut bytes = [0; ID_BYTES + TAG_BYTES];
    for (place, byte) in bytes.iter_mut().zip(event.as_bytes().iter().chain(tag.as_bytes())) {
        *place = *byte;
    }
    bytes
}

#[expect(clippy::panic, reason = "XChaCha20-Poly1305 refuses only texts of 256 GiB; this one is a part of one key")]
fn unreachable_length() -> ! {
    panic!("a key part is short enough to seal")
}

#[cfg(test)]
mod tests;
