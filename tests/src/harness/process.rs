//! One child process: its output goes to a log file and, line by line, to whoever waits for a word of it.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::HarnessError;

/// How long a program may take to say that it is ready, on a machine that is busy with other tests.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How long a program may take to end after SIGTERM.
const END_WITHIN: Duration = Duration::from_secs(20);

/// Lines of standard output that may wait for a reader; more are in the log file only.
const LINES_WAITING: usize = 4_096;

/// A running program.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    copier: JoinHandle<()>,
    log: PathBuf,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Process {
    /// Starts a program; standard error goes to `LOG_FOLDER/NAME.log`, standard output to `NAME.out` and to
    /// [`Self::line`].
    ///
    /// # Errors
    /// [`HarnessError::Spawn`] or [`HarnessError::File`].
    pub fn start(name: &str, mut command: Command, log_folder: &Path) -> Result<Self, HarnessError> {
        let log = log_folder.join(format!("{name}.log"));
        let append = |path: &Path| {
            std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|source| HarnessError::File { path: path.to_owned(), source })
        };
        let errors = append(&log)?;
        let out = append(&log_folder.join(format!("{name}.out")))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .kill_on_drop(true)
            // Ctrl-C at a terminal is for whoever started this: programs are ended in their order.
            .process_group(0)
            .spawn()
            .map_err(|source| HarnessError::Spawn { program: name.to_owned(), source })?;
        let stdin = child.stdin.take();
        let (send, lines) = mpsc::channel(LINES_WAITING);
        let stdout = child.stdout.take();
        let copier = tokio::spawn(async move {
            let Some(stdout) = stdout else { return };
            let mut out = tokio::fs::File::from_std(out);
            let mut reader = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = reader.next_line().await {
                let copied = out.write_all(format!("{line}\n").as_bytes()).await;
                // A reader that has gone or is full loses the line, the file does not.
                if copied.is_err() || send.try_send(line).is_err() {
                    continue;
                }
            }
        });
        Ok(Self { name: name.to_owned(), child, stdin, lines, copier, log })
    }

    /// The next line of standard output that `wanted` accepts; lines before it are passed over.
    ///
    /// # Errors
    /// [`HarnessError::EndedEarly`] or [`HarnessError::TimedOut`].
    pub async fn line(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<String, HarnessError> {
        let within = READY_WITHIN;
        let search = async {
            while let Some(line) = self.lines.recv().await {
                if wanted(&line) {
                    return Some(line);
                }
            }
            None
        };
        match tokio::time::timeout(within, search).await {
            Ok(Some(line)) => Ok(line),
            Ok(None) => {
                let status = self.wait().await?;
                Err(HarnessError::EndedEarly { program: self.name.clone(), status, log: self.log.clone() })
            }
            Err(_elapsed) => Err(HarnessError::TimedOut { what: format!("{} to say {what}", self.name), within }),
        }
    }

    /// Types a line into the program.
    ///
    /// # Errors
    /// [`HarnessError::Spawn`] where its standard input is closed.
    pub async fn type_line(&mut self, line: &str) -> Result<(), HarnessError> {
        let closed = |source| HarnessError::Spawn { program: self.name.clone(), source };
        let stdin = self.stdin.as_mut().ok_or_else(|| closed(std::io::ErrorKind::BrokenPipe.into()))?;
        stdin.write_all(format!("{line}\n").as_bytes()).await.map_err(closed)?;
        stdin.flush().await.map_err(closed)
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
    }

    /// Where its standard error goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it the way systemd would, and waits.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`] where it does not end.
    pub async fn terminate(mut self) -> Result<ExitStatus, HarnessError> {
        self.signal(Signal::TERM);
        let within = END_WITHIN;
        let what = format!("{} to end after SIGTERM", self.name);
        let ended = tokio::time::timeout(within, self.wait()).await;
        ended.unwrap_or(Err(HarnessError::TimedOut { what, within }))
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// [`HarnessError::TimedOut`] where it does not.
    pub async fn ended(mut self) -> Result<ExitStatus, HarnessError> {
        let within = END_WITHIN;
        let what = format!("{} to end by itself", self.name);
        let ended = tokio::time::timeout(within, self.wait()).await;
        ended.unwrap_or(Err(HarnessError::TimedOut { what, within }))
    }

    /// Ends it as a power cut would, and waits until it is gone.
    ///
    /// # Errors
    /// Whatever waiting for a process meets.
    pub async fn kill(mut self) -> Result<(), HarnessError> {
        self.signal(Signal::KILL);
        self.wait().await.map(|_status| ())
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // Gone already is what was wanted.
            kill_process(pid, signal).ok();
        }
    }

    async fn wait(&mut self) -> Result<ExitStatus, HarnessError> {
        self.child.wait().await.map_err(|source| HarnessError::Spawn { program: self.name.clone(), source })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.copier.abort();
    }
}

/// Runs a command to its end, with these lines on its standard input.
///
/// # Errors
/// [`HarnessError::Spawn`] or [`HarnessError::TimedOut`].
pub async fn finish(mut command: Command, input: &str, within: Duration) -> Result<Finished, HarnessError> {
    let name = format!("{:?}", command.as_std().get_program());
    let spawn = |source| HarnessError::Spawn { program: name.clone(), source };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .process_group(0)
        .spawn()
        .map_err(spawn)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input ends with its own message.
        stdin.write_all(input.as_bytes()).await.ok();
    }
    let what = format!("{name} to end");
    let output = tokio::time::timeout(within, child.wait_with_output())
        .await
        .map_err(|_elapsed| HarnessError::TimedOut { what, within })?
        .map_err(spawn)?;
    Ok(Finished {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until a look finds what it looks for.
///
/// # Errors
/// [`HarnessError::TimedOut`], or what the look met.
pub async fn wait_for<T>(
    what: &str,
    within: Duration,
    look: impl AsyncFn() -> Result<Option<T>, HarnessError>,
) -> Result<T, HarnessError> {
    let search = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let timed_out = |_elapsed| HarnessError::TimedOut { what: what.to_owned(), within };
    tokio::time::timeout(within, search).await.map_err(timed_out)?
}
