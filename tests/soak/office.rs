//! The people who run the event, and buyers at home: they go on while everything else fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_tests::harness::{CardHelper, HarnessError, Host, Venue, finish};
use kido_virtual_card::character::Character;
use kido_virtual_card::control::Client;
use kido_virtual_card::planted::PIN;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::process::Command;
use tokio::time::Instant;

use crate::house::{Bought, OFFICE_SLOT};
use crate::lane::{Shared, Stage};

/// Cards that are registered before the doors open.
const AT_FIRST: usize = 18;

/// How long one registration or command may take, while the registrar stands still or is away.
const DEED_WITHIN: Duration = Duration::from_secs(30);

/// How often a registration is tried before the buyer gives up.
const TRIES: u32 = 6;

/// How often a ticket is reported lost.
const SUSPENDS_EVERY: Duration = Duration::from_secs(12);

/// Pause of a buyer whose registrar does not answer.
const PAUSE: Duration = Duration::from_millis(700);

/// The office.
pub(crate) struct Office {
    host: Host,
    helper: CardHelper,
    cards: PathBuf,
    registrar_host: String,
    operator: Operator,
    event: String,
    shared: Arc<Shared>,
    random: StdRng,
    waiting: std::vec::IntoIter<Bought>,
    done: Done,
}

/// What the office has done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Tickets whose registration was acknowledged.
    pub(crate) bound: Vec<String>,
    /// Registrations that came to nothing in the end.
    pub(crate) given_up: usize,
    /// What was acknowledged of tickets: suspended.
    pub(crate) suspended: BTreeSet<String>,
    /// Where no answer came to a suspension: it may have happened.
    pub(crate) unknown: BTreeSet<String>,
    /// When somebody first asked for gates to admit without an arbiter.
    pub(crate) admits_since: Option<Timestamp>,
}

/// The operator's command line, apart from the process of the registrar.
struct Operator {
    program: PathBuf,
    server: String,
    token: PathBuf,
}

impl Operator {
    async fn does(&self, arguments: &[&str]) -> Result<bool, HarnessError> {
        let mut command = Command::new(&self.program);
        command.args(arguments).args(["--server", &self.server, "--json", "--token-file"]).arg(&self.token);
        match finish(command, "", DEED_WITHIN).await {
            Ok(finished) => Ok(finished.status.success()),
            Err(HarnessError::TimedOut { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Office {
    pub(crate) fn new(
        (venue, event, host): (&Venue, &str, Host),
        registrar: &Host,
        shared: Arc<Shared>,
        (bought, seed): (Vec<Bought>, u64),
    ) -> Self {
        let operator = Operator {
            program: venue.programs().registrar(),
            server: venue.registrar.origin(),
            token: venue.registrar.token_file(),
        };
        Self {
            host,
            helper: venue.helper(OFFICE_SLOT),
            cards: venue.control_socket(),
            registrar_host: registrar.address().to_string(),
            operator,
            event: event.to_owned(),
            shared,
            random: StdRng::seed_from_u64(seed),
            waiting: bought.into_iter(),
            done: Done::default(),
        }
    }

    /// Registers as many cards as are there when the doors open.
    pub(crate) async fn before_the_doors(&mut self) -> anyhow::Result<()> {
        for _card in 0..AT_FIRST {
            self.next_card().await?;
        }
        anyhow::ensure!(self.done.given_up == 0, "cards cannot be registered in peace");
        Ok(())
    }

    /// Registers cards, reports some as lost, and changes the event's choice after so long: on a thread of its own.
    pub(crate) fn works(mut self, changes_after: Duration) -> anyhow::Result<Done> {
        self.host.enter()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let (begun, mut suspends_at) = (Instant::now(), Instant::now() + SUSPENDS_EVERY);
            let mut changed = false;
            while *self.shared.stage.borrow() == Stage::Evening {
                if !changed && begun.elapsed() >= changes_after {
                    self.done.admits_since.get_or_insert_with(|| SystemClock.now());
                    let update = ["event", "update", &self.event, "--offline", "admit"];
                    changed = self.operator.does(&update).await?;
                }
                if Instant::now() >= suspends_at {
                    suspends_at = Instant::now() + SUSPENDS_EVERY;
                    self.suspend_one().await?;
                }
                self.next_card().await?;
            }
            Ok(self.done)
        })
    }

    async fn next_card(&mut self) -> anyhow::Result<()> {
        let Some(bought) = self.waiting.next() else {
            tokio::time::sleep(PAUSE).await;
            return Ok(());
        };
        let (card, mut bound) = (Character::Crowd(bought.card), Vec::new());
        for (reference, link) in bought.tickets {
            if self.registers(card, &link).await? {
                bound.push(reference);
            } else {
                self.done.given_up += 1;
            }
        }
        self.done.bound.extend(bound.iter().cloned());
        if !bound.is_empty() {
            self.shared.crowd().joins(card, bound);
        }
        Ok(())
    }

    /// Whether the registrar has acknowledged the binding, also where the first answer was lost.
    async fn registers(&self, card: Character, link: &str) -> anyhow::Result<bool> {
        for attempt in 0..TRIES {
            Client::connect(&self.cards)?.insert(OFFICE_SLOT, card, Vec::new())?;
            let arguments = ["register", "--pin-stdin", "--yes-host", &self.registrar_host];
            let run = tokio::time::timeout(DEED_WITHIN, self.helper.run(&arguments, &[link, PIN])).await;
            Client::connect(&self.cards)?.remove(OFFICE_SLOT)?;
            match run {
                Ok(Ok(run)) if run.success => return Ok(true),
                // The answer to an earlier try was lost on its way.
                Ok(Ok(run)) if attempt > 0 && run.problem() == "code_used" => return Ok(true),
                Ok(_) | Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        Ok(false)
    }

    async fn suspend_one(&mut self) -> anyhow::Result<()> {
        let Some(reference) = self.done.bound.get(self.random.gen_range(0..self.done.bound.len().max(1))).cloned()
        else {
            return Ok(());
        };
        if self.operator.does(&["tickets", "suspend", &self.event, &reference]).await? {
            self.done.unknown.remove(&reference);
            self.done.suspended.insert(reference);
        } else if !self.done.suspended.contains(&reference) {
            self.done.unknown.insert(reference);
        }
        Ok(())
    }
}

/// How many of each.
impl Done {
    pub(crate) fn told(&self) -> BTreeMap<&'static str, usize> {
        BTreeMap::from([
            ("bound", self.bound.len()),
            ("suspended", self.suspended.len()),
            ("suspensions without an answer", self.unknown.len()),
            ("registrations given up", self.given_up),
        ])
    }
}
