//! A gate around the lane, without a runtime: carries effects out at once, keeps what they did, and can withhold
//! answers.
//!
//! Whatever a test does, [`Table::give`] holds the lane to what must always be true.

mod known;
mod names;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use kido_shared::apdu::{BLANK_VERIFY_BYTES, CommandApdu, Instruction, ResponseApdu};
use kido_shared::binding::BindingTag;
use kido_shared::card::{Pin, PinEntry};
use kido_shared::certificate::SubjectPublicKey;
use kido_shared::challenge::{Challenge, Passage};
use kido_shared::ids::{AdmissionId, EventId, GateId, TicketId};
use kido_shared::keys::EventKey;
use kido_shared::policy::{ArbiterHome, OfflineChoice};
use kido_shared::refusal::StaffCode;
use kido_shared::ticket::Zone;
use kido_shared::verdict::{Connectivity, KnownTicket};
use kido_virtual_card::card::{Fault, VirtualCard};
use kido_virtual_card::character::Character;
use kido_virtual_card::planted;

use super::super::*;
use crate::journal::{Departure, scratch};

use known::HOUR;
pub(super) use known::{at, parent_and_child, policy, public_key, ticket};
use names::name;

pub(super) const GATE: GateId = GateId::from_bytes([0x6A; 16]);
const EVENT: EventId = EventId::from_bytes([0xE7; 16]);

/// What somebody at the pad does whenever it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtThePad {
    Types(&'static str),
    Waits,
    Cancels,
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) lane: Lane,
    pub(super) now: Timestamp,
    pub(super) card: VirtualCard,
    /// What this gate knows of the card's tickets, and the key that it believes to be the card's.
    pub(super) tickets: Vec<KnownTicket>,
    pub(super) key: Option<SubjectPublicKey>,
    pub(super) place: Place,
    pub(super) at_the_pad: AtThePad,
    /// The same at the reader's own keys, where it has any.
    pub(super) at_the_keys: AtThePad,
    pub(super) party: Option<usize>,
    /// The arbiter's next answers; afterwards it grants.
    pub(super) arbiter: VecDeque<ClaimOutcome>,
    pub(super) barrier_works: bool,
    /// Whether it says for certain that nobody did.
    pub(super) nobody_passes: bool,
    /// The effect whose answers are withheld, by the begin of its name.
    pub(super) hold: Option<&'static str>,
    pub(super) held: VecDeque<Input>,
    pub(super) inbox: VecDeque<Input>,
    /// What the lane wanted, in order.
    pub(super) wanted: Vec<String>,
    pub(super) shown: Vec<Screen>,
    pub(super) refused: Vec<Refusal>,
    /// What goes into whose history.
    pub(super) told_holders: Vec<(TicketId, StaffCode)>,
    pub(super) commands: Vec<Instruction>,
    pub(super) dropped: BTreeSet<AdmissionId>,
    pub(super) opened: Vec<Vec<TicketId>>,
    /// Whom the barrier let out, and who was noted as gone.
    pub(super) left: Vec<Vec<TicketId>>,
    pub(super) exited: Vec<Departure>,
    pub(super) annulled: Vec<AdmissionId>,
    powered: bool,
    truth: Truth,
}

/// What must be true of every tap, whatever comes in.
#[derive(Debug, Default)]
struct Truth {
    /// Admissions that are stored, with the tap that the lane was told they belong to.
    stored: BTreeSet<(TapNumber, AdmissionId)>,
    opened_taps: BTreeSet<TapNumber>,
    verified_taps: BTreeSet<TapNumber>,
    intents: BTreeSet<AdmissionId>,
    granted: BTreeSet<AdmissionId>,
}

impl Table {
    /// A lane in service, its holder's card at hand and one good ticket on it.
    pub(super) fn new() -> Self {
        let mut table = Self::unready();
        table.give(Input::ReaderReady(PinEntry::Here));
        table.wanted.clear();
        table.shown.clear();
        table
    }

    /// The same before the reader has reported.
    pub(super) fn unready() -> Self {
        let (lane, first) = Lane::new();
        let mut table = Self {
            lane,
            now: at(HOUR),
            card: Character::Holder.card().unwrap(),
            tickets: vec![ticket(1)],
            key: Some(public_key(Character::Holder)),
            place: Place {
                zone: Zone::new("A").unwrap(),
                now: at(HOUR),
                clock_certain: true,
                connectivity: Connectivity::Online,
                replica_age: Duration::from_secs(5),
                zone_has_one_gate: false,
                policy: Arc::new(policy(OfflineChoice::Refuse, ArbiterHome::Registrar)),
                passage: Passage::In,
            },
            at_the_pad: AtThePad::Types(planted::PIN),
            at_the_keys: AtThePad::Types(planted::PIN),
            party: None,
            arbiter: VecDeque::new(),
            barrier_works: true,
            nobody_passes: false,
            left: Vec::new(),
            exited: Vec::new(),
            annulled: Vec::new(),
            hold: None,
            held: VecDeque::new(),
            inbox: VecDeque::new(),
            wanted: Vec::new(),
            shown: Vec::new(),
            refused: Vec::new(),
            told_holders: Vec::new(),
            commands: Vec::new(),
            dropped: BTreeSet::new(),
            opened: Vec::new(),
            powered: false,
            truth: Truth::default(),
        };
        table.carry(first);
        table
    }

