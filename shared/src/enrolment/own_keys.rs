//! The key pairs of a gate or a venue arbiter, made where they are used.

use ed25519_dalek::SigningKey;
use hpke::{Deserializable as _, Kem as _, Serializable as _};
use rand::{CryptoRng, RngCore};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{EnrolmentError, Kem};
use crate::redact::redacted_debug;

/// The two key pairs of a gate or an arbiter: one signs, one receives. Made on its machine, never leave it.
#[derive(Clone)]
pub struct OwnKeys {
    signing: SigningKey,
    receiving: ReceivingKey,
}

#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct ReceivingKey([u8; 32]);

impl OwnKeys {
    /// Length of [`Self::to_bytes`].
    pub const BYTES: usize = 64;

    /// New keys.
    pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        let signing = SigningKey::generate(random);
        let mut seed = Zeroizing::new([0; 32]);
        random.fill_bytes(seed.as_mut_slice());
        let (private, _public) = Kem::derive_keypair(seed.as_slice());
        let mut receiving = ReceivingKey([0; 32]);
        receiving.0.copy_from_slice(&private.to_bytes());
        Self { signing, receiving }
    }

    /// Both private keys, for their owner's own key file.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::BYTES]> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        let (signing, receiving) = bytes.split_at_mut(32);
        signing.copy_from_slice(self.signing.as_bytes());
        receiving.copy_from_slice(&self.receiving.0);
        bytes
    }

    /// The keys out of the key file.
    ///
    /// # Errors
    /// [`EnrolmentError::PublicKey`] where the bytes are no key pairs.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnrolmentError> {
        let (signing, receiving) = bytes.split_first_chunk::<32>().ok_or(EnrolmentError::PublicKey)?;
        let receiving = <[u8; 32]>::try_from(receiving).map_err(|_wrong_length| EnrolmentError::PublicKey)?;
        let keys = Self { signing: SigningKey::from_bytes(signing), receiving: ReceivingKey(receiving) };
        keys.private().map(|_usable| keys)
    }

    /// Signs their owner's requests.
    #[must_use]
    pub const fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The two public keys, as the registrar gets them.
    ///
    /// # Errors
    /// [`EnrolmentError::PublicKey`] where the receiving key is unusable.
    pub fn public(&self) -> Result<OwnPublicKeys, EnrolmentError> {
        let mut receiving = [0; 32];
        receiving.copy_from_slice(&Kem::sk_to_pk(&self.private()?).to_bytes());
        Ok(OwnPublicKeys { verifying: self.signing.verifying_key().to_bytes(), receiving })
    }

    pub(super) fn private(&self) -> Result<<Kem as hpke::Kem>::PrivateKey, EnrolmentError> {
        <Kem as hpke::Kem>::PrivateKey::from_bytes(&self.receiving.0).map_err(|_no_detail| EnrolmentError::PublicKey)
    }
}

/// The public keys of a gate or an arbiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnPublicKeys {
    /// Ed25519: verifies what their owner signs.
    pub verifying: [u8; 32],
    /// X25519: what is sealed to their owner.
    pub receiving: [u8; 32],
}

redacted_debug!(OwnKeys);

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    #[test]
    fn own_keys_read_back_from_their_file() {
        let keys = OwnKeys::generate(&mut StdRng::seed_from_u64(6));
        assert_eq!(OwnKeys::from_bytes(keys.to_bytes().as_slice()).unwrap().public(), keys.public());
        assert_eq!(OwnKeys::from_bytes(&[1; 63]).unwrap_err(), EnrolmentError::PublicKey);
    }
}
