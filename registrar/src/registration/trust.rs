//! Whose certificates are believed, by kind of event.

use kido_shared::certificate::{
    AnchorError, CertificateDer, CertificateProfile, CertificateRefusals, TrustAnchors, UserAuthCertificate,
};
use kido_shared::clock::Timestamp;
use kido_shared::policy::EventPolicy;

use super::native_rsa::NativeRsa;

/// The two sets of rules: cards in circulation for real events, test cards for rehearsals and nothing else.
#[derive(Debug, Clone)]
pub struct CertificateTrust {
    production: (CertificateProfile, TrustAnchors),
    rehearsal: (CertificateProfile, TrustAnchors),
}

impl CertificateTrust {
    /// The compiled-in roots, and what the operator has configured for rehearsals.
    ///
    /// # Errors
    /// [`AnchorError`] where a configured certificate cannot be an anchor.
    pub fn new<D: AsRef<[u8]>>(rehearsal_anchors: &[D]) -> Result<Self, AnchorError> {
        Ok(Self {
            production: (CertificateProfile::production(), TrustAnchors::production()),
            rehearsal: (CertificateProfile::rehearsal(), TrustAnchors::rehearsal(rehearsal_anchors)?),
        })
    }

    /// Judges a certificate by the rules of an event.
    ///
    /// # Errors
    /// Every reason to refuse it.
    pub fn judge(
        &self,
        certificate: &CertificateDer,
        policy: &EventPolicy,
        now: Timestamp,
    ) -> Result<UserAuthCertificate, CertificateRefusals> {
        let (profile, anchors) = if policy.is_rehearsal() { &self.rehearsal } else { &self.production };
        UserAuthCertificate::parse_with(certificate, profile, anchors, now, &NativeRsa)
    }
}
