//! Fixed keys, names and recorded bytes that targets begin with.

use ed25519_dalek::SigningKey;
use kido_shared::clock::Timestamp;
use kido_shared::ids::{EventId, GateId};

pub(crate) const EVENT: EventId = EventId::from_bytes([0xE1; 16]);
pub(crate) const GATE: GateId = GateId::from_bytes([0x6A; 16]);
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// A certificate of a JPKI test card, and the root above it.
pub(crate) const CERTIFICATE: &[u8] = include_bytes!("../../../../shared/fixtures/jpki/test-user-auth-certificate.der");
pub(crate) const TEST_ROOT: &[u8] = include_bytes!("../../../../shared/fixtures/jpki/test-user-auth-ca-2023.der");

pub(crate) fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

pub(crate) fn feed_key() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

/// Bytes written as hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().as_chunks::<2>().0.iter();
    pairs.filter_map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

/// The first byte of an input that chooses among several ways, and the rest.
pub(crate) const fn choice(data: &[u8]) -> (u8, &[u8]) {
    match data {
        [chosen, rest @ ..] => (*chosen, rest),
        [] => (0, data),
    }
}

/// An input for a choice.
pub(crate) fn chosen(choice: u8, rest: &[u8]) -> Vec<u8> {
    [&[choice], rest].concat()
}

/// Recorded feed records, one of each kind (`shared/src/feed/tests/golden.rs`).
pub(crate) const RECORDS: [&str; 13] = [
    "a2000002ab0069e58d83e7a990e6a5bd011a3b9aca00021a3ccbf700031aee6b280004010500061a02932e0007830050030303030303030303030303030303030009f40af40d00",
    "a2000102a700507171717171717171717171717171717101000265e58c972d42036f31e99a8e2033e58897203132e795aa04821b000001a3185c50001b000001a319380a00050106509a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a",
    "a2000202a200507171717171717171717171717171717101825820b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1584f5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e",
    "a2000302a60050a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a101507171717171717171717171717171717102506a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a0301041b000001a3185f0f200500",
    "a2000402a40050a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a101507171717171717171717171717171717102506a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a031b000001a3185ff980",
    "a2000502a40050a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a101507171717171717171717171717171717102506a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a031b000001a31860e3e0",
    "a2000602a500507171717171717171717171717171717101010250a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a10350a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2041b000001a31861ce40",
    "a2000702a30058204bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e0010102821b000001a3185c50001b000001a319380a00",
    "a2000802a500506a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a01582008080808080808080808080808080808080808080808080808080808080808080265e58c972d4203614204f4",
    "a2000902a10058968443a10127a0584ca500010150e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e10258208139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394031b000001a315c92200041b000001a31aef7e00584095bcd4913e462a122086195606f9fc63b8d9ed65483498995254c13908f52b68be1e397a91a7be27b2859d0f01e6c6adc14b0a4607b251847e0ef9aa879b2d0b",
    "a2000a02a2001b000001a31a261380011b000001a3cb2cae00",
    "a2000b02a50050abababababababababababababababab015003030303030303030303030303030303020103817768747470733a2f2f617262697465722e6578616d706c6504f4",
    "a2000b02a60050acacacacacacacacacacacacacacacac01500303030303030303030303030303030302010381781968747470733a2f2f617262697465722d322e6578616d706c6504f405f5",
];

/// A recorded head, a feed key certificate and a cut.
pub(crate) const STATEMENTS: [&str; 3] = [
    "8443a10127a05850a700010150e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e102010303045820e7769c032a9d51a3dd229f3ed938a62f23cd3d70380606f197836396d892eb25051b000001a3185c5000061b000001a3186a0ba058403e59ef9487f3534d0c5862cb07999784a03bcc14babf0135ef99968f6f1a493ac08582d6fb6fb9458049d58cc2f32261ac8e559f8eaa06e33a1cd53d4c90ef06",
    "8443a10127a0584ca500010150e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e10258208139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394031b000001a315c92200041b000001a31aef7e00584095bcd4913e462a122086195606f9fc63b8d9ed65483498995254c13908f52b68be1e397a91a7be27b2859d0f01e6c6adc14b0a4607b251847e0ef9aa879b2d0b",
    "8443a10127a05821a400010150e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e10201031b000001a3185c500058409ad295fc3136b8f99bc0a047fe8cc44b9ca83b6a8c81bc449e7a4251b145a4d2cf5aa8b5af40731b8a5bf128a4ce20ac89aca8c2e98ed1aa97e7c7323f620f06",
];
