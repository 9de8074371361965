//! An authority for one etcd, as `deploy/arbiter/etcd.env` asks for: it signs for a member and an arbiter, and nothing else.

use std::path::{Path, PathBuf};

use kido_arbiter::records::etcd::TlsFiles;
use tokio::process::Command;

use super::HarnessError;
use super::registrar::succeed;

/// What a certificate of a member or an arbiter is good for.
const EXTENSIONS: &str =
    "basicConstraints=CA:FALSE\nsubjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n";

/// How its keys are made.
const KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/// A folder of certificates and keys.
#[derive(Debug)]
pub(super) struct Certificates(PathBuf);

impl Certificates {
    /// Makes them with openssl.
    pub(super) async fn make(folder: &Path) -> Result<Self, HarnessError> {
        let file = |source| HarnessError::File { path: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(file)?;
        std::fs::write(folder.join("extensions"), EXTENSIONS).map_err(file)?;
        let openssl = async |arguments: &[&str]| {
            let mut command = Command::new("openssl");
            command.current_dir(folder).args(arguments);
            succeed(command, "").await
        };
        let own = ["req", "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=etcd"];
        openssl(&[&own[..], &KEY].concat()).await?;
        for name in ["member", "arbiter"] {
            let [key, request, signed] = ["key", "csr", "pem"].map(|kind| format!("{name}.{kind}"));
            let subject = format!("/CN={name}");
            let asked = ["req", "-keyout", &key, "-out", &request, "-subj", &subject];
            openssl(&[&asked[..], &KEY].concat()).await?;
            let signing = ["x509", "-req", "-in", &request, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
            let with = ["-days", "2", "-extfile", "extensions", "-out", &signed];
            openssl(&[&signing[..], &with].concat()).await?;
        }
        Ok(Self(folder.to_owned()))
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// The authority's own.
    pub(super) fn authority(&self) -> String {
        self.file("ca.pem")
    }

    /// What an arbiter is given.
    pub(super) fn of_an_arbiter(&self) -> TlsFiles {
        let [ca, cert, key] = ["ca.pem", "arbiter.pem", "arbiter.key"].map(|name| Some(self.file(name)));
        TlsFiles::new(ca, cert, key).unwrap_or_default()
    }

    /// What a member is given, under the names of the sample.
    pub(super) fn hand_to(&self, member: &mut Command) {
        for side in ["ETCD", "ETCD_PEER"] {
            member.env(format!("{side}_CLIENT_CERT_AUTH"), "true");
            let files = [("TRUSTED_CA_FILE", "ca.pem"), ("CERT_FILE", "member.pem"), ("KEY_FILE", "member.key")];
            for (option, name) in files {
                member.env(format!("{side}_{option}"), self.file(name));
            }
        }
    }
}
