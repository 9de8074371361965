//! Crockford base32 of 16 bytes: what people read out, type and scan.
//!
//! 26 characters carry 130 bits; the two spare leading bits must be zero, so each value has one form. Reading is
//! forgiving (lower case, `O` for `0`, `I` and `L` for `1`, hyphens and spaces anywhere), writing is not.
//! Source: <https://www.crockford.com/base32.html>.

use zeroize::Zeroize;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of one encoded value.
pub(crate) const ENCODED_CHARS: usize = 26;

/// The 26 characters of a value, without grouping.
pub(crate) fn encode(bytes: &[u8; 16]) -> String {
    let value = u128::from_be_bytes(*bytes);
    (0..ENCODED_CHARS).rev().map(|place| char::from(symbol(value, place))).collect()
}

fn symbol(value: u128, place: usize) -> u8 {
    let digit = usize::from((value >> (5 * place)).to_le_bytes()[0] & 0x1F);
    ALPHABET.get(digit).copied().unwrap_or(b'0')
}

/// The value of a text, or nothing where it has another length, an unknown character or spare bits.
pub(crate) fn decode(text: &str) -> Option<[u8; 16]> {
    let mut value: u128 = 0;
    let mut seen = 0_usize;
    for character in text.chars().filter(|character| !matches!(character, '-' | ' ')) {
        let digit = digit(character)?;
        seen += 1;
        if seen > ENCODED_CHARS || (seen == 1 && digit > 7) {
            value.zeroize();
            return None;
        }
        value = (value << 5) | u128::from(digit);
    }
    (seen == ENCODED_CHARS).then(|| value.to_be_bytes())
}

fn digit(character: char) -> Option<u8> {
    let upper = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let wanted = u8::try_from(upper).ok()?;
    ALPHABET.iter().position(|letter| *letter == wanted).and_then(|place| u8::try_from(place).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in any::<[u8; 16]>()) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            if let Some(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes).len(), ENCODED_CHARS);
            }
        }
    }

    #[test]
    fn reading_forgives_what_people_mistype() {
        assert_eq!(decode("0o1-iL 000000000000000000000"), decode("00111000000000000000000000"));
    }
}
