//! Each acceptance rule by itself. Nobody has signed these certificates, so *untrusted* is always among the reasons.

use super::super::*;
use super::blueprint::*;
use super::{NOW, reasons_of};
use CertificateReason as R;

fn reasons(blueprint: &Blueprint) -> Vec<CertificateReason> {
    reasons_of_file(blueprint.der())
}

fn reasons_of_file(file: Vec<u8>) -> Vec<CertificateReason> {
    let judged = CertificateDer::new(file).map_err(CertificateRefusals::from).and_then(|der| {
        UserAuthCertificate::parse(&der, &CertificateProfile::production(), &TrustAnchors::production(), NOW)
    });
    reasons_of(judged)
}

/// A card's certificate with another extension in one place, or one more at the end.
fn with_extension(place: usize, extension: Vec<u8>) -> Blueprint {
    let mut blueprint = Blueprint::card();
    match blueprint.extensions.get_mut(place) {
        Some(old) => *old = extension,
        None => blueprint.extensions.push(extension),
    }
    blueprint
}

#[test]
fn a_card_that_no_root_has_signed_is_untrusted_and_nothing_else() {
    assert_eq!(reasons(&Blueprint::card()), [R::Untrusted]);
}

#[test]
fn a_name_alone_earns_no_trust() {
    // Issuer and authority key identifier are those of a pinned root; the signature is not.
    let pinned: &[u8] = &[
        0x1A, 0xC1, 0x00, 0xF5, 0x96, 0xA3, 0xBC, 0x8C, 0x4B, 0x3D, 0xF1, 0x95, 0xE3, 0x26, 0x99, 0x24, 0x9E, 0x9E,
        0x30, 0x8A,
    ];
    let claim = extension(&[0x55, 0x1D, 0x23], false, &sequence(&[element(0x80, pinned)]));
    assert_eq!(reasons(&with_extension(99, claim)), [R::Untrusted]);
}

#[test]
fn size_and_form_are_judged_first() {
    assert_eq!(reasons_of_file(vec![0; 511]), [R::Size]);
    assert_eq!(reasons_of_file(vec![0; 4_097]), [R::Size]);
    assert_eq!(reasons_of_file(vec![0x30; 600]), [R::NotDer]);
    assert_eq!(reasons_of_file([Blueprint::card().der(), vec![0]].concat()), [R::TrailingBytes, R::Untrusted]);
}

#[test]
fn a_second_spelling_is_not_der() {
    let padded_serial = Blueprint { serial: vec![0x00, 0x06, 0xD1, 0x80, 0x06], ..Blueprint::card() };
    assert_eq!(reasons(&padded_serial), [R::NotDer]);
    // Version 1 spelled out, and a certificate without a version.
    let mut version = Blueprint::card().der();
    assert_eq!(version[8..13], [0xA0, 0x03, 0x02, 0x01, 0x02]);
    version[12] = 0;
    assert_eq!(reasons_of_file(version), [R::NotDer]);
    // TRUE is FF (X.690 §11.1).
    let loose = with_extension(
        0,
        [&[0x30, 0x0E, 0x06, 0x03, 0x55, 0x1D, 0x0F, 0x01, 0x01, 0x01, 0x04, 0x04][..], &[3, 2, 7, 0x80]].concat(),
    );
    assert_eq!(reasons(&loose), [R::NotDer]);
}

#[test]
fn the_issuer_is_jpki_for_user_authentication() {
    assert_eq!(reasons(&Blueprint { organisation: "JPKI2", ..Blueprint::card() }), [R::Untrusted, R::ForeignIssuer]);
    let unit = Blueprint { unit: "JPKI for everything", ..Blueprint::card() };
    assert_eq!(reasons(&unit), [R::Untrusted, R::ForeignIssuer]);
}

#[test]
fn a_digital_signature_certificate_is_named_as_one() {
    let blueprint = Blueprint { unit: "JPKI for digital signature", ..Blueprint::card() };
    assert!(reasons(&blueprint).contains(&R::SignatureCertificate));
    let mut signing = POLICY;
    signing[9..].copy_from_slice(&[0x01, 0x14]);
    let both = extension(&[0x55, 0x1D, 0x20], true, &policies(&[&POLICY, &signing]));
    assert_eq!(reasons(&with_extension(2, both)), [R::Untrusted, R::SignatureCertificate]);
    let mut test_signing = POLICY;
    test_signing[9..].copy_from_slice(&[0x00, 0x14]);
    let only = extension(&[0x55, 0x1D, 0x20], true, &policies(&[&test_signing]));
    assert_eq!(reasons(&with_extension(2, only)), [R::Untrusted, R::SignatureCertificate, R::WrongPolicy]);
}

#[test]
fn a_policy_must_be_on_the_list() {
    let mut other = POLICY;
    other[10] = 0x1F;
    let blueprint = with_extension(2, extension(&[0x55, 0x1D, 0x20], true, &policies(&[&other])));
    assert_eq!(reasons(&blueprint), [R::Untrusted, R::WrongPolicy]);
    let profile = CertificateProfile::production().allow(Hierarchy::Production, "1.2.392.200149.8.5.1.3.31").unwrap();
    let der = CertificateDer::new(blueprint.der()).unwrap();
    let judged = UserAuthCertificate::parse(&der, &profile, &TrustAnchors::production(), NOW);
    assert_eq!(reasons_of(judged), [R::Untrusted]);
}

