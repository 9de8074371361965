//! A policy from what somebody wants: what has a default gets it, what stays stays.

use kido_shared::ids::ArbiterId;
use kido_shared::policy::{ArbiterHome, ArbiterName, EventPolicy, PolicyDraft, TransferChoice};
use kido_shared::wire::v1::operator::{CreateEvent, PolicyChoices, UpdateEvent};
use rand::{CryptoRng, RngCore};

use crate::domain::event::EventRefusal;
use crate::error::AppError;

pub(super) fn new_policy(
    wanted: CreateEvent,
    random: &mut (impl RngCore + CryptoRng),
) -> Result<EventPolicy, AppError> {
    let CreateEvent { name, starts_at, ends_at, offline, arbiter, rehearsal_of, choices } = wanted;
    let arbiter = ArbiterName { home: arbiter, cluster: ArbiterId::generate(random), epoch: 0 };
    let draft = PolicyDraft { rehearsal_of, ..PolicyDraft::new(name, (starts_at, ends_at), offline, arbiter) };
    Ok(EventPolicy::new(chosen(draft, choices)?)?)
}

pub(super) fn changed_policy(
    old: PolicyDraft,
    wanted: UpdateEvent,
    random: &mut (impl RngCore + CryptoRng),
) -> Result<EventPolicy, AppError> {
    let UpdateEvent { name, starts_at, ends_at, offline, arbiter, choices } = wanted;
    let mut draft = old;
    if let Some(ends_at) = ends_at {
        // A postponed event keeps what it promised: the same span between its end and its retention date.
        let kept = draft.retention_at.since(draft.ends_at);
        draft.retention_at = ends_at.after(kept);
        draft.ends_at = ends_at;
    }
    draft.name = name.unwrap_or(draft.name);
    draft.starts_at = starts_at.unwrap_or(draft.starts_at);
    draft.offline = offline.unwrap_or(draft.offline);
    draft.arbiter = moved(draft.arbiter, arbiter, random);
    Ok(EventPolicy::new(chosen(draft, choices)?)?)
}

/// Another home is another cluster: no gate may take its answers for the old one's.
fn moved(old: ArbiterName, home: Option<ArbiterHome>, random: &mut (impl RngCore + CryptoRng)) -> ArbiterName {
    match home {
        Some(home) if home != old.home => ArbiterName { home, cluster: ArbiterId::generate(random), epoch: 0 },
        Some(_) | None => old,
    }
}

/// The choices that no gate and no other part of this registrar follows yet: named only to be refused.
fn offered(choices: &PolicyChoices) -> Result<(), EventRefusal> {
    let transfer = choices.transfer.unwrap_or(TransferChoice::Nobody);
    let wanted = [
        ("resume_at_gate", choices.resume_at_gate == Some(true)),
        ("external_proof", choices.external_proof == Some(true)),
        ("give_back_until", choices.give_back_until.is_some()),
        ("bind_within_ms", choices.bind_within_ms.is_some()),
        ("transfer", transfer != TransferChoice::Nobody),
    ];
    match wanted.into_iter().find(|(_, wanted)| *wanted) {
        Some((choice, _)) => Err(EventRefusal::NotOffered(choice)),
        None => Ok(()),
    }
}

fn chosen(mut draft: PolicyDraft, choices: PolicyChoices) -> Result<PolicyDraft, EventRefusal> {
    offered(&choices)?;
    draft.retention_at = choices.retention_at.unwrap_or(draft.retention_at);
    draft.tickets_per_card = choices.tickets_per_card.unwrap_or(draft.tickets_per_card);
    draft.replica_age_ms_max = choices.replica_age_ms_max.unwrap_or(draft.replica_age_ms_max);
    Ok(draft)
}
