//! Debian's etcd: several members as processes, on ports and in folders of their own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kido_arbiter::records::etcd::{Cluster, EtcdSettings, TlsFiles};
use kido_shared::challenge::Origin;
use tokio::process::Command;

use super::HarnessError;
use super::certificates::Certificates;
use super::process::{Process, wait_for};
use super::venue::free_port;

/// Where Debian puts it.
const PROGRAM: &str = "/usr/bin/etcd";

/// How long a member may take to have a leader, on a machine that is busy with other tests.
const UP_WITHIN: Duration = Duration::from_secs(60);

/// What operators copy: options that decide how long a venue stands still without its leader.
const SAMPLE: &str = include_str!("../../../deploy/arbiter/etcd.env");

/// Options of the sample that a test takes over as they are: all that name no address, no file and no host.
const TAKEN_OVER: [&str; 6] = [
    "ETCD_HEARTBEAT_INTERVAL",
    "ETCD_ELECTION_TIMEOUT",
    "ETCD_AUTO_COMPACTION_MODE",
    "ETCD_AUTO_COMPACTION_RETENTION",
    "ETCD_QUOTA_BACKEND_BYTES",
    "ETCD_STRICT_RECONFIG_CHECK",
];

/// One member.
#[derive(Debug)]
struct Member {
    client: u16,
    peer: u16,
    process: Option<Process>,
}

/// An etcd; its data stay when a member is killed, all of it ends when dropped.
#[derive(Debug)]
pub struct Etcd {
    folder: PathBuf,
    options: Vec<(String, String)>,
    members: Vec<Member>,
    certificates: Option<Certificates>,
}

impl Etcd {
    /// Whether there is one on this machine.
    #[must_use]
    pub fn is_installed() -> bool {
        Path::new(PROGRAM).is_file()
    }

    /// Starts so many members in an empty folder, and waits until they have a leader.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn start(members: usize, folder: &Path) -> Result<Self, HarnessError> {
        Self::start_as(members, folder, None).await
    }

    /// The same with certificates that members ask of each other and of everybody else, as operators are told to.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn start_with_certificates(members: usize, folder: &Path) -> Result<Self, HarnessError> {
        let certificates = Certificates::make(&folder.join("certificates")).await?;
        Self::start_as(members, folder, Some(certificates)).await
    }

    async fn start_as(members: usize, folder: &Path, certificates: Option<Certificates>) -> Result<Self, HarnessError> {
        let folder = folder.join("etcd");
        std::fs::create_dir_all(&folder).map_err(|source| HarnessError::File { path: folder.clone(), source })?;
        let member = |_number| Ok(Member { client: free_port()?, peer: free_port()?, process: None });
        let members = (0..members).map(member).collect::<Result<_, HarnessError>>()?;
        let mut etcd = Self { folder, options: sample()?, members, certificates };
        for number in 0..etcd.members.len() {
            etcd.begin(number)?;
        }
        for number in 0..etcd.members.len() {
            etcd.is_up(number).await?;
        }
        Ok(etcd)
    }

    /// The addresses for clients.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(|member| self.own(member.client)).collect()
    }

    /// The file of the authority's certificate, where members ask for one.
    #[must_use]
    pub fn authority(&self) -> Option<String> {
        self.certificates.as_ref().map(Certificates::authority)
    }

    fn own(&self, port: u16) -> String {
        format!("{}://127.0.0.1:{port}", if self.certificates.is_some() { "https" } else { "http" })
    }

    /// A client of all members, with the one of that number first.
    ///
    /// # Errors
    /// [`HarnessError::Shape`] where its own addresses are none.
    pub fn client(&self, first: usize) -> Result<Cluster, HarnessError> {
        let tls = self.certificates.as_ref().map_or_else(TlsFiles::default, Certificates::of_an_arbiter);
        self.client_with(first, tls)
    }

    /// The same with other certificates.
    ///
    /// # Errors
    /// [`HarnessError::Shape`] where its own addresses are none.
    pub fn client_with(&self, first: usize, tls: TlsFiles) -> Result<Cluster, HarnessError> {
        let endpoints = self.endpoints();
        let shape = || HarnessError::Shape { what: "the etcd's addresses", text: endpoints.join(" ") };
        let mut origins: Vec<Origin> =
            endpoints.iter().map(|address| Origin::parse(address)).collect::<Result<_, _>>().map_err(|_own| shape())?;
        origins.rotate_left(first % self.members.len());
        let settings = EtcdSettings::new(origins, tls).map_err(|_own| shape())?;
        Cluster::new(&settings).map_err(|_own| shape())
    }

    /// Which member leads.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`] where none does.
    pub async fn leader(&self) -> Result<usize, HarnessError> {
        let client = self.client(0)?;
        wait_for("a leader of the etcd", UP_WITHIN, async || {
            let members = client.look().await;
            Ok(members.iter().position(|member| member.standing.as_ref().is_ok_and(|standing| standing.leads)))
        })
        .await
    }

    /// Ends a member as a power cut does.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn kill(&mut self, number: usize) -> Result<(), HarnessError> {
        match self.members.get_mut(number).and_then(|member| member.process.take()) {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Starts a member again on what it has, and waits until it has a leader.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn restart(&mut self, number: usize) -> Result<(), HarnessError> {
        self.begin(number)?;
        self.is_up(number).await
    }

    fn begin(&mut self, number: usize) -> Result<(), HarnessError> {
        let cluster = self.members.iter().enumerate().map(|(at, member)| format!("m{at}={}", self.own(member.peer)));
        let cluster = cluster.collect::<Vec<_>>().join(",");
        let Some((client, peer)) =
            self.members.get(number).map(|member| (self.own(member.client), self.own(member.peer)))
        else {
            return Ok(());
        };
        let mut command = Command::new(PROGRAM);
        command.env_clear().envs(self.options.iter().cloned());
        if let Some(certificates) = &self.certificates {
            certificates.hand_to(&mut command);
        }
        command.arg("--name").arg(format!("m{number}"));
        command.arg("--data-dir").arg(self.folder.join(format!("m{number}")));
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &cluster, "--initial-cluster-token", &self.folder.display().to_string()]);
        command.args(["--logger", "zap", "--log-level", "warn"]);
        let process = Process::start(&format!("etcd-{number}"), command, &self.folder)?;
        if let Some(member) = self.members.get_mut(number) {
            member.process = Some(process);
        }
        Ok(())
    }

    async fn is_up(&self, number: usize) -> Result<(), HarnessError> {
        let client = self.client(number)?;
        wait_for("an etcd with a leader", UP_WITHIN, async || {
            let standing = client.look().await.into_iter().next().map(|member| member.standing);
            Ok(standing.is_some_and(|standing| standing.is_ok_and(|well| well.has_leader)).then_some(()))
        })
        .await
    }
}

/// The options of the sample that are taken over; one that it has lost is an error.
fn sample() -> Result<Vec<(String, String)>, HarnessError> {
    TAKEN_OVER
        .iter()
        .map(|name| {
            let line = SAMPLE.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
            let shape = || HarnessError::Shape { what: "deploy/arbiter/etcd.env", text: format!("no {name}") };
            Ok(((*name).to_owned(), line.ok_or_else(shape)?.trim_matches('"').to_owned()))
        })
        .collect()
}
