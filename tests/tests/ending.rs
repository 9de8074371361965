//! Ctrl-C at any moment of the demo, pressed on a terminal of its own; SIGTERM, and the terminal closed: nothing is
//! left of it, no process and no file.

#[cfg(test)]
mod on_a_terminal {
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, ExitStatus};
    use std::time::Duration;

    use kido_shared::clock::{Clock as _, SystemClock};
    use kido_tests::harness::free_port;
    use kido_virtual_card::stack::installed;
    use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
    use rustix::process::{Pid, Signal, kill_process};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use tempfile::TempDir;

    /// What a terminal sends when Ctrl and C are pressed (termios(3): VINTR).
    const CTRL_C: u8 = 0x03;

    /// The demo ends within this time, on a machine that is busy with other tests.
    const ENDS_WITHIN: Duration = Duration::from_secs(30);

    /// How long a step of the story may take.
    const SAYS_WITHIN: Duration = Duration::from_secs(180);

    /// The stack, its pcscd, the registrar, the gate and its reader at least: with fewer the search proves nothing.
    const PROCESSES_MIN: usize = 5;

    const LOOK_EVERY: Duration = Duration::from_millis(10);

    /// A program on a terminal, with a folder for whatever it makes.
    struct OnTerminal {
        terminal: Option<File>,
        child: Child,
        said: Vec<u8>,
        /// `TMPDIR` of every process of it, which is what they are known by. Short: sockets are below it.
        home: TempDir,
        /// Programs that it finds instead of the machine's.
        programs: Option<TempDir>,
    }

    impl OnTerminal {
        fn start(program: &Path, arguments: &[&str], variables: &[(&str, &Path)], home: TempDir) -> Self {
            let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
            grantpt(&terminal).unwrap();
            unlockpt(&terminal).unwrap();
            let name = ptsname(&terminal, Vec::new()).unwrap();
            let screen: OwnedFd = open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
            // A session of its own on this terminal, and a person's signals, whatever whoever runs these tests ignores (nohup,
            // a job in the background); `env` and `setsid` become the program, so the process id is the program's.
            let mut command = Command::new("env");
            command
                .args(["--default-signal=HUP,INT,QUIT,TERM", "setsid", "--ctty"])
                .arg(program)
                .args(arguments)
                .env("TMPDIR", home.path());
            command.envs(variables.iter().copied());
            command.stdin(screen.try_clone().unwrap()).stdout(screen.try_clone().unwrap()).stderr(screen);
            let child = command.spawn().unwrap();
            // The command holds the screen open: the terminal would never be closed.
            drop(command);
            fcntl_setfl(&terminal, fcntl_getfl(&terminal).unwrap() | OFlags::NONBLOCK).unwrap();
            Self { terminal: Some(terminal.into()), child, said: Vec::new(), home, programs: None }
        }

        /// The demo itself; `None`, and a line that says why, where this machine has no pcscd or virtual reader.
        #[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
        fn demo(arguments: &[&str]) -> Option<Self> {
            if let Err(why) = installed() {
                eprintln!("skipped: {why}");
                return None;
            }
            let port = free_port().unwrap().to_string();
            let arguments = [&["--port", &port], arguments].concat();
            Some(Self::start(Path::new(env!("CARGO_BIN_EXE_kido-demo")), &arguments, &[], home()))
        }

        fn said(&self) -> String {
            String::from_utf8_lossy(&self.said).replace('\r', "")
        }

        /// Takes what it has said since; nothing once nobody has the terminal open.
        fn hear(&mut self) {
            let mut chunk = [0; 4_096];
            while let Some(Ok(length @ 1..)) = self.terminal.as_mut().map(|terminal| terminal.read(&mut chunk)) {
                self.said.extend(&chunk[..length]);
            }
        }

        /// Looks until there is something, and hears what it says meanwhile.
        fn wait<T>(&mut self, what: &str, within: Duration, look: impl Fn(&mut Self) -> Option<T>) -> T {
            let began = SystemClock.now();
            loop {
                self.hear();
                if let Some(found) = look(self) {
                    return found;
                }
                let late = SystemClock.now().since(began) >= within;
                assert!(!late, "waited for {what}: {:#?}\n{}", self.processes(), self.said());
                a_moment();
            }
        }

        /// Waits until it has said this.
        fn says(&mut self, text: &str) {
            self.wait(text, SAYS_WITHIN, |demo| demo.said().contains(text).then_some(()));
        }

        /// Waits until this file is in the folder that the demo made.
        fn makes(&mut self, file: &str) {
            let made = |demo: &mut Self| demo.left_over().iter().any(|folder| folder.join(file).exists());
            self.wait(file, SAYS_WITHIN, |demo| made(demo).then_some(()));
        }

        fn press(&mut self, key: u8) {
            self.terminal.as_mut().unwrap().write_all(&[key]).unwrap();
        }

        /// Closes the terminal's window.
        fn hang_up(&mut self) {
            self.terminal = None;
        }

        /// What it made and did not remove.
        fn left_over(&self) -> Vec<PathBuf> {
            std::fs::read_dir(self.home.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
        }

        /// Every process that it started, itself too, by number and command line.
        fn processes(&self) -> Vec<String> {
            let home = self.home.path().as_os_str().as_bytes();
            let is_ours = |process: &Path| {
                ["environ", "cmdline"].iter().any(|file| {
                    let bytes = std::fs::read(process.join(file)).unwrap_or_default();
                    bytes.windows(home.len()).any(|part| part == home)
                })
            };
            let all = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
            let ours = all.filter(|path| path.file_name().unwrap().as_bytes()[0].is_ascii_digit() && is_ours(path));
            let told = |path: PathBuf| {
                let line = std::fs::read(path.join("cmdline")).unwrap_or_default();
                format!("{} {}", path.display(), String::from_utf8_lossy(&line).replace('\0', " "))
            };
            ours.map(told).collect()
        }

        /// Waits until it has ended, and holds that nothing is left.
        fn leaves_nothing(&mut self) -> ExitStatus {
            let status = self.wait("the end", ENDS_WITHIN, |demo| demo.child.try_wait().unwrap());
            // At once: it is the demo that waits, not whoever started it.
            let (processes, files) = (self.processes(), self.left_over());
            self.hear();
            assert_eq!(processes, Vec::<String>::new(), "{}", self.said());
            assert_eq!(files, Vec::<PathBuf>::new(), "{}", self.said());
            status
        }

        /// The last line that it said, as JSON.
        fn last_word(&self) -> serde_json::Value {
            serde_json::from_str(self.said().trim_end().lines().next_back().unwrap()).unwrap()
        }
    }

    impl Drop for OnTerminal {
        fn drop(&mut self) {
            // A test that failed leaves nothing either.
            for process in self.processes() {
                if let Some(pid) = number(&process) {
                    kill_process(pid, Signal::KILL).ok();
                }
            }
            self.child.wait().ok();
        }
    }

    #[expect(clippy::disallowed_methods, reason = "nobody calls when a process of another program has ended")]
    fn a_moment() {
        std::thread::sleep(LOOK_EVERY);
    }

    /// The number of a process as [`OnTerminal::processes`] tells it.
    fn number(process: &str) -> Option<Pid> {
        let number = process.strip_prefix("/proc/")?.split(' ').next()?;
        Pid::from_raw(number.parse().ok()?)
    }

    fn home() -> TempDir {
        tempfile::Builder::new().prefix("kido-end-").tempdir().unwrap()
    }

    #[test]
    fn ctrl_c_while_everything_starts_leaves_nothing() {
        // As soon as the folder is there; with the reader half made; with a key in it; with the registrar about to start.
        for file in ["", "pcsc", "root.key", "registrar/operator.token"] {
            let Some(mut demo) = OnTerminal::demo(&["--once"]) else { return };
            demo.makes(file);
            demo.press(CTRL_C);
            assert_eq!(demo.leaves_nothing().code(), Some(130), "{file:?}: {}", demo.said());
            assert_eq!(demo.last_word()["ended_by"], "Ctrl-C");
        }
    }

    #[test]
    fn ctrl_c_in_the_middle_of_the_story_leaves_nothing() {
        // While a gate is enrolled; while a card is in the reader at home; while one is in the lane's tray.
        for told in ["A shop sells", "A gate is enrolled", "The holder taps"] {
            let Some(mut demo) = OnTerminal::demo(&["--once"]) else { return };
            demo.says(told);
            demo.press(CTRL_C);
            assert_eq!(demo.leaves_nothing().code(), Some(130), "{told}: {}", demo.said());
            assert!(demo.said().contains("Ctrl-C: ending everything"), "{}", demo.said());
            assert!(demo.said().contains("Nothing is left running"), "{}", demo.said());
            let last = demo.last_word();
            assert_eq!((&last["ok"], &last["ended_by"]), (&false.into(), &"Ctrl-C".into()));
        }
    }

    #[test]
    fn ctrl_c_pressed_again_and_again_leaves_nothing() {
        let Some(mut demo) = OnTerminal::demo(&[]) else { return };
        demo.says("The holder taps");
        assert!(demo.processes().len() >= PROCESSES_MIN, "{:#?}", demo.processes());
        for _ in 0..5 {
            demo.press(CTRL_C);
            a_moment();
        }
        assert_eq!(demo.leaves_nothing().code(), Some(130), "{}", demo.said());
    }

    #[test]
    fn ctrl_c_while_the_demo_stays_up_ends_a_story_that_went_well() {
        let Some(mut demo) = OnTerminal::demo(&[]) else { return };
        demo.says("ends the tour.");
        demo.makes("root.key");
        assert!(demo.processes().len() >= PROCESSES_MIN, "{:#?}", demo.processes());
        demo.press(CTRL_C);
        assert_eq!(demo.leaves_nothing().code(), Some(0), "{}", demo.said());
        let last = demo.last_word();
        assert_eq!((&last["ok"], &last["ended_by"]), (&true.into(), &"Ctrl-C".into()));
    }

    #[test]
    fn sigterm_leaves_nothing() {
        let Some(mut demo) = OnTerminal::demo(&["--once"]) else { return };
        demo.says("A gate is enrolled");
        kill_process(Pid::from_raw(demo.child.id().try_into().unwrap()).unwrap(), Signal::TERM).unwrap();
        assert_eq!(demo.leaves_nothing().code(), Some(143), "{}", demo.said());
    }

    #[test]
    fn a_terminal_that_is_closed_leaves_nothing() {
        let Some(mut demo) = OnTerminal::demo(&["--once"]) else { return };
        demo.says("A gate is enrolled");
        demo.hang_up();
        assert_eq!(demo.leaves_nothing().code(), Some(129));
    }

    /// The script, run by this program, with a cargo that builds for ever, as two processes.
    fn script(program: &str, arguments: &[&str]) -> OnTerminal {
        let (home, programs) = (home(), tempfile::tempdir().unwrap());
        let write = |name: &str, text: &str| {
            use std::os::unix::fs::PermissionsExt as _;
            let path = programs.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        write("cargo", "sleep 1000 & echo the compiler runs; wait");
        // Whatever is asked for is installed.
        write("dpkg-query", "echo installed");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(programs.path().to_owned()).chain(std::env::split_paths(&path));
        let path = PathBuf::from(std::env::join_paths(folders).unwrap());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/demo.sh");
        let arguments = [arguments, &[script]].concat();
        let mut script = OnTerminal::start(Path::new(program), &arguments, &[("PATH", &path)], home);
        script.programs = Some(programs);
        script.says("the compiler runs");
        assert!(script.processes().len() >= 3, "{:#?}", script.processes());
        script
    }

    /// A shell ends by the signal itself, or says the same by its status.
    fn is_ended_by(status: ExitStatus, signal: Signal) -> bool {
        status.signal() == Some(signal.as_raw()) || status.code() == Some(128 + signal.as_raw())
    }

    #[test]
    fn ctrl_c_while_the_programs_are_built_leaves_nothing() {
        let mut script = script("bash", &[]);
        script.press(CTRL_C);
        let status = script.leaves_nothing();
        assert!(is_ended_by(status, Signal::INT), "{status}: {}", script.said());
    }

    #[test]
    fn sigterm_while_the_programs_are_built_leaves_nothing() {
        // From a shell that stays, as people have one: were the script the first process of the terminal, or the last,
        // the kernel would end the rest.
        let mut shell = script("sh", &["-c", "bash \"$0\"; echo \"status $?\"; read -r answer"]);
        let is_bash = |line: &String| line.split(' ').nth(1) == Some("bash");
        let bash = shell.processes().into_iter().find(is_bash).unwrap();
        kill_process(number(&bash).unwrap(), Signal::TERM).unwrap();
        shell.says("status 143");
        let left = shell.processes();
        assert!(left.len() == 1 && left[0].contains(" sh -c "), "{left:#?}");
        shell.press(b'\n');
        shell.leaves_nothing();
    }

    #[test]
    fn a_terminal_closed_while_the_programs_are_built_leaves_nothing() {
        let mut script = script("bash", &[]);
        script.hang_up();
        let status = script.leaves_nothing();
        assert!(is_ended_by(status, Signal::HUP), "{status}: {}", script.said());
    }
}
