//! Events that are got back from their gates after a restore, and who is still waited for.
//!
//! That one is under way stands in the keyring. What each gate has brought only the running registrar knows, so it is asked
//! where a token is at hand; else the command that asks is said.

use kido_doctor::Finding;
use kido_shared::clock::Timestamp;
use kido_shared::error_chain::Chain;
use kido_shared::ids::{EventId, GateId};
use kido_shared::wire::v1::operator::{Brought, RecoveringGate, RecoveryBody, RecoveryStage};

use crate::keyring::{Keyring, Reached};

/// Gates that are named in one line; how many there are is always said.
const GATES_NAMED_MAX: usize = 5;

const SUBJECT: &str = "recovery";

/// What stands in the keyring of each event, with what the registrar says of it, where it was asked and has answered.
pub(super) fn look(keyring: &Keyring, now: Timestamp, asked: impl Fn(EventId) -> Option<RecoveryBody>) -> Vec<Finding> {
    match keyring.marks() {
        Ok(marks) => marks.iter().flat_map(|(event, mark)| of_event(*event, mark, now, &asked)).collect(),
        Err(error) => vec![Finding::broken(SUBJECT, Chain(&error).to_string())],
    }
}

/// The events that are being got back, as the keyring has it.
pub(super) fn under_way(keyring: &Keyring) -> Vec<EventId> {
    let marks = keyring.marks().unwrap_or_default().into_iter();
    marks.filter(|(_, mark)| mark.recovering.is_some()).map(|(event, _)| event).collect()
}

fn of_event(
    event: EventId,
    mark: &Reached,
    now: Timestamp,
    asked: impl Fn(EventId) -> Option<RecoveryBody>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(since) = mark.recovering {
        let minutes = now.since(since).as_secs() / 60;
        let waits = match asked(event) {
            Some(body) => waits_for(&body),
            None => "no claim is answered.".to_owned(),
        };
        let order = format!("kido-registrar event recover {event}");
        findings.push(Finding::broken(
            SUBJECT,
            format!("{event} has been under recovery for {minutes} minutes: {waits} See {order}"),
        ));
    }
    if let Some(unheard) = &mark.unheard {
        let said = format!(
            "{event} went on without the journals of {}: bring them on the line, or carry their journals here",
            named(&unheard.gates)
        );
        findings.push(Finding::look(SUBJECT, said));
    }
    findings
}

fn waits_for(body: &RecoveryBody) -> String {
    let silent = |gate: &&RecoveringGate| match (body.stage, gate.brought) {
        (_, Brought::Everything | Brought::LeftOut) | (RecoveryStage::Over, _) => false,
        (RecoveryStage::Records, brought) => brought != Brought::Records,
        (RecoveryStage::Admissions, _) => true,
    };
    let gates: Vec<GateId> = body.gates.iter().filter(silent).map(|gate| gate.gate).collect();
    let what = match body.stage {
        RecoveryStage::Over => return "the last gate has just answered.".to_owned(),
        RecoveryStage::Records => "nothing of it changes and no claim is answered before the records of",
        RecoveryStage::Admissions => "no claim is answered before the journals of",
    };
    if gates.is_empty() {
        return "records are missing that no gate has brought: wait for a gate that was away, or cut the feed with the root key \
                (event cut)."
            .to_owned();
    }
    format!("{what} {} are here.", named(&gates))
}

fn named(gates: &[GateId]) -> String {
    let names: Vec<String> = gates.iter().take(GATES_NAMED_MAX).map(ToString::to_string).collect();
    let rest = gates.len().saturating_sub(names.len());
    let names = names.join(", ");
    if rest == 0 { names } else { format!("{names} and {rest} more gates") }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use kido_doctor::Severity;
    use kido_shared::feed::{Chain as FeedChain, FollowedTo};
    use kido_shared::ids::Epoch;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;
    use crate::keyring::Unheard;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const EVENT: EventId = EventId::from_bytes([1; 16]);

    fn gate(number: u8) -> GateId {
        GateId::from_bytes([number; 16])
    }

    fn mark(recovering: bool, left_out: &[u8]) -> Reached {
        let since = NOW.before(Duration::from_secs(180));
        let gates: Vec<GateId> = left_out.iter().map(|number| gate(*number)).collect();
        Reached {
            to: FollowedTo { epoch: Epoch::FIRST, length: 9, chain: FeedChain::from_bytes([7; 32]) },
            recovering: recovering.then_some(since),
            recovered_at: None,
            unheard: (!gates.is_empty()).then_some(Unheard { since, gates }),
            records_given_up: None,
        }
    }

    fn body(stage: RecoveryStage, brought: &[Brought]) -> RecoveryBody {
        let gates =
            (1..).zip(brought).map(|(number, brought)| RecoveringGate { gate: gate(number), brought: *brought });
        RecoveryBody { event: EVENT, stage, since: Some(NOW), records: 7, records_signed: 9, gates: gates.collect() }
    }

    fn said(mark: &Reached, body: Option<&RecoveryBody>) -> Vec<(Severity, String)> {
        let findings = of_event(EVENT, mark, NOW, |_event| body.cloned());
        findings.into_iter().map(|finding| (finding.severity, finding.said)).collect()
    }

    #[test]
    fn an_ordinary_day_says_nothing_of_recoveries() {
        let folder = tempfile::tempdir().unwrap();
        let (keyring, root) = (folder.path().join("keyring"), folder.path().join("root.key"));
        Keyring::create(&keyring, &root, NOW, &mut StdRng::seed_from_u64(7)).unwrap();
        let keyring = Keyring::open(&keyring, &Keyring::master_file(&keyring)).unwrap();
        let marked = keyring.reached(EVENT).unwrap();
        marked.keep(mark(false, &[])).unwrap();
        assert_eq!(look(&keyring, NOW, |_event| None).len(), 0);
        marked.keep(mark(true, &[4])).unwrap();
        assert_eq!(look(&keyring, NOW, |_event| None).len(), 2, "as it stands on the disk");
        assert_eq!(under_way(&keyring), [EVENT]);
    }

    #[test]
    fn whoever_has_not_answered_is_named_by_what_is_waited_for() {
        use Brought::{Everything, LeftOut, Nothing, OtherHistory, Records};
        let rows = [
            (RecoveryStage::Records, vec![Nothing, Records, OtherHistory, LeftOut], vec![1, 3], "records of"),
            (RecoveryStage::Admissions, vec![Records, Everything, LeftOut], vec![1], "journals of"),
            (RecoveryStage::Records, vec![Records], vec![], "event cut"),
        ];
        for (stage, brought, waited_for, part) in rows {
            let told = said(&mark(true, &[]), Some(&body(stage, &brought)));
            let [(Severity::Broken, told)] = &told[..] else { panic!("{told:?}") };
            assert!(told.contains(part) && told.contains("3 minutes"), "{told}");
            for number in 1..=4 {
                assert_eq!(told.contains(&gate(number).to_string()), waited_for.contains(&number), "{number}: {told}");
            }
        }
    }

    #[test]
    fn where_the_registrar_was_not_asked_the_command_is_said_and_a_gate_left_out_is_named_afterwards() {
        let told = said(&mark(true, &[]), None);
        assert!(told[0].1.contains(&format!("event recover {EVENT}")), "{told:?}");
        let told = said(&mark(false, &[1, 2, 3, 4, 5, 6, 7]), None);
        let [(Severity::Look, told)] = &told[..] else { panic!("{told:?}") };
        assert!(told.contains(&gate(5).to_string()) && told.contains("and 2 more gates"), "{told}");
    }
}
