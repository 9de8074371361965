//! From what the store answers to what travels.

use kido_shared::feed::ArbiterRecord;
use kido_shared::ids::EventId;
use kido_shared::policy::PolicyDraft;
use kido_shared::wire::v1::operator::{
    ArbiterBody, EntryCounts, EventBody, EventForgotten, FeedKeyBody, GateBody, GateClaims, NextFeedKey, OfferState,
    PolicyChoices, TicketBody, TicketCounts, TicketUse, TicketUses,
};
use kido_shared::wire::v1::registration::{EventSummary, TicketSummary};

use crate::domain::history::HistoryLine;
use crate::domain::ticket::Particulars;
use crate::enrolment::Progress;
use crate::keyring::RetentionWeek;
use crate::store::{ArbiterView, EventView, FeedKeyView, Forgotten, GateClaimsView, GateView, SeatCounts, TicketView};

/// A feed key.
pub(super) fn feed_key(view: FeedKeyView) -> FeedKeyBody {
    let FeedKeyView { statement, revoked } = view;
    FeedKeyBody {
        verifying_key: statement.verifying_key,
        valid_from: statement.valid_from,
        valid_until: statement.valid_until,
        revokes_before: statement.revokes_before,
        revoked,
    }
}

/// The feed key that an event is to have next.
pub(super) fn next_feed_key(event: EventId, root_key: [u8; 32], next: &crate::store::NextFeedKey) -> NextFeedKey {
    let in_force = feed_key(FeedKeyView { statement: next.in_force, revoked: false });
    NextFeedKey { event, root_key, verifying_key: next.verifying_key, in_force }
}

/// An event; what gates did only for those who may see it.
pub(super) fn event(view: EventView, sees_uses: bool) -> EventBody {
    let SeatCounts { reserved, unbound, bound, suspended, returned, cancelled, admissions, conflicts, settled } =
        view.counts;
    let draft = view.policy.choices();
    EventBody {
        event: view.event,
        name: draft.name.clone(),
        rehearsal: view.policy.is_rehearsal(),
        rehearsal_of: draft.rehearsal_of,
        starts_at: draft.starts_at,
        ends_at: draft.ends_at,
        offline: draft.offline,
        arbiter: draft.arbiter.home.clone(),
        choices: choices(draft),
        feed_epoch: view.epoch.get(),
        feed_length: view.feed_length,
        tickets: TicketCounts { reserved, unbound, bound, suspended, returned, cancelled },
        moving: view.moving,
        recovering: view.recovering,
        entries: sees_uses.then_some(EntryCounts { admissions, conflicts, settled }),
    }
}

/// An event that was deleted.
pub(super) fn forgotten(forgotten: Forgotten) -> EventForgotten {
    let names = |weeks: Vec<RetentionWeek>| weeks.iter().map(ToString::to_string).collect();
    let Forgotten { event, weeks_gone, weeks_kept } = forgotten;
    EventForgotten { event, week_keys_gone: names(weeks_gone), week_keys_kept: names(weeks_kept) }
}

const fn choices(draft: &PolicyDraft) -> PolicyChoices {
    PolicyChoices {
        retention_at: Some(draft.retention_at),
        tickets_per_card: Some(draft.tickets_per_card),
        replica_age_ms_max: Some(draft.replica_age_ms_max),
        resume_at_gate: Some(draft.resume_at_gate),
        external_proof: Some(draft.external_proof),
        give_back_until: draft.give_back_until,
        bind_within_ms: draft.bind_within_ms,
        transfer: Some(draft.transfer),
    }
}

/// An event as a holder is shown it.
pub(super) fn event_summary(view: &EventView) -> EventSummary {
    let draft = view.policy.choices();
    EventSummary {
        event: view.event,
        name: draft.name.clone(),
        starts_at: draft.starts_at,
        rehearsal: view.policy.is_rehearsal(),
    }
}

/// A ticket as its holder is shown it.
pub(super) fn ticket_summary(view: TicketView) -> TicketSummary {
    let Particulars { zone, seat_label, window, .. } = view.particulars;
    TicketSummary {
        ticket: view.ticket,
        zone,
        seat_label,
        valid_from: window.from(),
        valid_until: window.until(),
        state: view.state.name().to_owned(),
        paid: view.paid,
    }
}

/// A ticket for those who run the event; with its history only where that was looked up.
pub(super) fn ticket(view: TicketView, history: Option<Vec<HistoryLine>>) -> TicketBody {
    let Particulars { zone, seat_label, window, entries, party } = view.particulars;
    let uses = history.map(|lines| TicketUses {
        certificate_ends_before_event: view.certificate_ends_before_event,
        history: lines.iter().map(ticket_use).collect(),
    });
    TicketBody {
        ticket: view.ticket,
        state: view.state.name().to_owned(),
        paid: view.paid,
        zone: zone.into(),
        seat_label: seat_label.into(),
        valid_from: window.from(),
        valid_until: window.until(),
        entries: entries.into(),
        party: party.is_some(),
        uses,
    }
}

fn ticket_use(line: &HistoryLine) -> TicketUse {
    let happening = line.happening;
    TicketUse {
        at: line.at(),
        what: happening.name().to_owned(),
        by: happening.actor().map(|actor| actor.name().to_owned()),
        gate: happening.gate(),
        code: happening.code(),
    }
}

/// A gate.
pub(super) fn gate(view: GateView) -> GateBody {
    let GateView { gate, zone, entrance, revoked, copied, added_at, verifying_key: _ } = view;
    GateBody { gate, zone, entrance, revoked, copied, added_at }
}

/// What a gate holds.
pub(super) fn gate_claims(view: &GateClaimsView) -> GateClaims {
    let GateClaimsView { gate, revoked, decided_by, held, freed } = view;
    GateClaims {
        gate: *gate,
        revoked: *revoked,
        decided_by: decided_by.clone(),
        unopened: held.map(|claims| claims.unopened),
        opened: held.map(|claims| claims.opened),
        freed: *freed,
    }
}

/// A venue arbiter.
pub(super) fn arbiter(view: ArbiterView) -> ArbiterBody {
    let ArbiterView { arbiter, record, added_at } = view;
    let ArbiterRecord { addresses, epoch, revoked, shared, .. } = record;
    ArbiterBody { arbiter, addresses, epoch, revoked, shared, added_at }
}

/// How far an offer is.
pub(super) const fn progress(progress: Progress) -> OfferState {
    match progress {
        Progress::Waiting => OfferState::Waiting,
        Progress::ShowsCode(name) => OfferState::ShowsCode { name },
        Progress::Confirmed(name) => OfferState::Confirmed { name },
    }
}
