//! The venue after its evening, everything stopped: disks are read as they are, and held to the rules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use kido_arbiter::book::Book;
use kido_gate::replica::Replica;
use kido_registrar::domain::history::Happening;
use kido_registrar::domain::reference::TicketRef;
use kido_registrar::domain::ticket::TicketState;
use kido_registrar::entropy::Entropy;
use kido_registrar::keyring::Keyring;
use kido_registrar::store::{Store, StoreParts, TicketName, TicketView};
use kido_shared::admission::AdmissionBasis;
use kido_shared::claim::ClaimAnswer;
use kido_shared::clock::{Clock as _, SystemClock};
use kido_shared::feed::RecordCipher;
use kido_shared::ids::{AdmissionId, Epoch, EventId, TicketId};
use kido_shared::policy::OfflineChoice;
use kido_tests::evening::{
    Evening, Fate, LastWord, Listed, Published, Shown, ToldFeed, Truth, locked_out, says_where_to_turn, unchanged,
};
use kido_tests::harness::Gate;

use crate::crowd::{Attendee, Seen};
use crate::house::opened_at;
use crate::lane::contents;
use crate::office::Done;

/// Memory for the registrar's index.
const CACHE_BYTES: u64 = 16 << 20;

/// What is left of an evening.
pub(crate) struct Left {
    pub(crate) folder: PathBuf,
    pub(crate) event: EventId,
    pub(crate) registrar: PathBuf,
    pub(crate) gates: Vec<Gate>,
    pub(crate) boxes: Vec<PathBuf>,
    pub(crate) office: Done,
    pub(crate) attendees: Vec<Attendee>,
    /// What the arbiters said to somebody who asked for each ticket under a new name.
    pub(crate) answers: Vec<(TicketId, Option<ClaimAnswer>)>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) broken: Vec<String>,
    pub(crate) admissions: usize,
    pub(crate) offline: usize,
    pub(crate) opened: usize,
    pub(crate) doubles: usize,
    pub(crate) lost: usize,
    pub(crate) conflicts: usize,
}

/// Looks at everything; on a thread of its own, since stores are opened and that blocks.
pub(crate) fn look(left: Left) -> anyhow::Result<Found> {
    std::thread::spawn(move || left.look()).join().map_err(|_panic| anyhow::anyhow!("the checker has stopped"))?
}

impl Left {
    fn look(self) -> anyhow::Result<Found> {
        let (evening, opened) = self.evening()?;
        let store = self.store()?;
        let tickets = self.tickets(&store)?;
        let subkeys = store.gate_subkeys(self.event)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let records = runtime.block_on(store.feed_records(self.event, 0, u64::MAX))?;
        let published = Published::of(&RecordCipher::new(&subkeys.record, self.event, Epoch::FIRST), &records);
        let (doubles, lost) = (evening.doubles(&published), self.lost(&evening, &store, &tickets)?);
        let listed = store.conflicts(self.event)?.into_iter();
        let listed: Vec<_> =
            listed.map(|view| Listed { conflict: view.conflict, settled: view.settled_at.is_some() }).collect();
        let mut found = Found {
            broken: Vec::new(),
            admissions: evening.admissions().count(),
            offline: evening.admissions().filter(|known| known.basis == AdmissionBasis::Offline).count(),
            opened,
            doubles: doubles.len(),
            lost: lost.len(),
            conflicts: listed.len(),
        };
        let told = self.told(&store, &tickets);
        found.broken.extend(doubles.into_iter().chain(lost));
        found.broken.extend(evening.unallowed());
        found.broken.extend(evening.ajar());
        found.broken.extend(evening.unpublished(&published));
        found.broken.extend(evening.unended(&published));
        found.broken.extend(evening.conflicts(&Shown { listed: &listed, published: &published, told }));
        let head = store.signed_head(self.event)?.into_bytes();
        found.broken.extend(self.copies((&head, records), &tickets)?);
        found.broken.extend(self.answers.iter().filter_map(|(ticket, said)| evening.holding(*ticket, said.as_ref())));
        found.broken.extend(locked_out(&self.fates(&evening, &tickets)));
        store.close();
        Ok(found)
    }

    /// What gates have on their disks, and what their barriers say that they did.
    fn evening(&self) -> anyhow::Result<(Evening, usize)> {
        let (mut evening, mut tickets, mut opened) = (Evening::default(), BTreeMap::new(), 0);
        for gate in &self.gates {
            for held in contents(gate)?.admissions {
                let admits = self.office.admits_since.is_some_and(|since| held.admission.at >= since);
                let chosen = if admits { OfflineChoice::Admit } else { OfflineChoice::Refuse };
                tickets.insert(held.admission.id, held.admission.ticket);
                evening.stored(&held.admission, chosen);
            }
        }
        for number in 0..self.gates.len() {
            let Ok(lines) = std::fs::read_to_string(opened_at(&self.folder, number)) else { continue };
            for line in lines.lines() {
                let admission: AdmissionId = line.trim().parse()?;
                let nobodys = TicketId::from_bytes([0; 16]);
                evening.opened(admission, tickets.get(&admission).copied().unwrap_or(nobodys));
                opened += 1;
            }
        }
        Ok((evening, opened))
    }

