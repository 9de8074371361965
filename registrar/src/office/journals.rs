//! Gates' journals that somebody has carried here: signed by the gate, and taken as its uploads are.
//!
//! Whoever brings a file has no say in what it holds. The gate's signature stands in the place of the request's; what
//! would be fresh in a request is taken once by its id here, so a file may come late, twice and in any order. A copied
//! disk is told by it as far as that needs no clock. The gate itself learns what was taken when its line is back: it
//! uploads the same again, and is answered that it is here.

use axum::body::Bytes;
use ed25519_dalek::VerifyingKey;
use kido_shared::carried::{JournalFile, JournalFileError, UnverifiedJournalFile};
use kido_shared::copies::Sighting;
use kido_shared::ids::EventId;
use kido_shared::limits::{ADMISSIONS_PER_BATCH, SHOWINGS_PER_BATCH};
use kido_shared::wire::v1::admissions::AckOutcome;
use kido_shared::wire::v1::operator::{CONFLICTS_TOLD_MAX, JournalTaken};

use super::By;
use super::lines::About;
use crate::audit::{Deed, Object};
use crate::domain::gate::{Believed, GateRefusal};
use crate::error::AppError;
use crate::state::AppState;
use crate::store::Failed;

impl AppState {
    /// Takes a gate's journal file. It is looked at as a whole before any of it is stored; stored it is batch by batch,
    /// and a file that was cut off in between by a crash is brought again.
    pub(crate) async fn bring_journal(
        &self,
        by: &By,
        (event, believed): (EventId, Believed),
        file: Bytes,
    ) -> Result<JournalTaken, AppError> {
        self.carry(by, move |app, by| async move {
            let read = UnverifiedJournalFile::read(&file);
            drop(file);
            let object = read.as_ref().map_or(Object::Nothing, |file| Object::Gate(file.claimed_gate()));
            let taken = match read {
                Ok(file) => app.take_journal((event, believed), &file).await,
                Err(error) => Err(error.into()),
            };
            let deed = match believed {
                Believed::InForce => Deed::JournalBrought,
                Believed::RevokedToo => Deed::RevokedJournalBrought,
            };
            app.listed(&by, About::event(deed, event).of(object), taken).await
        })
        .await
    }

    async fn take_journal(
        &self,
        (event, believed): (EventId, Believed),
        file: &UnverifiedJournalFile,
    ) -> Result<JournalTaken, AppError> {
        let (file, is_revoked) = self.verified_journal((event, believed), file)?;
        let (gate, from) = (file.gate, (file.gate, believed));
        // Of a gate that was revoked for its copies, each copy's journal may be brought: a person has decided.
        if !is_revoked && self.runs.hear_carried((event, gate), file.journal, self.now()) == Sighting::Copied {
            self.revoke_copied(event, gate).await?;
            return Err(AppError::Signer(GateRefusal::Revoked));
        }
        let mut taken = JournalTaken {
            gate,
            exported_at: file.exported_at,
            stored: 0,
            repeated: 0,
            conflicts: 0,
            in_conflict: Vec::new(),
            refused: 0,
            showings: 0,
            endings: 0,
            later: 0,
            heard: None,
        };
        // Before the admissions, as in an upload.
        for batch in file.endings.chunks(ADMISSIONS_PER_BATCH) {
            let acks = self.store.ingest_endings_of(event, from, batch.to_vec()).await?;
            let taken_of = |outcome| acks.iter().filter(|ack| ack.outcome == outcome).count();
            for (count, outcome) in [
                (&mut taken.endings, AckOutcome::Stored),
                (&mut taken.refused, AckOutcome::Refused),
                (&mut taken.later, AckOutcome::Later),
            ] {
                *count = count.saturating_add(u64::try_from(taken_of(outcome)).unwrap_or(u64::MAX));
            }
        }
        for batch in file.admissions.chunks(ADMISSIONS_PER_BATCH) {
            let acks = self.store.ingest_carried(event, from, batch.to_vec()).await?;
            for (ack, uploaded) in acks.iter().zip(batch) {
                let count = match ack.outcome {
                    AckOutcome::Stored => &mut taken.stored,
                    AckOutcome::Repeated => &mut taken.repeated,
                    AckOutcome::Conflict => &mut taken.conflicts,
                    AckOutcome::Refused => &mut taken.refused,
                    AckOutcome::Later => &mut taken.later,
                };
                *count = count.saturating_add(1);
                if ack.outcome == AckOutcome::Conflict && taken.in_conflict.len() < CONFLICTS_TOLD_MAX {
                    taken.in_conflict.push(uploaded.admission.ticket);
                }
            }
        }
        for batch in file.showings.chunks(SHOWINGS_PER_BATCH) {
            self.store.take_showings_of(event, from, batch.to_vec()).await?;
        }
        taken.showings = u64::try_from(file.showings.len()).unwrap_or(u64::MAX);
        if let Some(heard) = file.heard.filter(|_| !is_revoked && taken.later == 0 && !self.store.is_recovering(event))
        {
            // Behind everything that the file brought: its word counts once nothing is missing here.
            let followed = (heard.epoch, heard.length);
            self.store.gate_has_heard(event, gate, followed, heard.head_issued_at).await?;
            taken.heard = Some(heard.length);
        }
        // The gate may be wiped on this answer, and perhaps nobody asks for a head before this log is put back from a backup.
        self.store.note_reached(event).await?;
        Ok(taken)
    }

    /// The file, where a gate of this event has signed it that is believed; and whether that was revoked.
    fn verified_journal(
        &self,
        (event, believed): (EventId, Believed),
        file: &UnverifiedJournalFile,
    ) -> Result<(JournalFile, bool), AppError> {
        if file.claimed_event() != event {
            return Err(AppError::JournalOfOtherEvent { file: file.claimed_event(), asked: event });
        }
        let known = match self.store.known_gate(event, file.claimed_gate()) {
            Err(Failed::Refused(refusal)) => return Err(AppError::Signer(refusal)),
            known => known?,
        };
        let key = VerifyingKey::from_bytes(&known.verifying_key);
        let verified = file.verify(&key.map_err(|_no_key| JournalFileError::Signature)?)?;
        if known.revoked && believed == Believed::InForce {
            return Err(AppError::Signer(GateRefusal::Revoked));
        }
        Ok((verified, known.revoked))
    }
}
