//! What the operating system must not do with this process's memory.

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Makes sure that no core file is ever written: certificates, signatures, PINs and keys live in
/// memory for moments.
///
/// The limit stops files; `PR_SET_DUMPABLE` also stops programs that core dumps are piped to, and other processes of the
/// same user from reading this one's memory.
///
/// # Errors
/// What the kernel says.
pub fn forbid_core_dumps() -> Result<(), Errno> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{dumpable_behavior, getrlimit};

    #[test]
    fn no_core_file_is_written() {
        forbid_core_dumps().unwrap();
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