#[test]
fn a_configuration_cannot_allow_what_is_never_wanted() {
    let allow = |hierarchy, policy| CertificateProfile::production().allow(hierarchy, policy).unwrap_err();
    assert_eq!(allow(Hierarchy::Production, "1.2.392.200149.8.5.1.1.20"), ProfileError::DigitalSignature);
    assert_eq!(allow(Hierarchy::Production, "1.2.392.200149.8.5.1.0.20"), ProfileError::DigitalSignature);
    assert_eq!(allow(Hierarchy::Production, "anything"), ProfileError::NotAnOid);
    assert_eq!(allow(Hierarchy::Test, "1.2.3"), ProfileError::UnknownHierarchy);
}

#[test]
fn key_usage_is_digital_signature_alone() {
    let and_non_repudiation = extension(&[0x55, 0x1D, 0x0F], true, &[0x03, 0x02, 0x06, 0xC0]);
    assert_eq!(reasons(&with_extension(0, and_non_repudiation)), [R::Untrusted, R::KeyUsage]);
    let mut none = Blueprint::card();
    none.extensions.remove(0);
    assert_eq!(reasons(&none), [R::Untrusted, R::KeyUsage]);
}

#[test]
fn extended_key_usage_has_client_auth() {
    let server_auth = sequence(&[element(0x06, &[43, 6, 1, 5, 5, 7, 3, 1])]);
    let blueprint = with_extension(1, extension(&[0x55, 0x1D, 0x25], false, &server_auth));
    assert_eq!(reasons(&blueprint), [R::Untrusted, R::ExtendedKeyUsage]);
}

#[test]
fn an_authority_is_no_holder() {
    let authority = extension(&[0x55, 0x1D, 0x13], true, &sequence(&[vec![0x01, 0x01, 0xFF]]));
    assert_eq!(reasons(&with_extension(99, authority)), [R::Untrusted, R::CertificateAuthority]);
    let no_authority = extension(&[0x55, 0x1D, 0x13], true, &sequence(&[]));
    assert_eq!(reasons(&with_extension(99, no_authority)), [R::Untrusted]);
}

#[test]
fn personal_fields_are_refused_wherever_they_hide() {
    let name_field = [0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 0x08, 0x05, 0x05, 0x01];
    let other_name = element(0xA0, &[element(0x06, &name_field), element(0xA0, &element(0x0C, b"name"))].concat());
    let san = extension(&[0x55, 0x1D, 0x11], false, &sequence(&[other_name]));
    assert_eq!(reasons(&with_extension(99, san)), [R::Untrusted, R::SubjectAlternativeName, R::PersonalExtension]);
    let own = extension(&name_field, false, &element(0x0C, b"name"));
    assert_eq!(reasons(&with_extension(99, own)), [R::Untrusted, R::PersonalExtension]);
}

#[test]
fn a_subject_is_one_country_and_one_common_name() {
    // A short common name, so that the layout stays as it is.
    let subject = |extra: &'static [u8]| {
        vec![(COUNTRY, "JP".to_owned()), (COMMON_NAME, "0123456".to_owned()), (extra, "Tokyo".to_owned())]
    };
    for extra in [LOCALITY, COMMON_NAME, COUNTRY] {
        let blueprint = Blueprint { subject: subject(extra), ..Blueprint::card() };
        assert_eq!(reasons(&blueprint), [R::Untrusted, R::SubjectFields]);
    }
    let nameless = Blueprint { subject: vec![(COUNTRY, "JP".to_owned())], ..Blueprint::card() };
    assert!(reasons(&nameless).contains(&R::SubjectFields));
}

#[test]
fn extensions_are_known_or_not_critical_and_never_twice() {
    let unknown = |critical| extension(&[0x2A, 0x03, 0x04], critical, &[0x05, 0x00]);
    assert_eq!(reasons(&with_extension(99, unknown(true))), [R::Untrusted, R::UnknownCriticalExtension]);
    assert_eq!(reasons(&with_extension(99, unknown(false))), [R::Untrusted]);
    let twice = with_extension(99, Blueprint::card().extensions[0].clone());
    assert_eq!(reasons(&twice), [R::Untrusted, R::DuplicateExtension]);
}

#[test]
fn the_two_places_that_name_the_signature_algorithm_agree() {
    let blueprint = Blueprint { outer_ecdsa: true, ..Blueprint::card() };
    assert_eq!(reasons(&blueprint), [R::SignatureAlgorithm, R::Untrusted]);
    assert_eq!(reasons(&Blueprint::next_card()), [R::SignatureAlgorithm, R::Untrusted]);
}

#[test]
fn the_key_is_one_of_two_kinds() {
    let mut small_exponent = Blueprint::card();
    *small_exponent.spki.last_mut().unwrap() = 3;
    assert_eq!(reasons(&small_exponent), [R::Untrusted, R::KeyAlgorithm]);
}

#[test]
fn all_reasons_are_collected_at_once() {
    let mut blueprint =
        Blueprint { organisation: "Elsewhere", validity: ["150101000000Z", "160101000000Z"], ..Blueprint::card() };
    blueprint.extensions.clear();
    blueprint.extensions.push(extension(&[0x55, 0x1D, 0x13], true, &sequence(&[vec![0x01, 0x01, 0xFF]])));
    let found = reasons(&blueprint);
    let expected = [
        R::Untrusted,
        R::ForeignIssuer,
        R::Expired,
        R::WrongPolicy,
        R::KeyUsage,
        R::ExtendedKeyUsage,
        R::CertificateAuthority,
    ];
    assert_eq!(found, expected);
}
