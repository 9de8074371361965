//! What an evening was, in a few lines.

use std::collections::BTreeMap;
use std::time::Duration;

use kido_tests::harness::Gate;
use serde_json::Value;

use crate::crowd::{Crowd, Tally};
use crate::faults::Night;
use crate::house::House;
use crate::network::Carried;
use crate::rest::Found;

/// The figures of an evening.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    tally: Tally,
    faults: BTreeMap<&'static str, u64>,
    claims: usize,
    longest_wait: Duration,
    pub(crate) office: BTreeMap<&'static str, usize>,
    pub(crate) carried: Carried,
}

/// One line of progress.
pub(crate) fn minute(night: &Night, house: &House) {
    let tally = house.shared.crowd().tally.clone();
    let faults: u64 = night.counts.values().sum();
    println!("so far: {}; {faults} faults", visits(&tally));
}

fn visits(tally: &Tally) -> String {
    let Tally { visits, welcomes, walked_off, nothing, refusals, .. } = tally;
    let refused: Vec<String> = refusals.iter().map(|(notice, times)| format!("{notice} {times}")).collect();
    let refused = refused.join(", ");
    format!("{visits} visits, {welcomes} welcome, {walked_off} walked off, {nothing} saw nothing, refused: {refused}")
}

impl Figures {
    /// Reads what gates have logged.
    pub(crate) fn of(gates: &[Gate], crowd: &Crowd, faults: &BTreeMap<&'static str, u64>) -> anyhow::Result<Self> {
        let mut figures = Self { tally: crowd.tally.clone(), faults: faults.clone(), ..Self::default() };
        for gate in gates {
            let steps = gate.log_lines("step")?;
            let claims = steps.iter().filter(|line| line.get("step").and_then(Value::as_str) == Some("claim"));
            figures.claims += claims.count();
            let waits = gate.log_lines("tap")?;
            let waits = waits.iter().filter_map(|line| line.get("arbiter_us").and_then(Value::as_u64));
            let longest = Duration::from_micros(waits.max().unwrap_or_default());
            figures.longest_wait = figures.longest_wait.max(longest);
        }
        Ok(figures)
    }

    /// All of it, with what was found.
    pub(crate) fn told(&self, found: &Found) -> String {
        let Found { admissions, offline, opened, doubles, lost, conflicts, broken } = found;
        let Carried { frames, dropped, held_up } = self.carried;
        let list = |counts: &BTreeMap<&'static str, u64>| {
            counts.iter().map(|(kind, times)| format!("{kind} {times}")).collect::<Vec<_>>().join(", ")
        };
        let office: Vec<String> = self.office.iter().map(|(deed, times)| format!("{deed} {times}")).collect();
        [
            visits(&self.tally),
            format!("office: {}", office.join(", ")),
            format!("faults: {}", list(&self.faults)),
            format!("frames: {frames} carried, {dropped} dropped, {held_up} held up"),
            format!(
                "claims {}, admissions {admissions} ({offline} without an arbiter), lanes opened {opened}",
                self.claims
            ),
            format!("longest wait of a gate for an answer: {} ms", self.longest_wait.as_millis()),
            format!("double admissions {doubles}, lost {lost}, conflicts {conflicts}, rules broken {}", broken.len()),
        ]
        .join("\n")
    }
}
