//! Whether a gate's one read of a certificate file shows it the key and nothing that it must not see.
//!
//! The rule of `protocol.md` §2, as a pure function over the file: the subject has ended where the window begins, and
//! all that lies in the window is the key, or extensions that are the same on every card.

use super::der::Skeleton;
use super::spki::{SpkiError, SubjectPublicKey};
use crate::binding::{BindingTag, SealedKey};
use crate::ids::EventId;
use crate::keys::{SealKey, TagKey};
use crate::redact::redacted_debug;
use crate::window::{KEY_WINDOW_BEGINS, KEY_WINDOW_BYTES, KEY_WINDOW_ENDS, KeyWindow};
use rand::{CryptoRng, RngCore};

/// Least bytes of modulus or point inside the window: a whole P-384 point, so that a tag never rests on less.
pub const KEY_MATERIAL_IN_WINDOW_MIN: usize = 96;

/// Extensions that are alike on all cards and so may be seen: `KeyUsage`, `issuerAltName`, `certificatePolicies` and
/// `ExtKeyUsage` (object identifiers' contents, RFC 5280 §4.2.1).
const SEEN_BY_GATES: [&[u8]; 4] = [&[0x55, 0x1D, 0x0F], &[0x55, 0x1D, 0x12], &[0x55, 0x1D, 0x20], &[0x55, 0x1D, 0x25]];

/// Why the key of a file cannot be read through the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The file is no certificate.
    #[error("not a certificate in DER")]
    NotDer,
    /// The key is of another kind.
    #[error("the key is of another kind")]
    Key(#[source] SpkiError),
    /// The window would show something of the person, or too little of the key.
    #[error("the key does not lie where a gate can read it alone")]
    Unsupported,
}

/// A public key together with its place in the certificate file; wiped when dropped.
#[derive(Clone)]
pub struct PlacedKey {
    key: SubjectPublicKey,
    window: KeyWindow,
    /// Offset of the key's DER in the file. The key begins at or before the window, so one byte holds it.
    begins: u8,
}

redacted_debug!(PlacedKey);

impl PlacedKey {
    /// Places the key of a certificate file.
    ///
    /// # Errors
    /// [`LayoutError`] where the file is no certificate, its key of another kind, or its layout breaks the rule.
    pub fn of_file(file: &[u8]) -> Result<Self, LayoutError> {
        let skeleton = Skeleton::read(file).ok_or(LayoutError::NotDer)?;
        let key = Self::key_of(file, &skeleton).map_err(LayoutError::Key)?;
        Self::place(file, &skeleton, key).ok_or(LayoutError::Unsupported)
    }

    /// Places a key that fills the whole window from a given offset on, as every RSA-2048 key of a card does.
    ///
    /// # Errors
    /// [`LayoutError::Unsupported`] where the window would reach beyond the key.
    pub fn filling_the_window(key: SubjectPublicKey, begins: u8) -> Result<Self, LayoutError> {
        let from = KEY_WINDOW_BEGINS - usize::from(begins);
        let window = key.spki().get(from..from + KEY_WINDOW_BYTES).ok_or(LayoutError::Unsupported)?;
        let window = KeyWindow::try_from(window).map_err(|_wrong_length| LayoutError::Unsupported)?;
        Ok(Self { key, window, begins })
    }

    pub(super) fn key_of(file: &[u8], skeleton: &Skeleton) -> Result<SubjectPublicKey, SpkiError> {
        SubjectPublicKey::from_spki(file.get(skeleton.public_key.clone()).unwrap_or_default())
    }

    pub(super) fn place(file: &[u8], skeleton: &Skeleton, key: SubjectPublicKey) -> Option<Self> {
        // Where the key begins at or before the window, all that lies before the key has ended there.
        let begins = u8::try_from(skeleton.public_key.start).ok()?;
        let material_begins = skeleton.public_key.start + key.algorithm().material_begins();
        let material_ends = material_begins + key.algorithm().material_bytes();
        let seen = material_ends.min(KEY_WINDOW_ENDS).saturating_sub(material_begins.max(KEY_WINDOW_BEGINS));
        if seen < KEY_MATERIAL_IN_WINDOW_MIN || harmless_until(file, skeleton) < KEY_WINDOW_ENDS {
            return None;
        }
        Some(Self { key, window: KeyWindow::of_file(file)?, begins })
    }

    /// The window that a gate reads.
    #[must_use]
    pub const fn window(&self) -> &KeyWindow {
        &self.window
    }

    /// The key itself.
    #[must_use]
    pub const fn key(&self) -> &SubjectPublicKey {
        &self.key
    }

    /// The card's tag within one event, and what its gates rebuild the key from.
    #[must_use]
    pub fn bind(
        &self,
        event: &EventId,
        tag: &TagKey,
        seal: &SealKey,
        random: &mut (impl RngCore + CryptoRng),
    ) -> (BindingTag, SealedKey) {
        let tag = self.window.tag(tag);
        (tag, SealedKey::seal(self, event, &tag, seal, random))
    }

    /// What the window lacks of the key: `u8 length ‖ bytes before the window ‖ bytes behind it`.
    pub(crate) fn lacking(&self) -> Vec<u8> {
        let spki = self.key.spki();
        let before = u8::MAX - self.begins;
        let (before_window, rest) = spki.split_at_checked(usize::from(before)).unwrap_or((spki, &[]));
        let behind_window = rest.get(KEY_WINDOW_BYTES..).unwrap_or_default();
        [&[before], before_window, behind_window].concat()
    }
}

/// Up to which offset, from the key on, a file holds nothing but the key and what is alike on all cards.
fn harmless_until(file: &[u8], skeleton: &Skeleton) -> usize {
    let key_ends = skeleton.public_key.end;
    if skeleton.extensions_begin != key_ends {
        return key_ends;
    }
    let telling = |oid: &std::ops::Range<usize>| file.get(oid.clone()).is_none_or(|oid| !SEEN_BY_GATES.contains(&oid));
    match skeleton.extensions.iter().find(|extension| telling(&extension.oid)) {
        Some(first) => first.whole.start,
        None => skeleton.extensions.last().map_or(key_ends, |last| last.whole.end),
    }
}
