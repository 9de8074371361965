//! Debian's nginx with the very file that is given to operators, on ports and in a folder of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Signal, kill_process_group};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::process::{Process, wait_for};
use super::venue::free_port;
use super::{HarnessError, Registrar};

/// Where Debian puts it; not on the path of every user.
const PROGRAM: &str = "/usr/sbin/nginx";

/// What operators copy.
const SAMPLE: &str = include_str!("../../../deploy/registrar/nginx.conf");

const UP_WITHIN: Duration = Duration::from_secs(20);

/// A running nginx; ends when dropped, with its workers.
#[derive(Debug)]
pub struct Nginx {
    port: u16,
    feed_log: PathBuf,
    process: Option<Process>,
}

impl Nginx {
    /// Whether there is one on this machine.
    #[must_use]
    pub fn is_installed() -> bool {
        Path::new(PROGRAM).is_file()
    }

    /// Starts one in front of a registrar, in an empty folder.
    ///
    /// # Errors
    /// [`HarnessError`]; [`HarnessError::Shape`] where the sample has lost a line that is put into words here.
    pub async fn start(registrar: &Registrar, folder: &Path, logs: &Path) -> Result<Self, HarnessError> {
        let file = |path: &Path, source| HarnessError::File { path: path.to_owned(), source };
        let (port, plain) = (free_port()?, free_port()?);
        let feed_log = folder.join("feed.log");
        let upstream = registrar.origin();
        let replaced = [
            ("listen 80;", format!("listen 127.0.0.1:{plain};")),
            ("    listen [::]:80;\n", String::new()),
            ("listen 443 ssl http2;", format!("listen 127.0.0.1:{port};")),
            ("    listen [::]:443 ssl http2;\n", String::new()),
            ("    ssl_certificate     /etc/letsencrypt/live/tickets.example/fullchain.pem;\n", String::new()),
            ("    ssl_certificate_key /etc/letsencrypt/live/tickets.example/privkey.pem;\n", String::new()),
            ("    ssl_protocols TLSv1.2 TLSv1.3;\n", String::new()),
            ("/var/lib/nginx/kido-feed", folder.join("kido-feed").display().to_string()),
            ("/var/log/nginx/kido-feed.log", feed_log.display().to_string()),
            ("http://127.0.0.1:8420", upstream),
        ];
        let mut site = SAMPLE.to_owned();
        for (from, to) in replaced {
            if !site.contains(from) {
                return Err(HarnessError::Shape { what: "deploy/registrar/nginx.conf", text: from.to_owned() });
            }
            site = site.replace(from, &to);
        }
        let (site_file, main_file) = (folder.join("kido.conf"), folder.join("nginx.conf"));
        std::fs::write(&site_file, site).map_err(|source| file(&site_file, source))?;
        std::fs::write(&main_file, main(folder, &site_file)).map_err(|source| file(&main_file, source))?;
        let mut command = Command::new(PROGRAM);
        command.arg("-c").arg(&main_file).arg("-p").arg(folder).args(["-e", "stderr"]);
        let process = Process::start("nginx", command, logs)?;
        let nginx = Self { port, feed_log, process: Some(process) };
        let answers = async || Ok(TcpStream::connect(("127.0.0.1", port)).await.ok());
        wait_for("nginx to listen", UP_WITHIN, answers).await?;
        Ok(nginx)
    }

    /// Where it is reached.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it says of its cache: one line for each full range that was asked for.
    ///
    /// # Errors
    /// [`HarnessError::File`].
    pub fn feed_log(&self) -> Result<String, HarnessError> {
        std::fs::read_to_string(&self.feed_log)
            .map_err(|source| HarnessError::File { path: self.feed_log.clone(), source })
    }

    /// Ends it, its workers first finishing what they do.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn stop(mut self) -> Result<(), HarnessError> {
        match self.process.take() {
            Some(process) => process.terminate().await.map(|_status| ()),
            None => Ok(()),
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Some(pid) = self.process.as_ref().and_then(Process::pid) {
            // Workers do not hear of a master that was killed; gone already is what was wanted.
            kill_process_group(pid, Signal::KILL).ok();
        }
    }
}

/// What is around the sample on a Debian machine, with every path in this folder.
fn main(folder: &Path, site: &Path) -> String {
    let (folder, site) = (folder.display(), site.display());
    format!(
        "daemon off;\nuser root root;\nworker_processes 2;\nworker_rlimit_nofile 4096;\npid {folder}/nginx.pid;\n\
         error_log stderr warn;\nevents {{ worker_connections 1024; }}\nhttp {{\n\
         access_log off;\nclient_body_temp_path {folder}/body;\nproxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/fastcgi;\nuwsgi_temp_path {folder}/uwsgi;\nscgi_temp_path {folder}/scgi;\n\
         include {site};\n}}\n"
    )
}
