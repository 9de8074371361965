//! Where in the log stands what an entry finds.

use kido_shared::codes::CodeHash;
use kido_shared::ids::TicketId;
use kido_store::{LogOffset, ProjectError};
use sha2::{Digest as _, Sha256};

use super::reading::{Entries, ReadError};
use crate::fact::{Bound, Fact, ImportedTicket};

/// A stretch of the log: one fact, or one ticket's row within an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(array)]
pub(super) struct Place {
    /// Its first byte.
    #[n(0)]
    at: u64,
    /// How many bytes it has.
    #[n(1)]
    length: u16,
}

impl Place {
    /// The stretch that begins there.
    ///
    /// # Errors
    /// [`ProjectError::Unreadable`] where it is longer than any such fact or row.
    pub(super) fn new(begins: LogOffset, length: usize) -> Result<Self, ProjectError> {
        let length = u16::try_from(length);
        let length = length.map_err(|_too_long| ProjectError::Unreadable("a fact about one ticket longer than any"))?;
        Ok(Self { at: begins.get(), length })
    }

    /// Its first byte: of two facts the later one's is the greater.
    pub(super) const fn begins(self) -> LogOffset {
        LogOffset::new(self.at)
    }

    /// The bytes that stand there. Nothing vouches for them yet: either their [`Check`] does, or what they were looked
    /// up by is found in them.
    pub(super) fn read(self, from: &impl Entries) -> Result<Vec<u8>, ReadError> {
        Ok(from.log(self.begins(), usize::from(self.length))?)
    }

    /// The ticket of the row that stands there.
    pub(super) fn row(self, from: &impl Entries) -> Result<ImportedTicket, ReadError> {
        row_of(&self.read(from)?)
    }

    /// The binding that stands there.
    pub(super) fn bound(self, from: &impl Entries) -> Result<Bound, ReadError> {
        bound_of(&self.read(from)?)
    }

    /// The code that was given to a ticket by the row or the fact that stands there.
    pub(super) fn code_given(self, from: &impl Entries) -> Result<(TicketId, CodeHash), ReadError> {
        let bytes = self.read(from)?;
        if let Ok(row) = ImportedTicket::from_bytes(&bytes) {
            return Ok((row.ticket, row.code));
        }
        let fact = Fact::from_bytes(&bytes).ok();
        fact.and_then(|fact| fact.code_given()).ok_or(ReadError::Entry("the place of a code"))
    }
}

/// Reads the row of an import.
pub(super) fn row_of(bytes: &[u8]) -> Result<ImportedTicket, ReadError> {
    ImportedTicket::from_bytes(bytes).map_err(|_not_a_row| ReadError::Entry("the place of a ticket's row"))
}

/// Reads the fact of a binding.
pub(super) fn bound_of(bytes: &[u8]) -> Result<Bound, ReadError> {
    match Fact::from_bytes(bytes) {
        Ok(Fact::Bound(bound)) => Ok(bound),
        Ok(_) | Err(_) => Err(ReadError::Entry("the place of a binding")),
    }
}

/// Four bytes by which a part of the log is known again.
///
/// The open has verified the whole log, but what a disk gives back later is under no checksum: those are over whole
/// facts. This stands against accidents; who can write to the log can write to the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub(super) struct Check(#[n(0)] u32);

impl Check {
    /// That of one stretch.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(0).and(bytes)
    }

    /// That of this stretch and of one more.
    pub(super) fn and(self, bytes: &[u8]) -> Self {
        let hash: [u8; 32] = Sha256::new().chain_update(self.0.to_be_bytes()).chain_update(bytes).finalize().into();
        let [a, b, c, d, ..] = hash;
        Self(u32::from_be_bytes([a, b, c, d]))
    }
}
