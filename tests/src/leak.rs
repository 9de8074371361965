//! The leak search: what must never be found, in every form in which a program could have written it.
//!
//! Each marker is looked for raw, in hexadecimal (both cases), in base64 (both alphabets, at each of the three
//! alignments) and as UTF-16 (both byte orders). A search that finds nothing proves little unless it has just found a
//! planted leak in each of those forms: [`LeakSearch::prove`] does that first, in the same folder, with the same code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use kido_virtual_card::character::Character;
use kido_virtual_card::issuer::{Authority, Hierarchy};
use kido_virtual_card::planted::{self, Marker};

/// Bytes of a long marker that are looked for by themselves: a piece of a modulus is a leak as well.
const PIECE_BYTES: usize = 24;

/// Shortest base64 text that is looked for: shorter ones occur by chance.
const BASE64_CHARS_MIN: usize = 10;

/// How a marker was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Byte for byte.
    Raw,
    /// Hexadecimal.
    Hex,
    /// Base64.
    Base64,
    /// UTF-16.
    Utf16,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 4] = [Self::Raw, Self::Hex, Self::Base64, Self::Utf16];
}

/// One leak.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// Of what.
    pub label: String,
    /// In which form.
    pub form: Form,
    /// In which file.
    pub file: PathBuf,
}

