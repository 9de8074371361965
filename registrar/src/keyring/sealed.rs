//! Encryption of one key under another.

use chacha20poly1305::aead::{AeadInPlace as _, KeyInit as _};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use kido_shared::keys::KEY_BYTES;
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// XChaCha20-Poly1305 under one key of the keyring. The cipher wipes its key when dropped.
pub(super) struct Sealing(XChaCha20Poly1305);

impl Sealing {
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Length of a sealed text.
    pub(super) const fn sealed_bytes(plain: usize) -> u64 {
        (NONCE_BYTES + plain + TAG_BYTES) as u64
    }

    /// `nonce ‖ ciphertext ‖ tag`. A random nonce of 24 bytes never comes twice.
    pub(super) fn seal(&self, associated: &[u8], plain: &[u8], random: &mut (impl RngCore + CryptoRng)) -> Vec<u8> {
        let mut nonce = XNonce::default();
        random.fill_bytes(&mut nonce);
        let mut text = plain.to_vec();
        let Ok(tag) = self.0.encrypt_in_place_detached(&nonce, associated, &mut text) else { unreachable_length() };
        [nonce.as_slice(), text.as_slice(), tag.as_slice()].concat()
    }

    pub(super) fn open(&self, associated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = self.0.decrypt_in_place_detached(nonce.into(), associated, &mut text, Tag::from_slice(tag));
        opened.is_ok().then_some(text)
    }
}

#[expect(clippy::panic, reason = "XChaCha20-Poly1305 refuses only texts of 256 GiB; these are keys")]
fn unreachable_length() -> ! {
    panic!("a key is short enough to seal")
}
