//! What can happen: two gates, their lanes, and packets that nobody can trust to arrive once.

use kido_shared::claim::{ClaimAnswer, TicketClaims};
use stateright::{Model, Property};

use crate::arbiter::{self, Fault, Kind, Packet};
use crate::rules;

pub(crate) const GATES: usize = 2;

/// The gate of each tap: enough for a first entry, a second one, and others at the other gate meanwhile.
const TAPS: [usize; 4] = [0, 1, 0, 1];

/// How many taps there are.
pub(crate) const ATTEMPTS: usize = TAPS.len();

/// Crashes of all gates together.
const CRASHES: u8 = 2;

/// One tap that got as far as an intent, by its number.
pub(crate) type Attempt = usize;

pub(crate) fn gate_of(attempt: Attempt) -> usize {
    TAPS[attempt]
}

fn taps_of(gate: usize) -> impl Iterator<Item = Attempt> {
    (0..ATTEMPTS).filter(move |attempt| gate_of(*attempt) == gate)
}

/// Where a tap stands at its gate, in the order of the gate's writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    Unused,
    /// The intent is stored, the claim is under way.
    Intended,
    /// The withdrawal is stored: it never becomes an admission.
    GivenUp,
    /// The admission is stored, the lane is shut.
    Admitted,
    /// The lane has been told to open.
    Opening,
    /// *Opened* is stored.
    Opened,
    /// Stored and not seen to open: the holder is sent to staff, who look.
    Unseen,
    /// The barrier said *closed, and nobody passed*.
    Annulled,
}

/// What became of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Passage {
    Waits,
    Inside,
    Left,
}

/// The ticket's record, without its revision: no step looks at that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record(pub(crate) TicketClaims);

impl core::hash::Hash for Record {
    fn hash<H: core::hash::Hasher>(&self, hasher: &mut H) {
        let (state, entry) = (self.0.state(), self.0.entry());
        format!("{state:?}").hash(hasher);
        entry.hash(hasher);
        for attempt in 0..ATTEMPTS {
            self.0.closed(arbiter::admission(attempt)).map(|closed| format!("{closed:?}")).hash(hasher);
        }
    }
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Moment {
    pub(crate) record: Record,
    pub(crate) stages: [Stage; ATTEMPTS],
    pub(crate) passages: [Passage; ATTEMPTS],
    pub(crate) times_opened: [u8; ATTEMPTS],
    /// Packets that were sent; each may still arrive any number of times, or never.
    pub(crate) sent: Vec<Packet>,
    /// Those but claims that have arrived at least once: a gate repeats them until it hears so.
    pub(crate) told: Vec<Packet>,
    /// Answers to claims that may still be heard.
    pub(crate) granted: [bool; ATTEMPTS],
    pub(crate) refused: [bool; ATTEMPTS],
    crashes: u8,
}

impl Moment {
    fn send(&mut self, attempt: Attempt, kind: Kind) {
        let packet = Packet { attempt, kind };
        if let Err(place) = self.sent.binary_search(&packet) {
            self.sent.insert(place, packet);
        }
    }

    fn give_up(&mut self, attempt: Attempt, fault: Fault) {
        self.stages[attempt] = Stage::GivenUp;
        if fault != Fault::NeverWithdraws {
            self.send(attempt, Kind::Withdraw);
        }
    }

    fn open(&mut self, attempt: Attempt) {
        self.times_opened[attempt] += 1;
        self.passages[attempt] = Passage::Inside;
    }

    fn lane_is_busy(&self, gate: usize) -> bool {
        taps_of(gate).any(|attempt| matches!(self.stages[attempt], Stage::Intended | Stage::Admitted | Stage::Opening))
    }

    /// Whether nobody has anything left to do: no lane is busy, and whatever a gate must tell it has told. A late claim may
    /// still arrive, or be lost for good.
    pub(crate) fn is_at_rest(&self) -> bool {
        let told = |packet: &Packet| packet.kind == Kind::Claim || self.told.binary_search(packet).is_ok();
        !(0..GATES).any(|gate| self.lane_is_busy(gate)) && self.sent.iter().all(told)
    }
}

/// Something that happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A card is proved at a gate, which stores an intent and asks.
    Tap(Attempt),
    /// A packet arrives, for the first time or again.
    Arrives(Packet),
    HearsGranted(Attempt),
    HearsRefused(Attempt),
    /// No answer came in time.
    TimesOut(Attempt),
    Opens(Attempt),
    NotesOpened(Attempt),
    /// The barrier says *closed, and nobody passed*.
    Annuls(Attempt),
    Leaves(Attempt),
    /// The gate dies, and starts again.
    Crashes(usize),
}

