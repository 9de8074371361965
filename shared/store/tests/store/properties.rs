//! Over random histories: what is built again equals what was live, wherever the log was cut.

use std::fs;
use std::path::Path;

use kido_store::{Position, Store, StoreError};
use proptest::prelude::*;

use crate::pairs::{copy_folder, entries, facts, index_folder, log_file, open};

/// One transaction: its facts, and whether it is refused in the end.
#[derive(Debug, Clone)]
struct Step {
    facts: Vec<Vec<u8>>,
    refused: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let fact =
        (0_u8..12, prop::option::of(prop::collection::vec(any::<u8>(), 0..40))).prop_map(|(key, value)| match value {
            Some(value) => [format!("key{key}=").as_bytes(), &value].concat(),
            None => format!("-key{key}").into_bytes(),
        });
    (prop::collection::vec(fact, 0..5), prop::bool::weighted(0.2)).prop_map(|(facts, refused)| Step { facts, refused })
}

/// Runs the steps without waiting in between, so that they share batches; returns the facts that were kept.
fn run(store: &Store, steps: &[Step]) -> Vec<Vec<u8>> {
    let pending = steps.iter().cloned().map(|step| {
        store.transact(move |transaction| {
            for fact in step.facts {
                transaction.append(fact)?;
            }
            if step.refused { Err(StoreError::Closed) } else { Ok(()) }
        })
    });
    let answers = pending.collect::<Vec<_>>().into_iter().map(|pending| pending.wait().is_ok()).collect::<Vec<_>>();
    let kept =
        steps.iter().zip(answers).inspect(|(step, kept)| assert_eq!(step.refused, !kept)).filter(|(_, kept)| *kept);
    kept.flat_map(|(step, _)| step.facts.clone()).collect()
}

/// A store whose index was built from its log in one go.
fn rebuilt(folder: &Path) -> Store {
    if index_folder(folder).exists() {
        fs::remove_dir_all(index_folder(folder)).unwrap();
    }
    open(folder).0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rebuilt_index_equals_the_live_one(steps in prop::collection::vec(step(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = open(folder.path());
        let kept = run(&store, &steps);
        let live = entries(&store);
        prop_assert_eq!(facts(&store), kept);
        drop(store);
        prop_assert_eq!(entries(&rebuilt(folder.path())), live);
    }

    #[test]
    fn a_log_cut_anywhere_leaves_a_beginning_of_whole_transactions(
        steps in prop::collection::vec(step(), 1..30),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        more in prop::collection::vec(step(), 0..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let live = folder.path().join("live");
        let (store, _) = open(&live);
        let kept = run(&store, &steps);
        drop(store);
        let log = fs::read(log_file(&live)).unwrap();
        for (round, cut) in cuts.iter().enumerate() {
            let crashed = folder.path().join(format!("crashed-{round}"));
            copy_folder(&live, &crashed);
            let length = 32 + cut.index(log.len() - 31);
            fs::write(log_file(&crashed), &log[..length]).unwrap();
            // The index may be ahead of this log; it must not matter.
            let (store, opened) = open(&crashed);
            let survived = facts(&store);
            prop_assert!(kept.starts_with(&survived));
            prop_assert!(length < log.len() || survived.len() == kept.len());
            let whole = steps.iter().filter(|step| !step.refused).scan(0, |sum, step| { *sum += step.facts.len(); Some(*sum) });
            prop_assert!(survived.is_empty() || whole.into_iter().any(|end| end == survived.len()));
            prop_assert_eq!(opened.head.next_position(), Position::new(u64::try_from(survived.len()).unwrap()));
            run(&store, &more);
            let after = entries(&store);
            drop(store);
            prop_assert_eq!(entries(&rebuilt(&crashed)), after);
        }
    }
}
