//! Bytes that this version wrote once and every later one must read: stores and caches keep them for years.

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).unwrap()).collect()
}

/// One record of each kind, in the order of `one_of_each`.
const RECORDS: [&str; 14] = [
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
    "a2000c02a300506a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a0101021b000001a31862b8a0",
];

/// A head of three records, a feed key certificate, a cut to epoch 1.
const STATEMENTS: [&str; 3] = [
    "8443a10127a05850a700010150e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e102010303045820e7769c032a9d51a3dd229f3ed938a62f23cd3d70380606f197836396d892eb25051b000001a3185c5000061b000001a3186a0ba058403e59ef9487f3534d0c5862cb07999784a03bcc14babf0135ef99968f6f1a493ac08582d6fb6fb9458049d58cc2f32261ac8e559f8eaa06e33a1cd53d4c90ef06",
    "8443a10127a0584ca500010150e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e10258208139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394031b000001a315c92200041b000001a31aef7e00584095bcd4913e462a122086195606f9fc63b8d9ed65483498995254c13908f52b68be1e397a91a7be27b2859d0f01e6c6adc14b0a4607b251847e0ef9aa879b2d0b",
    "8443a10127a05821a400010150e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e10201031b000001a3185c500058409ad295fc3136b8f99bc0a047fe8cc44b9ca83b6a8c81bc449e7a4251b145a4d2cf5aa8b5af40731b8a5bf128a4ce20ac89aca8c2e98ed1aa97e7c7323f620f06",
];

/// Record 258 of epoch 1 (an unbinding) as ciphertext, and the chain over it alone.
const SEALED: [&str; 2] = [
    "9e8648e272bb72894c2088b93a3a0383f2420c1c4b8401ba80b2ede760105c4af8bdd0b131ad1c",
    "c5cf4b2a2d05b9613c95e802e27e1a74490f103ec756a8fa47f373b313e83d7c",
];

#[test]
fn records_keep_their_bytes() {
    let records = one_of_each();
    assert_eq!(records.iter().map(|record| hex(&record.encode().unwrap())).collect::<Vec<_>>(), RECORDS);
    for (record, stored) in records.iter().zip(RECORDS) {
        assert_eq!(FeedRecord::decode(&unhex(stored)).unwrap(), *record);
    }
}

#[test]
fn statements_keep_their_bytes() {
    let reached = FollowedTo { length: 3, ..FollowedTo::start(EVENT, Epoch::new(1)) };
    let head = FeedHead::issue(EVENT, reached, NOW).sign(&feed_key()).unwrap();
    let cut = EpochCut { event: EVENT, epoch: Epoch::new(1), at: NOW }.sign(&root()).unwrap();
    assert_eq!([hex(head.as_bytes()), hex(certificate().as_bytes()), hex(cut.as_bytes())], STATEMENTS);
    let root = root().verifying_key();
    assert_eq!(FeedHead::verify(&unhex(STATEMENTS[0]), &trusted(), EVENT, NOW).unwrap().reaches(), reached);
    assert!(FeedKeyCertificate::from_bytes(unhex(STATEMENTS[1])).unwrap().verify(&root, EVENT).is_ok());
    assert!(EpochCut::verify(&unhex(STATEMENTS[2]), &root, EVENT).is_ok());
}

#[test]
fn a_ciphertext_and_its_chain_keep_their_bytes() {
    let (cipher, at) = (cipher(Epoch::new(1)), FeedSequence::new(258));
    let sealed = cipher.seal(at, &ticket_record(258)).unwrap();
    let chain = Chain::start(EVENT, Epoch::new(1)).extend(&sealed);
    assert_eq!([hex(sealed.as_bytes()), hex(chain.as_bytes())], SEALED);
    let stored = SealedRecord::from_bytes(unhex(SEALED[0])).unwrap();
    assert_eq!(cipher.open(at, &stored).unwrap(), ticket_record(258));
}
