//! Whether somebody sets this machine's clock.
//!
//! Windows, heads and requests carry times of different machines: a clock that nobody sets drifts until gates and
//! registrar do not believe each other. The kernel knows whether it is being disciplined, and `timedatectl` asks it,
//! whichever program does it (systemd-timesyncd, chrony, ntpd).

use std::process::{Command, Stdio};

use crate::Finding;

/// Asks the machine. Blocks for as long as `timedatectl` takes.
#[must_use]
pub fn look() -> Finding {
    let asked = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    judge(asked.ok().filter(|output| output.status.success()).map(|output| output.stdout).as_deref())
}

fn judge(answer: Option<&[u8]>) -> Finding {
    match answer.map(<[u8]>::trim_ascii) {
        Some(b"yes") => Finding::well("clock", "set by the network"),
        Some(b"no") => {
            Finding::look("clock", "not set by the network: switch on systemd-timesyncd or chrony, and look again")
        }
        Some(_) | None => Finding::look("clock", "timedatectl does not say whether the network sets this clock"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity;

    #[test]
    fn a_clock_that_nobody_sets_is_to_be_looked_at() {
        assert_eq!(judge(Some(b"yes\n")).severity, Severity::Well);
        assert_eq!(judge(Some(b"no\n")).severity, Severity::Look);
        assert_eq!(judge(Some(b"")).severity, Severity::Look);
        assert_eq!(judge(None).severity, Severity::Look);
    }
}
