//! The table of layouts: where keys lie, and which a gate may read.

use proptest::prelude::*;

use super::super::layout::*;
use super::super::spki::*;
use super::SPECIMEN;
use super::blueprint::*;

fn place(blueprint: &Blueprint) -> Result<PlacedKey, LayoutError> {
    PlacedKey::of_file(&blueprint.der())
}

/// Offset and length of the key's DER in a file.
fn key_span(blueprint: &Blueprint) -> (usize, usize) {
    let file = blueprint.der();
    let begins = file.windows(blueprint.spki.len()).position(|bytes| bytes == blueprint.spki).unwrap();
    (begins, begins + blueprint.spki.len())
}

#[test]
fn the_specimens_key_lies_at_252_to_545_and_fills_the_window() {
    let placed = PlacedKey::of_file(SPECIMEN).unwrap();
    assert_eq!(placed.key().spki(), &SPECIMEN[252..=545]);
    assert_eq!(placed.window().expose(), &SPECIMEN[255..=510]);
    // 226 bytes of the modulus, which begins at 285, lie in the window.
    assert_eq!(511 - 285, 226);
    let lacking = [&[3], &SPECIMEN[252..255], &SPECIMEN[511..=545]].concat();
    assert_eq!(placed.lacking(), lacking);
}

#[test]
fn a_production_card_with_a_four_byte_serial_is_supported() {
    let blueprint = Blueprint::card();
    let (begins, ends) = key_span(&blueprint);
    assert_eq!((begins, ends), (248, 542));
    let placed = place(&blueprint).unwrap();
    assert_eq!(placed.key().algorithm(), KeyAlgorithm::Rsa2048);
    assert_eq!(placed.window().expose(), &blueprint.der()[255..511]);
    assert_eq!(placed.lacking().len(), 1 + 7 + 31);
}

#[test]
fn a_subject_that_reaches_into_the_window_is_refused() {
    let named = |characters| {
        let mut blueprint = Blueprint::card();
        blueprint.subject[1].1 = "N".repeat(characters);
        blueprint
    };
    // 23 characters put the key at 248: seven more bring it to the window's first byte, eight behind it.
    assert_eq!(key_span(&named(30)).0, 255);
    assert!(place(&named(30)).is_ok());
    assert_eq!(key_span(&named(31)).0, 256);
    assert_eq!(place(&named(31)).unwrap_err(), LayoutError::Unsupported);
    assert_eq!(place(&named(60)).unwrap_err(), LayoutError::Unsupported);
}

#[test]
fn a_p384_key_is_supported_beside_what_all_cards_have_alike() {
    let blueprint = Blueprint::next_card();
    let (begins, ends) = key_span(&blueprint);
    assert!(begins + 24 >= 255 && ends < 511, "the whole point lies in the window: {begins}..{ends}");
    let placed = place(&blueprint).unwrap();
    assert_eq!(placed.key().algorithm(), KeyAlgorithm::P384);
    assert_eq!(placed.lacking().len(), 1 + 255 - begins);
}

#[test]
fn a_window_that_would_show_a_telling_extension_is_refused() {
    let crl_distribution_point = extension(&[0x55, 0x1D, 0x1F], false, &sequence(&[sequence(&[])]));
    let key_identifier = extension(&[0x55, 0x1D, 0x0E], false, &element(0x04, &[0xAB; 20]));
    for telling in [crl_distribution_point, key_identifier] {
        for place_among in 0..4 {
            let mut blueprint = Blueprint::next_card();
            blueprint.extensions.insert(place_among, telling.clone());
            assert_eq!(place(&blueprint).unwrap_err(), LayoutError::Unsupported, "as number {place_among}");
        }
    }
    let mut shorter = Blueprint::next_card();
    shorter.extensions.remove(3);
    assert_eq!(place(&shorter).unwrap_err(), LayoutError::Unsupported, "the rest moved up into the window");
}

#[test]
fn a_unique_identifier_behind_the_key_is_refused() {
    let blueprint = Blueprint { unique_id: element(0x81, &[0, 7, 7, 7]), ..Blueprint::next_card() };
    assert_eq!(place(&blueprint).unwrap_err(), LayoutError::Unsupported);
}

#[test]
fn a_p384_point_that_begins_before_the_window_is_refused() {
    let mut blueprint = Blueprint::next_card();
    blueprint.subject[1].1 = "N".repeat(2);
    assert!(key_span(&blueprint).0 + 24 < 255);
    assert_eq!(place(&blueprint).unwrap_err(), LayoutError::Unsupported);
}

#[test]
fn a_key_can_be_placed_without_a_certificate_only_where_it_fills_the_window() {
    let rsa = SubjectPublicKey::from_spki(&SPECIMEN[252..=545]).unwrap();
    let placed = PlacedKey::filling_the_window(rsa.clone(), 252).unwrap();
    let read = PlacedKey::of_file(SPECIMEN).unwrap();
    assert_eq!(placed.window().expose(), read.window().expose());
    assert_eq!(placed.lacking(), read.lacking());
    assert!(PlacedKey::filling_the_window(rsa.clone(), 217).is_ok());
    assert_eq!(PlacedKey::filling_the_window(rsa, 216).unwrap_err(), LayoutError::Unsupported);
}

proptest! {
    #[test]
    fn a_supported_window_shows_key_and_common_extensions_alone(
        name in 0usize..64,
        serial in 1usize..20,
        next in any::<bool>(),
        order in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let mut blueprint = if next { Blueprint::next_card() } else { Blueprint::card() };
        blueprint.subject[1].1 = "N".repeat(name);
        blueprint.serial = vec![0x11; serial];
        blueprint.extensions = order.iter().map(|place| Blueprint::card().extensions[*place].clone()).collect();
        let Ok(placed) = place(&blueprint) else { return Ok(()) };
        let window = placed.window().expose();
        for telling in [&b"NN"[..], &[0x11, 0x11], &[0xAB, 0xAB], &[0x55, 0x1D, 0x1F], b"145959Z"] {
            prop_assert!(!window.windows(telling.len()).any(|bytes| bytes == telling) || blueprint.spki.windows(telling.len()).any(|bytes| bytes == telling));
        }
    }
}

#[test]
fn a_key_has_one_spelling() {
    let rsa = &SPECIMEN[252..=545];
    assert!(SubjectPublicKey::from_spki(rsa).is_ok());
    let changed = |place: usize, byte: u8| {
        let mut key = rsa.to_vec();
        key[place] = byte;
        SubjectPublicKey::from_spki(&key).unwrap_err()
    };
    assert_eq!(changed(293, 3), SpkiError::Unsupported, "exponent 65539");
    assert_eq!(changed(33, 0x7F), SpkiError::Unsupported, "2,047 bits");
    assert_eq!(changed(288, 0x02), SpkiError::Impossible, "an even modulus");
    assert_eq!(SubjectPublicKey::from_spki(&[rsa, &[0]].concat()).unwrap_err(), SpkiError::Unsupported);
    assert_eq!(SubjectPublicKey::from_spki(&rsa[..293]).unwrap_err(), SpkiError::Unsupported);
    let mut off_the_curve = Blueprint::next_card().spki;
    *off_the_curve.last_mut().unwrap() ^= 1;
    assert_eq!(SubjectPublicKey::from_spki(&off_the_curve).unwrap_err(), SpkiError::Impossible);
}
