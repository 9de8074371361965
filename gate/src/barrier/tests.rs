//! What a barrier's program may do, and what becomes of it. The admissions come from a real journal.

use std::path::Path;

use kido_shared::ids::AdmissionId;

use super::*;

const ADMISSION: AdmissionId = AdmissionId::from_bytes([0xAD; 16]);

fn shell(script: &str) -> BarrierCommand {
    BarrierCommand {
        program: PathBuf::from("/bin/sh"),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        time: Duration::from_secs(3),
    }
}

async fn open(command: &BarrierCommand) -> Result<Opened, BarrierError> {
    command.open(Passage::In, ADMISSION, 2).await
}

/// A path as the shell reads it inside single quotes.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}

#[tokio::test]
async fn exit_code_0_is_open_and_any_other_is_not() {
    assert_eq!(open(&shell("exit 0")).await.unwrap(), Opened);
    let failed = open(&shell("exit 7")).await.unwrap_err();
    assert!(matches!(failed, BarrierError::Failed(status) if status.code() == Some(7)));
    assert!(matches!(open(&shell("exit 40")).await, Err(BarrierError::NobodyPassed)), "said for certain");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_so() {
    let command = BarrierCommand { program: PathBuf::from("/nonexistent/barrier"), ..shell("") };
    assert!(matches!(open(&command).await, Err(BarrierError::NotFound)));
}

#[tokio::test]
async fn a_program_over_its_time_is_killed_before_the_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let opened = folder.path().join("opened");
    // A child of the program: a motor that starts afterwards must not exist either.
    let script = format!("(sleep 1; : > {})", quoted(&opened));
    let command = BarrierCommand { time: Duration::from_millis(50), ..shell(&script) };
    assert!(matches!(open(&command).await, Err(BarrierError::TimedOut(_))));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!opened.exists());
}

#[tokio::test]
async fn a_program_learns_the_admission_the_count_and_the_direction_and_reads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    let told = "$KIDO_ADMISSION $KIDO_ADMISSIONS $KIDO_DIRECTION $(cat | wc -c) $#";
    let script = format!("echo \"{told}\" > {}", quoted(&seen));
    for (passage, direction) in [(Passage::In, "in"), (Passage::Out, "out")] {
        shell(&script).open(passage, ADMISSION, 2).await.unwrap();
        let text = std::fs::read_to_string(&seen).unwrap();
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), [&*ADMISSION.to_string(), "2", direction, "0", "0"]);
    }
}

#[tokio::test]
async fn nothing_opens_without_an_admission() {
    let refused = Barrier::Log.open(TapNumber::new(1), &[]).await;
    assert!(matches!(refused, Err(BarrierError::NoAdmission)));
}

#[tokio::test]
async fn nobody_is_let_out_by_a_barrier_that_sees_nobody_pass() {
    let departure = Departure { admission: ADMISSION, ticket: kido_shared::ids::TicketId::from_bytes([1; 16]) };
    assert!(matches!(Barrier::Log.let_out(&[departure]).await, Err(BarrierError::SeesNothing)));
    let program = Barrier::Command(shell("[ \"$KIDO_DIRECTION\" = out ]"));
    assert_eq!(program.let_out(&[departure]).await.unwrap(), Opened);
}
