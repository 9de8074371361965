//! A gate's journal in a file: what its registrar has not acknowledged, signed as a whole.
//!
//! `COSE_Sign1` (RFC 9052 §4.2) under the gate's key, over event, gate, the journal's head and the facts. What uploads
//! carry, it carries, and nothing else: what the arbiter still has to hear waits for the line, because the gate needs the
//! arbiter's answers.

use ed25519_dalek::{SigningKey, VerifyingKey};

use crate::admission::{Admission, Ending};
use crate::clock::Timestamp;
use crate::feed::statement::{Kind, Unverified, VERSION, decode_exactly, encode};
use crate::ids::{Epoch, EventId, GateId};
use crate::journal_head::JournalHead;
use crate::limits::HTTP_BODY_BYTES_MAX;
use crate::showing::RefusedShowing;
use crate::wire::v1::admissions::UploadedAdmission;

/// Largest journal file: it goes to the registrar as the body of one request.
pub const JOURNAL_FILE_BYTES_MAX: usize = HTTP_BODY_BYTES_MAX;

/// Most facts in one journal file: a lane that lets somebody through every three seconds needs a day and a half for them,
/// and at 84 bytes each they fit.
pub const JOURNAL_FILE_FACTS_MAX: usize = 40_000;

const KIND: Kind = Kind { name: "a journal file", label: b"kido/v1/journal-file", bytes_max: JOURNAL_FILE_BYTES_MAX };

/// Why a journal file is refused, as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JournalFileError {
    /// More than one file may hold.
    #[error("it is larger than a journal file may be")]
    TooLarge,
    /// It is something else, or not all of it, or it was altered.
    #[error("it is cut short or altered, or no journal file")]
    Malformed,
    /// Another version wrote it.
    #[error("it is of version {0}, which this program does not read")]
    Version(u64),
    /// The gate that it names has not signed it.
    #[error("the gate that it names has not signed it")]
    Signature,
    /// One of its facts is another gate's.
    #[error("one of its facts is of another gate than the one that signed it")]
    OtherGate,
}

/// What a gate lets somebody carry to its registrar.
#[derive(Debug, Clone)]
pub struct JournalFile {
    /// Of which event.
    pub event: EventId,
    /// Of which gate.
    pub gate: GateId,
    /// Where its journal stood.
    pub journal: JournalHead,
    /// When it was written, by the gate's clock.
    pub exported_at: Timestamp,
    /// Admissions that wait to be acknowledged, oldest first.
    pub admissions: Vec<UploadedAdmission>,
    /// Refused proofs that wait to be acknowledged, oldest first.
    pub showings: Vec<RefusedShowing>,
    /// Ends of admissions that wait to be acknowledged, oldest first.
    pub endings: Vec<Ending>,
    /// How far the gate had followed the feed; absent where it may still decide, or has decided, by what it knew before
    /// and this file does not tell.
    pub heard: Option<Heard>,
}

/// A gate's word that it knows the feed up to a place, and that with the facts beside it everything is told that it has
/// decided until then. What its report says over the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub struct Heard {
    /// Which generation of the feed.
    #[n(0)]
    pub epoch: Epoch,
    /// How many records of it.
    #[n(1)]
    pub length: u64,
    /// When the registrar had signed the head that reached so far.
    #[n(2)]
    pub head_issued_at: Timestamp,
}

#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Payload {
    #[n(0)]
    version: u64,
    #[n(1)]
    event: EventId,
    #[n(2)]
    gate: GateId,
    #[n(3)]
    boot: u64,
    #[cbor(n(4), with = "minicbor::bytes")]
    begun: [u8; 32],
    #[n(5)]
    length: u64,
    #[cbor(n(6), with = "minicbor::bytes")]
    chain: [u8; 32],
    #[n(7)]
    exported_at: Timestamp,
    #[n(8)]
    admissions: Vec<CarriedAdmission>,
    #[n(9)]
    showings: Vec<RefusedShowing>,
    /// Nothing where there are none, and in the files of gates that had none to tell of.
    #[n(10)]
    endings: Option<Vec<Ending>>,
    /// Absent in the files of gates that did not tell it.
    #[n(11)]
    heard: Option<Heard>,
}

#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
struct CarriedAdmission {
    #[n(0)]
    admission: Admission,
    #[n(1)]
    opened_at: Option<Timestamp>,
}

