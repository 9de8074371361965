//! The event key and what is derived from it.
//!
//! Each consumer gets the subkeys it needs and no more (`protocol.md` §1): gates `tag`, `seal` and `record`, venue
//! arbiters `record` and `claim`, the registrar all of them. Keys are wiped when dropped and print as their name only.

use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use rand::{CryptoRng, RngCore};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::ids::TicketId;
use crate::redact::redacted_debug;

/// Length of the event key and of every subkey in bytes.
pub const KEY_BYTES: usize = 32;

/// Salt of every derivation: another protocol version derives other keys from the same event key.
const DERIVATION_SALT: &[u8] = b"kido/v1";

/// The root of an event's secrets; kept by the registrar, wrapped under a week key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct EventKey([u8; KEY_BYTES]);

macro_rules! subkey {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; KEY_BYTES]);

        impl $name {
            /// The key received over an authenticated, encrypted channel or read from the keyring.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
                Self(bytes)
            }

            /// The key bytes: for sealing to a gate and for the key file, never for a log.
            #[must_use]
            pub const fn expose(&self) -> &[u8; KEY_BYTES] {
                &self.0
            }
        }
    };
}

subkey! {
    /// Turns a key window into a binding tag.
    TagKey
}
subkey! {
    /// Salts the key under which the rest of a public key is sealed.
    SealKey
}
subkey! {
    /// Encrypts the records of the feed; the key that signs its heads is a [feed key](crate::feed::FeedKeyStatement).
    RecordKey
}
subkey! {
    /// Names ticket and order references in the registrar's store.
    OrderKey
}
subkey! {
    /// Names tickets in an arbiter's store: whoever reads that store alone cannot tell whose record is whose.
    ClaimKey
}
redacted_debug!(EventKey, TagKey, SealKey, RecordKey, OrderKey, ClaimKey, GateSubkeys, ArbiterSubkeys);

impl EventKey {
    /// A new event's key.
    pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; KEY_BYTES];
        random.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The key as it came out of its wrapping.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The key bytes: for wrapping, nothing else.
    #[must_use]
    pub const fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// The subkey behind binding tags.
    #[must_use]
    pub fn tag(&self) -> TagKey {
        TagKey(self.derive(b"tag"))
    }

    /// The subkey behind sealed keys.
    #[must_use]
    pub fn seal(&self) -> SealKey {
        SealKey(self.derive(b"seal"))
    }

    /// The subkey behind feed records.
    ///
    /// Its label is `feed`, not its name: with another label no record that was ever published could be opened.
    #[must_use]
    pub fn record(&self) -> RecordKey {
        RecordKey(self.derive(b"feed"))
    }

    /// The subkey behind kept references.
    #[must_use]
    pub fn order(&self) -> OrderKey {
        OrderKey(self.derive(b"order"))
    }

    /// What an enrolled gate is given.
    #[must_use]
    pub fn for_gate(&self) -> GateSubkeys {
        GateSubkeys { tag: self.tag(), seal: self.seal(), record: self.record() }
    }

    /// The subkey behind the names of claim records.
    #[must_use]
    pub fn claim(&self) -> ClaimKey {
        ClaimKey(self.derive(b"claim"))
    }

    /// What an enrolled venue arbiter is given: it reads the feed, and can recognise no card.
    #[must_use]
    pub fn for_arbiter(&self) -> ArbiterSubkeys {
        ArbiterSubkeys { record: self.record(), claim: self.claim() }
    }

    fn derive(&self, name: &[u8]) -> [u8; KEY_BYTES] {
        expand(&self.0, DERIVATION_SALT, &[name])
    }
}

/// The three subkeys of an enrolled gate, for one event.
#[derive(Clone)]
pub struct GateSubkeys {
    /// Behind binding tags.
    pub tag: TagKey,
    /// Behind sealed keys.
    pub seal: SealKey,
    /// Behind feed records.
    pub record: RecordKey,
}

impl GateSubkeys {
    /// Length of [`Self::to_bytes`].
    pub const BYTES: usize = 3 * KEY_BYTES;

    /// The three keys in one run, `tag ‖ seal ‖ record`: the plaintext that is sealed to a gate.
    #[must_use]
    pub fn to_bytes(&self) -> zeroize::Zeroizing<[u8; Self::BYTES]> {
        let mut bytes = zeroize::Zeroizing::new([0; Self::BYTES]);
        let keys = [self.tag.expose(), self.seal.expose(), self.record.expose()];
        for (place, key) in bytes.chunks_exact_mut(KEY_BYTES).zip(keys) {
            place.copy_from_slice(key);
        }
        bytes
    }

    /// The three keys out of one run; nothing where it has another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first_chunk::<KEY_BYTES>()?;
        let (seal, rest) = rest.split_first_chunk::<KEY_BYTES>()?;
        let record = <[u8; KEY_BYTES]>::try_from(rest).ok()?;
        Some(Self { tag: TagKey(*tag), seal: SealKey(*seal), record: RecordKey(record) })
    }
}

/// The two subkeys of an enrolled venue arbiter, for one event.
#[derive(Clone)]
pub struct ArbiterSubkeys {
    /// Behind feed records.
    pub record: RecordKey,
    /// Behind the names of claim records.
    pub claim: ClaimKey,
}

