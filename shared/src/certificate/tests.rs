pub(crate) mod blueprint;
mod layout;
mod reasons;

use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::SeedableRng as _;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::keys::KEY_BYTES;

pub(crate) const SPECIMEN: &[u8] = include_bytes!("../../fixtures/jpki/test-user-auth-certificate.der");
const TEST_ROOT_2023: &[u8] = include_bytes!("../../fixtures/jpki/test-user-auth-ca-2023.der");
const TEST_ROOT_2019: &[u8] = include_bytes!("../../fixtures/jpki/test-user-auth-ca-2019.der");

/// The common name of the specimen's synthetic holder.
const SPECIMEN_COMMON_NAME: &[u8] = b"997794E9AGCIEG13221003A";

/// 2026-11-22: the specimen and its root are valid.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_305_600);
/// 2025-10-27T01:35:42Z and 2030-02-17T14:59:59Z.
const SPECIMEN_BEGINS: i64 = 1_761_528_942;
const SPECIMEN_ENDS: i64 = 1_897_570_799;

fn rehearsal_anchors(configured: &[&[u8]]) -> TrustAnchors {
    TrustAnchors::rehearsal(configured).unwrap()
}

fn judge(der: &[u8], anchors: &TrustAnchors, now: Timestamp) -> Result<UserAuthCertificate, CertificateRefusals> {
    let der = CertificateDer::new(der.to_vec())?;
    UserAuthCertificate::parse(&der, &CertificateProfile::rehearsal(), anchors, now)
}

fn reasons_of(result: Result<UserAuthCertificate, CertificateRefusals>) -> Vec<CertificateReason> {
    result.map_or_else(|refusals| refusals.iter().collect(), |_accepted| vec![])
}

pub(crate) fn specimen() -> UserAuthCertificate {
    judge(SPECIMEN, &rehearsal_anchors(&[TEST_ROOT_2023]), NOW).unwrap()
}

#[test]
fn the_specimen_is_accepted_under_the_test_hierarchy_and_only_there() {
    use CertificateReason::{ForeignIssuer, Untrusted, WrongPolicy};
    let der = CertificateDer::new(SPECIMEN.to_vec()).unwrap();
    let (production, rehearsal) = (CertificateProfile::production(), CertificateProfile::rehearsal());
    let (own, test) = (TrustAnchors::production(), rehearsal_anchors(&[TEST_ROOT_2023]));
    let judge = |profile, anchors| reasons_of(UserAuthCertificate::parse(&der, profile, anchors, NOW));
    assert_eq!(judge(&rehearsal, &test), []);
    assert_eq!(judge(&rehearsal, &own), [Untrusted]);
    assert_eq!(judge(&production, &test), [ForeignIssuer, WrongPolicy]);
    assert_eq!(judge(&production, &own), [Untrusted, ForeignIssuer, WrongPolicy]);
    assert!(test.is_rehearsal() && rehearsal.is_rehearsal());
    assert!(!own.is_rehearsal() && !production.is_rehearsal());
}

#[test]
fn the_compiled_in_roots_are_the_published_ones() {
    let published = [
        "0D98DE47FC11B7F67126874B7028B6026A803D2638D6EDFE53176953961FADE6",
        "64114F29620C24ED2631D46476A040E7EE740D956089C00B036A6A8118C322B5",
    ];
    let compiled_in: Vec<String> = TrustAnchors::production().iter().map(|root| hex(root.fingerprint())).collect();
    assert_eq!(compiled_in, published);
}

#[test]
fn roots_of_one_name_are_told_apart_by_their_keys() {
    assert_eq!(reasons_of(judge(SPECIMEN, &rehearsal_anchors(&[TEST_ROOT_2019, TEST_ROOT_2023]), NOW)), []);
    let only_the_namesake = rehearsal_anchors(&[TEST_ROOT_2019]);
    assert_eq!(reasons_of(judge(SPECIMEN, &only_the_namesake, NOW)), [CertificateReason::Untrusted]);
}

#[test]
fn a_certificate_is_valid_from_its_first_to_its_last_second() {
    let anchors = rehearsal_anchors(&[TEST_ROOT_2023]);
    let at = |seconds| reasons_of(judge(SPECIMEN, &anchors, Timestamp::from_unix_seconds(seconds)));
    assert_eq!(at(SPECIMEN_BEGINS), []);
    assert_eq!(at(SPECIMEN_ENDS), []);
    assert_eq!(at(SPECIMEN_BEGINS - 1), [CertificateReason::NotYetValid]);
    assert_eq!(at(SPECIMEN_ENDS + 1), [CertificateReason::Expired]);
    assert!(specimen().outlives(Timestamp::from_unix_seconds(SPECIMEN_ENDS)));
    assert!(!specimen().outlives(Timestamp::from_unix_seconds(SPECIMEN_ENDS + 1)));
}

#[test]
fn a_root_vouches_only_while_it_is_valid() {
    let anchors = rehearsal_anchors(&[TEST_ROOT_2023]);
    let at = |seconds| reasons_of(judge(SPECIMEN, &anchors, Timestamp::from_unix_seconds(seconds)));
    // The root's last second is 2033-03-22T14:59:59Z.
    assert_eq!(at(1_995_116_399), [CertificateReason::Expired]);
    assert_eq!(at(1_995_116_400), [CertificateReason::Untrusted, CertificateReason::Expired]);
}

