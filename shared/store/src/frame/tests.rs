use super::*;

const IDENTITY: StoreIdentity = StoreIdentity::new(*b"0123456789abcdef");

fn log() -> (Vec<u8>, LogHead) {
    let header = encode_header(IDENTITY);
    let (mut bytes, mut head) = (header.to_vec(), empty_head(&header));
    encode(&mut bytes, &mut head, 32, false, b"first").unwrap();
    encode(&mut bytes, &mut head, 32, true, b"").unwrap();
    (bytes, head)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Logs outlive programs: these bytes stay readable for as long as format 1 does.
#[test]
fn format_1_is_what_it_was() {
    let (bytes, head) = log();
    assert_eq!(hex(&bytes), GOLDEN);
    let golden_head = hex(head.hash.as_bytes());
    assert!(GOLDEN.ends_with(&golden_head), "the last frame without a fact ends with the chain");
}

#[test]
fn what_was_encoded_is_read_back() {
    let (bytes, head) = log();
    let (header, frames) = bytes.split_first_chunk::<HEADER_BYTES>().unwrap();
    let mut reader = FrameReader::new(frames, 32, verify_header(header, IDENTITY).unwrap());
    let first = reader.next().unwrap().unwrap();
    assert_eq!((first.position, first.ends_transaction, first.fact), (Position::FIRST, false, b"first".to_vec()));
    let second = reader.next().unwrap().unwrap();
    assert!(second.ends_transaction && second.fact.is_empty());
    assert!(reader.next().unwrap().is_none());
    assert_eq!((reader.head(), reader.offset()), (head, u64::try_from(bytes.len()).unwrap()));
}

#[test]
fn a_header_of_another_format_or_store_is_told_apart_from_damage() {
    let header = encode_header(IDENTITY);
    let other = verify_header(&header, StoreIdentity::new([0; 16]));
    assert!(matches!(other, Err(StoreError::OtherIdentity)));
    let mut later = header;
    later[8] = 2;
    let crc = crc32fast::hash(&later[..28]).to_le_bytes();
    later[28..].copy_from_slice(&crc);
    assert!(matches!(verify_header(&later, IDENTITY), Err(StoreError::OtherFormat { found: 2, expected: 1 })));
}

#[test]
fn a_later_batch_behind_a_bad_frame_is_seen_at_any_offset() {
    let mut head = empty_head(&encode_header(IDENTITY));
    let mut frame = Vec::new();
    encode(&mut frame, &mut head, 500, true, b"durable before 500").unwrap();
    for gap in 0..100 {
        let tail = [vec![b'K'; gap], frame.clone()].concat();
        assert_eq!(look_behind(&tail, 499), Behind::LaterBatch);
        assert_eq!(look_behind(&tail, 500), Behind::SameBatch);
        assert_eq!(look_behind(&tail[..tail.len() - 1], 499), Behind::Nothing);
    }
}

#[test]
fn a_fact_has_a_greatest_length() {
    let mut head = empty_head(&encode_header(IDENTITY));
    let mut bytes = Vec::new();
    assert!(encode(&mut bytes, &mut head, 32, true, &vec![0; MAX_FACT_BYTES]).is_ok());
    let before = (bytes.len(), head);
    assert!(encode(&mut bytes, &mut head, 32, true, &vec![0; MAX_FACT_BYTES + 1]).is_err());
    assert_eq!((bytes.len(), head), before);
}

/// Computed from the description above `frame`, by another program.
const GOLDEN: &str = "4b49444f4c4f470a0100000030313233343536373839616263646566e3b34f3a4b64460005000000eee8c026200000000000\
    0000cebe3e5541ba9f87ac514c44aee8b3c6d2b80275879655830c2c6b8163cae9e866697273744b64460100000000a066ce\
    5220000000000000009d37f79399147cf10e233bdb3e4fc8f1887ba356f39e492241463a4194fa84e9";
