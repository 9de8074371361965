//! The supervisor against processes that misbehave: shell scripts that speak a few frames.

use std::path::Path;
use std::time::Duration;

use kido_shared::apdu::TapCommand;
use kido_shared::card::PinEntry;
use rustix::process::{Pid, Signal, kill_process};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;

/// `ReaderArrived("R", PinEntry::Here)`, then `CardPresent`.
const ARRIVES: &str = r"printf '\000\005\203\000\141\122\000\000\002\201\002'; ";

/// `Alive`, for ever.
const LIVES: &str = r"while printf '\000\002\201\006'; do sleep 0.2; done";

/// A reader is back in this time, however it was lost.
const BACK_MAX: Duration = Duration::from_secs(10);

fn script(body: &str) -> ReaderProgram {
    ReaderProgram { program: "/bin/sh".into(), arguments: vec!["-c".into(), body.into()] }
}

fn start(program: ReaderProgram) -> (ReaderHandle, JoinHandle<()>) {
    let (handle, supervisor) = reader(program);
    (handle, tokio::spawn(supervisor.run()))
}

async fn next(handle: &mut ReaderHandle) -> ReaderInput {
    timeout(BACK_MAX, handle.inputs.recv()).await.expect("nothing for ten seconds").expect("the supervisor ended")
}

async fn ready(handle: &mut ReaderHandle) {
    assert!(matches!(next(handle).await, ReaderInput::ReaderReady(name, PinEntry::Here) if name == "R"));
    assert!(matches!(next(handle).await, ReaderInput::CardPresent));
}

/// What the runtime is told when a child is lost and replaced.
async fn lost_and_back(handle: &mut ReaderHandle, restarts: u32) {
    let lost = Instant::now();
    assert!(matches!(next(handle).await, ReaderInput::ReaderGone(ReaderLoss::ChildEnded)));
    assert!(matches!(next(handle).await, ReaderInput::ChildRestarted(count) if count == restarts));
    ready(handle).await;
    assert!(lost.elapsed() < BACK_MAX);
}

fn read_window() -> TapCommand {
    TapCommand::from_cbor(&[0x82, 6, 0]).unwrap()
}

fn pid_in(file: &Path) -> Pid {
    Pid::from_raw(std::fs::read_to_string(file).unwrap().trim().parse().unwrap()).unwrap()
}

#[tokio::test]
async fn a_killed_child_is_replaced_and_the_tap_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let (mut handle, _running) = start(script(&format!("echo $$ > {}; {ARRIVES}{LIVES}", pid.display())));
    ready(&mut handle).await;
    for restarts in 1..=3 {
        let tap = TapNumber::new(u64::from(restarts));
        handle.send(ReaderOrder::Transmit(tap, read_window())).unwrap();
        kill_process(pid_in(&pid), Signal::KILL).unwrap();
        assert!(matches!(next(&mut handle).await, ReaderInput::Torn(torn) if torn == tap));
        lost_and_back(&mut handle, restarts).await;
    }
}

#[tokio::test]
async fn a_child_that_hangs_on_a_command_is_killed_after_two_seconds() {
    let (mut handle, _running) = start(script(&format!("{ARRIVES}{LIVES}")));
    ready(&mut handle).await;
    let asked = Instant::now();
    handle.send(ReaderOrder::Transmit(TapNumber::new(1), read_window())).unwrap();
    assert!(matches!(next(&mut handle).await, ReaderInput::CommandTimedOut(late) if late == TapNumber::new(1)));
    assert!(asked.elapsed() >= COMMAND_TIME && asked.elapsed() < COMMAND_TIME * 2);
    lost_and_back(&mut handle, 1).await;
}

#[tokio::test]
async fn a_silent_child_is_killed() {
    let (mut handle, _running) = start(script(&format!("{ARRIVES} exec sleep 3600")));
    ready(&mut handle).await;
    lost_and_back(&mut handle, 1).await;
}

#[tokio::test]
async fn a_child_that_talks_nonsense_is_replaced() {
    let (mut handle, _running) = start(script(&format!(r"{ARRIVES} printf '\377\377'; {LIVES}")));
    ready(&mut handle).await;
    lost_and_back(&mut handle, 1).await;
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_reaches_nobody() {
    let answered = r"printf '\000\007\204\004\001\001\102\220\000'; ";
    let (mut handle, _running) = start(script(&format!("{ARRIVES}{answered}{ARRIVES}{LIVES}")));
    ready(&mut handle).await;
    ready(&mut handle).await;
}

#[tokio::test]
async fn without_its_program_a_lane_is_told_and_its_orders_are_answered() {
    let (mut handle, _running) =
        start(ReaderProgram { program: "/nowhere/reader-child".into(), arguments: Vec::new() });
    assert!(matches!(next(&mut handle).await, ReaderInput::ReaderGone(ReaderLoss::ChildEnded)));
    handle.send(ReaderOrder::Transmit(TapNumber::new(1), read_window())).unwrap();
    loop {
        let input = next(&mut handle).await;
        if matches!(input, ReaderInput::Torn(_)) {
            break;
        }
        assert!(matches!(input, ReaderInput::ChildRestarted(_) | ReaderInput::ReaderGone(_)), "{input:?}");
    }
}

#[tokio::test]
async fn a_dropped_handle_ends_the_child_and_the_supervisor() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let (mut handle, running) = start(script(&format!("echo $$ > {}; {ARRIVES} exec cat > /dev/null", pid.display())));
    ready(&mut handle).await;
    let child = pid_in(&pid);
    drop(handle);
    timeout(BACK_MAX, running).await.unwrap().unwrap();
    assert!(rustix::process::test_kill_process(child).is_err(), "the child is still there");
}

#[test]
fn a_private_process_leaves_no_core_dump() {
    keep_memory_private().unwrap();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
    assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    let behavior = rustix::process::dumpable_behavior().unwrap();
    assert_eq!(behavior, rustix::process::DumpableBehavior::NotDumpable);
}