impl ArbiterSubkeys {
    /// Length of [`Subkeys::to_bytes`].
    pub const BYTES: usize = 2 * KEY_BYTES;
}

/// What an enrolment seals to its party: a run of keys, as many as its role needs.
pub trait Subkeys: Sized {
    /// The keys in one run: the plaintext that is sealed, and what the party keeps in a file of its own.
    fn to_bytes(&self) -> zeroize::Zeroizing<Vec<u8>>;

    /// The keys out of one run; nothing where it has another length.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl Subkeys for GateSubkeys {
    fn to_bytes(&self) -> zeroize::Zeroizing<Vec<u8>> {
        zeroize::Zeroizing::new(Self::to_bytes(self).to_vec())
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_bytes(bytes)
    }
}

impl Subkeys for ArbiterSubkeys {
    fn to_bytes(&self) -> zeroize::Zeroizing<Vec<u8>> {
        zeroize::Zeroizing::new([*self.record.expose(), *self.claim.expose()].concat())
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (record, rest) = bytes.split_first_chunk::<KEY_BYTES>()?;
        let claim = <[u8; KEY_BYTES]>::try_from(rest).ok()?;
        Some(Self { record: RecordKey(*record), claim: ClaimKey(claim) })
    }
}

impl ClaimKey {
    /// The name of a ticket's record at its arbiter: HMAC-SHA-256 over the ticket's id.
    #[must_use]
    pub fn name(&self, ticket: TicketId) -> [u8; 32] {
        keyed_hash(&self.0, &[ticket.as_bytes()])
    }
}

impl TagKey {
    /// HMAC-SHA-256 over the concatenation of the parts: what a card leaves behind within one event.
    pub(crate) fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        keyed_hash(&self.0, parts)
    }
}

impl OrderKey {
    /// The first 16 bytes of HMAC-SHA-256 over label, a zero byte and text: enough that no two texts of an event meet, and
    /// that the same text under another label has nothing in common with it.
    #[must_use]
    pub fn hash(&self, label: &[u8], text: &[u8]) -> [u8; 16] {
        let hash = keyed_hash(&self.0, &[label, &[0], text]);
        core::array::from_fn(|place| hash.get(place).copied().unwrap_or_default())
    }
}

/// HMAC-SHA-256 over the concatenation of the parts.
fn keyed_hash(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; 32] {
    // A key of one block or less is used as it stands (RFC 2104 §2), so it is padded here rather than risk a `Result`.
    let mut block = zeroize::Zeroizing::new([0; 64]);
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// HKDF-SHA-256 to one key; `info` is the concatenation of its parts.
pub(crate) fn expand(ikm: &[u8], salt: &[u8], info: &[&[u8]]) -> [u8; KEY_BYTES] {
    let mut okm = [0; KEY_BYTES];
    let derivation = Hkdf::<Sha256>::new(Some(salt), ikm);
    // RFC 5869 §2.3 refuses only more than 255 hash lengths; this asks for one.
    if derivation.expand_multi_info(info, &mut okm).is_err() {
        unreachable_length();
    }
    okm
}

#[expect(clippy::panic, reason = "a constant output length that HKDF allows cannot be refused")]
fn unreachable_length() -> ! {
    panic!("HKDF-SHA-256 gives 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subkeys_differ_from_each_other_and_from_the_event_key() {
        let event = EventKey::from_bytes([1; KEY_BYTES]);
        let all = [
            *event.expose(),
            *event.tag().expose(),
            *event.seal().expose(),
            *event.record().expose(),
            *event.order().expose(),
            *event.claim().expose(),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn a_gate_gets_its_three_subkeys_back() {
        let event = EventKey::from_bytes([9; KEY_BYTES]);
        let bytes = event.for_gate().to_bytes();
        let read = GateSubkeys::from_bytes(bytes.as_slice()).unwrap();
        assert_eq!(read.record.expose(), event.record().expose());
        assert!(GateSubkeys::from_bytes(&bytes[1..]).is_none());
    }

    #[test]
    fn an_arbiter_gets_its_two_subkeys_back_and_no_third() {
        let event = EventKey::from_bytes([9; KEY_BYTES]);
        let bytes = Subkeys::to_bytes(&event.for_arbiter());
        assert_eq!(bytes.len(), ArbiterSubkeys::BYTES);
        let read = ArbiterSubkeys::from_bytes(&bytes).unwrap();
        assert_eq!(read.claim.expose(), event.claim().expose());
        assert!(<GateSubkeys as Subkeys>::from_bytes(&bytes).is_none());
        let (one, other) = (TicketId::from_bytes([1; 16]), TicketId::from_bytes([2; 16]));
        assert_ne!(read.claim.name(one), read.claim.name(other));
    }

    #[test]
    fn an_order_hash_is_half_an_hmac_that_others_can_compute() {
        // Computed with Python's `hmac`: key 32 × 04, message "ticket\0SAME-NAME", the first half.
        let hash = OrderKey::from_bytes([4; KEY_BYTES]).hash(b"ticket", b"SAME-NAME");
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "16c1835f78ebdc632b895d0ba064d491");
    }

    #[test]
    fn a_key_prints_its_name_only() {
        assert_eq!(format!("{:?}", EventKey::from_bytes([5; KEY_BYTES]).for_gate()), "GateSubkeys(..)");
    }
}
