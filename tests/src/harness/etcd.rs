//! Debian's etcd: several members as processes, on ports and in folders of their own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kido_arbiter::records::etcd::{Cluster, EtcdSettings, TlsFiles};
use kido_shared::challenge::Origin;

use super::certificates::Certificates;
use super::process::{Process, wait_for};
use super::venue::free_port;
use super::{HarnessError, Host};

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
    host: Host,
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
        Self::start_as(vec![Host::this(); members], folder, None).await
    }

    /// Starts a member on each of these machines, and waits until they have a leader.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn start_on(hosts: Vec<Host>, folder: &Path) -> Result<Self, HarnessError> {
        Self::start_as(hosts, folder, None).await
    }

    /// The same with certificates that members ask of each other and of everybody else, as operators are told to.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub async fn start_with_certificates(members: usize, folder: &Path) -> Result<Self, HarnessError> {
        let certificates = Certificates::make(&folder.join("certificates")).await?;
        Self::start_as(vec![Host::this(); members], folder, Some(certificates)).await
    }

    async fn start_as(
        hosts: Vec<Host>,
        folder: &Path,
        certificates: Option<Certificates>,
    ) -> Result<Self, HarnessError> {
        let folder = folder.join("etcd");
        std::fs::create_dir_all(&folder).map_err(|source| HarnessError::File { path: folder.clone(), source })?;
        let member = |host| Ok(Member { host, client: free_port()?, peer: free_port()?, process: None });
        let members = hosts.into_iter().map(member).collect::<Result<_, HarnessError>>()?;
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
        self.members.iter().map(|member| self.own(member, member.client)).collect()
    }

    /// The file of the authority's certificate, where members ask for one.
    #[must_use]
    pub fn authority(&self) -> Option<String> {
        self.certificates.as_ref().map(Certificates::authority)
    }

    fn own(&self, member: &Member, port: u16) -> String {
        let scheme = if self.certificates.is_some() { "https" } else { "http" };
        format!("{scheme}://{}:{port}", member.host.address())
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

    /// A member's process, while it runs.
    #[must_use]
    pub fn process(&self, number: usize) -> Option<&Process> {
        self.members.get(number).and_then(|member| member.process.as_ref())
    }

    /// Starts a member again on what it has, and does not wait: without the others it has no leader.
    ///
    /// # Errors
    /// [`HarnessError`].
    pub fn begin_again(&mut self, number: usize) -> Result<(), HarnessError> {
        self.begin(number)
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
        let cluster =
            self.members.iter().enumerate().map(|(at, member)| format!("m{at}={}", self.own(member, member.peer)));
        let cluster = cluster.collect::<Vec<_>>().join(",");
        let Some(member) = self.members.get(number) else { return Ok(()) };
        let (client, peer) = (self.own(member, member.client), self.own(member, member.peer));
        let mut command = member.host.command(PROGRAM);
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
