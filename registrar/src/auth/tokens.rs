//! Bearer tokens, kept as hashes: who reads the file can sign in as nobody.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};

use kido_shared::wire::base64url;
use kido_shared::wire::v1::operator::{AddToken, Role, TokenBody};
use kido_store::private_file::{self, PrivateFileError};
use rand::{CryptoRng, RngCore};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Tokens of one registrar: a person or a program each; more is a directory's work.
const TOKENS_MAX: usize = 1_000;

/// Labels of ended tokens that are remembered.
const ENDED_LABELS_MAX: usize = 10_000;

/// Largest token file: each token takes under 200 bytes, an ended label under 50.
const TOKENS_BYTES_MAX: usize = 1024 * 1024;

/// Longest label.
const LABEL_CHARS_MAX: usize = 32;

/// Longest token that is hashed: ours are 43 characters.
const TOKEN_CHARS_MAX: usize = 128;

/// Why the tokens are not read or not changed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file could not be read or written.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: PrivateFileError,
    },
    /// The file is not what this program writes.
    #[error("{} is damaged", .0.display())]
    Damaged(PathBuf),
    /// A label has other characters, none, or too many.
    #[error("a label is 1 to {LABEL_CHARS_MAX} small letters, digits or hyphens")]
    Label,
    /// A token of this label exists, or did and is still named in the audit list; or this very token has another one.
    #[error("this label or token was given out already: choose another label")]
    Exists,
    /// No token of this label exists.
    #[error("no token of this label")]
    Unknown,
    /// Nobody could add a token any more.
    #[error("the last operator's token stays")]
    LastOperator,
    /// More tokens than a registrar keeps.
    #[error("a registrar keeps at most {TOKENS_MAX} tokens")]
    TooMany,
}

/// A bearer token: 32 random bytes as text. Shown once, to be kept where its bearer works.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct BearerToken([u8; 32]);

impl core::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

impl BearerToken {
    /// A new token.
    pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; 32];
        random.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The text that goes into a token file and an `Authorization` header.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(base64url::encode(&self.0))
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        hash(&self.reveal())
    }
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// A token by its hash: what a session remembers of the one that began it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenName([u8; 32]);

impl core::fmt::Debug for TokenName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TokenName(..)")
    }
}

/// Who bears a token: a role and what operators call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// What it may do.
    pub role: Role,
    /// What operators call it.
    pub label: String,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    tokens: Vec<AddToken>,
    /// Labels of tokens that were ended, oldest first: the audit list goes by labels, so nobody else gets one of them.
    #[serde(default)]
    ended: Vec<String>,
}

/// What is known of tokens.
#[derive(Debug, Clone, Default)]
struct Known {
    bearers: BTreeMap<[u8; 32], Bearer>,
    ended: Vec<String>,
}

/// The tokens of one registrar.
///
/// They are found by the hash of what was sent, so neither a comparison nor its time tells anything of a token.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    known: RwLock<Known>,
    /// One change of the file at a time.
    changing: Mutex<()>,
}

