//! A DER writer (X.690) that writes what it is told, right or wrong.
//!
//! Certificates for tests must also have layouts that a certificate library refuses to write: a subject that is too
//! long, an extension too many, a key type too new. So the issuer writes its bytes itself.

/// Context-specific, constructed: `[n]`.
const CONTEXT_CONSTRUCTED: u8 = 0xA0;
/// Context-specific, primitive: `[n] IMPLICIT` over a string type.
const CONTEXT_PRIMITIVE: u8 = 0x80;

/// One element: tag, definite length, content (X.690 §8.1).
#[must_use]
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match significant.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(u8::try_from(long.len()).map_or(0xFF, |count| 0x80 | count));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

/// `SEQUENCE` of elements that are already written.
#[must_use]
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

/// `SET` of elements that are already written; the caller keeps the DER order.
#[must_use]
pub fn set(parts: &[&[u8]]) -> Vec<u8> {
    element(0x31, &parts.concat())
}

/// `[number]`, constructed.
#[must_use]
pub fn tagged(number: u8, content: &[u8]) -> Vec<u8> {
    element(CONTEXT_CONSTRUCTED | number, content)
}

/// `[number] IMPLICIT` over a primitive type.
#[must_use]
pub fn tagged_primitive(number: u8, content: &[u8]) -> Vec<u8> {
    element(CONTEXT_PRIMITIVE | number, content)
}

/// `OBJECT IDENTIFIER` (X.690 §8.19).
#[must_use]
pub fn object_identifier(arcs: &[u32]) -> Vec<u8> {
    let mut content = Vec::new();
    if let [first, second, rest @ ..] = arcs {
        push_base128(&mut content, first * 40 + second);
        for arc in rest {
            push_base128(&mut content, *arc);
        }
    }
    element(0x06, &content)
}

fn push_base128(out: &mut Vec<u8>, arc: u32) {
    let groups = (1..5u32).rev().map(|group| arc >> (7 * group)).skip_while(|high| *high == 0);
    for high in groups {
        out.push(low_seven_bits(high) | 0x80);
    }
    out.push(low_seven_bits(arc));
}

fn low_seven_bits(value: u32) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low & 0x7F
}

/// `INTEGER` from an unsigned big-endian number (X.690 §8.3): a zero in front where the top bit is set.
#[must_use]
pub fn unsigned_integer(big_endian: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = big_endian.iter().copied().skip_while(|byte| *byte == 0).collect();
    if content.first().is_none_or(|top| *top >= 0x80) {
        content.insert(0, 0);
    }
    element(0x02, &content)
}

/// `BOOLEAN TRUE`.
#[must_use]
pub fn boolean_true() -> Vec<u8> {
    element(0x01, &[0xFF])
}

/// `NULL`.
#[must_use]
pub fn null() -> Vec<u8> {
    element(0x05, &[])
}

/// `OCTET STRING`.
#[must_use]
pub fn octet_string(content: &[u8]) -> Vec<u8> {
    element(0x04, content)
}

/// `BIT STRING` with the given number of unused bits at its end.
#[must_use]
pub fn bit_string(unused_bits: u8, content: &[u8]) -> Vec<u8> {
    let mut all = vec![unused_bits];
    all.extend_from_slice(content);
    element(0x03, &all)
}

/// `UTF8String`.
#[must_use]
pub fn utf8_string(text: &str) -> Vec<u8> {
    element(0x0C, text.as_bytes())
}

/// `PrintableString`.
#[must_use]
pub fn printable_string(text: &str) -> Vec<u8> {
    element(0x13, text.as_bytes())
}

/// `UTCTime`, as in `251027013542Z`.
#[must_use]
pub fn utc_time(text: &str) -> Vec<u8> {
    element(0x17, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_the_shortest_possible() {
        assert_eq!(element(0x04, &[7; 127])[..2], [0x04, 0x7F]);
        assert_eq!(element(0x04, &[7; 128])[..3], [0x04, 0x81, 0x80]);
        assert_eq!(element(0x04, &[7; 1306])[..4], [0x04, 0x82, 0x05, 0x1A]);
        assert_eq!(element(0x04, &[]), [0x04, 0x00]);
    }

    #[test]
    fn object_identifiers_use_base_128() {
        assert_eq!(
            object_identifier(&[1, 2, 392, 200_149, 8, 5, 1, 0, 30]),
            [0x06, 0x0B, 0x2A, 0x83, 0x08, 0x8C, 0x9B, 0x55, 0x08, 0x05, 0x01, 0x00, 0x1E]
        );
        assert_eq!(object_identifier(&[2, 5, 4, 3]), [0x06, 0x03, 0x55, 0x04, 0x03]);
    }

    #[test]
    fn integers_stay_positive() {
        assert_eq!(unsigned_integer(&[0x80]), [0x02, 0x02, 0x00, 0x80]);
        assert_eq!(unsigned_integer(&[0x00, 0x22, 0x7B]), [0x02, 0x02, 0x22, 0x7B]);
        assert_eq!(unsigned_integer(&[0x00]), [0x02, 0x01, 0x00]);
    }
}
