//! `status`: what can be known of a card without its PIN, and without telling anybody.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use kido_shared::card::CardError;
use kido_shared::certificate::{CertificateDer, CertificateProfile, TrustAnchors, UserAuthCertificate};
use kido_shared::clock::Timestamp;
use kido_shared::limits::CERTIFICATE_BYTES_MAX;

use crate::exchange::ClosedPin;
use crate::problem::card::of_card;
use crate::problem::{CERTIFICATE_REFUSED, Problem};
use crate::reader::CardShown;
use crate::words::{Fill, Line, Voice};

/// Whose cards are accepted.
#[derive(Debug)]
pub(crate) struct Trust {
    profile: CertificateProfile,
    anchors: TrustAnchors,
}

impl Trust {
    /// People's own cards; test cards as well where trust anchors for a rehearsal are named.
    ///
    /// # Errors
    /// [`Problem::TrustAnchor`].
    pub(crate) fn with(rehearsal_anchors: &[PathBuf]) -> Result<Self, Problem> {
        if rehearsal_anchors.is_empty() {
            return Ok(Self { profile: CertificateProfile::production(), anchors: TrustAnchors::production() });
        }
        let mut ders = Vec::with_capacity(rehearsal_anchors.len());
        for file in rehearsal_anchors {
            let der = read_anchor(file).map_err(|error| {
                tracing::debug!(kind = ?error.kind(), "a trust anchor cannot be read");
                Problem::TrustAnchor(file.display().to_string())
            })?;
            // One by one, so that the file at fault can be named.
            TrustAnchors::rehearsal(&[&der]).map_err(|_why| Problem::TrustAnchor(file.display().to_string()))?;
            ders.push(der);
        }
        let anchors = TrustAnchors::rehearsal(&ders).map_err(|error| Problem::TrustAnchor(error.to_string()))?;
        Ok(Self { profile: CertificateProfile::rehearsal(), anchors })
    }

    /// Whether test cards count: then the screen says so.
    pub(crate) const fn is_rehearsal(&self) -> bool {
        self.anchors.is_rehearsal()
    }

    fn reasons_against(&self, certificate: &CertificateDer, now: Timestamp) -> Vec<&'static str> {
        match UserAuthCertificate::parse(certificate, &self.profile, &self.anchors, now) {
            Ok(_accepted) => Vec::new(),
            Err(refusals) => refusals.iter().map(|reason| reason.name()).collect(),
        }
    }
}

fn read_anchor(file: &Path) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(CERTIFICATE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut der = Vec::with_capacity(CERTIFICATE_BYTES_MAX);
    File::open(file)?.take(most).read_to_end(&mut der)?;
    Ok(der)
}

/// The state of a card; nothing of its certificate but the verdict.
#[derive(Debug, serde::Serialize)]
pub(crate) struct StatusReport {
    outcome: &'static str,
    reader: String,
    card: &'static str,
    pin: &'static str,
    tries_left: Option<u8>,
    certificate: &'static str,
    reasons: Vec<&'static str>,
    rehearsal: bool,
    /// The first thing that keeps this card from being used; absent where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
}

impl StatusReport {
    /// Judges what a card has shown. Pure.
    pub(crate) fn of(shown: &CardShown, trust: &Trust, now: Timestamp) -> Self {
        let reasons = trust.reasons_against(&shown.certificate, now);
        let (pin, tries_left, pin_problem) = match shown.tries {
            Ok(tries) => ("ready", Some(tries.get()), None),
            Err(closed) => {
                let (state, tries) = match closed {
                    ClosedPin::TooFewTries(tries) => ("too_few_tries", Some(tries.get())),
                    ClosedPin::Locked => ("locked", Some(0)),
                    ClosedPin::Missing => ("none", None),
                };
                (state, tries, Some(of_card(&closed.into()).code))
            }
        };
        Self {
            outcome: "status",
            reader: shown.reader.clone(),
            card: "my_number_card",
            pin,
            tries_left,
            certificate: if reasons.is_empty() { "accepted" } else { "refused" },
            problem: pin_problem.or(if reasons.is_empty() { None } else { Some(CERTIFICATE_REFUSED) }),
            reasons,
            rehearsal: trust.is_rehearsal(),
        }
    }

    /// Whether the card could be registered and used.
    pub(crate) const fn is_usable(&self) -> bool {
        self.problem.is_none()
    }

    /// Says it.
    pub(crate) fn tell(&self, shown: &CardShown, voice: &Voice) {
        if self.rehearsal {
            voice.say(&Line::plain("rehearsal-anchors"));
        }
        voice.say(&Line::with("status-card", "reader", Fill::text(&self.reader)));
        match &shown.tries {
            Ok(tries) => voice.say(&Line::with("tries-left", "tries", Fill::Count(tries.get()))),
            Err(closed) => voice.say(&of_card(&CardError::from(*closed)).line),
        }
        if self.reasons.is_empty() {
            voice.say(&Line::plain("status-certificate-accepted"));
        } else {
            let reasons = Fill::text(&self.reasons.join(", "));
            voice.say(&Line::with("status-certificate-refused", "reasons", reasons));
        }
    }
}
