//! Who could read what only this server may.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use kido_store::private_file::is_credential;

use crate::Finding;

/// Whether a folder is its owner's alone.
#[must_use]
pub fn look_at_folder(subject: &'static str, folder: &Path) -> Finding {
    match std::fs::metadata(folder).map(|metadata| metadata.permissions().mode() & 0o777) {
        Ok(mode) if mode & 0o077 == 0 => Finding::well(subject, format!("mode {mode:o}")),
        Ok(mode) => Finding::look(subject, format!("mode {mode:o}: others can look inside; use 700")),
        Err(error) => Finding::broken(subject, format!("{}: {error}", folder.display())),
    }
}

/// How a key that was read is kept: by systemd, encrypted until the service starts, or as a plain file that whoever has
/// this disk has too.
#[must_use]
pub fn look_at_keeping(subject: &'static str, file: &Path) -> Finding {
    let place = file.display();
    if is_credential(file) {
        Finding::well(subject, format!("a systemd credential: {place}"))
    } else {
        Finding::well(subject, format!("a plain file, as safe as this disk: {place}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity;

    #[test]
    fn a_folder_that_others_can_open_is_to_be_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let set = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        set(0o700);
        assert_eq!(look_at_folder("data", folder.path()).severity, Severity::Well);
        set(0o750);
        assert_eq!(look_at_folder("data", folder.path()).severity, Severity::Look);
        assert_eq!(look_at_folder("data", &folder.path().join("gone")).severity, Severity::Broken);
    }

    #[test]
    fn a_plain_file_and_a_credential_are_told_apart() {
        assert!(look_at_keeping("keys", Path::new("/var/lib/kido/keys")).said.starts_with("a plain file"));
        assert!(look_at_keeping("keys", Path::new("/run/credentials/kido.service/k")).said.starts_with("a systemd"));
    }
}
