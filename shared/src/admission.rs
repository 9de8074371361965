//! An admission: the recorded fact that a holder entered.

use crate::clock::Timestamp;
use crate::ids::{AdmissionId, Epoch, FeedSequence, GateId, TicketId};

/// How an admission was decided.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum AdmissionBasis {
    /// The arbiter granted the claim first.
    #[n(0)]
    Claimed,
    /// No arbiter answered; the event's offline choice allowed it.
    #[n(1)]
    Offline,
    /// Staff let the holder in by hand.
    #[n(2)]
    ByHand,
}

/// One entry of one ticket, as it is stored, uploaded and published.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Admission {
    /// What makes repeating it harmless.
    #[n(0)]
    pub id: AdmissionId,
    /// Which ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// At which gate.
    #[n(2)]
    pub gate: GateId,
    /// Which entry of the ticket, from 1.
    #[n(3)]
    pub entry: u32,
    /// When, by the gate's clock.
    #[n(4)]
    pub at: Timestamp,
    /// How it was decided.
    #[n(5)]
    pub basis: AdmissionBasis,
}

/// How an admission ended.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    minicbor::Encode,
    minicbor::Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum EndedBy {
    /// The barrier said *closed, and nobody passed*: the entry is as if it had never been.
    #[n(0)]
    Annulled,
    /// The holder went out, after a proof and through a barrier: the entry was used, and is over.
    #[n(1)]
    Exited,
}

/// The end of an admission, as it is stored, uploaded and carried: by its own gate where nobody passed, by whichever
/// gate saw the holder go where somebody did.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Ending {
    /// Which admission; what makes repeating it harmless.
    #[n(0)]
    pub admission: AdmissionId,
    /// Of which ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// Which gate saw it.
    #[n(2)]
    pub gate: GateId,
    /// How.
    #[n(3)]
    pub by: EndedBy,
    /// When, by that gate's clock.
    #[n(4)]
    pub at: Timestamp,
}

/// The places of the two records that a decision rests on; an arbiter that knows newer ones answers *stale*.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(deny_unknown_fields)]
#[cbor(array)]
pub struct DecidedOn {
    /// The ticket record.
    #[n(0)]
    pub ticket: FeedSequence,
    /// The binding record.
    #[n(1)]
    pub binding: FeedSequence,
    /// The generation of the feed that they stand in: numbers of two histories say nothing of each other. The first one is
    /// not written down.
    #[serde(default = "first_epoch", skip_serializing_if = "later_epoch::is_nil")]
    #[cbor(n(2), with = "later_epoch", has_nil)]
    pub epoch: Epoch,
}

const fn first_epoch() -> Epoch {
    Epoch::FIRST
}

/// An epoch that stands where it is not the first.
mod later_epoch {
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    use super::Epoch;

    pub(super) fn is_nil(epoch: &Epoch) -> bool {
        *epoch == Epoch::FIRST
    }

    pub(super) const fn nil() -> Option<Epoch> {
        Some(Epoch::FIRST)
    }

    pub(super) fn encode<C, W: Write>(
        epoch: &Epoch,
        encoder: &mut Encoder<W>,
        _context: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        let later = Some(*epoch).filter(|epoch| *epoch != Epoch::FIRST);
        encoder.encode(later)?.ok()
    }

    pub(super) fn decode<C>(decoder: &mut Decoder<'_>, _context: &mut C) -> Result<Epoch, DecodeError> {
        Ok(decoder.decode::<Option<Epoch>>()?.unwrap_or(Epoch::FIRST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_epoch_is_written_as_it_was_before_there_were_others() {
        let first = DecidedOn { ticket: FeedSequence::new(4), binding: FeedSequence::new(9), epoch: Epoch::FIRST };
        assert_eq!(minicbor::to_vec(first).unwrap(), [0x82, 4, 9]);
        assert_eq!(minicbor::decode::<DecidedOn>(&[0x82, 4, 9]).unwrap(), first);
        assert_eq!(serde_json::to_string(&first).unwrap(), r#"{"ticket":4,"binding":9}"#);
        let later = DecidedOn { epoch: Epoch::new(7), ..first };
        assert_eq!(minicbor::decode::<DecidedOn>(&minicbor::to_vec(later).unwrap()).unwrap(), later);
        for decided_on in [first, later] {
            let text = serde_json::to_string(&decided_on).unwrap();
            assert_eq!(serde_json::from_str::<DecidedOn>(&text).unwrap(), decided_on);
        }
    }
}
