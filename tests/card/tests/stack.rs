//! The card behind a real pcscd, judged by programs that know nothing of it: OpenSC and openssl.

use std::error::Error;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use kido_virtual_card::card::Fault;
use kido_virtual_card::character::Character;
use kido_virtual_card::control::Client;
use kido_virtual_card::stack::{self, PrivateStack, READER_NAMES, SLOT_NAMES, SOCKET_VARIABLE};
use kido_virtual_card::{control, planted};
use tempfile::TempDir;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kido-virtual-card");
const SELECT_JPKI: &str = "00A4040C0AD392F000260100000001";
/// What OpenSC says of an empty reader.
const NO_CARD_YET: [&str; 2] = ["Card not present", "No smart card readers found"];
/// A look takes some 20 ms.
const LOOKS_MAX: u32 = 500;
/// Longer than any of these steps takes; a hang fails instead of waiting for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stack of the test's own.
struct Bench {
    stack: PrivateStack,
    folder: TempDir,
}

impl Bench {
    /// None where packages are missing: says so and why.
    fn start() -> Outcome<Option<Self>> {
        Self::start_with(1)
    }

    /// The same with so many readers.
    fn start_with(readers: usize) -> Outcome<Option<Self>> {
        let missing = stack::installed().err().map(|error| error.to_string());
        let opensc = (!Path::new("/usr/bin/pkcs15-crypt").exists()).then(|| "apt-get install opensc".to_owned());
        if let Some(why) = missing.or(opensc) {
            // Past the test harness, which would show it for failures only.
            writeln!(io::stderr(), "skipped: {why}")?;
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        let stack = PrivateStack::start_with(Path::new(PROGRAM), &folder.path().join("stack"), readers)?;
        Ok(Some(Self { stack, folder }))
    }

    fn control(&self) -> Outcome<Client> {
        Ok(self.stack.control()?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn client(&self, program: &str, driver: &str) -> Command {
        let mut command = Command::new(program);
        command.env(SOCKET_VARIABLE, self.stack.pcscd_socket()).env("OPENSC_DRIVER", driver);
        command
    }

    /// Runs a client until it finds a card: pcscd tells its clients a moment after it has given the card power.
    fn once_there(&self, program: &str, driver: &str, arguments: &[&str]) -> Outcome<Output> {
        for _ in 0..LOOKS_MAX {
            let output = self.client(program, driver).args(arguments).output()?;
            if !NO_CARD_YET.iter().any(|complaint| text(&output).contains(complaint)) {
                return Ok(output);
            }
        }
        Err("no card appeared".into())
    }

    /// Sends commands with opensc-tool.
    fn transmit(&self, commands: &[&str]) -> Outcome<Output> {
        let arguments: Vec<&str> = commands.iter().flat_map(|command| ["--send-apdu", command]).collect();
        self.once_there("opensc-tool", "default", &arguments)
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn run(command: &mut Command) -> Outcome<Vec<u8>> {
    let output = command.output()?;
    if output.status.success() { Ok(output.stdout) } else { Err(text(&output).into()) }
}

/// Lets OpenSC sign a SHA-256 hash; answers message and signature files.
fn sign_with_opensc(bench: &Bench) -> Outcome<(PathBuf, PathBuf)> {
    let (message, hash, signature) = (bench.path("message"), bench.path("hash"), bench.path("signature"));
    std::fs::write(&message, b"a message of the judge")?;
    run(Command::new("openssl").args(["dgst", "-sha256", "-binary", "-out"]).arg(&hash).arg(&message))?;
    let path = |file: &Path| file.to_str().map(str::to_owned).ok_or("a path that is not UTF-8");
    let (hash, signature_file) = (path(&hash)?, path(&signature)?);
    let what = ["--sign", "--key", "1", "--pin", planted::PIN, "--pkcs1", "--sha-256", "--raw"];
    let output =
        bench.once_there("pkcs15-crypt", "jpki", &[&what[..], &["-i", &hash, "-o", &signature_file]].concat())?;
    if !output.status.success() {
        return Err(text(&output).into());
    }
    Ok((message, signature))
}

/// Whether openssl accepts the signature under the key of this certificate.
fn openssl_verifies(bench: &Bench, certificate: &[u8], message: &Path, signature: &Path) -> Outcome<bool> {
    let (der, key) = (bench.path("certificate.der"), bench.path("key.pem"));
    std::fs::write(&der, certificate)?;
    run(Command::new("openssl")
        .args(["x509", "-inform", "der", "-noout", "-pubkey", "-out"])
        .arg(&key)
        .arg("-in")
        .arg(&der))?;
    let verdict = Command::new("openssl")
        .args(["dgst", "-sha256", "-verify"])
        .arg(&key)
        .arg("-signature")
        .arg(signature)
        .arg(message)
        .output()?;
    Ok(verdict.status.success())
}

#[test]
fn opensc_reads_the_certificate_that_was_issued() -> Outcome {
    let Some(bench) = Bench::start()? else { return Ok(()) };
    bench.control()?.insert(0, Character::Holder, Vec::new())?;
    let pem = bench.once_there("pkcs15-tool", "jpki", &["--read-certificate", "1"])?.stdout;
    let (pem_file, der_file) = (bench.path("read.pem"), bench.path("read.der"));
    std::fs::write(&pem_file, pem)?;
    run(Command::new("openssl").args(["x509", "-outform", "der", "-in"]).arg(&pem_file).arg("-out").arg(&der_file))?;
    assert_eq!(std::fs::read(&der_file)?, Character::Holder.certificate()?);
    Ok(())
}

#[test]
fn openssl_verifies_what_opensc_lets_the_card_sign_and_a_copy_fails() -> Outcome {
    let Some(bench) = Bench::start()? else { return Ok(()) };
    let certificate = Character::Holder.certificate()?;
    let mut control = bench.control()?;
    for (card, genuine) in [(Character::Holder, true), (Character::Copy, false)] {
        control.insert(0, card, Vec::new())?;
        let (message, signature) = sign_with_opensc(&bench)?;
        assert_eq!(openssl_verifies(&bench, &certificate, &message, &signature)?, genuine, "{card}");
        control.remove(0)?;
    }
    let signatures: Vec<u64> = control.cards()?.iter().map(|card| card.signatures).collect();
    assert_eq!(signatures, [1, 1]);
    Ok(())
}

#[test]
fn openssl_accepts_the_path_from_leaf_to_root() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("leaf.der"), Character::Holder.certificate()?)?;
    run(Command::new(PROGRAM).arg("anchors").arg("--out").arg(folder.path()))?;
    for (root, accepted) in [("test-2023", true), ("test-2019", false)] {
        let root = path(&format!("kido-test-user-auth-ca-{root}.der"));
        let verdict = Command::new("openssl")
            .args(["verify", "-partial_chain", "-purpose", "sslclient", "-trusted"])
            .arg(root)
            .arg(path("leaf.der"))
            .output()?;
        assert_eq!(verdict.status.success(), accepted, "{}", text(&verdict));
    }
    Ok(())
}

#[test]
fn two_stacks_stand_side_by_side() -> Outcome {
    let (Some(one), Some(other)) = (Bench::start()?, Bench::start()?) else {
        return Ok(());
    };
    one.control()?.insert(0, Character::Holder, Vec::new())?;
    other.control()?.insert(1, Character::Stranger, Vec::new())?;
    for (bench, slot) in [(&one, 0), (&other, 1)] {
        let list = String::from_utf8(run(bench.client("opensc-tool", "default").arg("--list-readers"))?)?;
        for (number, name) in READER_NAMES.iter().enumerate() {
            let line = list.lines().find(|line| line.ends_with(name)).ok_or("no such reader")?;
            assert_eq!(line.contains("Yes"), number == slot, "{list}");
        }
    }
    Ok(())
}

#[test]
fn a_stack_with_several_readers_has_a_slot_for_each_of_eight_gates() -> Outcome {
    let Some(bench) = Bench::start_with(4)? else { return Ok(()) };
    bench.control()?.insert(5, Character::Holder, Vec::new())?;
    let list = String::from_utf8(run(bench.client("opensc-tool", "default").arg("--list-readers"))?)?;
    for (number, name) in SLOT_NAMES.iter().enumerate() {
        let line = list.lines().find(|line| line.ends_with(&format!(" {name}"))).ok_or("no such reader")?;
        assert_eq!(line.contains("Yes"), number == 5, "{list}");
    }
    Ok(())
}

#[test]
fn a_card_keeps_its_tries_while_it_is_away() -> Outcome {
    let Some(bench) = Bench::start()? else { return Ok(()) };
    let mut control = bench.control()?;
    for left in [2, 1] {
        control.insert(0, Character::Stranger, Vec::new())?;
        let answer = bench.transmit(&[SELECT_JPKI, "002000980439383736"])?;
        assert!(text(&answer).contains("SW1=0x63"), "{}", text(&answer));
        control.remove(0)?;
        assert_eq!(control.cards()?.first().map(|card| (card.tries_left, card.slot)), Some((left, None)));
    }
    let log = serde_json::to_string(&control.log()?)?;
    assert!(log.contains("00 20 00 98 04 ..") && !log.contains("39383736"), "{log}");
    Ok(())
}

#[test]
fn a_card_torn_at_a_command_is_back_by_itself() -> Outcome {
    let Some(bench) = Bench::start()? else { return Ok(()) };
    let mut control = bench.control()?;
    let tear = Fault::TornAt { command: 1, executed: false, back_after_ms: Some(700) };
    control.insert(0, Character::Holder, vec![tear])?;
    let torn = bench.transmit(&[SELECT_JPKI])?;
    assert!(!torn.status.success() || !text(&torn).contains("SW1=0x90"), "{}", text(&torn));
    for _ in 0..LOOKS_MAX {
        if text(&bench.transmit(&[SELECT_JPKI])?).contains("SW1=0x90") {
            return Ok(());
        }
    }
    Err("the card did not come back".into())
}

#[test]
fn a_request_that_makes_no_sense_is_refused_and_changes_nothing() -> Outcome {
    let Some(bench) = Bench::start()? else { return Ok(()) };
    let mut stream = UnixStream::connect(bench.stack.control_socket())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    for request in
        ["{}", "nonsense", r#"{"insert":{"slot":0,"card":"nobody"}}"#, r#"{"insert":{"slot":7,"card":"holder"}}"#]
    {
        stream.write_all(format!("{request}\n").as_bytes())?;
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer)?;
        assert!(String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).contains("refused"), "{request}");
    }
    Ok(())
}

/// Waits until the server's end of a connection is gone: the kernel closes it with the process.
fn await_end(mut connection: UnixStream) -> Outcome {
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut rest = Vec::new();
    match connection.read_to_end(&mut rest) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[test]
fn nothing_is_left_when_the_parent_is_killed() -> Outcome {
    let Some(bench) = Bench::start()? else { return Ok(()) };
    let folder = bench.path("orphan");
    let mut parent = Command::new(PROGRAM).arg("stack").arg("--dir").arg(&folder).stdout(Stdio::piped()).spawn()?;
    let mut ready = [0; 1];
    parent.stdout.as_mut().ok_or("no output")?.read_exact(&mut ready)?;
    let pcscd = UnixStream::connect(folder.join("run/pcscd.comm"))?;
    let connection = UnixStream::connect(folder.join(control::SOCKET))?;
    parent.kill()?;
    parent.wait()?;
    await_end(connection)?;
    await_end(pcscd)?;
    assert!(UnixStream::connect(folder.join(control::SOCKET)).is_err());
    Ok(())
}

#[test]
fn a_stack_ends_when_told_to_and_starts_again_in_the_same_folder() -> Outcome {
    let Some(bench) = Bench::start()? else { return Ok(()) };
    let folder = bench.path("again");
    for _ in 0..2 {
        let stack = PrivateStack::start(Path::new(PROGRAM), &folder)?;
        stack.control()?.quit()?;
        assert!(stack.wait()?.success());
    }
    Ok(())
}

#[test]
fn a_plain_user_has_a_stack_too() -> Outcome {
    let Some(bench) = Bench::start()? else { return Ok(()) };
    if !rustix::process::geteuid().is_root() {
        // Every other test has just shown it.
        return Ok(());
    }
    let as_nobody = |program: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--", program]);
        command
    };
    if !as_nobody("test").args(["-x", PROGRAM]).status()?.success() {
        writeln!(io::stderr(), "skipped: {PROGRAM} cannot be reached by a plain user")?;
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534))?;
    let mut user = as_nobody(PROGRAM);
    user.args(["stack", "--until-stdin-closes", "--dir"]).arg(folder.path());
    let mut user = user.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut ready = vec![0; SOCKET_VARIABLE.len()];
    user.stdout.as_mut().ok_or("no output")?.read_exact(&mut ready)?;
    assert_eq!(ready, SOCKET_VARIABLE.as_bytes());
    Client::connect(&folder.path().join(control::SOCKET))?.insert(0, Character::Holder, Vec::new())?;
    drop(user.stdin.take());
    assert!(user.wait()?.success());
    drop(bench);
    Ok(())
}
