//! How a run ends: text for the person, one JSON object for a program, an exit code for a script.

use std::io::{self, Write};
use std::process::ExitCode;

use zeroize::Zeroizing;

use crate::doctor::DoctorReport;
use crate::problem::Problem;
use crate::session::Finished;
use crate::status::StatusReport;
use crate::words::Voice;

/// Room for the JSON of a run, so that no growing buffer leaves an unwiped copy of a holder link behind.
const REPORT_BYTES: usize = 64 * 1024;

/// What a run found out or brought about.
#[derive(Debug, serde::Serialize)]
#[serde(untagged)]
pub(crate) enum Report {
    /// A dialogue with a registrar.
    Finished(Finished),
    /// The state of a card.
    Status(StatusReport),
    /// The state of this computer.
    Doctor(DoctorReport),
}

impl Report {
    const fn is_good(&self) -> bool {
        match self {
            Self::Finished(_) => true,
            Self::Status(status) => status.is_usable(),
            Self::Doctor(doctor) => doctor.is_ready(),
        }
    }
}

/// What a program reads where a run ended early.
#[derive(serde::Serialize)]
struct Failure<'a> {
    problem: &'a str,
    detail: String,
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tries_left: Option<u8>,
}

/// Says how the run ended. The person has read a report already; a problem is said here.
pub(crate) fn end(ended: &Result<Report, Problem>, voice: &Voice, json: Option<&mut dyn Write>) -> ExitCode {
    if let Err(problem) = ended {
        tracing::info!(problem = problem.code(), "ended early");
        voice.say(&problem.line());
    }
    let written = json.map_or(Ok(()), |sink| write(ended, voice, sink));
    if let Err(error) = &written {
        tracing::error!(kind = ?error.kind(), "the result could not be written");
    }
    let good = ended.as_ref().is_ok_and(Report::is_good);
    if good && written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write(ended: &Result<Report, Problem>, voice: &Voice, sink: &mut dyn Write) -> io::Result<()> {
    let mut json = Zeroizing::new(Vec::with_capacity(REPORT_BYTES));
    match ended {
        Ok(report) => serde_json::to_writer(&mut *json, report)?,
        Err(problem) => {
            let failure = Failure {
                problem: problem.code(),
                detail: voice.text(&problem.line()),
                reasons: problem.reasons(),
                tries_left: problem.tries_left(),
            };
            serde_json::to_writer(&mut *json, &failure)?;
        }
    }
    json.push(b'\n');
    sink.write_all(&json)?;
    sink.flush()
}