/// The model; with a planted fault or without.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Venue {
    /// How many of [`TAPS`] may happen.
    pub(crate) taps: usize,
    pub(crate) fault: Fault,
}

impl Model for Venue {
    type State = Moment;
    type Action = Step;

    fn init_states(&self) -> Vec<Moment> {
        vec![Moment {
            record: Record(TicketClaims::new()),
            stages: [Stage::Unused; ATTEMPTS],
            passages: [Passage::Waits; ATTEMPTS],
            times_opened: [0; ATTEMPTS],
            sent: Vec::new(),
            told: Vec::new(),
            granted: [false; ATTEMPTS],
            refused: [false; ATTEMPTS],
            crashes: 0,
        }]
    }

    fn actions(&self, now: &Moment, steps: &mut Vec<Step>) {
        for gate in 0..GATES {
            let mut taps = taps_of(gate).take_while(|tap| *tap < self.taps);
            let next = taps.find(|tap| now.stages[*tap] == Stage::Unused);
            steps.extend(next.filter(|_| !now.lane_is_busy(gate)).map(Step::Tap));
            if now.crashes < CRASHES && now.lane_is_busy(gate) {
                steps.push(Step::Crashes(gate));
            }
        }
        steps.extend(now.sent.iter().copied().map(Step::Arrives));
        for attempt in 0..ATTEMPTS {
            match now.stages[attempt] {
                Stage::Intended => {
                    steps.extend(now.granted[attempt].then_some(Step::HearsGranted(attempt)));
                    steps.extend(now.refused[attempt].then_some(Step::HearsRefused(attempt)));
                    steps.push(Step::TimesOut(attempt));
                }
                Stage::Admitted => steps.push(Step::Opens(attempt)),
                Stage::Opening => steps.extend([Step::NotesOpened(attempt), Step::Annuls(attempt)]),
                Stage::Opened if now.passages[attempt] == Passage::Inside => steps.push(Step::Leaves(attempt)),
                Stage::Unseen if self.fault == Fault::OpensAgain => steps.push(Step::Opens(attempt)),
                Stage::Unused | Stage::GivenUp | Stage::Opened | Stage::Unseen | Stage::Annulled => {}
            }
        }
    }

    fn next_state(&self, now: &Moment, step: Step) -> Option<Moment> {
        let mut next = now.clone();
        match step {
            Step::Tap(attempt) => {
                next.stages[attempt] = Stage::Intended;
                next.send(attempt, Kind::Claim);
            }
            Step::Arrives(packet) => {
                let (changed, answer) = arbiter::answer(&now.record.0, packet, self.fault);
                if let Some(changed) = changed {
                    next.record = Record(changed);
                }
                if let Err(place) = next.told.binary_search(&packet)
                    && packet.kind != Kind::Claim
                {
                    next.told.insert(place, packet);
                }
                if packet.kind == Kind::Claim {
                    let granted = matches!(answer, ClaimAnswer::Granted { .. });
                    let heard = if granted { &mut next.granted } else { &mut next.refused };
                    heard[packet.attempt] = true;
                }
            }
            Step::HearsGranted(attempt) => next.stages[attempt] = Stage::Admitted,
            Step::HearsRefused(attempt) => next.give_up(attempt, self.fault),
            Step::TimesOut(attempt) if self.fault == Fault::OpensOnSilence => next.stages[attempt] = Stage::Admitted,
            Step::TimesOut(attempt) => next.give_up(attempt, self.fault),
            Step::Opens(attempt) => {
                next.stages[attempt] = Stage::Opening;
                next.open(attempt);
            }
            Step::NotesOpened(attempt) => {
                next.stages[attempt] = Stage::Opened;
                next.send(attempt, Kind::Opened);
                if self.fault == Fault::AnnulsOnTimeOut {
                    next.send(attempt, Kind::Annul);
                }
            }
            Step::Annuls(attempt) => {
                next.stages[attempt] = Stage::Annulled;
                next.passages[attempt] = Passage::Waits;
                next.send(attempt, Kind::Annul);
            }
            Step::Leaves(attempt) => {
                next.passages[attempt] = Passage::Left;
                next.send(attempt, Kind::Exit);
            }
            Step::Crashes(gate) => {
                next.crashes += 1;
                for attempt in taps_of(gate) {
                    match now.stages[attempt] {
                        Stage::Intended => next.give_up(attempt, self.fault),
                        Stage::Admitted | Stage::Opening => next.stages[attempt] = Stage::Unseen,
                        Stage::Unused | Stage::GivenUp | Stage::Opened | Stage::Unseen | Stage::Annulled => {}
                    }
                }
            }
        }
        (next != *now).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        rules::all()
    }
}
