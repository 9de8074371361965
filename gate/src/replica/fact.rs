//! The replica's facts, as they stand in its log.

use kido_shared::feed::SealedRecord;

use super::HeadSeen;

/// Most bytes of records in one fact: half of what the store takes, so that framing never matters.
const RECORD_BYTES_PER_FACT: usize = kido_store::MAX_FACT_BYTES / 2;

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    /// The next records of the feed, as they came, and the signed head that the last of them reaches: what this gate can
    /// prove of them to a registrar that has lost them.
    Records(Vec<SealedRecord>, Option<Vec<u8>>),
    /// A head that was reached.
    Head(HeadSeen),
}

/// The stored form.
#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
enum Stored {
    #[n(0)]
    Records(#[n(0)] Vec<minicbor::bytes::ByteVec>, #[n(1)] Option<minicbor::bytes::ByteVec>),
    #[n(1)]
    Head(#[n(0)] HeadSeen),
}

impl Fact {
    /// The records in facts that the store takes, in their order; the head stands with the last of them.
    pub(super) fn of_records(records: Vec<SealedRecord>, head: Option<Vec<u8>>) -> Vec<Self> {
        let mut facts = Vec::new();
        let (mut held, mut bytes) = (Vec::new(), 0_usize);
        for record in records {
            let length = record.as_bytes().len();
            if bytes.saturating_add(length) > RECORD_BYTES_PER_FACT && !held.is_empty() {
                facts.push(Self::Records(std::mem::take(&mut held), None));
                bytes = 0;
            }
            bytes = bytes.saturating_add(length);
            held.push(record);
        }
        if !held.is_empty() {
            facts.push(Self::Records(held, head));
        }
        facts
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let stored = match self {
            Self::Records(records, head) => {
                let records = records.iter().map(|record| record.as_bytes().to_vec().into());
                Stored::Records(records.collect(), head.clone().map(Into::into))
            }
            Self::Head(head) => Stored::Head(*head),
        };
        let mut bytes = Vec::new();
        match minicbor::encode(&stored, &mut bytes) {
            Ok(()) => bytes,
            // Writing to memory does not fail; an empty fact would be refused by the projection, never stored.
            Err(_infallible) => Vec::new(),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        Some(match minicbor::decode(bytes).ok()? {
            Stored::Records(records, head) => {
                let records = records.into_iter().map(|record| SealedRecord::from_bytes(record.into()).ok());
                Self::Records(records.collect::<Option<_>>()?, head.map(Into::into))
            }
            Stored::Head(head) => Self::Head(head),
        })
    }

    /// Behind which byte of the fact each of its records begins, in their order; nothing for a fact without records.
    pub(super) fn record_places(bytes: &[u8]) -> Option<Vec<usize>> {
        let mut decoder = minicbor::Decoder::new(bytes);
        if !matches!(decoder.array().ok()?, Some(2 | 3)) || decoder.u32().ok()? != 0 {
            return None;
        }
        let records = decoder.array().ok()??;
        let place = |_record| {
            let length = decoder.bytes().ok()?.len();
            decoder.position().checked_sub(length)
        };
        (0..records).map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_stands_in_its_fact_where_its_place_says(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 17..400), 0..40),
            head in prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
        ) {
            let sealed = |bytes: &Vec<u8>| SealedRecord::from_bytes(bytes.clone()).unwrap();
            let stored = Fact::Records(records.iter().map(sealed).collect(), head);
            let fact = stored.encode();
            prop_assert_eq!(Fact::decode(&fact), Some(stored));
            let places = Fact::record_places(&fact).unwrap();
            prop_assert_eq!(places.len(), records.len());
            for (at, record) in places.into_iter().zip(&records) {
                prop_assert_eq!(&fact[at..at + record.len()], record.as_slice());
            }
        }
    }

    #[test]
    fn records_of_earlier_versions_read_back_and_those_without_a_head_are_written_as_they_were() {
        let record = SealedRecord::from_bytes(vec![7; 20]).unwrap();
        let earlier = [&[0x82, 0, 0x81, 0x54][..], &[7; 20]].concat();
        assert_eq!(Fact::decode(&earlier), Some(Fact::Records(vec![record.clone()], None)));
        assert_eq!(Fact::Records(vec![record], None).encode(), earlier);
    }
}