impl JournalFile {
    /// The file's bytes under the gate's signature.
    ///
    /// # Errors
    /// [`JournalFileError::TooLarge`] or [`JournalFileError::OtherGate`]: what no registrar would take.
    pub fn sign(self, key: &SigningKey) -> Result<Vec<u8>, JournalFileError> {
        self.within_limits()?;
        let Self { event, gate, journal, exported_at, admissions, showings, endings, heard } = self;
        let JournalHead { boot, begun, length, chain } = journal;
        let admissions = admissions.into_iter().map(|uploaded| {
            let UploadedAdmission { admission, opened_at } = uploaded;
            CarriedAdmission { admission, opened_at }
        });
        let admissions = admissions.collect();
        let version = VERSION;
        let endings = (!endings.is_empty()).then_some(endings);
        let payload = Payload {
            version,
            event,
            gate,
            boot,
            begun,
            length,
            chain,
            exported_at,
            admissions,
            showings,
            endings,
            heard,
        };
        let payload = encode(&payload, KIND.name).map_err(|_no_detail| JournalFileError::Malformed)?;
        KIND.sign(payload, key).map_err(|_only_its_length| JournalFileError::TooLarge)
    }

    fn within_limits(&self) -> Result<(), JournalFileError> {
        let facts = [self.admissions.len(), self.showings.len(), self.endings.len()];
        if facts.into_iter().fold(0, usize::saturating_add) > JOURNAL_FILE_FACTS_MAX {
            return Err(JournalFileError::TooLarge);
        }
        let gates = self.admissions.iter().map(|uploaded| uploaded.admission.gate);
        let gates = gates.chain(self.endings.iter().map(|ending| ending.gate));
        let mut gates = gates.chain(self.showings.iter().map(|showing| showing.gate));
        if gates.all(|gate| gate == self.gate) { Ok(()) } else { Err(JournalFileError::OtherGate) }
    }
}

impl From<Payload> for JournalFile {
    fn from(payload: Payload) -> Self {
        let Payload { version: _, event, gate, exported_at, admissions, showings, endings, heard, .. } = payload;
        let Payload { boot, begun, length, chain, .. } = payload;
        let journal = JournalHead { boot, begun, length, chain };
        let admissions = admissions.into_iter().map(|carried| {
            let CarriedAdmission { admission, opened_at } = carried;
            UploadedAdmission { admission, opened_at }
        });
        let admissions = admissions.collect();
        let endings = endings.unwrap_or_default();
        Self { event, gate, journal, exported_at, admissions, showings, endings, heard }
    }
}

/// A journal file in the right form, whoever signed it: it names the gate whose key to look up.
pub struct UnverifiedJournalFile {
    unverified: Unverified,
    event: EventId,
    gate: GateId,
}

impl core::fmt::Debug for UnverifiedJournalFile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("UnverifiedJournalFile").field("event", &self.event).field("gate", &self.gate).finish()
    }
}

impl UnverifiedJournalFile {
    /// Reads the form.
    ///
    /// # Errors
    /// [`JournalFileError`].
    pub fn read(bytes: &[u8]) -> Result<Self, JournalFileError> {
        if bytes.len() > KIND.bytes_max {
            return Err(JournalFileError::TooLarge);
        }
        let unverified = KIND.read(bytes).map_err(|_no_detail| JournalFileError::Malformed)?;
        let Payload { event, gate, .. } = payload(unverified.claimed())?;
        Ok(Self { unverified, event, gate })
    }

    /// Of which event it says that it is.
    #[must_use]
    pub const fn claimed_event(&self) -> EventId {
        self.event
    }

    /// Whose key to look up.
    #[must_use]
    pub const fn claimed_gate(&self) -> GateId {
        self.gate
    }

    /// What the gate says, where this is its key.
    ///
    /// # Errors
    /// [`JournalFileError`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<JournalFile, JournalFileError> {
        let signed = self.unverified.verify(key).map_err(|_no_detail| JournalFileError::Signature)?;
        let file = JournalFile::from(payload(signed)?);
        file.within_limits()?;
        Ok(file)
    }
}

