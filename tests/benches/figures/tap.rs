//! One tap after another at a gate with 100,000 tickets: what the gate itself adds to card, holder and network.
//!
//! The lane, the replica and the journal are the gate's own, on the disk; their calls run where the gate's runtime runs
//! them. The card is the virtual one, in this process; the arbiter is a closure that grants; the barrier opens at once.
//! A tap's own time is all from *a card lies here* to *open*, less the card's. It holds two durable writes: the intent
//! and the admission. That the lane opened is noted in a third, after the holder could walk.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use kido_gate::journal::Journal;
use kido_gate::lane::{ClaimOutcome, Effect, Input, Knowledge, Lane, Place, TapNumber};
use kido_gate::replica::{FoundTicket, Replica};
use kido_gate::screen::Screen;
use kido_shared::apdu::{CommandApdu, ResponseApdu, TapCommand};
use kido_shared::binding::BindingTag;
use kido_shared::card::{Pin, PinEntry};
use kido_shared::certificate::SubjectPublicKey;
use kido_shared::challenge::Challenge;
use kido_shared::claim::ClaimAnswer;
use kido_shared::clock::{Clock as _, SystemClock, Timestamp};
use kido_shared::ids::{EventId, GateId};
use kido_shared::ticket::{Entries, Zone};
use kido_shared::verdict::{Connectivity, KnownTicket};
use kido_virtual_card::card::VirtualCard;
use kido_virtual_card::planted;
use rand::rngs::OsRng;
use serde_json::json;

use crate::Scale;
use crate::cards::{self, CARDS, Card};
use crate::event::MadeEvent;
use crate::machine::{self, BareLog, Times};
use crate::report::{Reach, Row, Yardstick, rounded};

const TICKETS: usize = 100_000;
const TAPS: usize = 1_200;
/// Taps before the first that counts.
const WARM_UP: usize = 20;
/// Own time beyond the two durable writes, in microseconds.
const OWN_US_MAX: f64 = 2_000.0;
/// How long a lane shows its welcome; the next card comes after it.
const BETWEEN_TAPS: Duration = Duration::from_secs(2);

pub(crate) fn measure(scale: Scale) -> anyhow::Result<Vec<Row>> {
    let folder = machine::scratch()?;
    // As many workers as the gate's own runtime has.
    let runtime = tokio::runtime::Runtime::new()?;
    let cards = cards::make(scale.of(CARDS))?;
    let mut event = MadeEvent::begin(1)?;
    event.bind_random(scale.of(TICKETS).saturating_sub(cards.len()), 0)?;
    for card in &cards {
        // Taps are many and real keys are few: each of these tickets enters again and again.
        event.bind(&card.placed()?, Entries::Unlimited)?;
    }
    let replica = Replica::open(&folder.path().join("replica"), event.followed())?;
    event.fill(&replica, &runtime)?;
    // A gate has followed the feed long before its doors open: what filling left to be written is written first.
    replica.close()?;
    let replica = Replica::open(&folder.path().join("replica"), event.followed())?;
    let (journal, _recovered) =
        Journal::open(&folder.path().join("journal"), event.gate, SystemClock.now(), &mut OsRng)?;
    let bare = BareLog::create(folder.path())?;
    let mut turnstile = Turnstile::new(replica.clone(), journal.clone(), (event.event, event.gate))?;
    let seen = runtime.block_on(taps(&mut turnstile, bare, &cards, scale.of(TAPS)))?;
    drop(turnstile);
    journal.close()?;
    replica.close()?;
    Ok(vec![seen.row(scale.of(TICKETS))])
}

async fn taps(turnstile: &mut Turnstile, mut bare: BareLog, cards: &[Card], count: usize) -> anyhow::Result<Seen> {
    let mut in_bytes: Vec<VirtualCard> = cards.iter().map(Card::in_bytes).collect();
    let mut seen = Seen::default();
    for number in 0..count + WARM_UP {
        let place = number.checked_rem(in_bytes.len()).context("no card")?;
        let card = in_bytes.get_mut(place).context("no such card")?;
        let two_bare = bare.append()? + bare.append()?;
        let tap = turnstile.tap(card).await?;
        if number >= WARM_UP {
            seen.add(&tap, two_bare);
        }
    }
    Ok(seen)
}

/// Where the time of one tap went.
#[derive(Debug, Default)]
struct Tap {
    whole: Duration,
    card: Duration,
    lane: Duration,
    look_up: Duration,
    disk: Duration,
    noted: Duration,
}

