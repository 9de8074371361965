//! The cards that visitors carry: real certificates and keys, and signatures that are made once.
//!
//! A card signs the same message with the same bytes. The simulation's challenges are constant, so that each pair of card
//! and gate costs one private-key operation in all runs together; gates verify each of them as ever.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use kido_shared::apdu::{CommandApdu, Instruction, ResponseApdu};
use kido_shared::challenge::Challenge;
use kido_virtual_card::character::Character;

/// How many people come at most.
pub(crate) const CROWD: usize = 12;

/// Where the key window lies in a certificate file, as gates read it.
const WINDOW: std::ops::Range<usize> = 255..511;

/// Header and length before a command's data.
const DATA_AT: usize = 5;

/// The challenge of every tap.
pub(crate) fn challenge() -> Challenge {
    Challenge::from_bytes([0x77; 32])
}

/// One visitor's card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Card(pub(crate) usize);

impl Card {
    pub(crate) fn character(self) -> Character {
        Character::Crowd(u8::try_from(self.0).expect("a small crowd"))
    }

    /// Answers a command of a tap. The gate's own rules say what may be asked; a card answers what it is asked.
    pub(crate) fn answer(self, command: &CommandApdu) -> ResponseApdu {
        let mut data = match command.instruction() {
            Instruction::ReadBinary => certificate(self)[WINDOW].to_vec(),
            Instruction::ComputeSignature => {
                let length = usize::from(command.as_bytes()[DATA_AT - 1]);
                signature(self, &command.as_bytes()[DATA_AT..DATA_AT + length])
            }
            Instruction::PinStatus => return parse(&[0x63, 0xC3], command),
            Instruction::SelectApplication
            | Instruction::SelectFile
            | Instruction::Verify
            | Instruction::VerifyAtReader
            | Instruction::GetResponse => Vec::new(),
        };
        data.extend_from_slice(&[0x90, 0x00]);
        parse(&data, command)
    }
}

fn parse(bytes: &[u8], command: &CommandApdu) -> ResponseApdu {
    ResponseApdu::parse(bytes, command).expect("a card's answer is one")
}

/// What each card was given to sign, and its signature.
type Signatures = BTreeMap<(usize, Vec<u8>), Vec<u8>>;

/// The certificate file of a card.
pub(crate) fn certificate(card: Card) -> Vec<u8> {
    static CERTIFICATES: OnceLock<Mutex<BTreeMap<usize, Vec<u8>>>> = OnceLock::new();
    let mut known = CERTIFICATES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(card.0).or_insert_with(|| card.character().certificate().expect("the issuer issues")).clone()
}

/// What the card's key makes of a `DigestInfo`.
pub(crate) fn signature(card: Card, digest_info: &[u8]) -> Vec<u8> {
    static SIGNATURES: OnceLock<Mutex<Signatures>> = OnceLock::new();
    let known = SIGNATURES.get_or_init(Mutex::default);
    let name = (card.0, digest_info.to_vec());
    if let Some(signature) = known.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
        return signature.clone();
    }
    let key = card.character().key().expect("the issuer made a key");
    let signature = key.sign_as_a_card(digest_info).expect("a key signs");
    known.lock().unwrap_or_else(PoisonError::into_inner).insert(name, signature.clone());
    signature
}
