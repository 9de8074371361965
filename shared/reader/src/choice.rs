//! Which reader: names as the system gives them, and the choice of one.

use core::fmt;
use std::ffi::{CStr, CString};

use kido_shared::LogSafe;

/// Longest reader name that is shown or sent on: PC/SC implementations stop at 128 bytes.
pub const READER_NAME_BYTES_MAX: usize = 128;

/// A reader's name as the system knows it, unique among the readers attached.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReaderName(CString);

impl ReaderName {
    pub(crate) fn as_c_str(&self) -> &CStr {
        &self.0
    }
}

impl From<CString> for ReaderName {
    fn from(name: CString) -> Self {
        Self(name)
    }
}

/// The name for people, control characters replaced and at most [`READER_NAME_BYTES_MAX`] bytes long.
impl fmt::Display for ReaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.to_string_lossy();
        let end = name.floor_char_boundary(READER_NAME_BYTES_MAX);
        for character in name.get(..end).unwrap_or_default().chars() {
            let shown = if character.is_control() { ' ' } else { character };
            fmt::Write::write_char(f, shown)?;
        }
        Ok(())
    }
}

impl fmt::Debug for ReaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReaderName({self})")
    }
}

impl LogSafe for ReaderName {}

/// Whether a reader's own keys are used where it has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReaderKeys {
    /// The PIN is typed there: it never enters this computer.
    #[default]
    Use,
    /// It is typed here all the same: for a reader whose keys or driver do not do what they say.
    Ignore,
}

/// Why no reader could be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoReader {
    /// The PC/SC service does not run.
    #[error("the PC/SC service is not running")]
    NoService,
    /// No reader is attached.
    #[error("no smart card reader is attached")]
    NoneAttached,
    /// Readers are attached, but none of this name.
    #[error("no reader of that name; there are: {}", listed(.0))]
    NotFound(Vec<ReaderName>),
    /// Several readers answer to the name, or none was named and there are several.
    #[error("several readers would do, name one of them: {}", listed(.0))]
    Several(Vec<ReaderName>),
}

fn listed(names: &[ReaderName]) -> String {
    names.iter().map(ReaderName::to_string).collect::<Vec<_>>().join(" | ")
}

/// Which reader is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ReaderPattern {
    /// Whichever is attached, where it is the only one.
    #[default]
    Only,
    /// The one of exactly this name, else the only one whose name has this in it, upper and lower case alike.
    Named(String),
}

impl ReaderPattern {
    /// The pattern of a configuration or command line that may leave it out; blank is left out.
    #[must_use]
    pub fn from_option(name: Option<String>) -> Self {
        match name {
            Some(name) if !name.trim().is_empty() => Self::Named(name),
            Some(_) | None => Self::Only,
        }
    }

    /// Chooses among the readers attached.
    ///
    /// # Errors
    /// [`NoReader`] where none or several of them would do; it lists them.
    pub fn choose(&self, attached: &[ReaderName]) -> Result<ReaderName, NoReader> {
        if attached.is_empty() {
            return Err(NoReader::NoneAttached);
        }
        let fitting = match self {
            Self::Only => attached.to_vec(),
            Self::Named(wanted) => Self::named(wanted, attached),
        };
        match fitting.as_slice() {
            [one] => Ok(one.clone()),
            [] => Err(NoReader::NotFound(attached.to_vec())),
            _several => Err(NoReader::Several(fitting)),
        }
    }

    fn named(wanted: &str, attached: &[ReaderName]) -> Vec<ReaderName> {
        if let Some(exact) = attached.iter().find(|name| name.0.to_bytes() == wanted.as_bytes()) {
            return vec![exact.clone()];
        }
        let wanted = wanted.to_lowercase();
        let has_it = |name: &&ReaderName| name.0.to_string_lossy().to_lowercase().contains(&wanted);
        attached.iter().filter(has_it).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers(names: &[&str]) -> Vec<ReaderName> {
        names.iter().map(|name| ReaderName(CString::new(*name).unwrap())).collect()
    }

    fn named(name: &str) -> ReaderPattern {
        ReaderPattern::from_option(Some(name.to_owned()))
    }

    #[test]
    fn the_only_reader_needs_no_name() {
        let attached = readers(&["ACS ACR39U 00 00"]);
        assert_eq!(ReaderPattern::Only.choose(&attached).unwrap(), attached[0]);
        assert_eq!(named("  "), ReaderPattern::Only);
    }

    #[test]
    fn an_exact_name_wins_over_names_that_contain_it() {
        let attached = readers(&["Reader 0", "Reader 00"]);
        assert_eq!(named("Reader 0").choose(&attached).unwrap(), attached[0]);
    }

    #[test]
    fn a_part_of_the_name_will_do_in_any_case_where_it_fits_one_only() {
        let attached = readers(&["SONY FeliCa Port", "ACS ACR39U"]);
        assert_eq!(named("felica").choose(&attached).unwrap(), attached[0]);
    }

    #[test]
    fn an_ambiguous_choice_lists_the_readers() {
        let attached = readers(&["Virtual PCD 00 00", "Virtual PCD 00 01", "ACS"]);
        let refused = named("virtual").choose(&attached).unwrap_err();
        assert_eq!(refused, NoReader::Several(attached[..2].to_vec()));
        assert!(refused.to_string().contains("Virtual PCD 00 00 | Virtual PCD 00 01"));
        assert_eq!(ReaderPattern::Only.choose(&attached).unwrap_err(), NoReader::Several(attached));
    }

    #[test]
    fn a_name_that_nothing_has_is_told_with_what_is_there() {
        let attached = readers(&["ACS"]);
        assert_eq!(named("Sony").choose(&attached).unwrap_err(), NoReader::NotFound(attached));
        assert_eq!(named("Sony").choose(&[]).unwrap_err(), NoReader::NoneAttached);
    }

    #[test]
    fn a_reader_name_cannot_break_a_line_of_the_log() {
        let long = format!("evil\n{}", "あ".repeat(100));
        let shown = readers(&[&long])[0].to_string();
        assert!(!shown.contains('\n') && shown.len() <= READER_NAME_BYTES_MAX);
    }
}
