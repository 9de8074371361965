//! Object identifiers and distinguished names of JPKI certificates.

use crate::der;

pub(super) const COMMON_NAME: &[u32] = &[2, 5, 4, 3];
pub(super) const COUNTRY: &[u32] = &[2, 5, 4, 6];
pub(super) const LOCALITY: &[u32] = &[2, 5, 4, 7];
pub(super) const ORGANIZATION: &[u32] = &[2, 5, 4, 10];
pub(super) const UNIT: &[u32] = &[2, 5, 4, 11];

pub(super) const SUBJECT_KEY_ID: &[u32] = &[2, 5, 29, 14];
pub(super) const KEY_USAGE: &[u32] = &[2, 5, 29, 15];
pub(super) const SUBJECT_ALT_NAME: &[u32] = &[2, 5, 29, 17];
pub(super) const ISSUER_ALT_NAME: &[u32] = &[2, 5, 29, 18];
pub(super) const BASIC_CONSTRAINTS: &[u32] = &[2, 5, 29, 19];
pub(super) const CRL_DISTRIBUTION_POINTS: &[u32] = &[2, 5, 29, 31];
pub(super) const CERTIFICATE_POLICIES: &[u32] = &[2, 5, 29, 32];
pub(super) const AUTHORITY_KEY_ID: &[u32] = &[2, 5, 29, 35];
pub(super) const EXTENDED_KEY_USAGE: &[u32] = &[2, 5, 29, 37];
pub(super) const AUTHORITY_INFORMATION_ACCESS: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];

pub(super) const CPS_QUALIFIER: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 2, 1];
pub(super) const CLIENT_AUTH: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];
pub(super) const OCSP: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 48, 1];
pub(super) const RSA_ENCRYPTION: &[u32] = &[1, 2, 840, 113_549, 1, 1, 1];
pub(super) const SHA256_WITH_RSA: &[u32] = &[1, 2, 840, 113_549, 1, 1, 11];
pub(super) const EC_PUBLIC_KEY: &[u32] = &[1, 2, 840, 10045, 2, 1];
pub(super) const SECP384R1: &[u32] = &[1, 3, 132, 0, 34];

/// `1.2.392.200149.8.5.5.n`: the holder's attributes in a digital signature certificate.
pub(super) const HOLDER_ATTRIBUTE: [u32; 7] = [1, 2, 392, 200_149, 8, 5, 5];

/// Under an arc for examples (ITU-T X.660 gives 2.999 to documents): no program can know it.
pub(super) const UNKNOWN_EXTENSION: &[u32] = &[2, 999, 20, 26];

/// The agency that issues, as every issuer name ends.
pub(super) const AGENCY: &str = "Japan Agency for Local Authority Information Systems";
const AGENCY_JAPANESE: &str = "地方公共団体情報システム機構";
const SERVICE_JAPANESE: &str = "公的個人認証サービス";

fn attribute(kind: &[u32], value: &[u8]) -> Vec<u8> {
    der::set(&[&der::sequence(&[&der::object_identifier(kind), value])])
}

/// A distinguished name: one attribute per RDN, in the order given; the country as `PrintableString`, the rest UTF-8.
pub(super) fn name(attributes: &[(&[u32], &str)]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(kind, text)| {
            let value = if *kind == COUNTRY { der::printable_string(text) } else { der::utf8_string(text) };
            attribute(kind, &value)
        })
        .collect();
    der::sequence(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// `GeneralNames` with the issuer's Japanese name, as `issuerAltName` of a leaf and `subjectAltName` of a root hold it.
pub(super) fn japanese_issuer_name(purpose: &str) -> Vec<u8> {
    let unit = format!("{SERVICE_JAPANESE}{purpose}");
    let directory_name =
        name(&[(COUNTRY, "JP"), (ORGANIZATION, SERVICE_JAPANESE), (UNIT, &unit), (UNIT, AGENCY_JAPANESE)]);
    der::sequence(&[&der::tagged(4, &directory_name)])
}

/// `CRLDistributionPoints` with one full name that is a directory name.
pub(super) fn distribution_point(directory_name: &[u8]) -> Vec<u8> {
    let full_name = der::tagged(0, &der::tagged(4, directory_name));
    der::sequence(&[&der::sequence(&[&der::tagged(0, &full_name)])])
}

/// One `Extension` (RFC 5280 §4.1).
pub(super) fn extension(kind: &[u32], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { der::boolean_true() } else { Vec::new() };
    der::sequence(&[&der::object_identifier(kind), &critical, &der::octet_string(value)])
}

/// `AlgorithmIdentifier` of sha256WithRSAEncryption, with its NULL.
pub(super) fn sha256_with_rsa() -> Vec<u8> {
    der::sequence(&[&der::object_identifier(SHA256_WITH_RSA), &der::null()])
}
