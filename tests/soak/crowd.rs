//! The attendees: who has which card and tickets, and where each goes next.

use std::collections::BTreeMap;
use std::time::Duration;

use kido_virtual_card::character::Character;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::Instant;

/// Tries of somebody who has not got in, once the faults have stopped.
const LAST_TRIES: u32 = 15;

/// How long somebody on the way to another gate is left to get there.
const ON_THE_WAY: Duration = Duration::from_secs(6);

/// How long people who are in are sent to a gate that has not heard of it.
const LURED_FOR: Duration = Duration::from_secs(35);

/// What somebody does with the card and the pad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As told.
    Ordinary,
    /// A wrong PIN.
    Mistyped,
    /// Walks off with the card while it proves itself.
    Hasty,
}

/// What somebody saw last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Welcome,
    /// The sentence's name.
    Refused(String),
    /// No screen, a lane out of order, or one that died.
    Nothing,
    WalkedOff,
}

/// One attendee.
#[derive(Debug, Clone)]
pub(crate) struct Attendee {
    pub(crate) card: Character,
    /// By the shop's reference.
    pub(crate) tickets: Vec<String>,
    pub(crate) seen: Option<Seen>,
    pub(crate) was_welcome: bool,
    welcomed_at: Option<Instant>,
    mistyped: bool,
    whereabouts: Whereabouts,
    last_tries: u32,
}

/// Where somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whereabouts {
    Anywhere,
    /// On the way to this gate, for so long.
    OnTheWay(usize, Instant),
    AtAGate,
    /// Told what there is to tell, or in.
    Home,
}

/// One showing of a card at a gate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit {
    pub(crate) who: usize,
    pub(crate) card: Character,
    pub(crate) manner: Manner,
}

/// How often what was seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) visits: u64,
    pub(crate) welcomes: u64,
    pub(crate) shown_elsewhere_at_once: u64,
    pub(crate) walked_off: u64,
    pub(crate) refusals: BTreeMap<String, u64>,
    pub(crate) nothing: u64,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Crowd {
    attendees: Vec<Attendee>,
    gates: usize,
    lure: Option<(usize, Instant)>,
    random: StdRng,
    pub(crate) tally: Tally,
}

impl Crowd {
    pub(crate) fn new(seed: u64, gates: usize) -> Self {
        Self { attendees: Vec::new(), gates, lure: None, random: StdRng::seed_from_u64(seed), tally: Tally::default() }
    }

    /// Somebody has bound tickets to a card.
    pub(crate) fn joins(&mut self, card: Character, tickets: Vec<String>) {
        self.attendees.push(Attendee {
            card,
            tickets,
            seen: None,
            was_welcome: false,
            welcomed_at: None,
            mistyped: false,
            whereabouts: Whereabouts::Anywhere,
            last_tries: 0,
        });
    }

    /// From now on this gate hears of nobody: whoever is let in elsewhere shows the card there, too.
    pub(crate) fn lure(&mut self, gate: usize) {
        self.lure = Some((gate, Instant::now()));
    }

    pub(crate) fn attendees(&self) -> &[Attendee] {
        &self.attendees
    }

    /// Who comes to a gate next: whoever is on the way to it, else mostly somebody who is not in yet.
    pub(crate) fn next(&mut self, gate: usize) -> Option<Visit> {
        let now = Instant::now();
        let which = |wanted: &dyn Fn(&Attendee) -> bool| -> Vec<usize> {
            let found = self.attendees.iter().enumerate().filter(|(_, one)| wanted(one));
            found.map(|(who, _)| who).collect()
        };
        let lured = self.lure.filter(|(to, since)| *to == gate && now < *since + LURED_FOR);
        let lured = lured.map_or_else(Vec::new, |(_, since)| {
            which(&|one| one.whereabouts != Whereabouts::AtAGate && one.welcomed_at.is_some_and(|at| at > since))
        });
        let coming = which(&|one| matches!(one.whereabouts, Whereabouts::OnTheWay(to, _) if to == gate));
        let free = which(&|one| one.is_free(gate, now));
        let outside = which(&|one| one.is_free(gate, now) && !one.was_welcome);
        let among = match (coming.is_empty(), outside.is_empty() || self.random.gen_ratio(1, 6)) {
            (false, _) => coming,
            (true, true) => free,
            (true, false) => outside,
        };
        let among = if lured.is_empty() { among } else { lured };
        let who = *among.choose(&mut self.random)?;
        let drawn = match self.random.gen_range(0..20) {
            0 => Manner::Mistyped,
            1 | 2 => Manner::Hasty,
            _ => Manner::Ordinary,
        };
        let one = self.attendees.get_mut(who)?;
        one.whereabouts = Whereabouts::AtAGate;
        // A second wrong PIN would keep the card from being asked again.
        let manner = if one.mistyped && drawn == Manner::Mistyped { Manner::Ordinary } else { drawn };
        one.mistyped = manner == Manner::Mistyped;
        Some(Visit { who, card: one.card, manner })
    }

