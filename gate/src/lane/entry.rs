//! The part of a tap after the proof: decide again, intent, claim, admission, open.
#![expect(clippy::wildcard_enum_match_arm, reason = "an input that is not for a state changes nothing")]

use kido_shared::admission::AdmissionBasis;
use kido_shared::challenge::{AdmissionMessage, Passage};
use kido_shared::claim::ClaimAnswer;
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, TicketId};
use kido_shared::policy::ArbiterHome;
use kido_shared::proof::VerifiedProof;
use kido_shared::refusal::Refusal;
use kido_shared::verdict::{Admissible, Connectivity, KnownTicket, Usable, Used, Verdict, decide};

use super::effect::Effect;
use super::going_out::GoingOut;
use super::input::{ClaimOutcome, Input, Knowledge, TapNumber};
use super::seats::Seats;
use super::states::{State, Step};
use super::{ANSWER_TIME, PARTY_TIME};
use crate::journal::{GrantedEntry, PlannedEntry, StoredAdmission, StoredIntent};
use crate::screen::{Screen, Welcome};

/// How often a tap may be decided again, because a claim rests on superseded records or the gate has gone offline,
/// before staff look: what changes faster than a gate can follow is not for a machine to decide.
const DECIDED_AGAIN_MAX: u8 = 2;

/// The replica is asked once more, after the proof.
#[derive(Debug)]
pub(in crate::lane) struct Deciding {
    proof: VerifiedProof<AdmissionMessage>,
    decided_again: u8,
    /// How many of the party enter, once that was asked.
    count: Option<usize>,
    pub(super) deadline: Timestamp,
}

impl Deciding {
    pub(super) const fn new(proof: VerifiedProof<AdmissionMessage>, deadline: Timestamp) -> Self {
        Self { proof, decided_again: 0, count: None, deadline }
    }

    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        match input {
            Input::Known(_, knowledge) => self.known(now, tap, &knowledge, effects),
            Input::CaughtUp(_) => {
                effects.push(Effect::LookUpAgain(tap, self.proof.message().tag));
                Step::Stay(State::Deciding(self))
            }
            // Neither replica nor journal can be asked: which tickets it was for is not known either.
            Input::LookUpFailed(_, refusal) => Step::refuse_proved(refusal, Vec::new()),
            Input::Tick if now >= self.deadline => Step::refuse_proved(Refusal::StorageFailed, Vec::new()),
            _ => Step::Stay(State::Deciding(self)),
        }
    }

    fn known(self, now: Timestamp, tap: TapNumber, knowledge: &Knowledge, effects: &mut Vec<Effect>) -> Step {
        let admissible = match knowledge.verdict() {
            Verdict::Refuse(refusal) => {
                let tickets = refused_for(&refusal, knowledge);
                return Step::refuse_proved(refusal, tickets);
            }
            Verdict::Admit(admissible) => admissible,
        };
        let passage = knowledge.place.passage;
        let home = Home::of(knowledge);
        let entering = Entering { passage, home, proof: self.proof, decided_again: self.decided_again };
        match self.count {
            None if admissible.count() > 1 => {
                effects.push(Effect::Show(Screen::AskParty { most: admissible.count(), passage }));
                let deadline = now.after(PARTY_TIME);
                Step::Stay(State::AskingParty(AskingParty { entering, admissible, deadline }))
            }
            None => Step::Stay(entering.begin(now, tap, &admissible, effects)),
            Some(count) => Step::Stay(entering.begin(now, tap, &admissible.limit(count), effects)),
        }
    }
}

/// The tickets of which a verdict on all of them is true: of two, one may be too late and the other suspended.
fn refused_for(refusal: &Refusal, knowledge: &Knowledge) -> Vec<TicketId> {
    // Going out, nothing is told of one ticket and not of another.
    if knowledge.place.passage == Passage::Out {
        return Vec::new();
    }
    let here = knowledge.here();
    let told = |ticket: &&KnownTicket| match decide(core::slice::from_ref(*ticket), &here) {
        Verdict::Refuse(own) => own == *refusal,
        Verdict::Admit(_) => false,
    };
    knowledge.tickets.iter().filter(told).map(|ticket| ticket.record.ticket).collect()
}

/// Who decides this entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Home {
    /// An arbiter elsewhere: intent, claim, admission.
    Elsewhere,
    /// This gate: its own arbiter, or the event's offline choice. One durable step.
    Here,
}

