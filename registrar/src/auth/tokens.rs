//! Bearer tokens, kept as hashes: who reads the file can sign in as nobody.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use kido_shared::clock::Timestamp;
use kido_shared::wire::base64url;
use kido_shared::wire::v1::operator::{AddToken, Role, TokenBody, TokenLife};
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

/// What a token's days are counted in.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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
    /// Nobody could add a token any more, now or one day.
    #[error("the last operator's token that never expires stays")]
    LastOperator,
    /// A life that is none, or so long that somebody has mistaken the unit.
    #[error("a token lives 1 to {} days, or never expires", TokenLife::DAYS_MAX)]
    Life,
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
    /// From when on it opens nothing, if ever.
    pub expires_at: Option<Timestamp>,
}

impl Bearer {
    fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| now >= at)
    }

    /// Whether it lets operators in for as long as the registrar lasts.
    fn is_lasting_operator(&self) -> bool {
        self.role == Role::Operator && self.expires_at.is_none()
    }

    fn body(self) -> TokenBody {
        TokenBody { role: self.role, label: self.label, expires_at: self.expires_at }
    }
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotBorne {
    /// It is none of this registrar's, or was ended.
    Unknown,
    /// Its time is over.
    Expired,
}

/// A token as it lies in the file. Those of earlier versions have no end there, and have none.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredToken {
    role: Role,
    label: String,
    #[serde(with = "kido_shared::wire::base64url")]
    token_hash: [u8; 32],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    tokens: Vec<StoredToken>,
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
        let bearer = |token: StoredToken| {
            let StoredToken { role, label, token_hash, expires_at } = token;
            (token_hash, Bearer { role, label, expires_at })
        };
        let known = Known { bearers: stored.tokens.into_iter().map(bearer).collect(), ended: stored.ended };
        Ok(Self { path, known: RwLock::new(known), changing: Mutex::new(()) })
    }

    /// Begins a file with the first operator's token, which never expires: somebody can always let others in.
    ///
    /// # Errors
    /// [`TokenError::File`].
    pub fn create(path: PathBuf, first: &BearerToken) -> Result<Self, TokenError> {
        let bearer = Bearer { role: Role::Operator, label: "operator".to_owned(), expires_at: None };
        let known = Known { bearers: BTreeMap::from([(first.hash(), bearer)]), ended: Vec::new() };
        let tokens = Self { known: RwLock::default(), changing: Mutex::new(()), path };
        tokens.put(known)?;
        Ok(tokens)
    }

    /// Who bears this token.
    ///
    /// # Errors
    /// [`NotBorne`].
    pub fn bearer(&self, token: &str, now: Timestamp) -> Result<Bearer, NotBorne> {
        self.sign_in(token, now).map(|(_name, bearer)| bearer)
    }

    /// The same, with what remembers the token.
    ///
    /// # Errors
    /// [`NotBorne`].
    pub fn sign_in(&self, token: &str, now: Timestamp) -> Result<(TokenName, Bearer), NotBorne> {
        if token.len() > TOKEN_CHARS_MAX {
            return Err(NotBorne::Unknown);
        }
        let name = TokenName(hash(token));
        let bearer = self.known(name).ok_or(NotBorne::Unknown)?;
        if bearer.is_expired(now) { Err(NotBorne::Expired) } else { Ok((name, bearer)) }
    }

    /// Who bears a token that was shown before; nobody once it was ended, or its time is over.
    #[must_use]
    pub fn still(&self, name: TokenName, now: Timestamp) -> Option<Bearer> {
        self.known(name).filter(|bearer| !bearer.is_expired(now))
    }

    fn known(&self, name: TokenName) -> Option<Bearer> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.bearers.get(&name.0).cloned()
    }

    /// Adds a token; it is durable on return. Blocks.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn add(&self, token: AddToken, now: Timestamp) -> Result<TokenBody, TokenError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let AddToken { role, label, token_hash, life } = token;
        if !is_label(&label) {
            return Err(TokenError::Label);
        }
        let expires_at = expiry(life, now)?;
        let mut known = self.snapshot();
        match known.bearers.get(&token_hash) {
            // Repeated, and as it was: what was said first holds.
            Some(bearer) if (bearer.role, &bearer.label) == (role, &label) => return Ok(bearer.clone().body()),
            // Another role or label for a token that is out: its sessions would become somebody else's.
            Some(_) => return Err(TokenError::Exists),
            None => {}
        }
        let mut labels = known.bearers.values().map(|bearer| &bearer.label).chain(&known.ended);
        if labels.any(|known| *known == label) {
            return Err(TokenError::Exists);
        }
        if known.bearers.len() >= TOKENS_MAX {
            return Err(TokenError::TooMany);
        }
        let bearer = Bearer { role, label, expires_at };
        known.bearers.insert(token_hash, bearer.clone());
        self.put(known)?;
        Ok(bearer.body())
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
        let lasting = known.bearers.values().filter(|bearer| bearer.is_lasting_operator()).count();
        if bearer.is_lasting_operator() && lasting == 1 {
            return Err(TokenError::LastOperator);
        }
        known.bearers.remove(&hash);
        if known.ended.len() >= ENDED_LABELS_MAX {
            known.ended.remove(0);
        }
        known.ended.push(bearer.label.clone());
        self.put(known)?;
        Ok(bearer.body())
    }

    /// All tokens, by label; those too whose time is over.
    #[must_use]
    pub fn list(&self) -> Vec<TokenBody> {
        let known = self.snapshot();
        let mut list: Vec<TokenBody> = known.bearers.into_values().map(Bearer::body).collect();
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
        let stored = |(hash, bearer): (&[u8; 32], &Bearer)| StoredToken {
            role: bearer.role,
            label: bearer.label.clone(),
            token_hash: *hash,
            expires_at: bearer.expires_at,
        };
        let stored = Stored { tokens: known.bearers.iter().map(stored).collect(), ended: known.ended.clone() };
        let bytes = serde_json::to_vec_pretty(&stored).map_err(|_no_detail| TokenError::Damaged(self.path.clone()))?;
        private_file::replace(&self.path, &bytes).map_err(|source| TokenError::File { path: self.path.clone(), source })
    }
}

/// When a life that begins now is over.
fn expiry(life: TokenLife, now: Timestamp) -> Result<Option<Timestamp>, TokenError> {
    match life {
        TokenLife::Never => Ok(None),
        TokenLife::Days(days @ 1..=TokenLife::DAYS_MAX) => Ok(Some(now.after(DAY.saturating_mul(u32::from(days))))),
        TokenLife::Days(_) => Err(TokenError::Life),
    }
}

/// Whether a text may be a token's label.
#[must_use]
pub fn is_label(text: &str) -> bool {
    let clean = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    clean && (1..=LABEL_CHARS_MAX).contains(&text.len())
}

#[cfg(test)]
mod tests;