impl Tokens {
    /// Reads the tokens of a file.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(path: PathBuf) -> Result<Self, TokenError> {
        let bytes = private_file::read(&path, TOKENS_BYTES_MAX)
            .map_err(|source| TokenError::File { path: path.clone(), source })?;
        let stored: Stored = serde_json::from_slice(&bytes).map_err(|_no_detail| TokenError::Damaged(path.clone()))?;
        let bearer = |token: AddToken| (token.token_hash, Bearer { role: token.role, label: token.label });
        let known = Known { bearers: stored.tokens.into_iter().map(bearer).collect(), ended: stored.ended };
        Ok(Self { path, known: RwLock::new(known), changing: Mutex::new(()) })
    }

    /// Begins a file with the first operator's token.
    ///
    /// # Errors
    /// [`TokenError::File`].
    pub fn create(path: PathBuf, first: &BearerToken) -> Result<Self, TokenError> {
        let bearer = Bearer { role: Role::Operator, label: "operator".to_owned() };
        let known = Known { bearers: BTreeMap::from([(first.hash(), bearer)]), ended: Vec::new() };
        let tokens = Self { known: RwLock::default(), changing: Mutex::new(()), path };
        tokens.put(known)?;
        Ok(tokens)
    }

    /// Who bears this token, if anybody.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Option<Bearer> {
        self.sign_in(token).map(|(_name, bearer)| bearer)
    }

    /// The same, with what remembers the token.
    #[must_use]
    pub fn sign_in(&self, token: &str) -> Option<(TokenName, Bearer)> {
        if token.len() > TOKEN_CHARS_MAX {
            return None;
        }
        let name = TokenName(hash(token));
        self.still(name).map(|bearer| (name, bearer))
    }

    /// Who bears a token that was shown before; nobody once it was ended.
    #[must_use]
    pub fn still(&self, name: TokenName) -> Option<Bearer> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.bearers.get(&name.0).cloned()
    }

    /// Adds a token; it is durable on return. Blocks.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn add(&self, token: AddToken) -> Result<TokenBody, TokenError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = self.snapshot();
        if !is_label(&token.label) {
            return Err(TokenError::Label);
        }
        let wanted = Bearer { role: token.role, label: token.label.clone() };
        match known.bearers.get(&token.token_hash) {
            Some(bearer) if *bearer == wanted => return Ok(TokenBody { role: token.role, label: token.label }),
            // Another role or label for a token that is out: its sessions would become somebody else's.
            Some(_) => return Err(TokenError::Exists),
            None => {}
        }
        let mut labels = known.bearers.values().map(|bearer| &bearer.label).chain(&known.ended);
        if labels.any(|label| *label == token.label) {
            return Err(TokenError::Exists);
        }
        if known.bearers.len() >= TOKENS_MAX {
            return Err(TokenError::TooMany);
        }
        known.bearers.insert(token.token_hash, wanted);
        self.put(known)?;
        Ok(TokenBody { role: token.role, label: token.label })
    }

    /// Ends a token; it opens nothing any more on return. Blocks.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn remove(&self, label: &str) -> Result<TokenBody, TokenError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = self.snapshot();
        let found = known.bearers.iter().find(|(_hash, bearer)| bearer.label == label);
        let (hash, bearer) = found.map(|(hash, bearer)| (*hash, bearer.clone())).ok_or(TokenError::Unknown)?;
        let operators = known.bearers.values().filter(|bearer| bearer.role == Role::Operator).count();
        if bearer.role == Role::Operator && operators == 1 {
            return Err(TokenError::LastOperator);
        }
        known.bearers.remove(&hash);
        if known.ended.len() >= ENDED_LABELS_MAX {
            known.ended.remove(0);
        }
        known.ended.push(bearer.label.clone());
        self.put(known)?;
        Ok(TokenBody { role: bearer.role, label: bearer.label })
    }

    /// All tokens, by label.
    #[must_use]
    pub fn list(&self) -> Vec<TokenBody> {
        let known = self.snapshot();
        let mut list: Vec<TokenBody> =
            known.bearers.into_values().map(|bearer| TokenBody { role: bearer.role, label: bearer.label }).collect();
        list.sort_by(|one, other| one.label.cmp(&other.label));
        list
    }

    fn snapshot(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// First the file, then what is believed.
    fn put(&self, known: Known) -> Result<(), TokenError> {
        self.store(&known)?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    fn store(&self, known: &Known) -> Result<(), TokenError> {
        let stored = |(hash, bearer): (&[u8; 32], &Bearer)| AddToken {
            role: bearer.role,
            label: bearer.label.clone(),
            token_hash: *hash,
        };
        let stored = Stored { tokens: known.bearers.iter().map(stored).collect(), ended: known.ended.clone() };
        let bytes = serde_json::to_vec_pretty(&stored).map_err(|_no_detail| TokenError::Damaged(self.path.clone()))?;
        private_file::replace(&self.path, &bytes).map_err(|source| TokenError::File { path: self.path.clone(), source })
    }
}

/// Whether a text may be a token's label.
#[must_use]
pub fn is_label(text: &str) -> bool {
    let clean = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    clean && (1..=LABEL_CHARS_MAX).contains(&text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    fn token(seed: u64) -> BearerToken {
        BearerToken::generate(&mut StdRng::seed_from_u64(seed))
    }

    fn sales(seed: u64, label: &str) -> AddToken {
        AddToken { role: Role::Sales, label: label.to_owned(), token_hash: token(seed).hash() }
    }

    #[test]
    fn the_file_holds_no_token_and_reads_back() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("tokens.json");
        let tokens = Tokens::create(path.clone(), &token(1)).unwrap();
        tokens.add(sales(2, "shop")).unwrap();
        let file = std::fs::read_to_string(&path).unwrap();
        assert!(!file.contains(token(1).reveal().as_str()));
        let read = Tokens::open(path).unwrap();
        assert_eq!(read.bearer(&token(1).reveal()).unwrap().role, Role::Operator);
        assert_eq!(read.bearer(&token(2).reveal()).unwrap().label, "shop");
        assert_eq!(read.bearer(&token(3).reveal()), None);
        assert_eq!(read.bearer(&"x".repeat(1_000)), None);
    }

    #[test]
    fn a_token_that_is_out_gets_no_other_role_or_label() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("tokens.json");
        let tokens = Tokens::create(path.clone(), &token(1)).unwrap();
        let viewer = AddToken { role: Role::Viewer, label: "looks".to_owned(), token_hash: token(1).hash() };
        assert!(matches!(tokens.add(viewer), Err(TokenError::Exists)));
        tokens.add(sales(2, "shop")).unwrap();
        tokens.remove("shop").unwrap();
        let read = Tokens::open(path).unwrap();
        assert_eq!(read.bearer(&token(1).reveal()).unwrap().role, Role::Operator);
        assert!(matches!(read.add(sales(3, "shop")), Err(TokenError::Exists)), "also after a restart");
    }

    #[test]
    fn a_removed_token_opens_nothing_and_the_last_operator_stays() {
        let home = tempfile::tempdir().unwrap();
        let tokens = Tokens::create(home.path().join("tokens.json"), &token(1)).unwrap();
        tokens.add(sales(2, "shop")).unwrap();
        tokens.add(sales(2, "shop")).unwrap();
        assert!(matches!(tokens.add(sales(3, "shop")), Err(TokenError::Exists)));
        assert!(matches!(tokens.add(sales(3, "A shop")), Err(TokenError::Label)));
        tokens.remove("shop").unwrap();
        assert_eq!(tokens.bearer(&token(2).reveal()), None);
        assert!(matches!(tokens.remove("shop"), Err(TokenError::Unknown)));
        assert!(matches!(tokens.add(sales(4, "shop")), Err(TokenError::Exists)), "the audit list goes by labels");
        assert!(matches!(tokens.remove("operator"), Err(TokenError::LastOperator)));
    }
}
