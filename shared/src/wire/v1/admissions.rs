//! Bodies between a gate and whoever decides claims and collects admissions.

use crate::admission::{Admission, Ending};
use crate::claim::{ClaimAnswer, ClaimStep};
use crate::clock::Timestamp;
use crate::ids::{AdmissionId, ArbiterId};
use crate::policy::ArbiterName;

/// One step on a ticket's claim record.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimBody {
    /// The step.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub step: ClaimStep,
    /// Which arbiter the gate believes it asks: any other one refuses, so that two never decide for one event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arbiter: Option<AskedArbiter>,
}

impl From<ClaimStep> for ClaimBody {
    /// Asked of whoever decides: for callers within one process, who cannot mean another.
    fn from(step: ClaimStep) -> Self {
        Self { step, arbiter: None }
    }
}

/// An arbiter as a gate's policy names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AskedArbiter {
    /// Which cluster.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub cluster: ArbiterId,
    /// Which incarnation of it.
    pub epoch: u32,
}

impl AskedArbiter {
    /// The one that a policy names.
    #[must_use]
    pub const fn of(name: &ArbiterName) -> Self {
        Self { cluster: name.cluster, epoch: name.epoch }
    }
}

/// The arbiter's answer to one step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimAnswerBody {
    /// The answer.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub answer: ClaimAnswer,
}

/// Admissions from one gate's journal. Repeats are answered, not stored twice.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AdmissionBatch {
    /// At most [`crate::limits::ADMISSIONS_PER_BATCH`].
    pub admissions: Vec<UploadedAdmission>,
    /// Ends of admissions, this gate's own or others'; as many at most. Left out where there are none.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endings: Vec<Ending>,
}

/// One admission and whether its lane was seen to open.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UploadedAdmission {
    /// The fact.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub admission: Admission,
    /// When the lane opened, where that was noted.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<i64>))]
    pub opened_at: Option<Timestamp>,
}

/// One answer per admission, a refusal included; only one that was answered otherwise than *later* may leave the gate's
/// outbox.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AdmissionAcks {
    /// In the order of the batch.
    pub acks: Vec<AdmissionAck>,
    /// The same of its endings; each names the admission that ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endings: Vec<AdmissionAck>,
}

/// What became of one uploaded admission.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AdmissionAck {
    /// Which.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub admission: AdmissionId,
    /// What became of it.
    pub outcome: AckOutcome,
}

/// What became of an uploaded admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AckOutcome {
    /// Stored now.
    Stored,
    /// Stored before.
    Repeated,
    /// Stored, and it is the second admission of one entry: shown to operators and the holder.
    Conflict,
    /// Not stored, and never will be: an unknown ticket, an entry that the ticket does not have, or another content
    /// than was stored under this id; of an ending, another ticket's or another gate's admission. Sending it again changes nothing; the registrar's log says which.
    Refused,
    /// Not stored now: of admissions, more came from this gate than a lane lets in; of endings, too many that it has told
    /// wait for their admissions already. It stays in the gate's outbox and is sent again.
    Later,
}
