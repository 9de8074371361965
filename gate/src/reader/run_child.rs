//! The reader process itself: what `kido-gate reader-child` runs.

use std::fs::File;
use std::os::fd::AsFd;

use kido_reader::child::{self, ChildError};
use kido_reader::{ReaderKeys, ReaderPattern};

/// Runs the reader process on standard input and output, until its gate ends it or ends itself.
///
/// Call [`super::keep_memory_private`] first, and log to standard error only. The pipes are taken as files: the standard
/// library's own handles would keep what passes, a PIN included, in a buffer.
///
/// # Errors
/// [`ChildError`]; the card's power is off by then, or its reader hangs and the end of the process frees it.
pub fn run_child(reader: ReaderPattern, keys: ReaderKeys) -> Result<(), ChildError> {
    let own = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned().map(File::from).map_err(ChildError::Thread);
    let input = own(std::io::stdin().as_fd())?;
    let output = own(std::io::stdout().as_fd())?;
    child::run(input, output, reader, keys)
}
