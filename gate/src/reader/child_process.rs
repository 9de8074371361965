//! One child process: its pipes, and its end.

use std::process::Stdio;

use kido_reader::child::frame::{self, FrameError, PREFIX_BYTES};
use kido_reader::child::{ChildMessage, ParentMessage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::supervisor::Mail;
use super::{COMMAND_TIME, ReaderProgram, SHUTDOWN_TIME};

/// Why a child could not be started or spoken to.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    #[error("the reader's process could not be started")]
    Start(#[source] std::io::Error),
    #[error("the reader's process has no pipes")]
    NoPipes,
    #[error("the reader's process does not take orders")]
    Write(#[source] std::io::Error),
    #[error("the reader's process took too long to take an order")]
    WriteTimedOut,
    #[error("an order does not fit its frame")]
    Frame(#[source] FrameError),
}

/// A running child. Dropping it kills the process and ends the task that listens to it.
pub(super) struct Process {
    child: Child,
    orders: ChildStdin,
    listener: JoinSet<()>,
}

impl Process {
    /// Starts the child and listens to it; what it says is mailed under this generation. Its log goes to our own
    /// standard error, line by line as it writes it.
    pub(super) fn start(
        program: &ReaderProgram,
        generation: u32,
        mail: mpsc::WeakSender<Mail>,
    ) -> Result<Self, ProcessError> {
        let mut child = Command::new(&program.program)
            .args(&program.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .map_err(ProcessError::Start)?;
        let (Some(orders), Some(messages)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(ProcessError::NoPipes);
        };
        let mut listener = JoinSet::new();
        listener.spawn(listen(messages, generation, mail));
        Ok(Self { child, orders, listener })
    }

    /// The process id, for the log.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Hands one message to the child.
    pub(super) async fn send(&mut self, message: &ParentMessage) -> Result<(), ProcessError> {
        let framed = frame::frame(&message.to_cbor()).map_err(ProcessError::Frame)?;
        match timeout(COMMAND_TIME, self.orders.write_all(&framed)).await {
            Ok(written) => written.map_err(ProcessError::Write),
            Err(_elapsed) => Err(ProcessError::WriteTimedOut),
        }
    }

    /// Kills the child and waits until it is gone, but not for one that the kernel cannot end now.
    pub(super) async fn kill(mut self) {
        self.listener.abort_all();
        match timeout(SHUTDOWN_TIME, self.child.kill()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the reader's process could not be killed"),
            Err(_elapsed) => tracing::warn!("the reader's process does not end, going on without it"),
        }
    }

    /// Lets the child cut the card's power and end; kills it where it does not.
    pub(super) async fn shut_down(mut self) {
        if let Err(error) = self.send(&ParentMessage::Shutdown).await {
            tracing::debug!(%error, "the reader's process had ended");
        }
        if timeout(SHUTDOWN_TIME, self.child.wait()).await.is_err() {
            self.kill().await;
        }
    }
}

async fn listen(mut messages: ChildStdout, generation: u32, mail: mpsc::WeakSender<Mail>) {
    loop {
        let (said, goes_on) = match next_message(&mut messages).await {
            Ok(Some(message)) => (Mail::Said(generation, message), true),
            Ok(None) => (Mail::Ended(generation), false),
            Err(error) => {
                tracing::warn!(%error, "the reader's process cannot be understood");
                (Mail::Ended(generation), false)
            }
        };
        // Upgraded for this one message: a sender held here would keep the mailbox open after the runtime has gone.
        let Some(mail) = mail.upgrade() else { return };
        if mail.send(said).await.is_err() || !goes_on {
            return;
        }
    }
}

async fn next_message(messages: &mut ChildStdout) -> Result<Option<ChildMessage>, FrameError> {
    let mut prefix = [0; PREFIX_BYTES];
    match messages.read_exact(&mut prefix).await {
        Ok(_read) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(FrameError::Pipe(error)),
    }
    let mut payload = Zeroizing::new(vec![0; frame::payload_bytes(prefix)?]);
    messages.read_exact(&mut payload).await.map_err(FrameError::Pipe)?;
    ChildMessage::from_cbor(&payload).map(Some)
}
