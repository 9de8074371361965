//! All rules at once, whatever steps arrive in whatever order.

use proptest::prelude::*;

use super::*;

fn any_step() -> impl Strategy<Value = ClaimStep> {
    let basis = prop_oneof![4 => Just(AdmissionBasis::Claimed), 1 => Just(AdmissionBasis::Offline)];
    (0_u8..5, 0_u8..5, 0_u8..3, basis).prop_map(|(kind, number, at_gate, basis)| match kind {
        0 => Claim(ClaimRequest { basis, ..request(number, at_gate) }),
        1 => Withdraw(named(number, at_gate)),
        2 => Open(named(number, at_gate)),
        3 => Annul(named(number, at_gate)),
        _ => Exit(named(number, at_gate)),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Follows what the gates were told, apart from the record: who is in, and who can never be again.
    #[test]
    fn one_entry_is_never_two_admissions_at_a_time(
        entries in prop_oneof![Just("1"), Just("2"), Just("unlimited")],
        steps in proptest::collection::vec((any_step(), 0_u64..60_000), 1..60),
    ) {
        let facts = facts(entries);
        let mut now = NOW;
        let mut record = TicketClaims::new();
        let mut holder: Option<AdmissionId> = None;
        let mut used = 0_u32;
        let mut dead = std::collections::BTreeSet::new();
        for (next, ms) in steps {
            now = now.after(core::time::Duration::from_millis(ms));
            let before = record.clone();
            let (after, answer) = take(record, &next, &facts, now);
            let changed = after != before;
            let id = next.admission();
            match (&next, &answer) {
                (Claim(_), Granted { entry }) => {
                    prop_assert!(!dead.contains(&id), "withdrawn or annulled, and granted");
                    prop_assert!(facts.entries.allows(*entry));
                    if changed {
                        prop_assert_eq!(holder, None, "two admissions of one entry");
                        used += 1;
                        prop_assert_eq!(*entry, used);
                        holder = Some(id);
                    }
                }
                (Claim(_), ClaimAnswer::Taken { admission, .. }) => prop_assert_eq!(Some(*admission), holder),
                (Claim(_), Spent) => prop_assert!(!facts.entries.allows(used + 1) && holder.is_none()),
                (Withdraw(_), Withdrawn) | (Annul(_), Annulled) => {
                    dead.insert(id);
                    if changed && holder == Some(id) {
                        holder = None;
                        used -= 1;
                    }
                }
                (Exit(_), Exited) if changed => {
                    prop_assert_eq!(holder, Some(id));
                    holder = None;
                }
                (_, _) => {}
            }
            prop_assert_eq!(after.holding().map(|holding| holding.admission), holder);
            prop_assert_eq!(after.entry(), used);
            record = after;
        }
    }
}
