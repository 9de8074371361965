//! The certificates as other eyes see them: an X.509 parser, the specimen, the offsets of the key window.

use std::ops::Range;

use x509_parser::prelude::*;

use super::*;
use crate::character::Character;
use crate::planted;

const SPECIMEN: &[u8] = include_bytes!("../../../../shared/fixtures/jpki/test-user-auth-certificate.der");
const SPECIMEN_ROOT: &[u8] = include_bytes!("../../../../shared/fixtures/jpki/test-user-auth-ca-2023.der");

fn specimen_like() -> Vec<u8> {
    let key = SubjectKey::of(&Character::Holder.key().unwrap()).unwrap();
    let leaf = Leaf {
        profile: Profile::Normal,
        serial: vec![0x22, 0x7B, 0x13],
        opaque_name: "997794E9AGCIEG".to_owned(),
        birthday: (2, 17),
        key,
    };
    leaf.issue().unwrap()
}

fn parse(der: &[u8]) -> X509Certificate<'_> {
    let (rest, certificate) = X509Certificate::from_der(der).unwrap();
    assert!(rest.is_empty());
    certificate
}

/// Where the `SubjectPublicKeyInfo` lies.
fn spki_range(der: &[u8]) -> Range<usize> {
    let certificate = parse(der);
    let spki = certificate.tbs_certificate.subject_pki.raw;
    let start = der.windows(spki.len()).position(|part| part == spki).unwrap();
    start..start + spki.len()
}

/// Tag, length and depth of every element: a certificate's shape without its values.
fn shape(der: &[u8]) -> Vec<(u8, usize)> {
    let mut out = Vec::new();
    let mut rest = der;
    while let [tag, first, after @ ..] = rest {
        let (length, header) = match first {
            0x81 => (usize::from(after[0]), 1),
            0x82 => (usize::from(u16::from_be_bytes([after[0], after[1]])), 2),
            short => (usize::from(*short), 0),
        };
        out.push((*tag, length));
        let (content, next) = after[header..].split_at(length);
        if tag & 0x20 != 0 {
            out.extend(shape(content));
        }
        rest = next;
    }
    out
}

#[test]
fn a_leaf_has_the_shape_of_the_specimen() {
    let ours = specimen_like();
    assert_eq!(ours.len(), SPECIMEN.len() + 1, "the four-byte serial of our root is one byte longer than theirs");
    let differing: Vec<_> = shape(&ours).into_iter().zip(shape(SPECIMEN)).filter(|(a, b)| a != b).collect();
    assert!(
        differing.iter().all(|((tag, ours), (theirs_tag, theirs))| tag == theirs_tag && *ours == theirs + 1),
        "{differing:?}"
    );
    assert_eq!(differing.len(), 6, "the path from the outside to the authority key identifier, and nothing else");
    assert_eq!(spki_range(&ours), 252..546);
    assert_eq!(spki_range(SPECIMEN), 252..546);
}

#[test]
fn a_root_has_the_extensions_of_the_specimens_root() {
    let ours = Authority::of(Hierarchy::Test2023).unwrap().certificate().unwrap();
    let identifiers =
        |der: &[u8]| parse(der).extensions().iter().map(|e| (e.oid.to_id_string(), e.critical)).collect::<Vec<_>>();
    assert_eq!(identifiers(&ours), identifiers(SPECIMEN_ROOT));
    assert_eq!(parse(&ours).subject().to_string(), parse(SPECIMEN_ROOT).subject().to_string());
}

#[test]
fn the_window_lies_within_the_key_of_every_card_of_the_normal_layout() {
    let key = SubjectKey::of(&Character::Holder.key().unwrap()).unwrap();
    for profile in
        [Profile::Normal, Profile::OlderRoot, Profile::ProductionLike, Profile::Expired, Profile::ForeignIssuer]
    {
        for serial in [vec![0x22, 0x7B, 0x13], vec![0x06, 0xD1, 0x80, 0x06]] {
            let leaf = Leaf { profile: profile.clone(), serial, key: key.clone(), ..Character::Holder.leaf().unwrap() };
            let key = spki_range(&leaf.issue().unwrap());
            assert!(key.start <= 255 && key.end >= 511, "{profile:?}: {key:?}");
        }
    }
}

#[test]
fn a_long_name_pushes_the_key_out_of_the_window() {
    let certificate = Character::WrongLayout.certificate().unwrap();
    assert!(spki_range(&certificate).start > 255);
}

