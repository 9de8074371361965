//! Records and their encryption.

use proptest::prelude::*;

use super::*;
use crate::limits::FEED_RECORD_BYTES_MAX;

fn unknown(critical: bool) -> Vec<u8> {
    let mut encoder = minicbor::Encoder::new(Vec::new());
    encoder.map(if critical { 3 } else { 2 }).unwrap().u8(0).unwrap().u64(77).unwrap();
    if critical {
        encoder.u8(1).unwrap().bool(true).unwrap();
    }
    encoder.u8(2).unwrap().array(2).unwrap().str("later").unwrap().u8(1).unwrap();
    encoder.into_writer()
}

#[test]
fn every_kind_of_record_reads_back_from_its_bytes() {
    for record in one_of_each() {
        let bytes = record.encode().unwrap();
        assert_eq!(FeedRecord::decode(&bytes).unwrap(), record);
        assert!(bytes.len() < 1_000, "{} bytes leave no room", bytes.len());
    }
}

#[test]
fn a_record_has_one_encoding_only() {
    for record in one_of_each() {
        let bytes = record.encode().unwrap();
        let trailing = [bytes.as_slice(), &[0]].concat();
        assert!(FeedRecord::decode(&trailing).is_err(), "a trailing byte");
        let indefinite = [&[0xBF], &bytes[1..], &[0xFF]].concat();
        assert!(FeedRecord::decode(&indefinite).is_err(), "an indefinite map");
        let wide = [&[bytes[0], 0x18, 0x00], &bytes[2..]].concat();
        assert!(FeedRecord::decode(&wide).is_err(), "an integer wider than needed");
        let marked = [&[0xA3, 0x00, bytes[2], 0x01, 0xF5], &bytes[3..]].concat();
        assert!(FeedRecord::decode(&marked).is_err(), "a known kind marked critical");
        let reordered = [&[0xA2], &bytes[3..], &bytes[1..3]].concat();
        assert!(FeedRecord::decode(&reordered).is_err(), "keys in another order");
        for cut in 0..bytes.len() {
            assert!(FeedRecord::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}

#[test]
fn a_body_with_one_more_field_is_refused() {
    // {0: 10, 2: {0: 1, 1: 2, 2: 3}}: an `end` record of no version there is.
    let grown = [0xA2, 0x00, 0x0A, 0x02, 0xA3, 0x00, 0x01, 0x01, 0x02, 0x02, 0x03];
    assert_eq!(FeedRecord::decode(&grown), Err(FeedError::Encoding { what: "a record" }));
    let known = [0xA2, 0x00, 0x0A, 0x02, 0xA2, 0x00, 0x01, 0x01, 0x02];
    assert!(FeedRecord::decode(&known).is_ok());
}

#[test]
fn a_critical_mark_is_true_or_absent() {
    let mut bytes = unknown(true);
    let mark = bytes.iter().position(|byte| *byte == 0xF5).unwrap();
    bytes[mark] = 0xF4;
    assert!(FeedRecord::decode(&bytes).is_err());
}

#[test]
fn an_unknown_kind_is_kept_as_it_came() {
    for critical in [false, true] {
        let bytes = unknown(critical);
        let record = FeedRecord::decode(&bytes).unwrap();
        assert_eq!(record.encode().unwrap(), bytes);
        let FeedRecord::Unknown(unknown) = record else { panic!("kind 77 is unknown") };
        assert_eq!((unknown.kind(), unknown.is_critical()), (77, critical));
    }
}

#[test]
fn an_unknown_kind_is_ignored_unless_critical() {
    let apply = |critical| {
        let cipher = cipher(Epoch::FIRST);
        let record = FeedRecord::decode(&unknown(critical)).unwrap();
        let records = [
            cipher.seal(FeedSequence::new(0), &ticket_record(0)).unwrap(),
            cipher.seal(FeedSequence::new(1), &record).unwrap(),
        ];
        let head = head_over(&records, Epoch::FIRST);
        Follower::start(EVENT, Epoch::FIRST).apply(&head, &records, &cipher).map(|(_, opened)| opened.len())
    };
    assert_eq!(apply(false), Ok(2));
    assert_eq!(apply(true), Err(FeedError::UnknownCritical { kind: 77 }));
}

#[test]
fn an_empty_window_does_not_come_out_of_a_record() {
    let FeedRecord::Staff(staff) = one_of_each().swap_remove(7) else { panic!("the order of kinds") };
    let good = FeedRecord::Staff(staff).encode().unwrap();
    let from = minicbor::to_vec(minutes(0)).unwrap();
    let until = minicbor::to_vec(minutes(240)).unwrap();
    let place = good.windows(until.len()).position(|bytes| bytes == until).unwrap();
    let mut bad = good.clone();
    bad[place..place + from.len()].copy_from_slice(&from);
    assert!(FeedRecord::decode(&good).is_ok());
    assert!(FeedRecord::decode(&bad).is_err());
}

#[test]
fn a_record_opens_only_where_it_was_sealed() {
    let here = cipher(Epoch::FIRST);
    let record = ticket_record(3);
    let at = FeedSequence::new(3);
    let sealed = here.seal(at, &record).unwrap();
    assert_eq!(here.open(at, &sealed), Ok(record));
    let elsewhere = FeedSequence::new(4);
    assert_eq!(here.open(elsewhere, &sealed), Err(FeedError::Sealed { at: elsewhere }), "another number");
    let refused = Err(FeedError::Sealed { at });
    assert_eq!(cipher(Epoch::new(1)).open(at, &sealed), refused, "another epoch");
    let key = RecordKey::from_bytes([5; 32]);
    assert_eq!(RecordCipher::new(&key, OTHER_EVENT, Epoch::FIRST).open(at, &sealed), refused, "another event");
    let key = RecordKey::from_bytes([6; 32]);
    assert_eq!(RecordCipher::new(&key, EVENT, Epoch::FIRST).open(at, &sealed), refused, "another key");
    for place in 0..sealed.as_bytes().len() {
        let mut altered = sealed.as_bytes().to_vec();
        altered[place] ^= 1;
        assert_eq!(here.open(at, &SealedRecord::from_bytes(altered).unwrap()), refused, "byte {place} altered");
    }
}

#[test]
fn two_epochs_never_share_a_key_stream() {
    let at = FeedSequence::FIRST;
    let sealed = |epoch| cipher(epoch).seal(at, &ticket_record(0)).unwrap().into_bytes();
    assert_ne!(sealed(Epoch::FIRST)[..16], sealed(Epoch::new(1))[..16]);
}

#[test]
fn a_record_has_a_bound() {
    assert!(SealedRecord::from_bytes(vec![0; FEED_RECORD_BYTES_MAX]).is_ok());
    assert!(SealedRecord::from_bytes(vec![0; FEED_RECORD_BYTES_MAX + 1]).is_err());
    assert!(SealedRecord::from_bytes(vec![0; 16]).is_err(), "shorter than its authentication tag");
    assert!(FeedRecord::decode(&vec![0; FEED_RECORD_BYTES_MAX + 1]).is_err());
}

#[test]
fn nothing_of_a_record_is_printed_with_its_ciphertext() {
    let sealed = cipher(Epoch::FIRST).seal(FeedSequence::FIRST, &ticket_record(0)).unwrap();
    assert_eq!(format!("{sealed:?}"), format!("SealedRecord({} bytes)", sealed.as_bytes().len()));
    assert_eq!(format!("{:?}", cipher(Epoch::FIRST)), "RecordCipher(..)");
    assert_eq!(format!("{:?}", StaffCredential::of(&[1; 32])), "StaffCredential(..)");
}

proptest! {
    #[test]
    fn whatever_decodes_encodes_to_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(record) = FeedRecord::decode(&bytes) {
            prop_assert_eq!(record.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn a_damaged_record_is_refused_or_is_another_record(kind in 0_usize..14, place: usize, bit in 0_u8..8) {
        let record = one_of_each().swap_remove(kind);
        let mut bytes = record.encode().unwrap();
        let place = place % bytes.len();
        bytes[place] ^= 1 << bit;
        if let Ok(other) = FeedRecord::decode(&bytes) {
            prop_assert_ne!(&other, &record);
            prop_assert_eq!(other.encode().unwrap(), bytes);
        }
    }
}
