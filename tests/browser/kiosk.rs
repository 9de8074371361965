//! The lane's screen as a machine keeps it: `deploy/kiosk/kiosk.sh` with Debian's Chromium, a browser that is killed, a page
//! that is gone, a gate that is killed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use kido_tests::harness::{EventOptions, Gate, Process, Venue, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::Command;

use crate::chapter::Chapter;

/// The script under test, below the folder of this package.
const SCRIPT: &str = "../deploy/kiosk/kiosk.sh";

/// How long a browser may take to come up, on a busy machine; the script's own longest look and pause are in it.
const UP_WITHIN: Duration = Duration::from_secs(90);

/// The browser that `KIDO_BROWSER` names: Debian's, without a screen and, for root, without its sandbox; and a port on which
/// it says what it shows. A file beside it counts its starts.
const BROWSER: &str = "#!/bin/sh\necho started >>\"$0.starts\"\n\
    exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --remote-debugging-port=0 \"$@\"\n";

/// Runs the script beside a process that only waits for the end of its input, as every browser of these tests is run.
const UNTIL_INPUT_ENDS: &str = "\"$@\" </dev/null & exec cat >/dev/null";

#[tokio::test(flavor = "multi_thread")]
async fn what_dies_at_the_lane_comes_back() -> anyhow::Result<()> {
    let Some(mut chapter) = Chapter::open("kiosk")? else { return Ok(()) };
    let venue = Venue::open(chapter.folder()).await?;
    let event = venue.registrar.rehearsal(&EventOptions::default()).await?;
    let mut gate = Gate::enrol(&venue, &event, "A", 0).await?;
    let mut screen = Screen::lay_out(chapter.folder(), &gate.kiosk_address())?;
    chapter
        .step("the script waits for its gate, then shows its page", async {
            screen.start()?;
            anyhow::ensure!(screen.starts()? == 0, "a browser without a gate");
            gate.start().await?;
            gate.leave_screen();
            screen.shows_the_lane(1).await
        })
        .await;
    chapter
        .step("the browser is killed: another one shows the page, and nothing of the first is left", async {
            let (first, profile) = (screen.browser()?, screen.profile()?);
            kill_process(first, Signal::KILL)?;
            screen.shows_the_lane(2).await?;
            anyhow::ensure!(screen.browser()? != first, "the dead browser is still there");
            anyhow::ensure!(!profile.exists() && screen.profile()? != profile, "the first profile is still there");
            Ok(())
        })
        .await;
    chapter
        .step("the page is gone and the browser is not: the script starts it again", async {
            screen.closes_its_page().await?;
            screen.shows_the_lane(3).await
        })
        .await;
    chapter
        .step("the gate is killed: the browser stays, and its page comes back by itself", async {
            let before = screen.browser()?;
            gate.kill().await?;
            gate.start().await?;
            gate.leave_screen();
            gate.leave_screen();
            screen.shows_the_lane(3).await?;
            anyhow::ensure!(screen.browser()? == before, "the browser was started again for nothing");
            Ok(())
        })
        .await;
    chapter.step("told to stop, the script takes browser and profile with it", screen.stops()).await;
    gate.stop().await?;
    chapter.end()
}

/// The script, and what it needs around it.
struct Screen {
    /// Where the script is told to put profiles: a folder of this test's alone.
    runtime: PathBuf,
    wrapper: PathBuf,
    logs: PathBuf,
    address: String,
    process: Option<Process>,
}

