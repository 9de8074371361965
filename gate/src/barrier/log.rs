//! The barrier that is a line in the log.

use kido_shared::ids::AdmissionId;

use super::Opened;
use crate::lane::TapNumber;

pub(super) fn open(tap: TapNumber, first: AdmissionId, admissions: usize) -> Opened {
    tracing::info!(tap = tap.get(), admission = %first, admissions, "lane opened");
    Opened
}
