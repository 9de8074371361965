//! Chromium and its driver as processes that end together.

use std::path::{Path, PathBuf};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use super::BrowserError;
use crate::harness::{HarnessError, Process};

/// Debian's browser, and the package that brings it.
const CHROMIUM: (&str, &str) = ("/usr/bin/chromium", "apt-get install chromium");

/// Debian's driver, and the package that brings it.
const CHROMEDRIVER: (&str, &str) = ("/usr/bin/chromedriver", "apt-get install chromium-driver");

/// For a closed network and for root: no call home, no update, and no sandbox, which root may not have; the only pages
/// that it shows are our own.
const ARGUMENTS: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-features=Translate,MediaRouter,OptimizationHints,AutofillServerCommunication",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
];

/// Runs the driver beside a process that only waits for the end of its input, and says so where the driver ends first.
const UNTIL_INPUT_ENDS: &str = "{ \"$0\" --port=0 </dev/null; echo \"$0 has ended\"; } & exec cat >/dev/null";

/// What the driver says when it can be spoken to: `ChromeDriver was started successfully on port 40123.`
const STARTED: &str = "started successfully on port";

/// How often the driver may end before it listens. It takes a free port of the IPv6 loopback, then the same one of IPv4,
/// and ends where another process on this machine has that one.
const STARTS: usize = 5;

/// What differs between one person's browser and another's.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// What it asks pages for, as in `Accept-Language`.
    pub language: &'static str,
    /// Whether it is a lane's screen: it may make a sound before anybody touched it.
    pub is_kiosk: bool,
    /// Whether all that goes over its wires is kept, for a leak search; it makes every message a little later.
    pub keeps_traffic: bool,
}

/// What is missing for a browser, if anything: a test that cannot run says so.
///
/// # Errors
/// [`BrowserError::Missing`] with the first thing missing.
pub fn installed() -> Result<(), BrowserError> {
    for (path, remedy) in [CHROMIUM, CHROMEDRIVER] {
        if !Path::new(path).exists() {
            return Err(BrowserError::Missing { what: PathBuf::from(path), remedy });
        }
    }
    super::Axe::of_this_build().map(|_axe| ())
}

/// Starts the driver, and a browser with this profile.
pub(super) async fn start(folder: &Path, profile: &Path, setting: Setting) -> Result<(Process, Client), BrowserError> {
    let created = std::fs::create_dir_all(profile);
    created.map_err(|source| HarnessError::File { path: profile.to_owned(), source })?;
    let (driver, port) = listening(folder).await?;
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(capabilities(profile, setting));
    let client = builder.connect(&format!("http://127.0.0.1:{port}")).await;
    let client = client.map_err(|error| BrowserError::Start(Box::new(error)))?;
    Ok((driver, client))
}

/// A driver that listens, and its port.
async fn listening(folder: &Path) -> Result<(Process, String), BrowserError> {
    for _start in 0..STARTS {
        let mut driver = Process::start("chromedriver", command(folder), folder)?;
        let line = driver.line("its port", |line| line.contains(STARTED) || line.ends_with("has ended")).await?;
        if line.contains(STARTED) {
            return Ok((driver, line.chars().filter(char::is_ascii_digit).collect()));
        }
    }
    Err(BrowserError::Driver { starts: STARTS })
}

/// The driver in a process namespace of its own: when its first process ends, the kernel ends every process of the
/// browser too. That first process reads until its input ends, which happens however the test ends, `kill -9` included.
fn command(folder: &Path) -> Command {
    let mut command = Command::new("/usr/bin/unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-current-user"]);
    }
    command.args(["--pid", "--fork", "--mount-proc", "--kill-child=KILL"]);
    command.args(["/bin/sh", "-c", UNTIL_INPUT_ENDS, CHROMEDRIVER.0]);
    // What a desktop would keep under the home folder stays in the folder of the test.
    command.env("HOME", folder).env("XDG_CONFIG_HOME", folder).env("XDG_CACHE_HOME", folder);
    command.env_remove("DBUS_SESSION_BUS_ADDRESS");
    command
}

fn capabilities(profile: &Path, setting: Setting) -> Map<String, Value> {
    let mut arguments: Vec<String> = ARGUMENTS.iter().map(|&argument| argument.to_owned()).collect();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    arguments.push(format!("--accept-lang={}", setting.language));
    if setting.is_kiosk {
        arguments.push("--autoplay-policy=no-user-gesture-required".to_owned());
    }
    let mut options = json!({
        "binary": CHROMIUM.0,
        "args": arguments,
        "prefs": { "intl.accept_languages": setting.language },
    });
    let mut logs = json!({ "browser": "ALL" });
    if setting.keeps_traffic {
        put(&mut options, "perfLoggingPrefs", json!({ "enableNetwork": true, "enablePage": false }));
        put(&mut logs, "performance", json!("ALL"));
    }
    let mut capabilities = Map::new();
    capabilities.insert("browserName".to_owned(), json!("chrome"));
    capabilities.insert("goog:chromeOptions".to_owned(), options);
    capabilities.insert("goog:loggingPrefs".to_owned(), logs);
    capabilities.insert("unhandledPromptBehavior".to_owned(), json!("ignore"));
    capabilities
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}
