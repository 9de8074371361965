//! Randomness as an argument.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};

/// Where random bytes come from: the operating system in service, a seed in a test.
#[derive(Clone)]
pub struct Entropy {
    source: Arc<Mutex<StdRng>>,
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy(..)")
    }
}

impl Entropy {
    /// A `ChaCha` generator seeded by the operating system.
    #[must_use]
    pub fn from_system() -> Self {
        Self { source: Arc::new(Mutex::new(StdRng::from_entropy())) }
    }

    /// The same bytes in every run: for tests and simulations only.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self { source: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))) }
    }

    /// A generator of its own for one piece of work, so that the lock is held for 32 bytes only.
    #[must_use]
    pub fn fork(&self) -> StdRng {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        self.source.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(seed.as_mut_slice());
        StdRng::from_seed(*seed)
    }
}
