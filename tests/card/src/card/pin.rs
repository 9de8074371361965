//! A PIN file: reference digits and a counter that only a good try fills up again.

use super::apdu::StatusWord;

/// One PIN with its tries. The counter survives power-off.
#[derive(Clone)]
pub(super) struct PinFile {
    digits: &'static str,
    full: u8,
    left: u8,
}

/// What a try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Try {
    Good,
    Wrong(StatusWord),
    Blocked,
}

impl PinFile {
    pub(super) const fn new(digits: &'static str, full: u8) -> Self {
        Self { digits, full, left: full }
    }

    pub(super) const fn left(&self) -> u8 {
        self.left
    }

    pub(super) const fn set_left(&mut self, left: u8) {
        self.left = if left < self.full { left } else { self.full };
    }

    /// The answer to an empty VERIFY; costs nothing.
    pub(super) fn status(&self) -> StatusWord {
        if self.left == 0 { StatusWord::PIN_UNUSABLE } else { StatusWord::tries_left(self.left) }
    }

    /// One try. A length that no PIN has is a wrong PIN too, the harsher of two guesses.
    pub(super) fn verify(&mut self, digits: &[u8]) -> Try {
        if self.left == 0 {
            return Try::Blocked;
        }
        if digits == self.digits.as_bytes() {
            self.left = self.full;
            return Try::Good;
        }
        self.left -= 1;
        Try::Wrong(StatusWord::tries_left(self.left))
    }
}

impl std::fmt::Debug for PinFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PinFile").field("left", &self.left).finish_non_exhaustive()
    }
}
