//! Files that are being read: so few at a time that their bytes always have room.

use std::sync::{Arc, Mutex, PoisonError};

use crate::auth::tokens::TokenName;

/// Files that are read and judged at a time: 16 MB of text each, and the rows that come out of them.
const READINGS_MAX: usize = 2;

/// The tokens whose files are being read.
#[derive(Debug, Default)]
pub(in crate::web::console) struct Readings(Arc<Mutex<Vec<TokenName>>>);

/// A place among them. It is taken before the first byte, and lasts until it is dropped: with the judging, not with the
/// request, whose client may have gone.
#[derive(Debug)]
pub(in crate::web::console) struct Reading {
    of: Arc<Mutex<Vec<TokenName>>>,
    token: TokenName,
}

impl Readings {
    /// Takes a place; nothing where all are taken, or one by the same token.
    pub(in crate::web::console) fn begin(&self, token: TokenName) -> Option<Reading> {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= READINGS_MAX || tokens.contains(&token) {
            return None;
        }
        tokens.push(token);
        Some(Reading { of: Arc::clone(&self.0), token })
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).retain(|token| *token != self.token);
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::wire::v1::operator::{AddToken, Role, TokenLife};
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;
    use crate::auth::tokens::{BearerToken, Tokens};

    #[test]
    fn two_files_are_read_at_a_time_and_one_of_a_token() {
        let home = tempfile::tempdir().unwrap();
        let bearers = [1, 2, 3].map(|seed| BearerToken::generate(&mut StdRng::seed_from_u64(seed)));
        let tokens = Tokens::create(home.path().join("tokens.json"), &bearers[0]).unwrap();
        for (place, bearer) in bearers.iter().enumerate().skip(1) {
            let token = AddToken {
                role: Role::Sales,
                label: format!("shop-{place}"),
                token_hash: bearer.hash(),
                life: TokenLife::Never,
            };
            tokens.add(token, kido_shared::clock::Timestamp::default()).unwrap();
        }
        let [one, two, three] =
            bearers.map(|bearer| tokens.sign_in(&bearer.reveal(), kido_shared::clock::Timestamp::default()).unwrap().0);
        let readings = Readings::default();
        let first = readings.begin(one).unwrap();
        assert!(readings.begin(one).is_none());
        let _second = readings.begin(two).unwrap();
        assert!(readings.begin(three).is_none());
        drop(first);
        assert!(readings.begin(three).is_some());
    }
}