    pub(super) fn with_card(character: Character) -> Self {
        let mut table = Self::new();
        table.card = character.card().unwrap();
        table
    }

    pub(super) fn with_fault(fault: Fault) -> Self {
        let mut table = Self::new();
        table.card.put_in(vec![fault]);
        table
    }

    /// Puts the card down and lets everything go its way.
    pub(super) fn tap(&mut self) {
        self.give(Input::CardPresent);
        self.settle();
    }

    /// Taps, with the answers to one kind of effect withheld.
    pub(super) fn tap_holding(&mut self, effect: &'static str) {
        self.hold = Some(effect);
        self.tap();
        self.hold = None;
        assert!(!self.held.is_empty(), "nothing like {effect:?} in {:?}", self.wanted);
    }

    pub(super) fn release(&mut self) {
        self.inbox.append(&mut self.held);
        self.settle();
    }

    pub(super) fn settle(&mut self) {
        while let Some(input) = self.inbox.pop_front() {
            self.give(input);
        }
    }

    /// Lets time pass, and ticks.
    pub(super) fn wait(&mut self, time: Duration) {
        self.pass(time);
        self.give(Input::Tick);
        self.settle();
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.place.now = self.now;
    }

    /// Ticks at every moment that the lane asks for, until it asks for none.
    pub(super) fn wait_for_rest(&mut self) {
        for _tick in 0..20 {
            let Some(wake) = self.lane.wake_at() else { return };
            self.wait(wake.since(self.now));
        }
        panic!("the lane does not come to rest: {:?}", self.lane);
    }

    pub(super) fn take_card(&mut self) {
        self.give(Input::CardGone);
        self.settle();
    }

    pub(super) fn pin(&mut self, digits: &str) {
        self.type_pin(digits);
        self.settle();
    }

    pub(super) fn type_pin(&mut self, digits: &str) {
        self.give(Input::PinEntered(Pin::parse(digits).unwrap(), Challenge::from_bytes([0x77; 32])));
    }

    pub(super) fn last_refusal(&self) -> Option<&Refusal> {
        self.refused.last()
    }

    pub(super) fn screen(&self) -> &Screen {
        self.shown.last().unwrap()
    }

    pub(super) fn count(&self, effect: &str) -> usize {
        self.wanted.iter().filter(|wanted| wanted.starts_with(effect)).count()
    }

    pub(super) const fn tap_number(&self) -> TapNumber {
        self.lane.tap
    }

    /// One input, and everything that must hold after it.
    pub(super) fn give(&mut self, input: Input) {
        self.note(&input);
        for effect in self.lane.handle(self.now, input) {
            self.carry(effect);
        }
        let at_rest = matches!(self.lane.state, State::Idle);
        assert_eq!(at_rest, self.lane.wake_at().is_none(), "a state without an end: {:?}", self.lane);
        let card_is_used = matches!(
            self.lane.state,
            State::Reading(_)
                | State::Consulting(_)
                | State::CountingTries(_)
                | State::AwaitingPin(_)
                | State::DrawingChallenge(_)
                | State::TypingAtReader(_)
                | State::Proving(_)
        );
        assert!(card_is_used || !self.powered, "a card under power after its tap: {:?}", self.lane);
        assert!(!card_is_used || self.lane.card == Tray::Tapped, "an exchange with a card that is gone");
    }

    /// Remembers what the lane was told is stored.
    fn note(&mut self, input: &Input) {
        match input {
            Input::AdmissionsStored(tap, stored) | Input::AdmittedHere(tap, stored, _) => {
                self.truth.stored.extend(stored.iter().map(|stored| (*tap, stored.admission().id)));
            }
            Input::IntentsStored(_, intents) => {
                self.truth.intents.extend(intents.iter().map(StoredIntent::admission));
            }
            _ => {}
        }
    }

    /// Intents that became nothing and were not dropped either.
    pub(super) fn forgotten_intents(&self) -> usize {
        let Truth { intents, granted, .. } = &self.truth;
        intents.iter().filter(|id| !granted.contains(id) && !self.dropped.contains(id)).count()
    }

    fn answer(&mut self, name: &str, input: Input) {
        if self.hold.is_some_and(|hold| name.starts_with(hold)) {
            self.held.push_back(input);
        } else {
            self.inbox.push_back(input);
        }
    }