    /// Who tries once more, now that the faults have stopped; nobody where all are in or were told what to do.
    pub(crate) fn last_try(&mut self) -> LastTry {
        let waiting = self.attendees.iter().any(|one| one.whereabouts != Whereabouts::Home);
        let next = self
            .attendees
            .iter_mut()
            .enumerate()
            .find(|(_, one)| !matches!(one.whereabouts, Whereabouts::Home | Whereabouts::AtAGate));
        match next {
            Some((who, one)) => {
                one.whereabouts = Whereabouts::AtAGate;
                LastTry::Visit(Visit { who, card: one.card, manner: Manner::Ordinary })
            }
            None if waiting => LastTry::Wait,
            None => LastTry::Over,
        }
    }

    /// Somebody has left a gate.
    pub(crate) fn leaves(&mut self, gate: usize, visit: Visit, seen: &Seen) {
        self.tally.visits += 1;
        match seen {
            Seen::Welcome => self.tally.welcomes += 1,
            Seen::Refused(notice) => *self.tally.refusals.entry(notice.clone()).or_default() += 1,
            Seen::Nothing => self.tally.nothing += 1,
            Seen::WalkedOff => self.tally.walked_off += 1,
        }
        let another = (gate + self.random.gen_range(1..self.gates)) % self.gates;
        let at_once = *seen == Seen::WalkedOff || self.random.gen_ratio(2, 5);
        self.tally.shown_elsewhere_at_once += u64::from(at_once);
        let Some(one) = self.attendees.get_mut(visit.who) else { return };
        if *seen == Seen::Welcome {
            one.was_welcome = true;
            one.welcomed_at.get_or_insert_with(Instant::now);
        }
        one.seen = Some(seen.clone());
        one.whereabouts =
            if at_once { Whereabouts::OnTheWay(another, Instant::now() + ON_THE_WAY) } else { Whereabouts::Anywhere };
    }

    /// Somebody has left a gate after the faults, and goes home where the screen has said what there is to say.
    pub(crate) fn leaves_at_last(&mut self, gate: usize, visit: Visit, seen: &Seen) {
        self.leaves(gate, visit, seen);
        let Some(one) = self.attendees.get_mut(visit.who) else { return };
        one.last_tries += 1;
        let told = match seen {
            Seen::Welcome => true,
            Seen::Refused(notice) => kido_tests::evening::says_where_to_turn(notice),
            Seen::Nothing | Seen::WalkedOff => false,
        };
        if told || one.last_tries >= LAST_TRIES {
            one.whereabouts = Whereabouts::Home;
        }
    }

    /// Who has been welcomed goes home; the others try again.
    pub(crate) fn faults_have_stopped(&mut self) {
        for one in self.attendees.iter_mut().filter(|one| one.was_welcome && one.whereabouts != Whereabouts::AtAGate) {
            one.whereabouts = Whereabouts::Home;
        }
    }
}

impl Attendee {
    fn is_free(&self, gate: usize, now: Instant) -> bool {
        match self.whereabouts {
            Whereabouts::Anywhere => true,
            Whereabouts::OnTheWay(to, until) => to == gate || until < now,
            Whereabouts::AtAGate | Whereabouts::Home => false,
        }
    }
}

/// The answer to who tries once more.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LastTry {
    Visit(Visit),
    /// Somebody is at a gate, and may have to come back.
    Wait,
    Over,
}
