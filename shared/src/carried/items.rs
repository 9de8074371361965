//! Items of a CBOR sequence (RFC 8742): byte strings, each with its length in front, so that a reader knows how much comes
//! before it takes any of it into memory.

/// Most bytes of a length behind the first byte: no item has more than four billion.
pub const LENGTH_BYTES_MAX: usize = 4;

/// Major type 2, a byte string, in the three upper bits.
const BYTE_STRING: u8 = 0b010_00000;

/// What the first byte leaves for a length of its own.
const SHORT_MAX: u8 = 23;

/// The bytes in front of an item of this length, in the shortest form (RFC 8949 §4.2.1); nothing for one too long.
#[must_use]
pub fn head(length: usize) -> Option<Vec<u8>> {
    let length = u32::try_from(length).ok()?;
    let behind = |info: u8, bytes: &[u8]| [&[BYTE_STRING | info], bytes].concat();
    Some(match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short <= SHORT_MAX => vec![BYTE_STRING | short],
        (Ok(one), _) => behind(24, &[one]),
        (Err(_), Ok(two)) => behind(25, &two.to_be_bytes()),
        (Err(_), Err(_)) => behind(26, &length.to_be_bytes()),
    })
}

/// How many bytes of the length follow an item's first byte; nothing where no item of ours begins with it.
#[must_use]
pub const fn length_bytes(first: u8) -> Option<usize> {
    match first ^ BYTE_STRING {
        0..=SHORT_MAX => Some(0),
        24 => Some(1),
        25 => Some(2),
        26 => Some(LENGTH_BYTES_MAX),
        _ => None,
    }
}

/// The length that an item's first byte and those behind it say; nothing where they are not the shortest form.
#[must_use]
pub fn length(first: u8, behind: &[u8]) -> Option<usize> {
    let mut said = [0; LENGTH_BYTES_MAX];
    let from = LENGTH_BYTES_MAX.checked_sub(behind.len())?;
    said.get_mut(from..)?.copy_from_slice(behind);
    let length = match length_bytes(first)? {
        0 => usize::from(first ^ BYTE_STRING),
        _ => usize::try_from(u32::from_be_bytes(said)).ok()?,
    };
    (head(length)?.split_first() == Some((&first, behind))).then_some(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_head_is_what_a_cbor_library_writes() {
        for count in [0, 1, 23, 24, 255, 256, 65_535, 65_536, 100_000] {
            let written = minicbor::to_vec(minicbor::bytes::ByteVec::from(vec![7; count])).unwrap();
            assert_eq!(written.strip_suffix(vec![7; count].as_slice()), head(count).as_deref(), "{count}");
        }
    }

    proptest! {
        #[test]
        fn a_length_has_one_form(first in any::<u8>(), behind in prop::collection::vec(any::<u8>(), 0..6)) {
            if let Some(length) = length(first, &behind) {
                let written = head(length).unwrap();
                prop_assert_eq!(written.split_first(), Some((&first, behind.as_slice())));
                prop_assert_eq!(length_bytes(first), Some(behind.len()));
            }
        }

        #[test]
        fn a_length_reads_back(count in prop_oneof![0_usize..300, 65_000_usize..66_000, any::<u32>().prop_map(|count| usize::try_from(count).unwrap())]) {
            let written = head(count).unwrap();
            prop_assert_eq!(length_bytes(written[0]), Some(written.len() - 1));
            prop_assert_eq!(length(written[0], &written[1..]), Some(count));
        }
    }
}