/// Why a search could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LeakError {
    /// A file or folder could not be read.
    #[error("{path} could not be read")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The markers could not be made into a search.
    #[error("the markers make no search")]
    Patterns(#[source] aho_corasick::BuildError),
    /// The cast's certificates could not be made.
    #[error("the cards of the cast could not be made")]
    Issuer(#[from] kido_virtual_card::issuer::IssuerError),
    /// A planted leak was not found: this search proves nothing.
    #[error("a planted {label} as {form:?} was not found")]
    Blind {
        /// Which marker.
        label: String,
        /// In which form.
        form: Form,
    },
}

/// A search for all markers at once.
#[derive(Debug)]
pub struct LeakSearch {
    markers: Vec<Marker>,
    patterns: Vec<(usize, Form)>,
    automaton: AhoCorasick,
}

/// What a search looked at.
#[derive(Debug, Default)]
pub struct Searched {
    /// What it found.
    pub leaks: BTreeSet<Leak>,
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
}

impl LeakSearch {
    /// Looks for what these cards hold, and for what all cards hold.
    ///
    /// # Errors
    /// [`LeakError`].
    pub fn for_cards(cards: &[Character]) -> Result<Self, LeakError> {
        let mut public = Vec::new();
        for anchor in Hierarchy::ANCHORS {
            public.push(Authority::of(anchor)?.certificate()?);
        }
        // What also stands in a root's certificate, such as the frame of every RSA key, tells nothing of a card.
        let is_public = |marker: &Marker| {
            public.iter().any(|root| root.windows(marker.bytes.len()).any(|part| part == marker.bytes))
        };
        let mut markers = planted::markers();
        for card in cards {
            markers.extend(card.markers()?.into_iter().flat_map(pieces).filter(|marker| !is_public(marker)));
        }
        markers.push(verify_command());
        Self::new(markers)
    }

    /// Looks for exactly these.
    ///
    /// # Errors
    /// [`LeakError::Patterns`].
    pub fn new(markers: Vec<Marker>) -> Result<Self, LeakError> {
        let mut patterns = Vec::new();
        let mut needles = Vec::new();
        for (place, marker) in markers.iter().enumerate() {
            for form in Form::ALL {
                for needle in written(marker, form) {
                    patterns.push((place, form));
                    needles.push(needle);
                }
            }
        }
        let automaton = AhoCorasick::new(&needles).map_err(LeakError::Patterns)?;
        Ok(Self { markers, patterns, automaton })
    }

    /// Plants each marker in each form in a file of its own below `folder`, finds every one, and removes them.
    ///
    /// # Errors
    /// [`LeakError::Blind`] where one is not found.
    pub fn prove(&self, folder: &Path) -> Result<u64, LeakError> {
        let file = folder.join("planted-leak");
        let unreadable = |source| LeakError::Unreadable { path: file.clone(), source };
        let mut found = 0;
        for marker in &self.markers {
            for form in Form::ALL {
                for needle in written(marker, form) {
                    let planted = [b"before\x00".as_slice(), &needle, b"\xffafter"].concat();
                    std::fs::write(&file, planted).map_err(unreadable)?;
                    let searched = self.search(&file)?;
                    let seen = searched.leaks.iter().any(|leak| leak.label == marker.label && leak.form == form);
                    if !seen {
                        return Err(LeakError::Blind { label: marker.label.to_owned(), form });
                    }
                    found += 1;
                }
            }
        }
        std::fs::remove_file(&file).map_err(unreadable)?;
        Ok(found)
    }

    /// Searches a file, or everything below a folder.
    ///
    /// # Errors
    /// [`LeakError::Unreadable`].
    pub fn search(&self, place: &Path) -> Result<Searched, LeakError> {
        let mut searched = Searched::default();
        self.search_into(place, &mut searched)?;
        Ok(searched)
    }

    /// Whether some bytes that never became a file, such as an HTTP answer, hold a marker.
    #[must_use]
    pub fn search_bytes(&self, name: &str, bytes: &[u8]) -> BTreeSet<Leak> {
        let leak = |pattern: &(usize, Form)| {
            let marker = self.markers.get(pattern.0)?;
            Some(Leak { label: marker.label.to_owned(), form: pattern.1, file: PathBuf::from(name) })
        };
        let hits = self.automaton.find_overlapping_iter(bytes);
        hits.filter_map(|hit| self.patterns.get(hit.pattern().as_usize()).and_then(leak)).collect()
    }

    fn search_into(&self, place: &Path, searched: &mut Searched) -> Result<(), LeakError> {
        let unreadable = |source| LeakError::Unreadable { path: place.to_owned(), source };
        let kind = match std::fs::symlink_metadata(place) {
            Ok(metadata) => metadata.file_type(),
            // A file that a running program has just removed holds nothing any more.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unreadable(error)),
        };
        if kind.is_dir() {
            for entry in std::fs::read_dir(place).map_err(unreadable)? {
                self.search_into(&entry.map_err(unreadable)?.path(), searched)?;
            }
        } else if kind.is_file() {
            let bytes = std::fs::read(place).map_err(unreadable)?;
            searched.files += 1;
            searched.bytes += bytes.len() as u64;
            searched.leaks.append(&mut self.search_bytes(&place.display().to_string(), &bytes));
        }
        Ok(())
    }
}

/// A long marker also in pieces; a serial as the DER INTEGER that it is, since four bytes alone occur by chance.
fn pieces(marker: Marker) -> Vec<Marker> {
    let label = marker.label;
    if label == "serial" {
        let length = u8::try_from(marker.bytes.len()).unwrap_or(u8::MAX);
        return vec![Marker { label, bytes: [&[0x02, length], marker.bytes.as_slice()].concat() }];
    }
    if marker.bytes.len() <= 2 * PIECE_BYTES {
        return vec![marker];
    }
    marker.bytes.chunks_exact(PIECE_BYTES).map(|piece| Marker { label, bytes: piece.to_vec() }).collect()
}

/// Four digits are everywhere; the command that carries a PIN is not.
fn verify_command() -> Marker {
    Marker { label: "PIN", bytes: [&[0x00, 0x20, 0x00, 0x98, 0x04], planted::PIN.as_bytes()].concat() }
}

/// Everything that a marker looks like in one form.
fn written(marker: &Marker, form: Form) -> Vec<Vec<u8>> {
    let bytes = marker.bytes.as_slice();
    match form {
        Form::Raw => vec![bytes.to_vec()],
        Form::Hex => {
            let lower: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            vec![lower.to_uppercase().into_bytes(), lower.into_bytes()]
        }
        Form::Base64 => {
            let mut texts: Vec<Vec<u8>> = (0..3).flat_map(|shift| base64_at(bytes, shift)).collect();
            texts.sort();
            texts.dedup();
            texts
        }
        Form::Utf16 => match core::str::from_utf8(bytes) {
            Ok(text) => vec![
                text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            ],
            // Bytes that are no text have no UTF-16; their hexadecimal has.
            Err(_not_text) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                vec![hex.encode_utf16().flat_map(u16::to_le_bytes).collect()]
            }
        },
    }
}

