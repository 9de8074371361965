//! `certificate check`: accepted, or refused with every reason; never a word of what stands in it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use kido_shared::certificate::{
    CertificateDer, CertificateProfile, CertificateReason, CertificateRefusals, TrustAnchors, UserAuthCertificate,
};
use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_shared::limits::CERTIFICATE_BYTES_MAX;
use kido_store::private_file::{self, PrivateFileError};
use zeroize::Zeroizing;

use super::CliError;
use super::console::Console;
use crate::config::read_anchors;

/// How a PEM file begins (RFC 7468 §2).
const PEM: &[u8] = b"-----BEGIN";

const MORE: &str = "\
Reads one certificate in DER, judges it by the rules that registrations follow, and prints `accepted` or `refused` with
every reason by name and sentence. Nothing of its content is printed or kept. Exit code 0: accepted, 1: refused.
PEM is not read; convert it: openssl x509 -in FILE -outform DER -out FILE.der

Example, with a test card's certificate:
  kido-registrar certificate check card.der --rehearsal --trust-anchor test-root.der";

/// Judge a card's certificate, without a server
#[derive(Debug, Args)]
pub(super) struct CertificateArgs {
    #[command(subcommand)]
    command: CertificateCommand,
}

#[derive(Debug, Subcommand)]
enum CertificateCommand {
    /// Print accepted or refused, with every reason
    #[command(after_help = MORE)]
    Check(CheckArgs),
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The certificate, in DER
    file: PathBuf,
    /// Judge it as a rehearsal would: test cards are accepted too
    #[arg(long)]
    rehearsal: bool,
    /// A further root in DER, or a folder of them; may be repeated
    #[arg(long = "trust-anchor", value_name = "FILE|DIR", requires = "rehearsal")]
    trust_anchors: Vec<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, serde::Serialize)]
struct Judged {
    accepted: bool,
    /// Whether test cards were accepted too.
    rehearsal: bool,
    reasons: Vec<Reason>,
}

#[derive(Debug, serde::Serialize)]
struct Reason {
    name: &'static str,
    sentence: String,
}

pub(super) fn run(args: &CertificateArgs) -> Result<ExitCode, CliError> {
    let CertificateCommand::Check(args) = &args.command;
    let read = private_file::read(&args.file, CERTIFICATE_BYTES_MAX).map(Zeroizing::new);
    let (profile, anchors) = rules(args)?;
    let judged = match read {
        Ok(bytes) if bytes.starts_with(PEM) => return Err(CliError::Pem),
        Ok(mut bytes) => judge(std::mem::take(&mut *bytes), &profile, &anchors, SystemClock.now()),
        Err(PrivateFileError::TooLong) => Err(CertificateReason::Size.into()),
        Err(source) => return Err(CliError::File { path: args.file.clone(), doing: "read", source }),
    };
    let judged = render(judged, profile.is_rehearsal());
    Console::new(args.json).show(&judged, describe)?;
    Ok(if judged.accepted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn rules(args: &CheckArgs) -> Result<(CertificateProfile, TrustAnchors), CliError> {
    if !args.rehearsal {
        return Ok((CertificateProfile::production(), TrustAnchors::production()));
    }
    let anchors = TrustAnchors::rehearsal(&read_anchors(&args.trust_anchors)?)?;
    Ok((CertificateProfile::rehearsal(), anchors))
}

fn judge(
    bytes: Vec<u8>,
    profile: &CertificateProfile,
    anchors: &TrustAnchors,
    now: Timestamp,
) -> Result<(), CertificateRefusals> {
    let certificate = CertificateDer::new(bytes)?;
    UserAuthCertificate::parse(&certificate, profile, anchors, now).map(|_accepted| ())
}

fn render(judged: Result<(), CertificateRefusals>, rehearsal: bool) -> Judged {
    let refusals = judged.err();
    let reason = |reason: CertificateReason| Reason { name: reason.name(), sentence: reason.to_string() };
    let reasons: Vec<Reason> = refusals.iter().flat_map(CertificateRefusals::iter).map(reason).collect();
    Judged { accepted: reasons.is_empty(), rehearsal, reasons }
}

fn describe(judged: &Judged) -> String {
    let rehearsal = if judged.rehearsal { " (as in a REHEARSAL: test cards count)" } else { "" };
    let verdict = if judged.accepted { "accepted" } else { "refused" };
    let mut lines = vec![format!("{verdict}{rehearsal}")];
    lines.extend(judged.reasons.iter().map(|reason| format!("- {}: {}", reason.name, reason.sentence)));
    lines.join("\n")
}
