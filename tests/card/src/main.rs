//! `kido-virtual-card`: test cards for any PC/SC program, on a machine without a reader.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Parser, Subcommand};
use kido_virtual_card::character::Character;
use kido_virtual_card::control::{self, Answer, Client, Request};
use kido_virtual_card::issuer::{Authority, Hierarchy};
use kido_virtual_card::samples::samples;
use kido_virtual_card::stack::{self, PrivateStack};

/// My Number Cards for tests, and a private PC/SC stack to put them into.
///
/// No reader, no real card, no change to the machine: the stack has its own pcscd in namespaces of its own and ends
/// with the command that started it. Every card has the PIN 1234; names, keys and certificates are invented, the same
/// in every run, and protect nothing.
#[derive(Debug, Parser)]
#[command(version, after_long_help = TOUR)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

const TOUR: &str = r#"A tour, with opensc installed:

  kido-virtual-card stack --dir /tmp/cards &
  kido-virtual-card send --dir /tmp/cards '{"insert":{"slot":0,"card":"holder"}}'
  PCSCLITE_CSOCK_NAME=/tmp/cards/run/pcscd.comm opensc-tool --list-readers
  kido-virtual-card send --dir /tmp/cards '{"cards":{}}'
  kido-virtual-card send --dir /tmp/cards '{"quit":{}}'"#;

const REQUESTS: &str = r#"Requests, one JSON value each, one JSON line back:

  {"insert":{"slot":0,"card":"holder","faults":[]}}   slot 0 is reader "Virtual PCD 00 00", slot 1 "… 00 01"
  {"remove":{"slot":0}}                               pcscd notices within 0.4 s
  {"cards":{}}                                        per card: commands, bytes, distinct commands, tries, signatures
  {"log":{}}                                          every command: header, lengths, status word; never its data
  {"quit":{}}                                         ends the stack

Faults, any number of them:

  "another-card"  "other-key"  "no-pin"  "signature-certificate"  "garbage-certificate"  "oversized-certificate"  "phone"
  "endless-more" (61xx)  "endless-wrong-length" (6Cxx)  "first-command-fails" (6F00)  "long-answer"
  "short-signature"  "status-is-done-once-verified"
  {"torn-at":{"command":4,"executed":false,"back_after_ms":300}}   leave out back_after_ms: it stays away
  {"tries-left":1}  {"slow-command":300}  {"slow-signature":600}  {"silent-from":3}  {"verified-before":1}
  {"no-short-forms":"6A86"}   or 6A82, 6B00, 6D00

A card keeps its tries and its log from one insertion to the next, as long as the stack lives."#;

#[derive(Debug, Subcommand)]
enum Action {
    /// Runs a private PC/SC stack with a virtual reader of two slots until it is stopped.
    ///
    /// Prints one line when it is ready: `PCSCLITE_CSOCK_NAME=…`, the variable that points PC/SC programs to it.
    Stack {
        /// Folder for its sockets and log; made where it does not exist.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Ends when standard input closes: ties the stack to the life of a script.
        #[arg(long)]
        until_stdin_closes: bool,
    },
    /// Sends one request to a running stack and prints its answer.
    #[command(after_long_help = REQUESTS)]
    Send {
        /// The folder that `stack` was given.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The request, as JSON.
        #[arg(value_name = "JSON")]
        request: String,
    },
    /// Tells about one card of the cast.
    #[command(subcommand)]
    Card(CardAction),
    /// Writes the test issuers' roots as DER: the trust anchors of a rehearsal.
    Anchors {
        /// Folder to write into; made where it does not exist.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Writes every certificate of the cast as DER, with a list that says what is wrong with each.
    Certificates {
        /// Folder to write into; made where it does not exist.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// The first process inside the namespaces; `stack` starts it.
    #[command(name = stack::INSIDE, hide = true)]
    StackInside {
        #[arg(long)]
        dir: PathBuf,
        #[arg(long, default_value_t = 1)]
        readers: usize,
    },
}

#[derive(Debug, Subcommand)]
enum CardAction {
    /// Prints the names of the cast.
    List,
    /// Writes the certificate that a card shows, as DER.
    Certificate {
        /// Name of the card.
        #[arg(value_name = "NAME")]
        card: Character,
        /// File to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Action::Stack { dir, until_stdin_closes } => run_stack(&dir, until_stdin_closes),
        Action::Send { dir, request } => send(&dir, &request),
        Action::Card(CardAction::List) => say(&Character::ALL.map(Character::name).join("\n")),
        Action::Card(CardAction::Certificate { card, out }) => write(&out, &card.certificate()?),
        Action::Anchors { out } => write_anchors(&out),
        Action::Certificates { out } => write_certificates(&out),
        Action::StackInside { dir, readers } => Ok(stack::run(&dir, readers)?),
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn run_stack(dir: &Path, until_stdin_closes: bool) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("this program has no path")?;
    let stack = PrivateStack::start(&program, dir)?;
    say(&format!("{}={}", stack::SOCKET_VARIABLE, stack.pcscd_socket().display()))?;
    if until_stdin_closes {
        io::stdin().lock().read_to_end(&mut Vec::new())?;
        drop(stack);
        return Ok(());
    }
    let status = stack.wait()?;
    anyhow::ensure!(status.success(), "the stack ended by itself: {status}");
    Ok(())
}

fn send(dir: &Path, request: &str) -> anyhow::Result<()> {
    let request: Request = serde_json::from_str(request).context("not a request; see `send --help`")?;
    let mut client = Client::connect(&dir.join(control::SOCKET))?;
    let answer: Answer = client.ask(&request)?;
    say(&serde_json::to_string(&answer)?)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

fn write_anchors(out: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(out)?;
    for hierarchy in Hierarchy::ANCHORS {
        let path = out.join(format!("kido-test-user-auth-ca-{}.der", hierarchy.label()));
        write(&path, &Authority::of(hierarchy)?.certificate()?)?;
        say(&path.display().to_string())?;
    }
    Ok(())
}

fn write_certificates(out: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(out)?;
    let mut list = Vec::new();
    for sample in samples()? {
        let file = format!("{}.der", sample.name);
        write(&out.join(&file), &sample.der)?;
        list.push(serde_json::json!({ "file": file, "refuse_because": sample.refuse_because }));
    }
    write(&out.join("manifest.json"), serde_json::to_string_pretty(&list)?.as_bytes())?;
    say(&out.join("manifest.json").display().to_string())
}
