//! The codes of problems that this program's own command line acts on: it hears them over HTTP, as anybody does.

/// Too much waits to be stored, or an event is at work on itself.
pub(crate) const BUSY: &str = "busy";

/// The request took longer than one may; the deed goes on.
pub(crate) const DEADLINE: &str = "deadline";

/// Another import of the event is under way.
pub(crate) const IMPORT_UNDER_WAY: &str = "import_under_way";

/// What was typed are no six digits.
pub(crate) const NOT_DIGITS: &str = "not_digits";