    fn carry(&mut self, effect: Effect) {
        let name = name(&effect);
        match effect {
            Effect::Transmit(tap, command) => {
                let answer = self.transmit(tap, &CommandApdu::from(&command));
                self.answer(&name, answer);
            }
            Effect::DrawChallenge(tap) => {
                self.answer(&name, Input::ChallengeDrawn(tap, Challenge::from_bytes([0x77; 32])));
            }
            Effect::PowerOffCard => {
                self.card.power_off();
                self.powered = false;
            }
            Effect::LookUp(tap, window) => {
                let tag = window.tag(&EventKey::from_bytes([1; 32]).tag());
                let known = Input::Known(tap, Box::new(self.knowledge(tag, self.key.clone())));
                self.answer(&name, known);
            }
            Effect::LookUpAgain(tap, tag) => {
                let known = Input::Known(tap, Box::new(self.knowledge(tag, None)));
                self.answer(&name, known);
            }
            Effect::StoreIntents(tap, plan) => {
                self.answer(&name, Input::IntentsStored(tap, scratch::intents(&plan, self.now)));
            }
            Effect::Claim(tap, intent) => {
                let granted = ClaimOutcome::Answered(kido_shared::claim::ClaimAnswer::Granted { entry: 1 });
                let outcome = self.arbiter.pop_front().unwrap_or(granted);
                self.answer(&name, Input::Claimed(tap, intent.admission(), outcome));
            }
            Effect::CatchUp(tap) => self.answer(&name, Input::CaughtUp(tap)),
            Effect::DropIntents(intents) => {
                assert!(!intents.is_empty());
                self.dropped.extend(intents.iter().map(StoredIntent::admission));
            }
            Effect::StoreAdmissions(tap, granted) => {
                self.truth.granted.extend(granted.iter().map(|granted| granted.intent.admission()));
                self.answer(&name, Input::AdmissionsStored(tap, scratch::admissions(&granted, GATE, self.now)));
            }
            Effect::AdmitHere(tap, plan) => {
                let stored = scratch::admitted_here(&plan, GATE, self.now);
                self.answer(&name, Input::AdmittedHere(tap, stored, None));
            }
            Effect::OpenLane(tap, admissions) => {
                assert!(self.truth.opened_taps.insert(tap), "one tap opens the lane once");
                for stored in &admissions {
                    assert!(self.truth.stored.contains(&(tap, stored.admission().id)), "opened on nothing stored");
                }
                self.opened.push(admissions.iter().map(|stored| stored.admission().ticket).collect());
                self.answer(&name, self.barrier_says(tap));
            }
            Effect::OpenOut(tap, departures) => {
                assert!(self.truth.opened_taps.insert(tap), "one tap opens the lane once");
                self.left.push(departures.iter().map(|departure| departure.ticket).collect());
                self.answer(&name, self.barrier_says(tap));
            }
            Effect::NoteOpened(_) => {}
            Effect::NoteExited(departures) => self.exited.extend(departures),
            Effect::NoteAnnulled(admissions) => self.annulled.extend(admissions),
            Effect::NoteRefused(refused) => self.told_holders.extend(refused),
            Effect::Show(screen) => self.show(screen),
            Effect::ReportRefusal(_, refusal) => self.refused.push(refusal),
        }
        self.wanted.push(name);
    }

    fn show(&mut self, screen: Screen) {
        match (&screen, self.at_the_pad, self.party) {
            (Screen::AskPin(_), AtThePad::Types(digits), _) => {
                let pin = Pin::parse(digits).unwrap();
                self.inbox.push_back(Input::PinEntered(pin, Challenge::from_bytes([0x77; 32])));
            }
            (Screen::AskParty { .. }, _, Some(count)) => self.inbox.push_back(Input::PartyChosen(count)),
            _ => {}
        }
        self.shown.push(screen);
    }

    fn transmit(&mut self, tap: TapNumber, command: &CommandApdu) -> Input {
        if !self.powered {
            self.card.power_on();
            self.powered = true;
        }
        self.commands.push(command.instruction());
        if matches!(command.instruction(), Instruction::Verify | Instruction::VerifyAtReader) {
            assert!(self.truth.verified_taps.insert(tap), "one tap verifies one PIN once");
        }
        let bytes = match command.blank_verify() {
            Some(blank) => self.at_the_keys(blank),
            None => self.card.transmit_now(command.as_bytes()),
        };
        match ResponseApdu::parse(&bytes, command) {
            Ok(response) => Input::Answered(tap, response),
            Err(_no_answer) => Input::Torn(tap),
        }
    }

    /// What a reader with keys does: takes digits, puts them in, sends; or says that there were none.
    fn at_the_keys(&mut self, mut blank: [u8; BLANK_VERIFY_BYTES]) -> Vec<u8> {
        let digits = match self.at_the_keys {
            AtThePad::Types(digits) => digits,
            AtThePad::Waits => return vec![0x64, 0x00],
            AtThePad::Cancels => return vec![0x64, 0x01],
        };
        blank[5..].copy_from_slice(digits.as_bytes());
        self.card.transmit_now(&blank)
    }

    fn barrier_says(&self, tap: TapNumber) -> Input {
        match (self.barrier_works, self.nobody_passes) {
            (true, false) => Input::Opened(tap),
            (true, true) => Input::NobodyPassed(tap),
            (false, _) => Input::BarrierFailed(tap),
        }
    }

    pub(super) fn knowledge(&self, tag: BindingTag, key: Option<SubjectPublicKey>) -> Knowledge {
        let (tickets, place) = (self.tickets.clone(), self.place.clone());
        Knowledge { event: EVENT, gate: GATE, tag, key, tickets, place }
    }
}
