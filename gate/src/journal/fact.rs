//! The journal's facts, as they stand in its log.
//!
//! The form is never changed, only added to: a journal outlives the program that wrote it.

use kido_shared::admission::{Admission, DecidedOn};
use kido_shared::claim::TicketClaims;
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, TicketId};
use kido_shared::showing::RefusedShowing;

use minicbor::bytes::ByteVec;

use super::Intent;
use super::errand::ErrandKind;

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(flat)]
pub(super) enum Fact {
    /// The gate started.
    #[n(0)]
    Boot {
        /// How often, this time included.
        #[n(0)]
        number: u64,
        #[n(1)]
        at: Timestamp,
        /// Random: another start of this number, on a copy of this disk, has others.
        #[n(2)]
        nonce: Option<ByteVec>,
    },
    /// An entry is about to be claimed.
    #[n(1)]
    Intent(#[n(0)] Intent),
    /// It was granted, or the event's offline choice allows it.
    #[n(2)]
    Admission {
        #[n(0)]
        admission: Admission,
        /// What a claim afterwards names.
        #[n(1)]
        decided_on: DecidedOn,
    },
    /// The intent became no admission and never will; the arbiter is to be told.
    #[n(3)]
    Withdrawn {
        #[n(0)]
        admission: AdmissionId,
        #[n(1)]
        at: Timestamp,
    },
    /// The lane was seen to open.
    #[n(4)]
    Opened {
        #[n(0)]
        admission: AdmissionId,
        #[n(1)]
        at: Timestamp,
    },
    /// The barrier said *closed, and nobody passed*.
    #[n(5)]
    Annulled {
        #[n(0)]
        admission: AdmissionId,
        #[n(1)]
        at: Timestamp,
    },
    /// The registrar has acknowledged the admission.
    #[n(6)]
    Uploaded {
        #[n(0)]
        admission: AdmissionId,
        /// Whether what it acknowledged said that the lane had opened.
        #[n(1)]
        opened: bool,
    },
    /// The arbiter refused the intent: nothing is left to withdraw.
    #[n(7)]
    Declined {
        #[n(0)]
        admission: AdmissionId,
    },
    /// The arbiter has answered an errand.
    #[n(8)]
    Told {
        #[n(0)]
        admission: AdmissionId,
        #[n(1)]
        errand: ErrandKind,
    },
    /// A ticket's claims, where this gate is its own arbiter.
    #[n(9)]
    Claims {
        #[n(0)]
        ticket: TicketId,
        #[n(1)]
        claims: TicketClaims,
    },
    /// A moment, kept against a dead battery.
    #[n(10)]
    Time {
        #[n(0)]
        at: Timestamp,
        /// Whether the gate was sure of it; in the first journals nothing is said, and nothing is believed.
        #[n(1)]
        certain: Option<bool>,
        /// Whether it takes the place of later moments, which the registrar has shown to be wrong.
        #[n(2)]
        set_back: Option<bool>,
    },
    /// A card proved itself and did not enter.
    #[n(11)]
    Refused(#[n(0)] RefusedShowing),
    /// A registrar that was restored from a backup wants everything once more, acknowledged or not.
    #[n(20)]
    Requeued {
        /// When its recovery began: each is answered once.
        #[n(0)]
        since: Timestamp,
    },
    /// The registrar has these refused showings: the places of their facts.
    #[n(12)]
    ShowingsUploaded {
        #[n(0)]
        positions: Vec<u64>,
    },
    /// A holder went out by this lane, after a proof; the admission is whichever gate's.
    #[n(13)]
    Exited {
        #[n(0)]
        admission: AdmissionId,
        #[n(1)]
        ticket: TicketId,
        #[n(2)]
        at: Timestamp,
    },
    /// The registrar has these ends of admissions: the places of their facts.
    #[n(14)]
    EndingsUploaded {
        #[n(0)]
        positions: Vec<u64>,
    },
}

impl Fact {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match minicbor::encode(self, &mut bytes) {
            Ok(()) => bytes,
            // Writing to memory does not fail; an empty fact would be refused by the projection, never stored.
            Err(_infallible) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_first_journals_reads_back_and_is_not_believed() {
        let at = Timestamp::from_unix_ms(23);
        let first: Fact = minicbor::decode(&[0x82, 10, 23]).unwrap();
        assert_eq!(first, Fact::Time { at, certain: None, set_back: None });
        let now = Fact::Time { at, certain: Some(true), set_back: None };
        assert_eq!(minicbor::decode::<Fact>(&now.encode()).unwrap(), now);
    }
}
