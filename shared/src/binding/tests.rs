use proptest::prelude::*;
use rand::SeedableRng as _;

use super::*;
use crate::certificate::tests::SPECIMEN;
use crate::certificate::tests::blueprint::Blueprint;
use crate::keys::TagKey;

/// Sealed for the specimen by an independent program in Python: event 16 × 11, `tag` subkey 32 × 01, `seal` subkey
/// 32 × 02, nonce 24 × 07.
const GOLDEN: &str = "070707070707070707070707070707070707070707070707\
    81aaf8d112550cb60565426955971f046a0e2fc00e645d29a8f142aced547d9dbf4fbc0732af2a62d67b21cdb7dfdf3e1d2a78f3b89e06";

const EVENT: EventId = EventId::from_bytes([0x11; ID_BYTES]);

fn tag_key() -> TagKey {
    TagKey::from_bytes([1; 32])
}

fn seal_key() -> SealKey {
    SealKey::from_bytes([2; 32])
}

fn random(seed: u64) -> rand::rngs::StdRng {
    rand::rngs::StdRng::seed_from_u64(seed)
}

#[test]
fn a_sealed_key_of_another_program_opens() {
    let bytes: Vec<u8> =
        (0..GOLDEN.len()).step_by(2).map(|at| u8::from_str_radix(&GOLDEN[at..at + 2], 16).unwrap()).collect();
    let placed = PlacedKey::of_file(SPECIMEN).unwrap();
    let tag = placed.window().tag(&tag_key());
    let opened = SealedKey::try_from(bytes).unwrap().open(&EVENT, &tag, placed.window(), &seal_key()).unwrap();
    assert_eq!(opened, *placed.key());
}

#[test]
fn a_sealed_rsa_key_is_79_bytes_on_every_layout() {
    for key in [PlacedKey::of_file(SPECIMEN).unwrap(), PlacedKey::of_file(&Blueprint::card().der()).unwrap()] {
        let (tag, sealed) = key.bind(&EVENT, &tag_key(), &seal_key(), &mut random(1));
        assert_eq!(sealed.as_bytes().len(), 79);
        assert_eq!(sealed.open(&EVENT, &tag, key.window(), &seal_key()).unwrap(), *key.key());
    }
}

#[test]
fn a_p384_key_comes_back_too() {
    let key = PlacedKey::of_file(&Blueprint::next_card().der()).unwrap();
    let (tag, sealed) = key.bind(&EVENT, &tag_key(), &seal_key(), &mut random(1));
    assert_eq!(sealed.open(&EVENT, &tag, key.window(), &seal_key()).unwrap(), *key.key());
}

#[test]
fn another_event_tag_window_or_subkey_cannot_open() {
    let key = PlacedKey::of_file(SPECIMEN).unwrap();
    let (tag, sealed) = key.bind(&EVENT, &tag_key(), &seal_key(), &mut random(2));
    let other_window = PlacedKey::of_file(&Blueprint::card().der()).unwrap();
    let window = key.window();
    let refused = [
        sealed.open(&EventId::from_bytes([0x12; ID_BYTES]), &tag, window, &seal_key()),
        sealed.open(&EVENT, &BindingTag::from_bytes([0; TAG_BYTES]), window, &seal_key()),
        sealed.open(&EVENT, &tag, other_window.window(), &seal_key()),
        sealed.open(&EVENT, &tag, window, &SealKey::from_bytes([3; 32])),
    ];
    for result in refused {
        assert_eq!(result.unwrap_err(), UnsealError::Refused);
    }
}

#[test]
fn a_sealed_key_is_bounded_when_it_is_read() {
    assert_eq!(SealedKey::try_from(vec![0; SEALED_KEY_BYTES_MIN - 1]).unwrap_err(), SealedKeyError);
    assert_eq!(SealedKey::try_from(vec![0; SEALED_KEY_BYTES_MAX + 1]).unwrap_err(), SealedKeyError);
    let long = minicbor::to_vec(minicbor::bytes::ByteVec::from(vec![0; SEALED_KEY_BYTES_MAX + 1])).unwrap();
    assert!(minicbor::decode::<SealedKey>(&long).is_err());
    let short = minicbor::to_vec(minicbor::bytes::ByteVec::from(vec![0; TAG_BYTES - 1])).unwrap();
    assert!(minicbor::decode::<BindingTag>(&short).is_err());
    assert!(minicbor::decode::<CertificateTag>(&short).is_err());
}

proptest! {
    #[test]
    fn every_sealed_key_reads_back_and_no_changed_one_opens(
        seed in any::<u64>(),
        event in any::<[u8; ID_BYTES]>(),
        place in 0usize..79,
        change in 1u8..,
    ) {
        let event = EventId::from_bytes(event);
        let key = PlacedKey::of_file(SPECIMEN).unwrap();
        let (tag, sealed) = key.bind(&event, &tag_key(), &seal_key(), &mut random(seed));
        let read: SealedKey = minicbor::decode(&minicbor::to_vec(&sealed).unwrap()).unwrap();
        prop_assert_eq!(&read.open(&event, &tag, key.window(), &seal_key()).unwrap(), key.key());
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[place] ^= change;
        let changed = SealedKey::try_from(bytes).unwrap();
        prop_assert_eq!(changed.open(&event, &tag, key.window(), &seal_key()).unwrap_err(), UnsealError::Refused);
    }

    #[test]
    fn whatever_was_sealed_opens_to_a_key_or_an_error(text in prop::collection::vec(any::<u8>(), 1..295)) {
        // Sealed rightly, but nonsense: an erring registrar must not bring a gate down.
        let key = PlacedKey::of_file(SPECIMEN).unwrap();
        let tag = key.window().tag(&tag_key());
        let nonce = XNonce::default();
        let mut sealed = text;
        let mac = cipher(key.window(), &seal_key())
            .encrypt_in_place_detached(&nonce, &associated(&EVENT, &tag), &mut sealed)
            .unwrap();
        let sealed = SealedKey::try_from([nonce.as_slice(), &sealed, mac.as_slice()].concat()).unwrap();
        let error = sealed.open(&EVENT, &tag, key.window(), &seal_key()).unwrap_err();
        prop_assert_ne!(error, UnsealError::Refused);
    }
}
