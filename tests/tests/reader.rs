//! The reader process behind a real pcscd: presence, taps, torn cards, hung cards, a service that goes and comes back.

#[cfg(test)]
mod behind_pcscd {
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::time::Duration;

    use kido_gate::lane::TapNumber;
    use kido_gate::reader::{ReaderHandle, ReaderInput, ReaderLoss, ReaderOrder, ReaderProgram, reader};
    use kido_reader::child::{CommandFailure, ReaderAbsence};
    use kido_reader::{Cancel, NoReader, ReaderPattern, Readers, WaitError, Waiting};
    use kido_shared::apdu::{ResponseApdu, TapCommand};
    use kido_shared::card::PinEntry;
    use kido_shared::clock::SystemClock;
    use kido_virtual_card::card::Fault;
    use kido_virtual_card::character::Character;
    use kido_virtual_card::control::Client;
    use kido_virtual_card::stack::{PrivateStack, READER_NAMES, SOCKET_VARIABLE, installed, program_beside};
    use rustix::process::{Pid, Signal, kill_process, test_kill_process};
    use tempfile::TempDir;
    use tokio::time::Instant;

    /// A reader is back in this time, however it was lost (`protocol.md` §4).
    const BACK_MAX: Duration = Duration::from_secs(10);

    const SELECT: &[u8] = &[0x81, 0];
    const READ_WINDOW: &[u8] = &[0x82, 6, 0];
    const PIN_STATUS: &[u8] = &[0x82, 2, 0];
    const VERIFY_1234: &[u8] = &[0x83, 3, 0, 0x44, b'1', b'2', b'3', b'4'];

    fn command(cbor: &[u8]) -> TapCommand {
        TapCommand::from_cbor(cbor).unwrap()
    }

    /// `None`, and a line that says why, where this machine has no pcscd or virtual reader.
    #[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
    fn stack(folder: &Path) -> Option<PrivateStack> {
        if let Err(why) = installed() {
            eprintln!("skipped: {why}");
            return None;
        }
        Some(PrivateStack::start(&program("kido-virtual-card"), folder).unwrap())
    }

    fn program(name: &str) -> PathBuf {
        let cards = program_beside(&std::env::current_exe().unwrap()).expect("cargo build --workspace --bins");
        cards.with_file_name(name)
    }

    /// The shipped reader process, pointed to the stack in this folder; it leaves its process id there.
    fn reader_child(folder: &Path, name: Option<&str>) -> ReaderProgram {
        let mut arguments = vec![
            "-c".into(),
            r#"echo $$ > "$0/child"; exec env "$@""#.into(),
            folder.into(),
            format!("{SOCKET_VARIABLE}={}", folder.join("run/pcscd.comm").display()).into(),
            program("kido-gate").into(),
            "reader-child".into(),
        ];
        arguments.extend(name.into_iter().flat_map(|name| ["--reader".into(), name.into()]));
        ReaderProgram { program: "sh".into(), arguments }
    }

    struct Lane {
        handle: ReaderHandle,
        tap: TapNumber,
        // Dropped last: the reader ends before its service does.
        stack: Option<PrivateStack>,
        folder: TempDir,
    }

    impl Lane {
        async fn start() -> Option<Self> {
            let folder = tempfile::tempdir().unwrap();
            let stack = stack(folder.path())?;
            let (handle, supervisor) = reader(reader_child(folder.path(), Some(READER_NAMES[0])));
            tokio::spawn(supervisor.run());
            let mut lane = Self { handle, tap: TapNumber::new(0), stack: Some(stack), folder };
            lane.ready().await;
            Some(lane)
        }

        fn control(&self) -> Client {
            Client::connect(&self.folder.path().join("control.sock")).unwrap()
        }

        async fn next(&mut self) -> ReaderInput {
            let input = tokio::time::timeout(BACK_MAX, self.handle.inputs.recv()).await;
            input.expect("nothing for ten seconds").expect("the supervisor ended")
        }

        /// Waits until the reader is there, whatever is told on the way.
        async fn ready(&mut self) {
            loop {
                let input = self.next().await;
                if let ReaderInput::ReaderReady(name, entry) = input {
                    assert_eq!((name.as_str(), entry), (READER_NAMES[0], PinEntry::Here), "vpcd has no keys");
                    return;
                }
                let on_the_way = matches!(
                    input,
                    ReaderInput::ReaderGone(_) | ReaderInput::ChildRestarted(_) | ReaderInput::CardGone
                );
                assert!(on_the_way, "{input:?}");
            }
        }