#[test]
fn a_certificate_that_is_not_a_root_is_no_anchor() {
    assert_eq!(TrustAnchor::parse(SPECIMEN).unwrap_err(), AnchorError::NotAnAuthority);
    let mut damaged = TEST_ROOT_2023.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(TrustAnchor::parse(&damaged).unwrap_err(), AnchorError::NotSelfSigned);
    let longer = [TEST_ROOT_2023, &[0]].concat();
    assert_eq!(TrustAnchor::parse(&longer).unwrap_err(), AnchorError::NotDer);
    assert_eq!(TrustAnchors::rehearsal(&[TEST_ROOT_2019; 9]).unwrap_err(), AnchorError::TooMany);
}

#[test]
fn a_change_of_any_one_byte_is_refused() {
    let anchors = rehearsal_anchors(&[TEST_ROOT_2023]);
    let mut file = SPECIMEN.to_vec();
    for place in 0..file.len() {
        file[place] ^= 1;
        assert_ne!(reasons_of(judge(&file, &anchors, NOW)), [], "byte {place}");
        file[place] ^= 1;
    }
    assert_eq!(reasons_of(judge(&file, &anchors, NOW)), []);
}

#[test]
fn a_certificate_tells_serial_and_key_by_a_keyed_hash_only() {
    // Both computed with Python's `hmac` over the specimen's bytes.
    let key = TagKey::from_bytes([1; KEY_BYTES]);
    let certificate = specimen();
    assert_eq!(
        hex(certificate.window().tag(&key).as_bytes()),
        "051FB019C9B7AD84BFA378C3A3328755413F0105A4FE10FCB2E9058BB3552F8F"
    );
    assert_eq!(
        hex(certificate.certificate_tag(&key).as_bytes()),
        "6152605D0597FAAB5EE61EBD7D861C703EAA1310269F7F2CAD1A022BB7FD160D"
    );
}

#[test]
fn nothing_of_a_certificate_is_printable() {
    let der = CertificateDer::new(SPECIMEN.to_vec()).unwrap();
    let certificate = specimen();
    let mut random = rand::rngs::StdRng::seed_from_u64(1);
    let (tag, seal) = (TagKey::from_bytes([1; KEY_BYTES]), SealKey::from_bytes([2; KEY_BYTES]));
    let binding = certificate.binding(&EventId::from_bytes([3; 16]), &tag, &seal, &mut random);
    let placed = PlacedKey::of_file(SPECIMEN).unwrap();
    let refusals = judge(SPECIMEN, &TrustAnchors::production(), NOW).unwrap_err();
    let printed = format!(
        "{der:?} {certificate:?} {certificate:#?} {:?} {:?} {placed:?} {binding:?} {refusals:?} {refusals}",
        certificate.window(),
        certificate.public_key(),
    );
    let modulus = &SPECIMEN[285..541];
    let forms = |bytes: &[u8]| {
        let decimal = format!("{bytes:?}");
        [hex(bytes), hex(bytes).to_lowercase(), base64url::encode(bytes), decimal[1..decimal.len() - 1].to_owned()]
    };
    let secrets =
        [SPECIMEN_COMMON_NAME, &modulus[..8], &modulus[200..208], &[0x22, 0x7B, 0x13], b"300217145959", b"Kiyose"];
    for secret in secrets {
        assert!(SPECIMEN.windows(secret.len()).any(|bytes| bytes == secret), "the search looks for what is there");
        assert!(!printed.contains(&*String::from_utf8_lossy(secret)));
        for form in forms(secret) {
            assert!(!printed.contains(&form), "{form}");
        }
    }
    assert!(printed.starts_with("CertificateDer(..) UserAuthCertificate(..)"), "{printed}");
    assert!(printed.contains("SealedKey(..)") && printed.contains("BindingTag(..)"), "{printed}");
}

#[test]
fn every_reason_has_its_own_name() {
    use CertificateReason as R;
    let all = [
        R::Size,
        R::NotDer,
        R::TrailingBytes,
        R::SignatureAlgorithm,
        R::Untrusted,
        R::ForeignIssuer,
        R::Expired,
        R::NotYetValid,
        R::SignatureCertificate,
        R::WrongPolicy,
        R::KeyUsage,
        R::ExtendedKeyUsage,
        R::CertificateAuthority,
        R::SubjectAlternativeName,
        R::PersonalExtension,
        R::SubjectFields,
        R::DuplicateExtension,
        R::UnknownCriticalExtension,
        R::KeyAlgorithm,
        R::UnsupportedLayout,
    ];
    assert_eq!(all.iter().map(|reason| reason.name()).collect::<BTreeSet<_>>().len(), all.len());
    assert_eq!(all.iter().map(ToString::to_string).collect::<BTreeSet<_>>().len(), all.len());
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(judge(&bytes, &TrustAnchors::production(), NOW).is_err());
        prop_assert!(PlacedKey::of_file(&bytes).is_err());
        prop_assert!(TrustAnchor::parse(&bytes).is_err());
    }

    #[test]
    fn no_damage_makes_the_parser_panic_or_accept(
        changes in prop::collection::vec((0..SPECIMEN.len(), any::<u8>()), 1..8),
        cut in 512..=SPECIMEN.len(),
    ) {
        let mut file = SPECIMEN.to_vec();
        for (place, byte) in changes {
            file[place] = byte;
        }
        file.truncate(cut);
        let accepted = judge(&file, &rehearsal_anchors(&[TEST_ROOT_2023]), NOW).is_ok();
        prop_assert_eq!(accepted, file == SPECIMEN);
        // The layout rule alone never panics either, whatever it says.
        prop_assert!(PlacedKey::of_file(&file).is_ok() || cut < SPECIMEN.len() || file != SPECIMEN);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[test]
fn fingerprints_are_of_the_whole_file() {
    let anchor = TrustAnchor::parse(TEST_ROOT_2023).unwrap();
    assert_eq!(anchor.fingerprint().as_slice(), Sha256::digest(TEST_ROOT_2023).as_slice());
}
