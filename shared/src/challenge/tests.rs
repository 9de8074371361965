use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// The *bind* message of the golden vectors; `fixtures/proof` has signatures over it.
pub(crate) fn golden_bind() -> RegistrationMessage {
    RegistrationMessage {
        action: Action::Bind,
        origin: Origin::parse("https://tickets.example").unwrap(),
        event: EventId::from_bytes([0x11; 16]),
        ticket: Some(TicketId::from_bytes([0x22; 16])),
        code: Some(CodeHash::from_bytes([0x33; 32])),
        challenge: Challenge::from_bytes([0x44; 32]),
    }
}

fn golden_admission() -> AdmissionMessage {
    AdmissionMessage {
        event: EventId::from_bytes([0x11; 16]),
        gate: GateId::from_bytes([0x55; 16]),
        tag: BindingTag::from_bytes([0x66; 32]),
        challenge: Challenge::from_bytes([0x44; 32]),
        passage: Passage::In,
    }
}

#[test]
fn a_proof_for_going_out_is_none_for_coming_in() {
    let out = AdmissionMessage { passage: Passage::Out, ..golden_admission() };
    for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::P384] {
        assert_ne!(hex(&out.digest(algorithm)), hex(&golden_admission().digest(algorithm)));
    }
}

fn hex(digest: &MessageDigest) -> String {
    let bytes: &[u8] = match digest {
        MessageDigest::Sha256(hash) => hash,
        MessageDigest::Sha384(hash) => hash,
    };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_message_hashes_as_the_protocol_says() {
    // Computed with Python's `hashlib` from the formula of the protocol.
    let golden = [
        (Action::Bind, "e24820cf7c103de2ce09eac6c227a8353c3d8f6e0fc37ad2a8fe9bc909e51bf7"),
        (Action::Resume, "679dd861f4e2b453cb3797f413e5c531a4c0cf270233c382942af6a629124fc4"),
        (Action::GiveBack, "5785765fd37358333abd98e492146c3f26443299a8f4366009a8b853e11f21e0"),
        (Action::Rebind, "36234e6271bce0f898cbd7b4ad6a37fb7d9e061efc2ae3351579785606801814"),
    ];
    for (action, expected) in golden {
        assert_eq!(hex(&RegistrationMessage { action, ..golden_bind() }.digest(KeyAlgorithm::Rsa2048)), expected);
    }
    let show = RegistrationMessage { action: Action::Show, ticket: None, code: None, ..golden_bind() };
    assert_eq!(
        hex(&show.digest(KeyAlgorithm::Rsa2048)),
        "df9f206f3cf7d9f97022651a40620c8d8fe563e680be00ecd3a6964ac962e074"
    );
    assert_eq!(
        hex(&golden_admission().digest(KeyAlgorithm::Rsa2048)),
        "ec698e4755a67d76987f1d1eb5326f4440d5a2f3fc7e8ca09d14caaf86e34af4"
    );
}

#[test]
fn a_p384_card_signs_sha_384_throughout() {
    assert_eq!(
        hex(&golden_bind().digest(KeyAlgorithm::P384)),
        "9961539e53ade50a573bc53f6badd2bdafacbf9d05472ced10f957726b4d7c9f25554d0c79fdb1d6a49896221c1ccf4a"
    );
    assert_eq!(
        hex(&golden_admission().digest(KeyAlgorithm::P384)),
        "7e48362d106059410ed588e49d8a40f099fdbbc4b86b3e5c09ff10ab959021d5a845637e988e10a41fadeb3fda7a1dae"
    );
}

#[test]
fn a_digest_info_is_complete_with_its_null() {
    let sha256 = golden_bind().digest(KeyAlgorithm::Rsa2048).digest_info();
    assert_eq!(sha256.len(), 51);
    assert_eq!(sha256[..2], [0x30, 49]);
    assert_eq!(sha256[15..19], [0x05, 0x00, 0x04, 32]);
    let sha384 = golden_bind().digest(KeyAlgorithm::P384).digest_info();
    assert_eq!(sha384.len(), 67);
    assert_eq!(sha384[..2], [0x30, 65]);
    assert_eq!(sha384[15..19], [0x05, 0x00, 0x04, 48]);
}

#[test]
fn every_field_counts() {
    let base = golden_bind();
    let other = Origin::parse("https://tickets.example:8443").unwrap();
    let messages = [
        base.clone(),
        RegistrationMessage { action: Action::Resume, ..base.clone() },
        RegistrationMessage { origin: other, ..base.clone() },
        RegistrationMessage { event: EventId::from_bytes([0x12; 16]), ..base.clone() },
        RegistrationMessage { ticket: Some(TicketId::from_bytes([0x23; 16])), ..base.clone() },
        RegistrationMessage { ticket: None, ..base.clone() },
        RegistrationMessage { code: Some(CodeHash::from_bytes([0x34; 32])), ..base.clone() },
        RegistrationMessage { code: None, ..base.clone() },
        RegistrationMessage { challenge: Challenge::from_bytes([0x45; 32]), ..base },
    ];
    let digests: BTreeSet<String> = messages.iter().map(|one| hex(&one.digest(KeyAlgorithm::Rsa2048))).collect();
    assert_eq!(digests.len(), messages.len());
}

#[test]
fn a_challenge_travels_as_text_and_prints_nothing() {
    let challenge = Challenge::from_bytes([0xFB; 32]);
    let text = serde_json::to_string(&challenge).unwrap();
    assert_eq!(text.len(), 45, "43 characters of base64url in quotes");
    assert_eq!(serde_json::from_str::<Challenge>(&text).unwrap(), challenge);
    assert!(serde_json::from_str::<Challenge>("\"AAAA\"").is_err());
    assert_eq!(format!("{challenge:?}"), "Challenge(..)");
    assert_eq!(format!("{:?}", golden_bind().digest(KeyAlgorithm::Rsa2048)), "MessageDigest(..)");
    let printed = format!("{:?} {:?}", golden_bind(), golden_admission());
    assert!(!printed.contains("68, 68") && !printed.contains("51, 51") && !printed.contains("102, 102"), "{printed}");
}

proptest! {
    #[test]
    fn bytes_do_not_move_between_fields(event in any::<[u8; 16]>(), ticket in any::<[u8; 16]>()) {
        prop_assume!(event != ticket);
        let message = |event, ticket| RegistrationMessage {
            event: EventId::from_bytes(event),
            ticket: Some(TicketId::from_bytes(ticket)),
            ..golden_bind()
        };
        let (one, other) = (message(event, ticket), message(ticket, event));
        prop_assert_ne!(hex(&one.digest(KeyAlgorithm::Rsa2048)), hex(&other.digest(KeyAlgorithm::Rsa2048)));
    }
}
