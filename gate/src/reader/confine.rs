//! Memory that holds PINs and key windows stays memory: no core dump, no debugger, no swap.

use kido_store::core_dumps::forbid_core_dumps;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{Resource, geteuid, getrlimit};

/// Whether this process can be swapped out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwapLock {
    /// All its memory, now and later, stays in RAM.
    Locked,
    /// It may not lock memory: the service's unit forbids swap instead (`MemorySwapMax=0`), or the machine has none.
    NotAllowed,
}

/// Switches core dumps and debuggers off for this process, and swap where it may.
///
/// The first thing that gate and reader process do, each for itself: only the limit on core dumps is inherited. Swap is
/// locked only where locking has no limit: under a limit, later allocations would fail in the middle of a tap.
///
/// # Errors
/// Where the kernel refuses to switch dumps off: the process must not go on.
pub fn keep_memory_private() -> Result<SwapLock, rustix::io::Errno> {
    forbid_core_dumps()?;
    let unlimited = geteuid().is_root() || getrlimit(Resource::Memlock).current.is_none();
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if unlimited && mlockall(flags).is_ok() { Ok(SwapLock::Locked) } else { Ok(SwapLock::NotAllowed) }
}