        async fn insert(&mut self, card: Character, faults: Vec<Fault>) {
            self.control().insert(0, card, faults).unwrap();
            assert!(matches!(self.next().await, ReaderInput::CardPresent));
            self.begin_tap();
        }

        fn begin_tap(&mut self) {
            self.tap = TapNumber::new(self.tap.get() + 1);
        }

        async fn ask(&mut self, cbor: &[u8]) -> ReaderInput {
            self.handle.send(ReaderOrder::Transmit(self.tap, command(cbor))).unwrap();
            self.next().await
        }

        async fn answer(&mut self, cbor: &[u8]) -> ResponseApdu {
            let ReaderInput::Answered(tap, answer) = self.ask(cbor).await else { panic!("no answer") };
            assert_eq!(tap, self.tap);
            answer
        }

        /// The process id of the reader process.
        fn child(&self) -> Pid {
            let child = std::fs::read_to_string(self.folder.path().join("child")).unwrap();
            Pid::from_raw(child.trim().parse().unwrap()).unwrap()
        }
    }

    #[tokio::test]
    async fn a_card_is_seen_read_and_seen_leaving() {
        let Some(mut lane) = Lane::start().await else { return };
        lane.insert(Character::Holder, Vec::new()).await;
        assert_eq!(lane.answer(SELECT).await.status().get(), 0x9000);
        assert_eq!(lane.answer(READ_WINDOW).await.data().len(), 256);
        lane.handle.send(ReaderOrder::PowerOff).unwrap();
        assert!(matches!(lane.ask(READ_WINDOW).await, ReaderInput::Torn(_)), "only SELECT gives power again");
        assert_eq!(lane.answer(SELECT).await.status().get(), 0x9000);
        lane.control().remove(0).unwrap();
        assert!(matches!(lane.next().await, ReaderInput::CardGone));
        assert!(matches!(lane.ask(READ_WINDOW).await, ReaderInput::Torn(_)));
    }

    #[tokio::test]
    async fn a_card_torn_at_any_command_ends_its_tap_and_the_next_tap_works() {
        let Some(mut lane) = Lane::start().await else { return };
        let commands = [SELECT, READ_WINDOW, PIN_STATUS, VERIFY_1234];
        for (place, number) in (1..=4_u32).enumerate() {
            let torn = Fault::TornAt { command: number, executed: false, back_after_ms: Some(900) };
            lane.insert(Character::Holder, vec![torn]).await;
            for before in &commands[..place] {
                lane.answer(before).await;
            }
            assert!(matches!(lane.ask(commands[place]).await, ReaderInput::Torn(_)), "command {number}");
            assert!(matches!(lane.next().await, ReaderInput::CardGone));
            assert!(matches!(lane.next().await, ReaderInput::CardPresent), "the card is back");
            assert!(matches!(lane.ask(PIN_STATUS).await, ReaderInput::Torn(_)), "the old tap never meets it");
            lane.begin_tap();
            assert_eq!(lane.answer(SELECT).await.status().get(), 0x9000);
            lane.control().remove(0).unwrap();
            assert!(matches!(lane.next().await, ReaderInput::CardGone));
        }
    }

    #[tokio::test]
    async fn a_card_that_never_answers_costs_its_process_and_the_reader_is_back_in_ten_seconds() {
        let Some(mut lane) = Lane::start().await else { return };
        lane.insert(Character::Holder, vec![Fault::SilentFrom(2)]).await;
        lane.answer(SELECT).await;
        let asked = Instant::now();
        assert!(matches!(lane.ask(READ_WINDOW).await, ReaderInput::CommandTimedOut(tap) if tap == lane.tap));
        assert!(asked.elapsed() >= Duration::from_secs(2));
        lane.control().remove(0).unwrap();
        lane.ready().await;
        assert!(asked.elapsed() < BACK_MAX);
        lane.insert(Character::SecondHolder, Vec::new()).await;
        assert_eq!(lane.answer(SELECT).await.status().get(), 0x9000);
    }

    #[tokio::test]
    async fn an_answer_longer_than_asked_never_reaches_the_lane() {
        let Some(mut lane) = Lane::start().await else { return };
        lane.insert(Character::Holder, vec![Fault::LongAnswer]).await;
        lane.answer(SELECT).await;
        let longer = lane.ask(READ_WINDOW).await;
        assert!(matches!(longer, ReaderInput::CommandFailed(_, CommandFailure::Malformed)), "{longer:?}");
        assert!(matches!(lane.ask(PIN_STATUS).await, ReaderInput::Torn(_)), "nothing more is asked of such a card");
    }

