//! A machine's disk: what was synced is there after a crash, the log's torn tail and the index in whatever state.

use std::cell::RefCell;

use kido_store::{HeldFolder, IndexLoss};

use crate::mutations::Mutation;
use crate::world::World;

/// Longest write that a cut is drawn for: most batches are shorter, and then written whole before the power goes.
const WRITE_BYTES: usize = 600;

/// One folder of one machine.
pub(crate) struct Disk {
    folder: RefCell<HeldFolder>,
    /// The folder as it was some time ago: what an index can fall back to.
    older: RefCell<Option<HeldFolder>>,
}

impl Disk {
    pub(crate) fn with(folder: &HeldFolder) -> Self {
        let copy = folder.copy().expect("memory");
        Self { folder: RefCell::new(copy), older: RefCell::default() }
    }

    pub(crate) fn empty() -> Self {
        Self { folder: RefCell::default(), older: RefCell::default() }
    }

    pub(crate) fn folder(&self) -> HeldFolder {
        self.folder.borrow().clone()
    }

    /// A backup of it.
    pub(crate) fn copy(&self) -> HeldFolder {
        self.folder.borrow().copy().expect("memory")
    }

    /// A backup is put in its place.
    pub(crate) fn replace(&self, backup: HeldFolder) {
        *self.folder.borrow_mut() = backup;
    }

    /// Everything on it is gone.
    pub(crate) fn forget(&self) {
        *self.folder.borrow_mut() = HeldFolder::new();
    }

    /// No cut is to come any more.
    pub(crate) fn keep_power(&self) {
        self.folder.borrow().keep_power();
    }

    /// Remembers how the folder is now.
    pub(crate) fn remember(&self) {
        *self.older.borrow_mut() = Some(self.folder.borrow().copy().expect("memory"));
    }

    /// Lets the power go within, right before or right behind the next write.
    pub(crate) fn cut_at_next_write(&self, world: &World) {
        let bytes = world.between(0, WRITE_BYTES as u64);
        self.folder.borrow().cut_power_at_next_write(usize::try_from(bytes).expect("a few bytes"));
    }

    /// What the next start finds: all that was synced, unless a bug is planted here; and an index that its engine may not
    /// have kept.
    pub(crate) fn power_was_cut(&self, world: &World, lies: Option<Mutation>) {
        let folder = self.folder();
        let older = self.older.borrow().clone();
        if let Some(older) = older.as_ref().filter(|_| lies.is_some_and(|lies| world.is(lies))) {
            *self.folder.borrow_mut() = older.copy().expect("memory");
            return;
        }
        if !world.chance(world.plan.weather.index_lost) {
            return;
        }
        match (world.between(0, 2), older) {
            (0, _) => folder.lose_index(IndexLoss::Everything),
            (1, Some(older)) => folder.take_index_of(&older),
            _ => folder.lose_index(IndexLoss::OneEntry(usize::try_from(world.between(0, 1 << 20)).expect("a place"))),
        }
    }
}
