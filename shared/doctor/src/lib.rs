//! What a doctor of Kido finds and how it is told: to a technician who reads it aloud, or to a program.
//!
//! Every server has a `doctor` of its own, which knows what that server needs. What all of them need is looked at here:
//! a [`disk`] that keeps what it is told to keep, folders and [`secrets`] that nobody else reads, a [`clock`] that
//! somebody sets. A doctor only looks, and may run beside the server.

pub mod clock;
pub mod disk;
pub mod line;
pub mod secrets;

use core::fmt;

/// How much one finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// As it should be.
    Well,
    /// It works; somebody should look.
    Look,
    /// It does not work.
    Broken,
}

/// One thing that a server needs, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// A plain sentence. Never a secret.
    pub said: String,
}

impl Finding {
    /// As it should be.
    pub fn well(subject: &'static str, said: impl Into<String>) -> Self {
        Self { subject, severity: Severity::Well, said: said.into() }
    }

    /// Somebody should look.
    pub fn look(subject: &'static str, said: impl Into<String>) -> Self {
        Self { subject, severity: Severity::Look, said: said.into() }
    }

    /// It does not work.
    pub fn broken(subject: &'static str, said: impl Into<String>) -> Self {
        Self { subject, severity: Severity::Broken, said: said.into() }
    }
}

/// Everything that one examination found, in the order in which it is needed.
///
/// `Display` is one line for each finding; [`Report::json`] is one object: `{"ready": true, "findings": [{"subject":
/// "disk", "severity": "well", "said": "…"}]}`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    ready: bool,
    findings: Vec<Finding>,
}

impl Report {
    /// A report of these findings.
    #[must_use]
    pub fn of(findings: Vec<Finding>) -> Self {
        let ready = findings.iter().all(|finding| finding.severity < Severity::Broken);
        Self { ready, findings }
    }

    /// Whether nothing is broken.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({ "ready": self.ready, "findings": self.findings })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Finding { subject, severity, said }) in self.findings.iter().enumerate() {
            let mark = match severity {
                Severity::Well => "ok    ",
                Severity::Look => "look  ",
                Severity::Broken => "BROKEN",
            };
            let line_end = if place == 0 { "" } else { "\n" };
            write!(f, "{line_end}{mark}  {subject:<12} {said}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broken_thing_makes_it_not_ready_and_is_told_in_both_forms() {
        let well = Report::of(vec![Finding::well("disk", "fast"), Finding::look("clock", "unset")]);
        assert!(well.is_ready());
        let broken = Report::of(vec![Finding::well("disk", "fast"), Finding::broken("keys", "gone")]);
        assert!(!broken.is_ready());
        assert_eq!(broken.to_string(), "ok      disk         fast\nBROKEN  keys         gone");
        assert_eq!(broken.json()["findings"][1]["severity"], "broken");
        assert_eq!(broken.json()["ready"], false);
    }
}
