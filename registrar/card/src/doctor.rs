//! `doctor`: is everything there that a registration needs, and what to do where it is not.
//!
//! Looking and judging are apart: [`examine`] asks the system, [`judge`] is pure.

use core::time::Duration;

use kido_reader::{Cancel, NoReader, ReaderKeys, ReaderName, ReaderPattern, Readers, WaitError};
use kido_shared::card::PinEntry;
use kido_shared::challenge::Origin;
use kido_shared::clock::{Clock as _, SystemClock, Timestamp};

use crate::client::{self, ClientError, Health};
use crate::exchange;
use crate::problem::Problem;
use crate::problem::reader::of_no_reader;
use crate::problem::registrar::of_client;
use crate::reader::{Cards as _, PcscCards};
use crate::words::{Fill, Line, Voice};

/// How long a card is looked for: it lies there or it does not.
const CARD_GLANCE: Duration = Duration::from_secs(2);

/// How far this computer's clock may be off before dialogues look expired: half of a dialogue's life.
const CLOCK_OFF_MAX: Duration = Duration::from_secs(150);

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) readers: Result<Vec<ReaderName>, NoReader>,
    pub(crate) chosen: Result<ReaderName, NoReader>,
    /// Where a PIN would be typed; absent where there is no reader.
    pub(crate) typed: Option<PinEntry>,
    /// Absent where there is no reader to look into.
    pub(crate) card: Option<Result<(), Problem>>,
    /// Absent where no server was named.
    pub(crate) server: Option<(Origin, Result<Health, ClientError>)>,
    pub(crate) now: Timestamp,
}

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// Not looked at, or not needed now.
    Note,
    /// In the way of a registration.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) state: State,
    pub(crate) line: Line,
}

/// One check as JSON.
#[derive(Debug, serde::Serialize)]
struct CheckText {
    check: &'static str,
    state: State,
    text: String,
}

/// All checks as JSON.
#[derive(Debug, serde::Serialize)]
pub(crate) struct DoctorReport {
    outcome: &'static str,
    checks: Vec<CheckText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
}

impl DoctorReport {
    pub(crate) fn new(checks: &[Check], voice: &Voice) -> Self {
        let in_the_way = checks.iter().any(|check| check.state == State::Problem);
        let texts = checks.iter().map(|check| CheckText {
            check: check.name,
            state: check.state,
            text: voice.text(&check.line),
        });
        Self { outcome: "doctor", checks: texts.collect(), problem: in_the_way.then_some("not_ready") }
    }

    /// Whether nothing is in the way.
    pub(crate) const fn is_ready(&self) -> bool {
        self.problem.is_none()
    }

    /// Says it.
    pub(crate) fn tell(&self, voice: &Voice) {
        for check in &self.checks {
            let key = match check.state {
                State::Ok => "check-ok",
                State::Note => "check-note",
                State::Problem => "check-problem",
            };
            voice.say(&Line::with(key, "text", Fill::text(&check.text)));
        }
    }
}

/// Looks at reader and card, and at the server where one is named.
pub(crate) async fn examine(cancel: Cancel, pattern: ReaderPattern, keys: ReaderKeys, server: Option<Origin>) -> Found {
    let looked = tokio::task::spawn_blocking(move || look(cancel, pattern, keys)).await;
    let nothing = || (Err(NoReader::NoService), Err(NoReader::NoService), None, None);
    let (readers, chosen, typed, card) = looked.unwrap_or_else(|_panicked| nothing());
    let server = match server {
        Some(origin) => {
            let health = client::health(&origin).await;
            Some((origin, health))
        }
        None => None,
    };
    Found { readers, chosen, typed, card, server, now: SystemClock.now() }
}

type Looked =
    (Result<Vec<ReaderName>, NoReader>, Result<ReaderName, NoReader>, Option<PinEntry>, Option<Result<(), Problem>>);

fn look(cancel: Cancel, pattern: ReaderPattern, keys: ReaderKeys) -> Looked {
    let readers = Readers::new(cancel.clone()).list();
    let chosen = readers.clone().and_then(|readers| pattern.choose(&readers));
    let typed = chosen.as_ref().ok().map(|reader| Readers::new(cancel.clone()).pin_entry(reader, keys));
    let card = chosen.is_ok().then(|| {
        let mut placed = PcscCards::new(cancel, pattern, ReaderKeys::Ignore, CARD_GLANCE).card(&|_waiting| {})?;
        Ok(exchange::recognise(placed.channel.as_mut())?)
    });
    (readers, chosen, typed, card)
}

/// What is in order, what is not, and what to do. Pure.
pub(crate) fn judge(found: &Found) -> Vec<Check> {
    let mut checks = vec![service(&found.readers)];
    if found.readers.is_ok() {
        checks.push(reader(&found.chosen));
    }
    if let (Ok(_reader), Some(typed)) = (&found.chosen, found.typed) {
        checks.push(pin(typed));
    }
    if let Some(looked) = &found.card {
        checks.push(card(looked));
    }
    match &found.server {
        Some((origin, health)) => {
            checks.push(server(origin, health));
            checks.push(clock(health, found.now));
        }
        None => checks.push(Check { name: "server", state: State::Note, line: Line::plain("server-not-named") }),
    }
    checks
}

fn service(readers: &Result<Vec<ReaderName>, NoReader>) -> Check {
    match readers {
        Ok(_readers) => ok("service", Line::plain("service-ok")),
        Err(why) => problem("service", of_no_reader(why).line),
    }
}

fn reader(chosen: &Result<ReaderName, NoReader>) -> Check {
    match chosen {
        Ok(reader) => ok("reader", Line::with("reader-ok", "reader", Fill::text(&reader.to_string()))),
        Err(why) => problem("reader", of_no_reader(why).line),
    }
}

/// Named, never a problem: without keys on the reader the PIN is typed here.
fn pin(typed: PinEntry) -> Check {
    ok(
        "pin",
        Line::plain(match typed {
            PinEntry::Here => "pin-typed-here",
            PinEntry::AtReader => "pin-typed-at-reader",
        }),
    )
}

fn card(looked: &Result<(), Problem>) -> Check {
    match looked {
        Ok(()) => ok("card", Line::plain("card-ok")),
        Err(Problem::Wait(WaitError::NoCard(_))) => {
            Check { name: "card", state: State::Note, line: Line::plain("card-none") }
        }
        Err(error) => problem("card", error.line()),
    }
}

fn server(origin: &Origin, health: &Result<Health, ClientError>) -> Check {
    match health {
        Ok(_alive) => ok("server", Line::with("server-ok", "origin", Fill::text(origin.as_str()))),
        Err(error) => problem("server", of_client(error).line),
    }
}

fn clock(health: &Result<Health, ClientError>, now: Timestamp) -> Check {
    match health {
        Ok(Health { date: Some(date) }) => {
            let off = now.since(*date).max(date.since(now));
            if off <= CLOCK_OFF_MAX {
                ok("clock", Line::plain("clock-ok"))
            } else {
                problem("clock", Line::with("clock-off", "here", Fill::Time(now)).and("there", Fill::Time(*date)))
            }
        }
        Ok(Health { date: None }) | Err(_) => {
            Check { name: "clock", state: State::Note, line: Line::plain("clock-unknown") }
        }
    }
}

const fn ok(name: &'static str, line: Line) -> Check {
    Check { name, state: State::Ok, line }
}

const fn problem(name: &'static str, line: Line) -> Check {
    Check { name, state: State::Problem, line }
}

#[cfg(test)]
mod tests;