impl Home {
    fn of(knowledge: &Knowledge) -> Self {
        let local = knowledge.place.policy.choices().arbiter.home == ArbiterHome::Local;
        let offline = knowledge.place.connectivity == Connectivity::Offline;
        if local || offline { Self::Here } else { Self::Elsewhere }
    }
}

/// A proved card that is to pass.
#[derive(Debug)]
pub(in crate::lane) struct Entering {
    passage: Passage,
    home: Home,
    proof: VerifiedProof<AdmissionMessage>,
    decided_again: u8,
}

impl Entering {
    const fn may_decide_again(&self) -> bool {
        self.decided_again < DECIDED_AGAIN_MAX
    }

    fn begin(self, now: Timestamp, tap: TapNumber, admissible: &Admissible, effects: &mut Vec<Effect>) -> State {
        if self.passage == Passage::Out {
            return State::GoingOut(GoingOut::begin(now, tap, admissible, effects));
        }
        let plan: Vec<PlannedEntry> = admissible.tickets().map(planned).collect();
        let seats = Seats::of(admissible);
        let deadline = now.after(ANSWER_TIME);
        match self.home {
            Home::Here => {
                effects.push(Effect::AdmitHere(tap, plan));
                State::AdmittingHere(AdmittingHere { seats, deadline })
            }
            Home::Elsewhere => {
                effects.push(Effect::StoreIntents(tap, plan));
                State::Intending(Intending { entering: self, seats, deadline })
            }
        }
    }
}

fn planned(usable: &Usable) -> PlannedEntry {
    let entry = match usable.ticket.used {
        Used::Never => 1,
        Used::Left { entries } => entries.saturating_add(1),
        // Known use is no objection while an arbiter answers, and then the arbiter counts.
        Used::Inside { entry, .. } => entry.saturating_add(1),
        Used::StoredNotOpened { .. } => 1,
    };
    PlannedEntry { ticket: usable.id(), decided_on: usable.decided_on(), entry }
}

fn ids(admissible: &Admissible) -> Vec<TicketId> {
    admissible.tickets().map(Usable::id).collect()
}

/// The holder says how many enter.
#[derive(Debug)]
pub(in crate::lane) struct AskingParty {
    entering: Entering,
    admissible: Admissible,
    pub(super) deadline: Timestamp,
}

impl AskingParty {
    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        match input {
            Input::PartyChosen(count) if (1..=self.admissible.count()).contains(&count) => {
                // The pause was the holder's: the state that the claim names is looked up afresh.
                effects.push(Effect::Show(Screen::Proving));
                effects.push(Effect::LookUpAgain(tap, self.entering.proof.message().tag));
                let Entering { proof, decided_again, .. } = self.entering;
                let deadline = now.after(ANSWER_TIME);
                Step::Stay(State::Deciding(Deciding { proof, decided_again, count: Some(count), deadline }))
            }
            Input::Cancelled => Step::refuse_proved(Refusal::PinNotEntered, ids(&self.admissible)),
            Input::Tick if now >= self.deadline => Step::refuse_proved(Refusal::PinNotEntered, ids(&self.admissible)),
            _ => Step::Stay(State::AskingParty(self)),
        }
    }
}

/// Intents are being stored.
#[derive(Debug)]
pub(in crate::lane) struct Intending {
    entering: Entering,
    seats: Seats,
    pub(super) deadline: Timestamp,
}

impl Intending {
    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        match input {
            Input::IntentsStored(_, intents) => self.claim(now, tap, intents, effects),
            Input::StoreFailed(_) => Step::refuse_proved(Refusal::StorageFailed, self.seats.tickets()),
            Input::Tick if now >= self.deadline => Step::refuse_proved(Refusal::StorageFailed, self.seats.tickets()),
            _ => Step::Stay(State::Intending(self)),
        }
    }

    fn claim(self, now: Timestamp, tap: TapNumber, intents: Vec<StoredIntent>, effects: &mut Vec<Effect>) -> Step {
        let Self { entering, seats, .. } = self;
        let mut pending = intents.into_iter();
        let Some(current) = pending.next() else {
            return Step::refuse_proved(Refusal::StorageFailed, seats.tickets());
        };
        effects.push(Effect::Claim(tap, current.clone()));
        let pending = pending.collect();
        let deadline = now.after(ANSWER_TIME);
        let claims = Claims { current, pending, granted: Vec::new(), refused: Vec::new() };
        Step::Stay(State::Claiming(Claiming { entering, seats, claims, deadline }))
    }
}