fn payload(bytes: &[u8]) -> Result<Payload, JournalFileError> {
    let payload: Payload = decode_exactly(bytes, KIND.name).map_err(|_no_detail| JournalFileError::Malformed)?;
    if payload.version == VERSION { Ok(payload) } else { Err(JournalFileError::Version(payload.version)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::{AdmissionBasis, EndedBy};
    use crate::ids::{AdmissionId, ShowingId, TicketId};
    use crate::refusal::Refusal;

    const GATE: GateId = GateId::from_bytes([7; 16]);
    const NOW: Timestamp = Timestamp::from_unix_seconds(1_790_000_000);

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[5; 32])
    }

    fn admission(number: u8) -> UploadedAdmission {
        let (id, ticket) = (AdmissionId::from_bytes([number; 16]), TicketId::from_bytes([number; 16]));
        let admission = Admission { id, ticket, gate: GATE, entry: 1, at: NOW, basis: AdmissionBasis::Offline };
        UploadedAdmission { admission, opened_at: number.is_multiple_of(2).then_some(NOW) }
    }

    fn ending(number: u8) -> Ending {
        let Admission { id, ticket, .. } = admission(number).admission;
        let by = if number.is_multiple_of(2) { EndedBy::Annulled } else { EndedBy::Exited };
        Ending { admission: id, ticket, gate: GATE, by, at: NOW }
    }

    fn file(count: u8) -> JournalFile {
        let showing = |number: u8| RefusedShowing {
            id: ShowingId::from_bytes([number; 16]),
            ticket: TicketId::from_bytes([number; 16]),
            gate: GATE,
            at: NOW,
            code: Refusal::Suspended.code(),
        };
        JournalFile {
            event: EventId::from_bytes([1; 16]),
            gate: GATE,
            journal: JournalHead { boot: 3, begun: [2; 32], length: 40, chain: [4; 32] },
            exported_at: NOW,
            admissions: (0..count).map(admission).collect(),
            showings: (0..count).map(showing).collect(),
            endings: (0..count).map(ending).collect(),
            heard: (count > 1).then_some(Heard { epoch: Epoch::new(5), length: 900, head_issued_at: NOW }),
        }
    }

    #[test]
    fn what_a_gate_has_signed_reads_back() {
        let bytes = file(3).sign(&key()).unwrap();
        let read = UnverifiedJournalFile::read(&bytes).unwrap();
        assert_eq!((read.claimed_gate(), read.claimed_event()), (GATE, EventId::from_bytes([1; 16])));
        let read = read.verify(&key().verifying_key()).unwrap();
        assert_eq!(format!("{read:?}"), format!("{:?}", file(3)));
    }

    #[test]
    fn a_file_of_a_gate_that_told_no_place_reads_as_ever() {
        let bytes = file(1).sign(&key()).unwrap();
        let read = UnverifiedJournalFile::read(&bytes).unwrap().verify(&key().verifying_key()).unwrap();
        assert_eq!(read.heard, None);
        let told = JournalFile { heard: file(3).heard, ..file(1) }.sign(&key()).unwrap();
        assert!(told.len() > bytes.len(), "it is not there where it is not told");
    }

    #[test]
    fn another_gates_signature_is_none() {
        let bytes = file(1).sign(&SigningKey::from_bytes(&[6; 32])).unwrap();
        let read = UnverifiedJournalFile::read(&bytes).unwrap();
        assert_eq!(read.verify(&key().verifying_key()).unwrap_err(), JournalFileError::Signature);
    }

    #[test]
    fn a_file_that_is_cut_or_altered_anywhere_is_refused_as_a_whole() {
        let bytes = file(2).sign(&key()).unwrap();
        let read =
            |bytes: &[u8]| UnverifiedJournalFile::read(bytes).and_then(|file| file.verify(&key().verifying_key()));
        assert!(read(&bytes).is_ok());
        for at in 0..bytes.len() {
            assert!(read(&bytes[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut altered = bytes.clone();
                altered[at] ^= 1 << bit;
                assert!(read(&altered).is_err(), "bit {bit} of byte {at}");
            }
        }
        assert!(read(&[bytes.as_slice(), &[0]].concat()).is_err(), "a byte behind it");
    }

    #[test]
    fn a_gate_speaks_for_itself_alone() {
        let mut foreign = file(1);
        foreign.gate = GateId::from_bytes([8; 16]);
        assert_eq!(foreign.sign(&key()).unwrap_err(), JournalFileError::OtherGate);
    }

    #[test]
    fn the_largest_journal_file_fits_a_request() {
        let mut largest = file(0);
        let longest = UploadedAdmission { opened_at: Some(NOW), ..admission(1) };
        let entry = Admission { entry: u32::MAX, ..longest.admission };
        let longest = UploadedAdmission { admission: entry, ..longest };
        largest.admissions = vec![longest; JOURNAL_FILE_FACTS_MAX];
        let bytes = largest.clone().sign(&key()).unwrap();
        assert!(bytes.len() <= JOURNAL_FILE_BYTES_MAX, "{}", bytes.len());
        largest.showings = file(1).showings;
        assert_eq!(largest.sign(&key()).unwrap_err(), JournalFileError::TooLarge);
    }
}