impl Screen {
    fn lay_out(folder: &Path, address: &str) -> anyhow::Result<Self> {
        let (runtime, wrapper, logs) = (folder.join("runtime"), folder.join("kiosk-browser"), folder.join("logs"));
        std::fs::create_dir_all(&runtime)?;
        std::fs::write(&wrapper, BROWSER)?;
        std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { runtime, wrapper, logs, address: address.to_owned(), process: None })
    }

    /// In a process namespace of its own, so that nothing of it outlives this test, however it ends.
    fn start(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new("/usr/bin/unshare");
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-current-user"]);
        }
        command.args(["--pid", "--fork", "--mount-proc", "--kill-child=KILL"]);
        command.args(["/bin/sh", "-c", UNTIL_INPUT_ENDS, "sh", "bash"]);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT)).arg(&self.address);
        command.env("KIDO_BROWSER", &self.wrapper).env("XDG_RUNTIME_DIR", &self.runtime);
        command.env("HOME", &self.runtime).env_remove("WAYLAND_DISPLAY").env_remove("DBUS_SESSION_BUS_ADDRESS");
        self.process = Some(Process::start("kiosk", command, &self.logs)?);
        Ok(())
    }

    /// How often the script has started a browser.
    fn starts(&self) -> anyhow::Result<usize> {
        let file = self.wrapper.with_file_name("kiosk-browser.starts");
        if !file.exists() {
            return Ok(0);
        }
        Ok(std::fs::read_to_string(file)?.lines().count())
    }

    /// Waits until so many browsers were started, the last of them is at the gate's page, and its script listens.
    async fn shows_the_lane(&self, starts: usize) -> anyhow::Result<()> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let page = format!("{}/", self.address);
        let look = async || {
            let listens = http.get(format!("{}/health", self.address)).send().await;
            let listens = match listens {
                Ok(answer) => answer.text().await.is_ok_and(|text| text.contains("\"pages\":1")),
                Err(_not_up_yet) => false,
            };
            let shown = self.pages(&http).await.unwrap_or_default();
            let at_the_lane = shown.contains(&page);
            Ok((listens && at_the_lane).then_some(()))
        };
        wait_for("the lane's page", UP_WITHIN, look).await?;
        let started = self.starts()?;
        anyhow::ensure!(started == starts, "{started} browsers were started");
        Ok(())
    }

    /// What the browser shows, by its own word.
    async fn pages(&self, http: &reqwest::Client) -> anyhow::Result<Vec<String>> {
        let listed: Value = serde_json::from_str(&http.get(self.debugger("json/list")?).send().await?.text().await?)?;
        let address = |page: &Value| page.get("url").and_then(Value::as_str).map(str::to_owned);
        Ok(listed.as_array().into_iter().flatten().filter_map(address).collect())
    }

    /// Where the browser tells what it shows: it writes the port into its profile.
    fn debugger(&self, path: &str) -> anyhow::Result<String> {
        let told = std::fs::read_to_string(self.profile()?.join("DevToolsActivePort"))?;
        let port = told.lines().next().context("no port")?;
        Ok(format!("http://127.0.0.1:{port}/{path}"))
    }

    /// Closes the page and leaves the browser running.
    async fn closes_its_page(&self) -> anyhow::Result<()> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let listed: Value = serde_json::from_str(&http.get(self.debugger("json/list")?).send().await?.text().await?)?;
        // Another page first: a browser without any may end by itself.
        http.put(self.debugger("json/new?about:blank")?).send().await?.error_for_status()?;
        let id = listed.pointer("/0/id").and_then(Value::as_str).context("no page")?;
        http.get(self.debugger(&format!("json/close/{id}"))?).send().await?.error_for_status()?;
        Ok(())
    }

    /// The one profile that there is.
    fn profile(&self) -> anyhow::Result<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.runtime)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("kido-kiosk.") {
                found.push(entry.path());
            }
        }
        match found.as_slice() {
            [only] => Ok(only.clone()),
            other => anyhow::bail!("{} profiles", other.len()),
        }
    }

    /// The browser's first process.
    fn browser(&self) -> anyhow::Result<Pid> {
        let profile = format!("--user-data-dir={}", self.profile()?.display());
        let is_it = |arguments: &[&str]| {
            arguments.contains(&profile.as_str()) && !arguments.iter().any(|argument| argument.starts_with("--type="))
        };
        running(is_it)?.context("no browser")
    }

    /// Ends the script as systemd would, and sees that nothing stays.
    async fn stops(&mut self) -> anyhow::Result<()> {
        let browser = self.browser()?;
        let is_it =
            |arguments: &[&str]| arguments.first() == Some(&"bash") && arguments.get(2) == Some(&self.address.as_str());
        let script = running(is_it)?.context("no script")?;
        kill_process(script, Signal::TERM)?;
        let gone = async || {
            let profile = self.profile().is_err();
            Ok((profile && !is_running(browser) && !is_running(script)).then_some(()))
        };
        wait_for("script, browser and profile to be gone", UP_WITHIN, gone).await?;
        if let Some(process) = self.process.take() {
            process.kill().await?;
        }
        Ok(())
    }
}

fn is_running(pid: Pid) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    // Whoever waits for a process that has ended may be slow to do so.
    !state.is_empty() && !state.contains(") Z ")
}

/// The process whose arguments are these, of all that run.
fn running(is_it: impl Fn(&[&str]) -> bool) -> anyhow::Result<Option<Pid>> {
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        // A process that ends while it is looked at is not the one.
        let Ok(line) = std::fs::read_to_string(entry.path().join("cmdline")) else { continue };
        let arguments: Vec<&str> = line.split('\0').filter(|argument| !argument.is_empty()).collect();
        if is_it(&arguments) && is_running(pid) {
            return Ok(Some(pid));
        }
    }
    Ok(None)
}