/// The arbiter is being asked, ticket by ticket.
#[derive(Debug)]
pub(in crate::lane) struct Claiming {
    entering: Entering,
    seats: Seats,
    claims: Claims,
    pub(super) deadline: Timestamp,
}

#[derive(Debug)]
struct Claims {
    current: StoredIntent,
    pending: Vec<StoredIntent>,
    granted: Vec<GrantedEntry>,
    refused: Vec<(StoredIntent, Refusal)>,
}

impl Claims {
    /// Everything that will not be admitted, where the whole plan is given up.
    fn into_intents(self) -> Vec<StoredIntent> {
        let granted = self.granted.into_iter().map(|granted| granted.intent);
        let refused = self.refused.into_iter().map(|(intent, _refusal)| intent);
        core::iter::once(self.current).chain(self.pending).chain(refused).chain(granted).collect()
    }
}

impl Claiming {
    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        match input {
            Input::Claimed(_, admission, outcome) if admission == self.claims.current.admission() => match outcome {
                ClaimOutcome::Answered(answer) => self.answered(now, tap, answer, effects),
                ClaimOutcome::Silent => self.give_up(Refusal::ArbiterSilent, effects),
                ClaimOutcome::Offline if self.entering.may_decide_again() => {
                    self.decide_again(now, tap, Effect::LookUpAgain, effects)
                }
                ClaimOutcome::Offline => self.give_up(Refusal::ArbiterSilent, effects),
            },
            Input::Tick if now >= self.deadline => self.give_up(Refusal::ArbiterSilent, effects),
            _ => Step::Stay(State::Claiming(self)),
        }
    }

    fn answered(mut self, now: Timestamp, tap: TapNumber, answer: ClaimAnswer, effects: &mut Vec<Effect>) -> Step {
        let intent = self.claims.current.clone();
        let refusal = match answer {
            ClaimAnswer::Granted { entry } => {
                self.claims.granted.push(GrantedEntry { intent, entry, basis: AdmissionBasis::Claimed });
                return self.next(now, tap, effects);
            }
            ClaimAnswer::Stale { .. } if self.entering.may_decide_again() => {
                return self.decide_again(now, tap, |tap, _tag| Effect::CatchUp(tap), effects);
            }
            refused => refused.refusal().unwrap_or(Refusal::ArbiterSilent),
        };
        self.claims.refused.push((intent, refusal));
        self.next(now, tap, effects)
    }

    /// The next ticket of the party, or the end of the claims.
    fn next(mut self, now: Timestamp, tap: TapNumber, effects: &mut Vec<Effect>) -> Step {
        if !self.claims.pending.is_empty() {
            self.claims.current = self.claims.pending.remove(0);
            self.deadline = now.after(ANSWER_TIME);
            effects.push(Effect::Claim(tap, self.claims.current.clone()));
            return Step::Stay(State::Claiming(self));
        }
        let Claims { granted, refused, .. } = self.claims;
        let told = refused.first().map(|(_intent, refusal)| refusal.clone());
        if !refused.is_empty() {
            // Each ticket of a party has its own reason, whatever becomes of the others.
            let noted = refused.iter().map(|(intent, refusal)| (intent.ticket(), refusal.code())).collect();
            effects.push(Effect::DropIntents(refused.into_iter().map(|(intent, _refusal)| intent).collect()));
            effects.push(Effect::NoteRefused(noted));
        }
        if granted.is_empty() {
            return Step::refuse_proved(told.unwrap_or(Refusal::ArbiterSilent), Vec::new());
        }
        let intents = granted.iter().map(|granted| granted.intent.clone()).collect();
        effects.push(Effect::StoreAdmissions(tap, granted));
        Step::Stay(State::Storing(Storing { intents, seats: self.seats, deadline: now.after(ANSWER_TIME) }))
    }

    fn give_up(self, refusal: Refusal, effects: &mut Vec<Effect>) -> Step {
        effects.push(Effect::DropIntents(self.claims.into_intents()));
        Step::refuse_proved(refusal, self.seats.tickets())
    }

    /// Gives these intents up and takes a new verdict on what is known then.
    fn decide_again(
        self,
        now: Timestamp,
        tap: TapNumber,
        effect: impl FnOnce(TapNumber, kido_shared::binding::BindingTag) -> Effect,
        effects: &mut Vec<Effect>,
    ) -> Step {
        let Self { entering, claims, seats, .. } = self;
        let Entering { proof, decided_again, .. } = entering;
        let decided_again = decided_again.saturating_add(1);
        effects.push(Effect::DropIntents(claims.into_intents()));
        effects.push(effect(tap, proof.message().tag));
        let count = Some(seats.tickets().len());
        Step::Stay(State::Deciding(Deciding { proof, decided_again, count, deadline: now.after(ANSWER_TIME) }))
    }
}