impl Tap {
    /// All but the card.
    const fn own(&self) -> Duration {
        self.whole.saturating_sub(self.card)
    }
}

/// All taps.
#[derive(Debug, Default)]
struct Seen {
    own: Times,
    lane: Times,
    look_up: Times,
    disk: Times,
    noted: Times,
    two_bare: Times,
    beyond: Times,
}

impl Seen {
    fn add(&mut self, tap: &Tap, two_bare: Duration) {
        self.own.add(tap.own());
        self.lane.add(tap.lane);
        self.look_up.add(tap.look_up);
        self.disk.add(tap.disk);
        self.noted.add(tap.noted);
        self.two_bare.add(two_bare);
        self.beyond.add(tap.own().saturating_sub(tap.disk));
    }

    fn row(&self, tickets: usize) -> Row {
        let both = |times: &Times| json!({ "p50_us": rounded(times.percentile_us(50)), "p99_us": rounded(times.percentile_us(99)) });
        let mut details = serde_json::Map::new();
        for (name, times) in [
            ("whole, without the card", &self.own),
            ("of it: two durable writes", &self.disk),
            ("of it: looked up twice", &self.look_up),
            ("of it: lane, RSA verification included", &self.lane),
            ("without the durable writes", &self.beyond),
            ("afterwards: noted as opened", &self.noted),
            ("two bare fdatasyncs", &self.two_bare),
        ] {
            details.insert(name.to_owned(), both(times));
        }
        details.insert("taps".to_owned(), json!(self.own.len()));
        let (own, bare) = (self.own.percentile_us(99), self.two_bare.percentile_us(99));
        Row {
            name: "tap",
            what: format!("the gate's own time per admitted tap, {tickets} tickets, p99"),
            figure: own / 1_000.0,
            unit: "ms",
            reach: Reach::AtMost((OWN_US_MAX + bare) / 1_000.0),
            yardstick: Yardstick {
                what: "two bare fdatasyncs between the taps, p99",
                figure: bare / 1_000.0,
                unit: "ms",
            },
            ratio: own / bare,
            details,
        }
    }
}

/// The gate's lane with everything it is wired to, but reader, network and barrier.
struct Turnstile {
    lane: Lane,
    replica: Replica,
    journal: Journal,
    event: EventId,
    gate: GateId,
    /// How far the lane's clock is ahead: nobody waits for a welcome to end here.
    ahead: Duration,
}

impl Turnstile {
    fn new(replica: Replica, journal: Journal, (event, gate): (EventId, GateId)) -> anyhow::Result<Self> {
        let (mut lane, _first) = Lane::new();
        lane.handle(SystemClock.now(), Input::ReaderReady(PinEntry::Here));
        Ok(Self { lane, replica, journal, event, gate, ahead: Duration::ZERO })
    }

    fn now(&self) -> Timestamp {
        SystemClock.now().after(self.ahead)
    }

    async fn tap(&mut self, card: &mut VirtualCard) -> anyhow::Result<Tap> {
        card.put_in(Vec::new());
        card.power_on();
        let mut tap = Tap::default();
        let mut inputs = VecDeque::from([Input::CardPresent]);
        let begun = Instant::now();
        while let Some(input) = inputs.pop_front() {
            let deciding = Instant::now();
            let effects = self.lane.handle(self.now(), input);
            if tap.whole.is_zero() {
                tap.lane += deciding.elapsed();
            }
            for effect in effects {
                if matches!(effect, Effect::OpenLane(..)) {
                    tap.whole = begun.elapsed();
                }
                inputs.extend(self.carry(effect, card, &mut tap).await?);
            }
        }
        anyhow::ensure!(!tap.whole.is_zero(), "the lane did not open");
        card.power_off();
        self.lane.handle(self.now(), Input::CardGone);
        self.ahead += BETWEEN_TAPS;
        self.lane.handle(self.now(), Input::Tick);
        Ok(tap)
    }