/// The characters that the marker alone decides when `shift` bytes stand before it.
fn base64_at(bytes: &[u8], shift: usize) -> Vec<Vec<u8>> {
    let shifted = [vec![0; shift], bytes.to_vec()].concat();
    let first = (shift * 8).div_ceil(6);
    let last = shifted.len() * 8 / 6;
    let cut = |text: String| text.get(first..last).map(|inner| inner.as_bytes().to_vec());
    let texts = [cut(STANDARD_NO_PAD.encode(&shifted)), cut(URL_SAFE_NO_PAD.encode(&shifted))];
    texts.into_iter().flatten().filter(|text| text.len() >= BASE64_CHARS_MIN).collect()
}

/// Whether the kernel would write no core dump of this process.
///
/// # Errors
/// [`LeakError::Unreadable`] where the process is gone.
pub fn makes_no_core_dump(pid: i32) -> Result<bool, LeakError> {
    let path = PathBuf::from(format!("/proc/{pid}/limits"));
    let limits = std::fs::read_to_string(&path).map_err(|source| LeakError::Unreadable { path, source })?;
    let line = limits.lines().find(|line| line.starts_with("Max core file size"));
    Ok(line.is_some_and(|line| line.split_whitespace().nth(4) == Some("0")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kido_store::{IndexChanges, Options, Position, Project, ProjectError, Store, StoreError, StoreIdentity};

    #[test]
    fn a_planted_leak_is_found_in_each_form() {
        let folder = tempfile::tempdir().unwrap();
        let search = LeakSearch::for_cards(&[Character::Holder]).unwrap();
        assert!(search.prove(folder.path()).unwrap() > 100);
        assert!(search.search(folder.path()).unwrap().leaks.is_empty(), "and nothing is left behind");
    }

    struct Everything;

    impl Project for Everything {
        const VERSION: u32 = 1;

        fn project(&self, _: Position, fact: &[u8], index: &mut IndexChanges<'_>) -> Result<(), ProjectError> {
            index.put(b"key", fact);
            Ok(())
        }
    }

    #[test]
    fn a_planted_leak_is_found_inside_the_store_and_inside_cbor() {
        let folder = tempfile::tempdir().unwrap();
        let search = LeakSearch::for_cards(&[Character::Holder]).unwrap();
        let common_name = Character::Holder.markers().unwrap().into_iter().find(|marker| marker.label == "CN").unwrap();
        let fact = minicbor::to_vec((7_u8, minicbor::bytes::ByteVec::from(common_name.bytes))).unwrap();
        let identity = StoreIdentity::new([1; 16]);
        let (store, _) = Store::open(folder.path(), identity, Everything, Options::create_if_missing()).unwrap();
        let appended = store.transact::<_, StoreError, _>(move |transaction| transaction.append(fact));
        appended.wait().unwrap();
        store.close().unwrap();
        let leaks = search.search(folder.path()).unwrap().leaks;
        let in_index = leaks.iter().filter(|leak| leak.file.components().any(|part| part.as_os_str() == "index"));
        assert!(in_index.count() > 0, "in sled's files: {leaks:?}");
        assert!(leaks.iter().any(|leak| leak.file.components().all(|part| part.as_os_str() != "index")), "in the log");
    }
}
