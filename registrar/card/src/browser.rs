//! Opens the person's own browser, by the way that each system has for it.

use std::io;
use std::process::{Child, Command, Stdio};

/// What opens an address: the program, and what stands before the address.
#[cfg(windows)]
const OPENER: (&str, &[&str]) = ("rundll32.exe", &["url.dll,FileProtocolHandler"]);
#[cfg(target_os = "macos")]
const OPENER: (&str, &[&str]) = ("open", &[]);
#[cfg(not(any(windows, target_os = "macos")))]
const OPENER: (&str, &[&str]) = ("xdg-open", &[]);

/// Has the system open an address; returns once that program has started, whatever becomes of it.
///
/// The address stands in the list of processes for that moment. It works once, and a second use ends the page.
///
/// # Errors
/// Where there is no such program.
pub(crate) fn open(address: &str) -> io::Result<()> {
    let (program, before) = OPENER;
    let mut command = Command::new(program);
    // What browsers say on their way up is not this program's to print.
    command.args(before).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child: Child = command.spawn()?;
    reap(child);
    Ok(())
}

/// Waits for the opener on a thread of its own: it may be the browser itself and live for hours.
fn reap(mut child: Child) {
    let thread = std::thread::Builder::new().name("browser".to_owned()).spawn(move || {
        let failed = child.wait().map_or(true, |status| !status.success());
        if failed {
            tracing::info!("the browser's opener reports a failure");
        }
    });
    if thread.is_err() {
        tracing::debug!("nobody waits for the browser's opener");
    }
}
