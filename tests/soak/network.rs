//! The venue's network: a namespace for each machine, and a switch between them of which every wire can be cut.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use kido_tests::harness::Host;
use rustix::process::{Pid, Signal, getpid, kill_process};

/// What every namespace of a soak is called at first; what follows is the process that made it.
const PREFIX: &str = "kido-soak-";

/// Where `ip netns` keeps them.
const NAMESPACES: &str = "/run/netns";

/// What is needed, and where it comes from.
const NEEDED: [(&str, &str); 5] = [
    ("/usr/sbin/ip", "iproute2"),
    ("/usr/bin/nsenter", "util-linux"),
    ("/usr/bin/python3", "python3"),
    ("/usr/bin/etcd", "etcd-server"),
    ("/dev/net/tun", "a kernel with TUN"),
];

/// One direction of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) delay_ms: u32,
    pub(crate) jitter_ms: u32,
    pub(crate) loss_permille: u32,
}

impl Wire {
    pub(crate) const WELL: Self = Self { delay_ms: 0, jitter_ms: 0, loss_permille: 0 };
    pub(crate) const CUT: Self = Self { delay_ms: 0, jitter_ms: 0, loss_permille: 1_000 };
}

/// What the switch has done.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Carried {
    pub(crate) frames: u64,
    pub(crate) dropped: u64,
    pub(crate) held_up: u64,
}

/// The machines and what is between them. Taken down when dropped, with every process on them.
pub(crate) struct Network {
    hosts: Vec<(String, Host)>,
    switch: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// Why there can be no soak here, if so.
pub(crate) fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("network namespaces are root's: run it as root".to_owned());
    }
    let missing = NEEDED.iter().find(|(file, _)| !Path::new(file).exists());
    missing.map(|(file, from)| format!("{file} is missing (from {from}): bash tests/install.sh"))
}

impl Network {
    /// Lays a network of these machines; clears what a soak that was killed has left first.
    pub(crate) fn lay(names: &[String]) -> anyhow::Result<Self> {
        clear_leftovers()?;
        let own = format!("{PREFIX}{}-", getpid().as_raw_nonzero());
        let mut hosts = Vec::new();
        for (name, last) in names.iter().zip(1..) {
            let namespace = format!("{own}{name}");
            ip(&["netns", "add", &namespace])?;
            hosts.push((name.clone(), Host::in_namespace(namespace, Ipv4Addr::new(127, 77, 0, last))));
        }
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("soak/switch.py");
        let mut command = Command::new("python3");
        command.arg(program).args(hosts.iter().map(|(_, host)| format!("{}={}", host.name(), host.address())));
        let mut switch = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("no switch")?;
        let (orders, answers) = (switch.stdin.take(), switch.stdout.take().context("a pipe")?);
        let mut network = Self { hosts, switch, orders, answers: BufReader::new(answers) };
        let said = network.answer()?;
        ensure!(said == "ready", "the switch says {said:?}");
        Ok(network)
    }

    /// A machine by its name.
    pub(crate) fn host(&self, name: &str) -> anyhow::Result<Host> {
        let found = self.hosts.iter().find(|(own, _)| own == name);
        Ok(found.with_context(|| format!("no machine {name}"))?.1.clone())
    }

    /// Makes one direction of a wire so.
    pub(crate) fn wire(&mut self, from: &str, to: &str, wire: Wire) -> anyhow::Result<()> {
        let (from, to) = (self.host(from)?, self.host(to)?);
        let Wire { delay_ms, jitter_ms, loss_permille } = wire;
        self.order(&format!("wire {} {} {delay_ms} {jitter_ms} {loss_permille}", from.name(), to.name()))
    }

    /// Makes every wire well.
    pub(crate) fn calm(&mut self) -> anyhow::Result<()> {
        self.order("calm")
    }

    /// What went over it so far.
    pub(crate) fn carried(&mut self) -> anyhow::Result<Carried> {
        self.say("count")?;
        let said = self.answer()?;
        let numbers: Vec<u64> = said.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        let [frames, dropped, held_up] = numbers.as_slice() else { bail!("the switch counts {said:?}") };
        Ok(Carried { frames: *frames, dropped: *dropped, held_up: *held_up })
    }

    fn order(&mut self, order: &str) -> anyhow::Result<()> {
        self.say(order)?;
        let said = self.answer()?;
        ensure!(said == "done", "the switch says {said:?} to {order:?}");
        Ok(())
    }

    fn say(&mut self, line: &str) -> anyhow::Result<()> {
        let orders = self.orders.as_mut().context("the switch is gone")?;
        writeln!(orders, "{line}").and_then(|()| orders.flush()).context("the switch takes no orders")
    }

    fn answer(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line).context("the switch does not answer")?;
        ensure!(read > 0, "the switch has ended");
        Ok(line.trim().to_owned())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for (_, host) in &self.hosts {
            // What stays is found by the next soak.
            clear(host.name()).ok();
        }
        drop(self.orders.take());
        self.switch.wait().ok();
    }
}

/// Takes down what soaks have left whose process is gone.
fn clear_leftovers() -> anyhow::Result<()> {
    let Ok(found) = std::fs::read_dir(NAMESPACES) else { return Ok(()) };
    for entry in found {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if let Some(maker) = maker
            && !PathBuf::from("/proc").join(maker).exists()
        {
            clear(&name)?;
        }
    }
    Ok(())
}

/// Ends every process in a namespace, and the namespace.
fn clear(namespace: &str) -> anyhow::Result<()> {
    let listed = Command::new("ip").args(["netns", "pids", namespace]).output()?;
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let pid = line.trim().parse().ok().and_then(Pid::from_raw);
        // This process itself stands in one of them.
        if let Some(pid) = pid.filter(|pid| *pid != getpid()) {
            kill_process(pid, Signal::KILL).ok();
        }
    }
    ip(&["netns", "delete", namespace])
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new("ip").args(arguments).status().context("no ip")?;
    ensure!(status.success(), "ip {} ended with {status}", arguments.join(" "));
    Ok(())
}
