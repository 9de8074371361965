//! Which registrars may be told a code or shown a card.
//!
//! **Rule** (`protocol.md` §5): nothing, neither code nor card data, goes to a host that is not in the list until the
//! person has typed that host's name. [`ConfirmedOrigin`] is that rule as a type: a client and a dialogue are made from
//! one, and only this module makes one.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use kido_shared::challenge::Origin;

/// Largest list that is read: some 16,000 hosts, more than anybody has typed.
const LIST_BYTES_MAX: u64 = 256 * 1024;

/// The list's name in the folder that the system has for such things.
const LIST_FILE: &str = "registrars";

/// An origin whose host the person has named, now or before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfirmedOrigin(Origin);

impl ConfirmedOrigin {
    /// Where.
    pub(crate) const fn origin(&self) -> &Origin {
        &self.0
    }
}

/// An origin that nobody has vouched for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownHost(Origin);

/// What is known of an origin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its host is in the list or was named in advance.
    Confirmed(ConfirmedOrigin),
    /// The person has to type its host's name.
    Unknown(UnknownHost),
}

impl UnknownHost {
    /// Where.
    pub(crate) const fn origin(&self) -> &Origin {
        &self.0
    }

    /// Takes what the person typed; nothing where it is not this host's name.
    pub(crate) fn typed(self, name: &str) -> Option<ConfirmedOrigin> {
        is_named(&self.0, name).then_some(ConfirmedOrigin(self.0))
    }
}

/// Whether a text names the origin's host: capitals, and the brackets of IPv6, do not matter.
fn is_named(origin: &Origin, name: &str) -> bool {
    let bare = |host: &str| host.trim_matches(['[', ']']).to_owned();
    let name = name.trim().to_ascii_lowercase();
    !name.is_empty() && bare(&name) == bare(origin.host())
}

/// The hosts that the person has confirmed before: a text file, one host a line, `#` begins a remark.
#[derive(Debug, Default)]
pub(crate) struct KnownHosts {
    file: Option<PathBuf>,
    hosts: BTreeSet<String>,
}

/// Why the list could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostListError {
    /// The file is there and cannot be read.
    #[error("the list of registrars cannot be read")]
    Read(#[source] io::Error),
    /// Larger than any such list.
    #[error("the list of registrars is larger than {LIST_BYTES_MAX} bytes")]
    TooLarge,
    /// The file cannot be written.
    #[error("the list of registrars cannot be written")]
    Write(#[source] io::Error),
}

/// Where the list is kept when no file is named; nothing where the system has no folder for it.
pub(crate) fn usual_file() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "kido").map(|folders| folders.config_dir().join(LIST_FILE))
}

impl KnownHosts {
    /// Reads the list; a file that does not exist yet is an empty list.
    ///
    /// # Errors
    /// [`HostListError::Read`], [`HostListError::TooLarge`].
    pub(crate) fn read(file: Option<PathBuf>) -> Result<Self, HostListError> {
        let hosts = match &file {
            Some(file) => hosts_in(&contents(file)?),
            None => BTreeSet::new(),
        };
        Ok(Self { file, hosts })
    }

    /// What is known of an origin, where the command line may name a host in advance.
    pub(crate) fn look_up(&self, origin: Origin, named: Option<&str>) -> Standing {
        if self.hosts.contains(origin.host()) || named.is_some_and(|name| is_named(&origin, name)) {
            Standing::Confirmed(ConfirmedOrigin(origin))
        } else {
            Standing::Unknown(UnknownHost(origin))
        }
    }

    /// Adds a confirmed host to the list; answers the file that now has it, nothing where there is no place for one.
    ///
    /// # Errors
    /// [`HostListError::Write`]; the host stays confirmed for this run.
    pub(crate) fn remember(&mut self, confirmed: &ConfirmedOrigin) -> Result<Option<&Path>, HostListError> {
        let Some(file) = &self.file else { return Ok(None) };
        self.hosts.insert(confirmed.0.host().to_owned());
        append(file, confirmed.0.host()).map_err(HostListError::Write)?;
        Ok(Some(file))
    }
}

fn contents(file: &Path) -> Result<String, HostListError> {
    use io::Read as _;

    let opened = match std::fs::File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(HostListError::Read(error)),
    };
    let mut text = String::new();
    let mut bounded = opened.take(LIST_BYTES_MAX + 1);
    bounded.read_to_string(&mut text).map_err(HostListError::Read)?;
    if bounded.limit() == 0 {
        return Err(HostListError::TooLarge);
    }
    Ok(text)
}

fn hosts_in(text: &str) -> BTreeSet<String> {
    let hosts = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    hosts.filter(|host| !host.is_empty()).map(str::to_ascii_lowercase).collect()
}

fn append(file: &Path, host: &str) -> io::Result<()> {
    use io::Write as _;

    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut opened = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
    // The line break stands in front, so that a last line without one is no part of this host's name.
    opened.write_all(format!("\n{host}\n").as_bytes())?;
    opened.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        Origin::parse(text).unwrap()
    }

    fn unknown(text: &str) -> UnknownHost {
        match KnownHosts::default().look_up(origin(text), None) {
            Standing::Unknown(unknown) => unknown,
            Standing::Confirmed(_) => panic!("nobody has confirmed {text}"),
        }
    }

    #[test]
    fn a_host_is_confirmed_by_its_whole_name_only() {
        for typed in ["", " ", "y", "yes", "example", "tickets.example.evil.example", "https://tickets.example"] {
            assert_eq!(unknown("https://tickets.example").typed(typed), None, "{typed:?}");
        }
        assert!(unknown("https://tickets.example:8443").typed(" Tickets.Example ").is_some());
        assert!(unknown("http://[::1]:8420").typed("::1").is_some());
    }

    #[test]
    fn a_host_named_in_advance_vouches_for_itself_only() {
        let known = KnownHosts::default();
        let standing = |named| known.look_up(origin("https://evil.example"), Some(named));
        assert!(matches!(standing("tickets.example"), Standing::Unknown(_)));
        assert!(matches!(standing("evil.example"), Standing::Confirmed(_)));
    }

    #[test]
    fn a_host_that_was_typed_once_is_known_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new").join("registrars");
        let mut known = KnownHosts::read(Some(file.clone())).unwrap();
        let confirmed = unknown("https://tickets.example").typed("tickets.example").unwrap();
        assert_eq!(known.remember(&confirmed).unwrap(), Some(file.as_path()));
        let again = KnownHosts::read(Some(file)).unwrap();
        assert!(matches!(again.look_up(origin("https://tickets.example:8443"), None), Standing::Confirmed(_)));
        assert!(matches!(again.look_up(origin("https://tickets.example.net"), None), Standing::Unknown(_)));
    }

    #[test]
    fn the_list_may_have_remarks_and_no_last_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("registrars");
        std::fs::write(&file, "# mine\nTickets.Example # the shop\n\nother.example").unwrap();
        let mut known = KnownHosts::read(Some(file.clone())).unwrap();
        known.remember(&ConfirmedOrigin(origin("https://third.example"))).unwrap();
        let again = KnownHosts::read(Some(file)).unwrap();
        for host in ["tickets.example", "other.example", "third.example"] {
            assert!(again.hosts.contains(host), "{host}");
        }
    }

    #[test]
    fn a_list_larger_than_any_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("registrars");
        std::fs::write(&file, "a".repeat(300 * 1024)).unwrap();
        assert!(matches!(KnownHosts::read(Some(file)), Err(HostListError::TooLarge)));
    }
}