    #[tokio::test]
    async fn a_pin_verified_in_a_killed_process_is_not_verified_in_the_next() {
        let Some(mut lane) = Lane::start().await else { return };
        lane.insert(Character::Holder, vec![Fault::StatusIsDoneOnceVerified]).await;
        lane.answer(SELECT).await;
        assert_eq!(lane.answer(VERIFY_1234).await.status().get(), 0x9000);
        assert_eq!(lane.answer(PIN_STATUS).await.status().get(), 0x9000, "the card is one that says so");
        let killed = Instant::now();
        kill_process(lane.child(), Signal::KILL).unwrap();
        lane.ready().await;
        assert!(killed.elapsed() < BACK_MAX);
        assert!(matches!(lane.next().await, ReaderInput::CardPresent));
        lane.begin_tap();
        lane.answer(SELECT).await;
        assert_eq!(lane.answer(PIN_STATUS).await.status().get() & 0xFFF0, 0x63C0);
    }

    #[tokio::test]
    async fn a_service_that_stops_is_told_and_found_again_without_a_new_process() {
        let Some(mut lane) = Lane::start().await else { return };
        lane.insert(Character::Holder, Vec::new()).await;
        let child = lane.child();
        drop(lane.stack.take());
        assert!(matches!(lane.next().await, ReaderInput::CardGone));
        let gone = lane.next().await;
        assert!(matches!(gone, ReaderInput::ReaderGone(ReaderLoss::Absent(ReaderAbsence::NoService))), "{gone:?}");
        lane.stack = stack(lane.folder.path());
        lane.ready().await;
        assert_eq!(lane.child(), child);
        lane.insert(Character::Holder, Vec::new()).await;
        assert_eq!(lane.answer(SELECT).await.status().get(), 0x9000);
    }

    #[tokio::test]
    async fn a_process_whose_gate_is_gone_ends() {
        let Some(lane) = Lane::start().await else { return };
        let child = lane.child();
        let Lane { handle, stack, folder, .. } = lane;
        drop(handle);
        let ended = async {
            while test_kill_process(child).is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(BACK_MAX, ended).await.unwrap();
        drop((stack, folder));
    }

    /// Runs one test of this file again with PC/SC pointed to a socket: the library reads it from the environment.
    fn again_with(socket: &Path, test: &str) -> bool {
        let program = std::env::current_exe().unwrap();
        let test = format!("behind_pcscd::{test}");
        let mut again = Command::new(program);
        again.args(["--exact", &test]).env(SOCKET_VARIABLE, socket).status().unwrap().success()
    }

    #[test]
    fn a_person_is_told_that_the_service_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        if std::env::var_os(SOCKET_VARIABLE).is_none() {
            assert!(again_with(&folder.path().join("none"), "a_person_is_told_that_the_service_is_missing"));
            return;
        }
        let readers = Readers::default();
        assert_eq!(readers.list(), Err(NoReader::NoService));
        let mut told = Vec::new();
        let pattern = ReaderPattern::Only;
        let ended = readers.wait_for_card(&pattern, Duration::from_millis(300), &SystemClock, |waiting| {
            told.push(waiting.clone());
        });
        assert_eq!(ended, Err(WaitError::NoReader(NoReader::NoService)));
        assert_eq!(told, [Waiting::ForReader(NoReader::NoService)]);
    }

    #[test]
    fn a_person_chooses_among_readers_and_is_waited_for_until_cancelled() {
        if std::env::var_os(SOCKET_VARIABLE).is_none() {
            let folder = tempfile::tempdir().unwrap();
            let Some(stack) = stack(folder.path()) else { return };
            stack.control().unwrap().insert(1, Character::Holder, Vec::new()).unwrap();
            let test = "a_person_chooses_among_readers_and_is_waited_for_until_cancelled";
            assert!(again_with(&stack.pcscd_socket(), test));
            return;
        }
        let cancel = Cancel::new();
        let readers = Readers::new(cancel.clone());
        let wait = |pattern: &str, time| {
            let pattern = ReaderPattern::from_option(Some(pattern.to_owned()));
            readers.wait_for_card(&pattern, time, &SystemClock, |_waiting| {})
        };
        let several = wait("virtual", BACK_MAX);
        assert!(matches!(several, Err(WaitError::NoReader(NoReader::Several(names))) if names.len() == 2));
        assert!(matches!(wait("00 00", Duration::from_millis(300)), Err(WaitError::NoCard(_))));
        let with_card = wait("00 01", BACK_MAX).unwrap();
        drop(readers.connect(&with_card).unwrap());
        let canceller = std::thread::spawn(move || cancel.cancel());
        assert_eq!(wait("00 00", BACK_MAX), Err(WaitError::Cancelled));
        canceller.join().unwrap();
    }
}
