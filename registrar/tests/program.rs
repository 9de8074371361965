//! The program as an operator runs it: made, started, spoken to, stopped.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kido-registrar");

/// A registrar in a folder of its own, on a port of its own.
struct Registrar {
    home: tempfile::TempDir,
    address: String,
    process: Child,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_remove("KIDO_SERVER").env_remove("KIDO_TOKEN_FILE");
    command
}

fn init(home: &Path) -> Output {
    let mut init = command(&["init", "--origin", "https://tickets.example", "--json"]);
    init.arg("--data").arg(home.join("data")).arg("--root-key").arg(home.join("root.key")).output().unwrap()
}

fn serve(home: &Path) -> Command {
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0"]);
    serve.arg("--data").arg(home.join("data")).stdout(Stdio::piped()).stderr(Stdio::piped());
    serve
}

impl Registrar {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        assert!(init(home.path()).status.success());
        let mut process = serve(home.path()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { home, address, process }
    }

    fn client(&self, arguments: &[&str]) -> Output {
        let mut client = command(arguments);
        client.args(["--server", &self.address, "--json", "--token-file"]).arg(self.path("data/operator.token"));
        client.output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.client(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn event(&self) -> String {
        let event = self.json(&[
            "event",
            "create",
            "--name",
            "初日",
            "--starts-at",
            "2099-01-10T18:00:00+09:00",
            "--ends-at",
            "2099-01-10T22:00:00+09:00",
            "--offline",
            "home-gate",
        ]);
        event["event"].as_str().unwrap().to_owned()
    }

    /// Ends it the way systemd would, and gives what it wrote to its log.
    fn terminate(&mut self) -> String {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.process.wait().unwrap().success(), "SIGTERM is no failure");
        let mut log = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Registrar {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

const TABLE: &str = "ticket_ref,order_ref,zone,seat_label,valid_from,valid_until,entries,party\n\
    TICKET-1,ORDER-1,A,Row 1,2099-01-10T17:00:00+09:00,2099-01-10T22:00:00+09:00,1,\n\
    TICKET-2,ORDER-1,A,Row 2,2099-01-10T17:00:00+09:00,2099-01-10T22:00:00+09:00,1,family\n";

#[test]
fn a_folder_is_initialised_once_and_a_registrar_needs_one() {
    let home = tempfile::tempdir().unwrap();
    let refused = serve(home.path()).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("init"));
    assert!(init(home.path()).status.success());
    let again = init(home.path());
    assert!(String::from_utf8_lossy(&again.stderr).contains("holds a registrar already"));
}

#[test]
fn tickets_are_imported_with_links_of_the_public_origin_and_nothing_of_them_is_logged() {
    let mut registrar = Registrar::start();
    let event = registrar.event();
    let (table, codes) = (registrar.path("t.csv"), registrar.path("codes.csv"));
    std::fs::write(&table, TABLE).unwrap();
    let (table, out) = (table.display().to_string(), codes.display().to_string());
    let import = ["tickets", "import", &event, &table, "--codes", &out];
    assert_eq!(registrar.json(&import)["created"], 2);
    let written = std::fs::read_to_string(&codes).unwrap();
    assert!(written.lines().nth(1).unwrap().starts_with("TICKET-1,https://tickets.example/r#"), "the public origin");
    let again = registrar.json(&import);
    assert_eq!((&again["unchanged"], &again["codes_taken_up"]), (&Value::from(2), &Value::from(true)));
    assert_eq!(std::fs::read_to_string(&codes).unwrap(), written);
    assert_eq!(registrar.json(&["tickets", "show", &event, "TICKET-2"])["state"], "unbound");
    let cancelled = registrar.json(&["tickets", "cancel", &event, "TICKET-2"]);
    assert_eq!(cancelled["state"], "cancelled");
    let log = registrar.terminate();
    for secret in ["TICKET-1", "ORDER-1", "Row 1", "127.0.0.1:5"] {
        assert!(!log.contains(secret), "{secret} in the log: {log}");
    }
}

#[test]
fn a_wrong_event_leaves_no_code_file_behind() {
    let registrar = Registrar::start();
    let (table, codes) = (registrar.path("t.csv"), registrar.path("codes.csv"));
    std::fs::write(&table, TABLE).unwrap();
    let (table, out) = (table.display().to_string(), codes.display().to_string());
    let event = "event-00000000000000000000000000";
    let refused = registrar.client(&["tickets", "import", event, &table, "--codes", &out]);
    let problem: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(problem["code"], "unknown_event");
    assert!(!refused.status.success() && !codes.exists());
}

#[test]
fn one_process_serves_a_folder_and_another_may_after_it() {
    let mut registrar = Registrar::start();
    let event = registrar.event();
    let refused = serve(registrar.home.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another process serves"), "{refused:?}");
    registrar.terminate();
    let mut process = serve(registrar.home.path()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    registrar.address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
    registrar.process = process;
    assert_eq!(registrar.json(&["event", "show", &event])["offline"], "home_gate");
}

#[test]
fn a_certificate_is_judged_without_a_server_and_without_a_word_of_its_content() {
    let home = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/jpki");
    let check = |file: &Path| command(&["certificate", "check", "--json"]).arg(file).output().unwrap();
    let root = check(&fixtures.join("user-auth-ca-02.der"));
    let judged: Value = serde_json::from_slice(&root.stdout).unwrap();
    assert_eq!((root.status.code(), &judged["accepted"]), (Some(1), &Value::from(false)));
    let names: Vec<_> = judged["reasons"].as_array().unwrap().iter().map(|reason| reason["name"].clone()).collect();
    assert!(names.contains(&Value::from("certificate_authority")), "{names:?}");
    let pem = home.path().join("card.pem");
    std::fs::write(&pem, "-----BEGIN CERTIFICATE-----\n").unwrap();
    assert!(String::from_utf8_lossy(&check(&pem).stderr).contains("only DER is read"));
}

#[test]
fn a_specimen_of_a_test_card_is_accepted_in_a_rehearsal_only() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/jpki");
    let specimen = fixtures.join("test-user-auth-certificate.der");
    let real = command(&["certificate", "check", "--json"]).arg(&specimen).output().unwrap();
    let judged: Value = serde_json::from_slice(&real.stdout).unwrap();
    let reasons = judged["reasons"].to_string();
    assert!(reasons.contains("untrusted") && reasons.contains("wrong_policy"), "{reasons}");
    let mut rehearsal = command(&["certificate", "check", "--rehearsal", "--json"]);
    for anchor in ["test-user-auth-ca-2019.der", "test-user-auth-ca-2023.der"] {
        rehearsal.arg("--trust-anchor").arg(fixtures.join(anchor));
    }
    let judged: Value = serde_json::from_slice(&rehearsal.arg(&specimen).output().unwrap().stdout).unwrap();
    let reasons = judged["reasons"].to_string();
    assert!(!reasons.contains("untrusted") && !reasons.contains("wrong_policy"), "{reasons}");
}
