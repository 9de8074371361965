//! The facts log as it leaves one machine for another: preface, header, frames.
//!
//! The first byte chooses: an export as it comes, or facts that are framed here as the format is described, whole or with
//! one byte changed.

use kido_store::{MAX_FACT_BYTES, StoreIdentity, verify_export};
use sha2::{Digest as _, Sha256};

use crate::specimen::{choice, chosen};

const IDENTITY: [u8; 16] = *b"0123456789abcdef";
const HEADER_BYTES: u64 = 32;

/// What is whole reads whole; what is not is refused, by a single changed byte.
pub fn run(data: &[u8]) {
    let (chosen, rest) = choice(data);
    if chosen == 0 {
        if let Ok(head) = verified(rest) {
            assert!(head <= rest.len() / 52, "more facts than fit");
        }
        return;
    }
    let Some(([at_high, at_low, change], rest)) = rest.split_first_chunk::<3>() else { return };
    let facts: Vec<&[u8]> = rest.split(|byte| *byte == 0).collect();
    let mut export = export(&facts);
    assert!(verified(&export).is_ok_and(|count| count == facts.len()), "a whole export is refused");
    let at = usize::from(u16::from_be_bytes([*at_high, *at_low])) % export.len();
    if let Some(byte) = export.get_mut(at).filter(|_byte| *change != 0) {
        *byte ^= change;
        assert!(verified(&export).is_err(), "a changed export is taken");
    }
    export.truncate(at);
    assert!(verified(&export).is_err(), "half an export is taken");
}

fn verified(mut export: &[u8]) -> Result<usize, kido_store::StoreError> {
    let head = verify_export(StoreIdentity::new(IDENTITY), &mut export)?;
    Ok(usize::try_from(head.count()).unwrap_or(usize::MAX))
}

/// An export of one transaction, written from the description of format 1 and not by the code that reads it.
fn export(facts: &[&[u8]]) -> Vec<u8> {
    let mut header = [&b"KIDOLOG\n"[..], &1_u32.to_le_bytes(), &IDENTITY].concat();
    header.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
    let mut chain: [u8; 32] = Sha256::new().chain_update(b"kido-store log 1").chain_update(&header).finalize().into();
    let mut frames = Vec::new();
    for (place, fact) in facts.iter().enumerate() {
        let flags = u8::from(place + 1 == facts.len());
        let length = u32::try_from(fact.len()).unwrap_or(u32::MAX);
        assert!(fact.len() <= MAX_FACT_BYTES, "no fuzzer's input is so long");
        let hash = Sha256::new().chain_update(b"kido-store fact 1").chain_update(chain).chain_update([flags]);
        chain = hash.chain_update(u64::from(length).to_le_bytes()).chain_update(fact).finalize().into();
        let front = [&b"KdF"[..], &[flags], &length.to_le_bytes()].concat();
        let back = [&HEADER_BYTES.to_le_bytes()[..], &chain, fact].concat();
        let crc = crc32fast::hash(&[front.as_slice(), &back].concat());
        frames.extend([front.as_slice(), &crc.to_le_bytes(), &back].concat());
    }
    let count = u64::try_from(facts.len()).unwrap_or(u64::MAX);
    let mut preface = [&b"KIDOEXP\n"[..], &count.to_le_bytes(), &chain].concat();
    preface.extend_from_slice(&crc32fast::hash(&preface).to_le_bytes());
    [preface, header, frames].concat()
}

/// Whole exports, and facts to be framed.
pub fn seeds() -> Vec<Vec<u8>> {
    let facts: [&[u8]; 3] = [b"first", b"", b"third"];
    vec![
        chosen(0, &export(&facts)),
        chosen(0, &export(&[b""])),
        chosen(1, b"\x00\x00\x00first\x00\x00third"),
        chosen(1, b"\x00\x40\x01first\x00second"),
        chosen(1, b"\x00\x60\x80fact"),
    ]
}
