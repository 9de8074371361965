//! The real claim steps behind packets by number, and the faults that are planted to see them found.

use kido_shared::admission::{AdmissionBasis, DecidedOn};
use kido_shared::claim::{ClaimAnswer, ClaimFacts, ClaimRequest, ClaimStep, NamedAdmission, TicketClaims, step};
use kido_shared::clock::Timestamp;
use kido_shared::ids::{AdmissionId, FeedSequence, GateId, TicketId};
use kido_shared::ticket::{Entries, TicketStatus};

use crate::venue::{Attempt, GATES, gate_of};

/// What is wrong in a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The arbiter remembers no withdrawal that overtakes its claim.
    NoTombstone,
    /// The arbiter grants, and has forgotten it.
    AnswersUnstored,
    /// The arbiter takes any claim of a ticket that is held for a repetition of the one that holds it.
    GrantsRepeated,
    /// The gate takes no answer for a yes.
    OpensOnSilence,
    /// The gate opens for a stored admission that it did not see opening.
    OpensAgain,
    /// The gate gives up without telling.
    NeverWithdraws,
    /// The gate annuls what may have been passed.
    AnnulsOnTimeOut,
}

/// What a gate says to the arbiter about one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Claim,
    Withdraw,
    Opened,
    Annul,
    Exit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Packet {
    pub(crate) attempt: Attempt,
    pub(crate) kind: Kind,
}

const TICKET: TicketId = TicketId::from_bytes([7; 16]);
const NEWEST: DecidedOn =
    DecidedOn { ticket: FeedSequence::new(1), binding: FeedSequence::new(2), epoch: kido_shared::ids::Epoch::FIRST };
/// The clock stands still: closed admissions are remembered for a day, and no packet lives so long.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// How often the ticket lets in.
pub(crate) const ENTRIES: u32 = 2;

pub(crate) fn admission(attempt: Attempt) -> AdmissionId {
    AdmissionId::from_bytes([u8::try_from(attempt).unwrap(); 16])
}

/// The attempt of an admission.
pub(crate) fn attempt(admission: AdmissionId) -> Attempt {
    usize::from(admission.as_bytes()[0])
}

fn gate(number: usize) -> GateId {
    GateId::from_bytes([u8::try_from(number).unwrap(); 16])
}

fn step_of(Packet { attempt, kind }: Packet) -> ClaimStep {
    let (admission, home) = (admission(attempt), gate_of(attempt));
    let named = |gate| NamedAdmission { admission, ticket: TICKET, gate };
    match kind {
        Kind::Claim => ClaimStep::Claim(ClaimRequest {
            admission,
            ticket: TICKET,
            gate: gate(home),
            decided_on: NEWEST,
            at: NOW,
            basis: AdmissionBasis::Claimed,
        }),
        Kind::Withdraw => ClaimStep::Withdraw(named(gate(home))),
        Kind::Opened => ClaimStep::Opened(named(gate(home))),
        Kind::Annul => ClaimStep::Annul(named(gate(home))),
        // Whoever came in by one gate goes out by the other.
        Kind::Exit => ClaimStep::Exit(named(gate((home + 1) % GATES))),
    }
}

/// What the arbiter stores, if anything, and says.
pub(crate) fn answer(record: &TicketClaims, packet: Packet, fault: Fault) -> (Option<TicketClaims>, ClaimAnswer) {
    let entries = Entries::try_from(ENTRIES.to_string()).unwrap();
    let facts = ClaimFacts { entries, status: TicketStatus::InForce, newest: NEWEST };
    let (changed, answer) = step(record, &step_of(packet), &facts, NOW);
    let holds = record.holding().is_some_and(|holding| holding.admission == admission(packet.attempt));
    match (fault, packet.kind, &answer) {
        (Fault::NoTombstone, Kind::Withdraw, _) if !holds => (None, answer),
        (Fault::AnswersUnstored, Kind::Claim, ClaimAnswer::Granted { .. }) => (None, answer),
        (Fault::GrantsRepeated, Kind::Claim, ClaimAnswer::Taken { .. }) => {
            (None, ClaimAnswer::Granted { entry: record.entry() })
        }
        _ => (changed, answer),
    }
}
