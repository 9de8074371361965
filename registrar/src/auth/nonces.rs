//! Nonces of signed requests, remembered as long as a copy of the request would still be believed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use kido_shared::clock::Timestamp;
use kido_shared::ids::GateId;
use kido_shared::limits::REQUEST_SKEW;
use kido_shared::request_signature::VerifiedRequest;

/// Nonces remembered for one gate: 100 requests a second over twice the skew. A gate that sends more is asked to wait.
const NONCES_PER_GATE: usize = 12_000;

/// Gates whose nonces are remembered: those of a hundred full venues. Only gates whose signature verified get a place.
const GATES_REMEMBERED: usize = 20_000;

/// Bytes of a nonce.
type Nonce = [u8; 16];

/// Why a verified request is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It was carried out before.
    #[error("the request was sent before")]
    Replayed,
    /// The gate sends more than can be told apart.
    #[error("the gate sends too many requests")]
    TooMany,
}

#[derive(Debug, Default)]
struct OfGate {
    seen: BTreeMap<Nonce, Timestamp>,
    /// In the order in which they came.
    order: VecDeque<(Timestamp, Nonce)>,
}

impl OfGate {
    fn forget_before(&mut self, moment: Timestamp) {
        while let Some((at, nonce)) = self.order.front().copied() {
            if at >= moment {
                break;
            }
            self.seen.remove(&nonce);
            self.order.pop_front();
        }
    }
}

/// The nonces of all gates.
#[derive(Debug, Default)]
pub struct Nonces(Mutex<BTreeMap<GateId, OfGate>>);

impl Nonces {
    /// Takes a request's nonce, once.
    ///
    /// A request is believed while its `created` lies within the skew on either side, so it is over after twice that.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn take(&self, request: &VerifiedRequest, now: Timestamp) -> Result<(), ReplayError> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = now.before(REQUEST_SKEW.saturating_mul(2).saturating_add(core::time::Duration::from_secs(1)));
        if gates.len() >= GATES_REMEMBERED && !gates.contains_key(&request.gate()) {
            gates.retain(|_gate, of_gate| {
                of_gate.forget_before(over);
                !of_gate.order.is_empty()
            });
            if gates.len() >= GATES_REMEMBERED {
                return Err(ReplayError::TooMany);
            }
        }
        let of_gate = gates.entry(request.gate()).or_default();
        of_gate.forget_before(over);
        if of_gate.seen.contains_key(request.nonce()) {
            return Err(ReplayError::Replayed);
        }
        if of_gate.order.len() >= NONCES_PER_GATE {
            return Err(ReplayError::TooMany);
        }
        of_gate.seen.insert(*request.nonce(), now);
        of_gate.order.push_back((now, *request.nonce()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;
    use kido_shared::request_signature::{RequestParts, UnverifiedRequest, sign};
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);

    fn request(seed: u64, at: Timestamp) -> VerifiedRequest {
        let key = SigningKey::from_bytes(&[7; 32]);
        let parts = RequestParts { method: "POST", target_uri: "http://127.0.0.1/x", body: b"", journal: None };
        let headers = sign(&parts, GateId::from_bytes([1; 16]), &key, at, &mut StdRng::seed_from_u64(seed));
        let read = UnverifiedRequest::parse(&headers.signature_input, &headers.signature).unwrap();
        read.verify(&parts, &headers.content_digest, &key.verifying_key(), at).unwrap()
    }

    #[test]
    fn a_nonce_is_taken_once_as_long_as_its_request_would_be_believed() {
        let nonces = Nonces::default();
        let first = request(1, NOW);
        assert_eq!(nonces.take(&first, NOW), Ok(()));
        assert_eq!(nonces.take(&first, NOW), Err(ReplayError::Replayed));
        assert_eq!(nonces.take(&first, NOW.after(REQUEST_SKEW.saturating_mul(2))), Err(ReplayError::Replayed));
        assert_eq!(nonces.take(&request(2, NOW), NOW), Ok(()));
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let nonces = Nonces::default();
        for seed in 0..50 {
            nonces.take(&request(seed, NOW), NOW).unwrap();
        }
        let later = NOW.after(REQUEST_SKEW.saturating_mul(3));
        nonces.take(&request(99, later), later).unwrap();
        let gates = nonces.0.lock().unwrap();
        let kept: usize = gates.values().map(|of_gate| of_gate.order.len() + of_gate.seen.len()).sum();
        assert_eq!(kept, 2);
    }
}
