//! The replica's facts, as they stand in its log.

use kido_shared::feed::SealedRecord;
use kido_shared::ids::Epoch;

use super::HeadSeen;

/// Most bytes of records in one fact: half of what the store takes, so that framing never matters.
const RECORD_BYTES_PER_FACT: usize = kido_store::MAX_FACT_BYTES / 2;

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    /// The next records of the feed, as they came, and the signed head that the last of them reaches: what this gate can
    /// prove of them to a registrar that has lost them.
    Records { epoch: Epoch, records: Vec<SealedRecord>, head: Option<Vec<u8>> },
    /// A head that was reached.
    Head(HeadSeen),
    /// All of that epoch is here, up to a head of it: it is what is followed from now on, and what was followed before is
    /// looked at no more.
    Exchanged(Epoch),
}

/// The stored form.
#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
enum Stored {
    #[n(0)]
    Records(
        #[n(0)] Vec<minicbor::bytes::ByteVec>,
        #[n(1)] Option<minicbor::bytes::ByteVec>,
        /// Where it is not the first.
        #[n(2)]
        Option<Epoch>,
    ),
    #[n(1)]
    Head(#[n(0)] HeadSeen),
    #[n(2)]
    Exchanged(#[n(0)] Epoch),
}

impl Fact {
    /// An epoch's records in facts that the store takes, in their order; the head stands with the last of them.
    pub(super) fn of_records(epoch: Epoch, records: Vec<SealedRecord>, head: Option<Vec<u8>>) -> Vec<Self> {
        let mut facts = Vec::new();
        let (mut held, mut bytes) = (Vec::new(), 0_usize);
        for record in records {
            let length = record.as_bytes().len();
            if bytes.saturating_add(length) > RECORD_BYTES_PER_FACT && !held.is_empty() {
                facts.push(Self::Records { epoch, records: std::mem::take(&mut held), head: None });
                bytes = 0;
            }
            bytes = bytes.saturating_add(length);
            held.push(record);
        }
        if !held.is_empty() {
            facts.push(Self::Records { epoch, records: held, head });
        }
        facts
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let stored = match self {
            Self::Records { epoch, records, head } => {
                let records = records.iter().map(|record| record.as_bytes().to_vec().into());
                let later = Some(*epoch).filter(|epoch| *epoch != Epoch::FIRST);
                Stored::Records(records.collect(), head.clone().map(Into::into), later)
            }
            Self::Head(head) => Stored::Head(*head),
            Self::Exchanged(epoch) => Stored::Exchanged(*epoch),
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
            Stored::Records(records, head, epoch) => {
                let records = records.into_iter().map(|record| SealedRecord::from_bytes(record.into()).ok());
                let (epoch, records) = (epoch.unwrap_or(Epoch::FIRST), records.collect::<Option<_>>()?);
                Self::Records { epoch, records, head: head.map(Into::into) }
            }
            Stored::Head(head) => Self::Head(head),
            Stored::Exchanged(epoch) => Self::Exchanged(epoch),
        })
    }

    /// Behind which byte of the fact each of its records begins, in their order; nothing for a fact without records.
    pub(super) fn record_places(bytes: &[u8]) -> Option<Vec<usize>> {
        let mut decoder = minicbor::Decoder::new(bytes);
        if !matches!(decoder.array().ok()?, Some(2..=4)) || decoder.u32().ok()? != 0 {
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
            epoch in prop_oneof![Just(0), any::<u64>()],
        ) {
            let sealed = |bytes: &Vec<u8>| SealedRecord::from_bytes(bytes.clone()).unwrap();
            let records_of = |records: &[Vec<u8>]| records.iter().map(sealed).collect();
            let stored = Fact::Records { epoch: Epoch::new(epoch), records: records_of(&records), head };
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
        let first = Fact::Records { epoch: Epoch::FIRST, records: vec![record], head: None };
        assert_eq!(first.encode(), earlier);
        assert_eq!(Fact::decode(&earlier), Some(first));
    }
}