#[test]
fn a_p384_certificate_has_its_point_in_the_window_and_no_person() {
    let mut leaf = Character::Holder.leaf().unwrap();
    leaf.key = SubjectKey::p384_named("holder").unwrap();
    let der = leaf.issue().unwrap();
    let key = spki_range(&der);
    assert!(key.start <= 255, "{key:?}");
    assert!(key.end < 511);
    let window = &der[255..511];
    for marker in [planted::PREFECTURE, planted::MUNICIPALITY, planted::ISSUING_WINDOW] {
        assert!(!window.windows(marker.len()).any(|part| part == marker.as_bytes()), "{marker}");
    }
}

#[test]
fn the_same_bytes_come_out_of_every_issue() {
    assert_eq!(Character::Holder.certificate(), Character::Holder.certificate());
    assert_eq!(CardKey::named("card/holder").unwrap().modulus(), Character::Holder.key().unwrap().modulus());
}

#[test]
fn the_holders_modulus_is_the_one_of_every_machine() {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(Character::Holder.key().unwrap().modulus());
    assert_eq!(format!("{digest:x}"), HOLDER_MODULUS_SHA256);
}

const HOLDER_MODULUS_SHA256: &str = "355b487d45699d13d9baae1595002e18cba00c1db63c8dd4a2f734e761019b50";

#[test]
fn every_profile_has_its_fault_and_no_other() {
    let leaf = |profile| Leaf { profile, ..Character::Holder.leaf().unwrap() }.issue().unwrap();
    let normal = leaf(Profile::Normal);
    let normal = parse(&normal);
    assert!(normal.subject_alternative_name().unwrap().is_none());
    assert!(normal.extended_key_usage().unwrap().unwrap().value.client_auth);
    assert!(!normal.is_ca());

    assert!(parse(&leaf(Profile::WithSubjectAltName)).subject_alternative_name().unwrap().is_some());
    assert!(parse(&leaf(Profile::WithoutExtendedKeyUsage)).extended_key_usage().unwrap().is_none());
    assert!(parse(&leaf(Profile::CaAsLeaf)).is_ca());
    assert!(leaf(Profile::UnknownCriticalExtension).windows(5).any(|part| part == [0x06, 0x04, 0x88, 0x37, 0x14]));
    assert_eq!(parse(&leaf(Profile::ForeignIssuer)).issuer(), normal.issuer());

    let in_2026 = ASN1Time::from_timestamp(1_795_000_000).unwrap();
    assert!(normal.validity().is_valid_at(in_2026));
    assert!(!parse(&leaf(Profile::Expired)).validity().is_valid_at(in_2026));
    assert!(!parse(&leaf(Profile::NotYetValid)).validity().is_valid_at(in_2026));
}

#[test]
fn a_leaf_is_signed_by_its_root_and_by_no_other() {
    use rsa::pkcs8::DecodePublicKey;
    use sha2::{Digest, Sha256};
    let verifies = |leaf: &[u8], root: Hierarchy| {
        let root = Authority::of(root).unwrap().certificate().unwrap();
        let key = rsa::RsaPublicKey::from_public_key_der(parse(&root).public_key().raw).unwrap();
        let leaf = parse(leaf);
        let digest = Sha256::digest(leaf.tbs_certificate.as_ref());
        key.verify(rsa::Pkcs1v15Sign::new::<Sha256>(), &digest, &leaf.signature_value.data).is_ok()
    };
    let holder = Character::Holder.certificate().unwrap();
    assert!(verifies(&holder, Hierarchy::Test2023));
    assert!(!verifies(&holder, Hierarchy::Test2019));
    let foreign = Leaf { profile: Profile::ForeignIssuer, ..Character::Holder.leaf().unwrap() }.issue().unwrap();
    assert!(!verifies(&foreign, Hierarchy::Test2023));
}

#[test]
fn the_signature_certificate_names_the_person() {
    let der = crate::card::signature_certificate().unwrap();
    let certificate = parse(&der);
    assert!(certificate.issuer().to_string().contains("JPKI for digital signature"));
    assert!(certificate.extended_key_usage().unwrap().is_none());
    assert!(certificate.key_usage().unwrap().unwrap().value.non_repudiation());
    for text in [planted::NAME, planted::ADDRESS, planted::DATE_OF_BIRTH] {
        assert!(der.windows(text.len()).any(|part| part == text.as_bytes()), "{text}");
    }
    assert_eq!(certificate.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 6);
}