/// Admissions are being stored.
#[derive(Debug)]
pub(in crate::lane) struct Storing {
    intents: Vec<StoredIntent>,
    seats: Seats,
    pub(super) deadline: Timestamp,
}

impl Storing {
    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        match input {
            Input::AdmissionsStored(_, stored) => open(now, tap, stored, self.seats, effects),
            // Nothing was kept, and the arbiter holds the entries taken: they are given back.
            Input::StoreFailed(_) => {
                effects.push(Effect::DropIntents(self.intents));
                Step::refuse_proved(Refusal::StorageFailed, self.seats.tickets())
            }
            // Whether they are kept is unknown. Where they are, an intent that became an admission is not withdrawn any
            // more: one that was not seen to open, staff look. Where they are not, the arbiter must hear of it.
            Input::Tick if now >= self.deadline => {
                effects.push(Effect::DropIntents(self.intents));
                Step::refuse_proved(Refusal::StorageFailed, self.seats.tickets())
            }
            _ => Step::Stay(State::Storing(self)),
        }
    }
}

/// The gate decides and stores by itself.
#[derive(Debug)]
pub(in crate::lane) struct AdmittingHere {
    seats: Seats,
    pub(super) deadline: Timestamp,
}

impl AdmittingHere {
    pub(super) fn step(self, now: Timestamp, tap: TapNumber, input: Input, effects: &mut Vec<Effect>) -> Step {
        match input {
            Input::AdmittedHere(_, stored, refusal) if stored.is_empty() => {
                Step::refuse_proved(refusal.unwrap_or(Refusal::StorageFailed), self.seats.tickets())
            }
            Input::AdmittedHere(_, stored, refusal) => {
                let left_out = self.seats.left_out(&stored);
                if let Some(refusal) = refusal.filter(|_refusal| !left_out.is_empty()) {
                    let code = refusal.code();
                    effects.push(Effect::NoteRefused(left_out.into_iter().map(|ticket| (ticket, code)).collect()));
                }
                open(now, tap, stored, self.seats, effects)
            }
            Input::StoreFailed(_) => Step::refuse_proved(Refusal::StorageFailed, self.seats.tickets()),
            Input::Tick if now >= self.deadline => Step::refuse_proved(Refusal::StorageFailed, self.seats.tickets()),
            _ => Step::Stay(State::AdmittingHere(self)),
        }
    }
}

fn open(now: Timestamp, tap: TapNumber, stored: Vec<StoredAdmission>, seats: Seats, effects: &mut Vec<Effect>) -> Step {
    let Some(first) = stored.first().map(|stored| stored.admission().id) else {
        return Step::refuse_proved(Refusal::StorageFailed, seats.tickets());
    };
    let tickets = stored.iter().map(|stored| stored.admission().ticket).collect();
    let ids = stored.iter().map(|stored| stored.admission().id).collect();
    let welcome = seats.welcome(&stored);
    effects.push(Effect::OpenLane(tap, stored));
    Step::Stay(State::Opening(Opening { first, ids, tickets, welcome, deadline: now.after(ANSWER_TIME) }))
}

/// The barrier was told.
#[derive(Debug)]
pub(in crate::lane) struct Opening {
    first: AdmissionId,
    ids: Vec<AdmissionId>,
    tickets: Vec<TicketId>,
    welcome: Welcome,
    pub(super) deadline: Timestamp,
}

impl Opening {
    pub(super) fn step(self, now: Timestamp, input: Input, effects: &mut Vec<Effect>) -> Step {
        match input {
            Input::Opened(_) => {
                effects.push(Effect::NoteOpened(self.ids));
                Step::Welcome(self.welcome)
            }
            // As if it had never been: the card may be placed again.
            Input::NobodyPassed(_) => {
                effects.push(Effect::NoteAnnulled(self.ids));
                Step::refuse_proved(Refusal::CardLeft, Vec::new())
            }
            // Stored, so used; whether anybody passed is for staff to see.
            Input::BarrierFailed(_) => Step::refuse_proved(Refusal::StoredNotOpened(self.first), self.tickets),
            Input::Tick if now >= self.deadline => {
                Step::refuse_proved(Refusal::StoredNotOpened(self.first), self.tickets)
            }
            _ => Step::Stay(State::Opening(self)),
        }
    }
}