    fn store(&self) -> anyhow::Result<Store> {
        let keyring = self.registrar.join("keyring");
        Ok(Store::open(StoreParts {
            folder: self.registrar.join("events"),
            keyring: Keyring::open(&keyring, &Keyring::master_file(&keyring))?,
            clock: Arc::new(SystemClock),
            entropy: Entropy::from_system(),
            cache_bytes: CACHE_BYTES,
        })?)
    }

    /// Every ticket that somebody has, by its reference.
    fn tickets(&self, store: &Store) -> anyhow::Result<BTreeMap<String, TicketView>> {
        let references = self.office.bound.iter();
        let view = |reference: &String| {
            let name = TicketName::Reference(TicketRef::parse(reference)?);
            Ok((reference.clone(), store.ticket(self.event, &name).context("a ticket that was bound")?))
        };
        references.map(view).collect()
    }

    fn lost(
        &self,
        evening: &Evening,
        store: &Store,
        tickets: &BTreeMap<String, TicketView>,
    ) -> anyhow::Result<Vec<String>> {
        let counted = store.event(self.event)?.counts.admissions;
        let mut broken = evening.lost(|id| store.admission(self.event, id).ok().flatten(), counted);
        let known = tickets.iter().filter(|(reference, _)| !self.office.unknown.contains(*reference));
        let acknowledged = known.map(|(reference, view)| {
            let suspended = self.office.suspended.contains(reference);
            (view.ticket, if suspended { TicketState::Suspended } else { TicketState::Bound })
        });
        let now: BTreeMap<_, _> = tickets.values().map(|view| (view.ticket, view.state)).collect();
        broken.extend(unchanged(&acknowledged.collect(), |ticket| now.get(&ticket).copied()));
        Ok(broken)
    }

    fn told(&self, store: &Store, tickets: &BTreeMap<String, TicketView>) -> BTreeMap<TicketId, usize> {
        let told = |view: &TicketView| {
            let history = store.history(self.event, &TicketName::Id(view.ticket)).unwrap_or_default();
            (view.ticket, history.iter().filter(|line| matches!(line.happening, Happening::Conflict(_))).count())
        };
        tickets.values().map(told).collect()
    }

    /// Replicas and books, against what somebody knows who followed the whole feed at once.
    fn copies(
        &self,
        (head, records): (&[u8], Vec<kido_shared::feed::SealedRecord>),
        tickets: &BTreeMap<String, TicketView>,
    ) -> anyhow::Result<Vec<String>> {
        let followed = |gate: &Gate| Ok::<_, anyhow::Error>(gate_identity(gate.folder())?.followed());
        let first = followed(self.gates.first().context("gates")?)?;
        let of_box = |folder: &Path| {
            let folder = kido_arbiter::identity::DataFolder::at(folder);
            Ok::<_, anyhow::Error>((folder.book(), kido_arbiter::identity::Identity::load(&folder)?.followed()))
        };
        let (_, box_follows) = of_box(self.boxes.first().context("boxes")?)?;
        let tickets = tickets.values().map(|view| view.ticket).collect();
        let truth =
            Truth::of(ToldFeed { cut: None, head, records }, (first, Some(box_follows)), tickets, SystemClock.now())?;
        let mut broken = Vec::new();
        for (number, gate) in self.gates.iter().enumerate() {
            let replica = Replica::open(&gate.folder().join("replica"), followed(gate)?)?;
            broken.extend(truth.of_replica(&format!("gate {number}"), &replica));
            replica.close()?;
        }
        for (number, folder) in self.boxes.iter().enumerate() {
            let (folder, followed) = of_box(folder)?;
            let book = Book::open(&folder, followed)?;
            broken.extend(truth.of_book(&format!("box {number}"), &book));
            book.close()?;
        }
        Ok(broken)
    }

    fn fates(&self, evening: &Evening, tickets: &BTreeMap<String, TicketView>) -> Vec<Fate> {
        let fate = |one: &Attendee| {
            let own = || one.tickets.iter().filter_map(|reference| tickets.get(reference));
            let word = match &one.seen {
                _ if one.was_welcome => LastWord::Welcome,
                Some(Seen::Refused(notice)) if says_where_to_turn(notice) => LastWord::WhereToTurn,
                Some(_) | None => LastWord::Nothing,
            };
            Fate {
                who: one.card.name(),
                saw: format!("{:?}", one.seen),
                word,
                had_a_ticket: own().any(|view| view.state == TicketState::Bound),
                got_in: own().any(|view| evening.has_passed(view.ticket)),
            }
        };
        self.attendees.iter().map(fate).collect()
    }
}

fn gate_identity(folder: &Path) -> anyhow::Result<kido_gate::identity::Identity> {
    Ok(kido_gate::identity::Identity::load(&kido_gate::identity::DataFolder::at(folder))?)
}
