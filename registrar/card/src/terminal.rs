//! The person at a terminal, or a program that writes in their place.

use core::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, IsTerminal as _, Read};
use std::sync::Arc;

use kido_shared::challenge::Origin;
use zeroize::Zeroizing;

use crate::link::LINK_CHARACTERS_MAX;
use crate::news::say_before_pin;
use crate::person::{Again, BeforePin, Person};
use crate::problem::Problem;
use crate::words::{Fill, Line, Voice};

/// Longest line that is read; a link is the longest that is asked for.
const LINE_BYTES_MAX: usize = 2 * LINK_CHARACTERS_MAX;

/// Where answers come from. Blocks; lives on a thread for blocking work.
pub(crate) trait Input: Send {
    /// Whether somebody sits there who can be asked more than the least.
    fn is_attended(&self) -> bool;

    /// The next line, without its end; `None` at the end of the input.
    ///
    /// # Errors
    /// Where reading fails, or the line is longer than any answer or not UTF-8.
    fn line(&mut self) -> io::Result<Option<Zeroizing<String>>>;

    /// A secret, typed without echo.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`] on Ctrl-C; anything else where there is no terminal.
    fn secret(&mut self) -> io::Result<Zeroizing<String>>;
}

/// The process's standard input and its terminal.
#[derive(Debug)]
pub(crate) struct StandardInput {
    /// Read byte by byte, so that nothing behind the line that was asked for (a PIN) is taken before its time, or stays
    /// in a buffer that nobody wipes. `None` where a person types.
    pipe: Option<File>,
}

impl StandardInput {
    /// Takes standard input over.
    ///
    /// # Errors
    /// Where the system does not give it.
    pub(crate) fn open() -> io::Result<Self> {
        let pipe = if io::stdin().is_terminal() { None } else { Some(unbuffered()?) };
        Ok(Self { pipe })
    }
}

#[cfg(unix)]
fn unbuffered() -> io::Result<File> {
    use std::os::fd::AsFd as _;
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn unbuffered() -> io::Result<File> {
    use std::os::windows::io::AsHandle as _;
    io::stdin().as_handle().try_clone_to_owned().map(File::from)
}

impl Input for StandardInput {
    fn is_attended(&self) -> bool {
        self.pipe.is_none()
    }

    fn line(&mut self) -> io::Result<Option<Zeroizing<String>>> {
        match &mut self.pipe {
            Some(pipe) => line_of(pipe),
            None => {
                let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
                let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
                io::stdin().lock().take(most).read_until(b'\n', &mut line)?;
                text_of(&line)
            }
        }
    }

    fn secret(&mut self) -> io::Result<Zeroizing<String>> {
        rpassword::read_password().map(Zeroizing::new)
    }
}

/// Reads one line and not a byte more.
fn line_of(input: &mut impl Read) -> io::Result<Option<Zeroizing<String>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    let mut byte = Zeroizing::new([0_u8]);
    while line.len() < LINE_BYTES_MAX {
        if input.read(&mut byte[..])? == 0 {
            break;
        }
        line.extend_from_slice(&byte[..]);
        if *byte == *b"\n" {
            break;
        }
    }
    text_of(&line)
}

fn text_of(line: &[u8]) -> io::Result<Option<Zeroizing<String>>> {
    if line.is_empty() {
        return Ok(None);
    }
    if line.len() >= LINE_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let text = core::str::from_utf8(line).map_err(|_not_utf8| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}

/// Somebody at a terminal, asked one thing at a time.
pub(crate) struct Terminal {
    voice: Arc<Voice>,
    /// Away while a question is open; for good where a question was abandoned.
    input: Option<Box<dyn Input>>,
    attended: bool,
    /// The PIN is the next line of standard input, and the program that writes it has agreed by writing it.
    pin_stdin: bool,
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Terminal(..)")
    }
}

impl Terminal {
    pub(crate) fn new(voice: Arc<Voice>, input: Box<dyn Input>, pin_stdin: bool) -> Self {
        let attended = input.is_attended();
        Self { voice, input: Some(input), attended, pin_stdin }
    }

    /// The next line that is typed; `None` at the end of the input.
    async fn line(&mut self) -> Result<Option<Zeroizing<String>>, Problem> {
        self.asked(|input| input.line()).await?.map_err(|_error| Problem::NoInput)
    }

    /// A secret, typed without echo.
    async fn secret(&mut self) -> Result<Zeroizing<String>, Problem> {
        self.asked(|input| input.secret()).await?.map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted { Problem::Cancelled } else { Problem::NoTerminal }
        })
    }

    async fn asked<T: Send + 'static>(
        &mut self,
        question: impl FnOnce(&mut dyn Input) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let mut input = self.input.take().ok_or(Problem::NoInput)?;
        let asked = tokio::task::spawn_blocking(move || {
            let answer = question(input.as_mut());
            (input, answer)
        });
        let (input, answer) = asked.await.map_err(|_failed| Problem::NoInput)?;
        self.input = Some(input);
        Ok(answer)
    }
}

impl Person for Terminal {
    async fn link(&mut self, question: &'static str) -> Result<Zeroizing<String>, Problem> {
        if self.attended {
            self.voice.ask(&Line::plain(question));
        }
        Ok(self.line().await?.unwrap_or_default())
    }

    async fn host_name(&mut self, origin: &Origin) -> Result<Zeroizing<String>, Problem> {
        self.voice.say(&Line::with("host-unknown", "origin", Fill::text(origin.as_str())));
        self.voice.ask(&Line::with("host-type-name", "host", Fill::text(origin.host())));
        Ok(self.line().await?.unwrap_or_default())
    }

    /// Asks where somebody can be asked.
    async fn agrees(&mut self) -> Result<bool, Problem> {
        if self.pin_stdin || !self.attended {
            return Ok(true);
        }
        self.voice.ask(&Line::plain("go-on"));
        let answer = self.line().await?.unwrap_or_default().trim().to_lowercase();
        let yes = ["y", "yes", "はい", "ｙ"];
        Ok(yes.contains(&answer.as_str()))
    }

    async fn pin(&mut self, before: &BeforePin) -> Result<Zeroizing<String>, Problem> {
        say_before_pin(&self.voice, before);
        self.voice.ask(&Line::plain("ask-pin"));
        if self.pin_stdin { self.line().await?.ok_or(Problem::NoInput) } else { self.secret().await }
    }

    /// Never: a run of a command ends with its first problem, so that a script sees it.
    async fn again(&mut self, problem: Problem) -> Result<Again, Problem> {
        Err(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_and_not_a_byte_of_the_next() {
        let mut input: &[u8] = b"https://a.example/r#CODE\r\n1234\n";
        assert_eq!(line_of(&mut input).unwrap().unwrap().as_str(), "https://a.example/r#CODE");
        assert_eq!(input, b"1234\n");
        assert_eq!(line_of(&mut input).unwrap().unwrap().as_str(), "1234");
        assert_eq!(line_of(&mut input).unwrap(), None);
    }

    #[test]
    fn an_endless_line_ends() {
        let mut input = io::repeat(b'a');
        assert_eq!(line_of(&mut input).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