    async fn carry(&self, effect: Effect, card: &mut VirtualCard, tap: &mut Tap) -> anyhow::Result<Option<Input>> {
        Ok(Some(match effect {
            Effect::Transmit(number, command) => Input::Answered(number, transmit(card, command, tap)?),
            Effect::LookUp(number, window) => {
                let replica = self.replica.clone();
                let found = move || replica.look_up(&window).map(|found| (found.tag, found.tickets, Some(found.key)));
                self.known(number, tap, found).await?
            }
            Effect::LookUpAgain(number, tag) => {
                let replica = self.replica.clone();
                self.known(number, tap, move || replica.look_up_tag(tag).map(|tickets| (tag, tickets, None))).await?
            }
            Effect::StoreIntents(number, planned) => {
                let (journal, now) = (self.journal.clone(), self.now());
                let begun = Instant::now();
                let store = async move { journal.store_intents(&planned, now, &mut OsRng).await };
                let stored = tokio::spawn(store).await??;
                tap.disk += begun.elapsed();
                Input::IntentsStored(number, stored)
            }
            Effect::Claim(number, intent) => {
                let granted = ClaimOutcome::Answered(ClaimAnswer::Granted { entry: 1 });
                Input::Claimed(number, intent.admission(), granted)
            }
            Effect::StoreAdmissions(number, granted) => {
                let (journal, now) = (self.journal.clone(), self.now());
                let begun = Instant::now();
                let store = async move { journal.store_admissions(&granted, now).await };
                let stored = tokio::spawn(store).await??;
                tap.disk += begun.elapsed();
                Input::AdmissionsStored(number, stored)
            }
            Effect::OpenLane(number, _admissions) => Input::Opened(number),
            Effect::NoteOpened(admissions) => {
                let begun = Instant::now();
                self.journal.note_opened(admissions, self.now()).await?;
                tap.noted = begun.elapsed();
                return Ok(None);
            }
            Effect::Show(Screen::AskPin(_tries)) => {
                Input::PinEntered(Pin::parse(planted::PIN)?, Challenge::generate(&mut OsRng))
            }
            Effect::DrawChallenge(number) => Input::ChallengeDrawn(number, Challenge::generate(&mut OsRng)),
            Effect::Show(_) | Effect::PowerOffCard => return Ok(None),
            Effect::ReportRefusal(_, refusal) => bail!("refused: {}", refusal.name()),
            Effect::CatchUp(_)
            | Effect::DropIntents(_)
            | Effect::NoteRefused(_)
            | Effect::AdmitHere(..)
            | Effect::OpenOut(..)
            | Effect::NoteExited(_)
            | Effect::NoteAnnulled(_) => {
                bail!("not an ordinary entry")
            }
        }))
    }

    /// Asks replica and journal off the workers, as the gate's runtime does.
    async fn known<E: std::error::Error + Send + Sync + 'static>(
        &self,
        number: TapNumber,
        tap: &mut Tap,
        find: impl FnOnce() -> Result<(BindingTag, Vec<FoundTicket>, Option<Option<SubjectPublicKey>>), E> + Send + 'static,
    ) -> anyhow::Result<Input> {
        let begun = Instant::now();
        let (replica, journal, event, gate, now) =
            (self.replica.clone(), self.journal.clone(), self.event, self.gate, self.now());
        let ask = move || -> anyhow::Result<Knowledge> {
            let (tag, found, key) = find()?;
            let with_own = |found: FoundTicket| -> anyhow::Result<KnownTicket> {
                let own = journal.used(found.ticket.record.ticket)?;
                Ok(found.with_own(own))
            };
            let tickets = found.into_iter().map(with_own).collect::<Result<_, _>>()?;
            let standing = replica.standing();
            let place = Place {
                zone: standing.zone(&Zone::new("A")?).clone(),
                now,
                clock_certain: true,
                connectivity: Connectivity::Online,
                replica_age: standing.age(now),
                zone_has_one_gate: standing.zone_has_one_gate(),
                policy: standing.policy.clone().context("no policy")?,
                passage: kido_shared::challenge::Passage::In,
            };
            Ok(Knowledge { event, gate, tag, key: key.flatten(), tickets, place })
        };
        let knowledge = tokio::task::spawn_blocking(ask).await??;
        tap.look_up += begun.elapsed();
        Ok(Input::Known(number, Box::new(knowledge)))
    }
}

/// The card's turn: none of it is the gate's time.
fn transmit(card: &mut VirtualCard, command: TapCommand, tap: &mut Tap) -> anyhow::Result<ResponseApdu> {
    let command: CommandApdu = command.into();
    let begun = Instant::now();
    let answer = card.transmit_now(command.as_bytes());
    tap.card += begun.elapsed();
    Ok(ResponseApdu::parse(&answer, &command)?)
}
