//! What can be wrong with a card, each fault by itself and together with others.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One thing wrong, named as the control socket's JSON names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Signs with another key than the certificate's: what a copied certificate comes down to.
    OtherKey,
    /// Leaves the reader at the command of this number (from 1, counted since it was put in).
    TornAt {
        /// Which command is not answered.
        command: u32,
        /// Whether the card had done it before it was gone: a wrong PIN then costs its try.
        #[serde(default)]
        executed: bool,
        /// Milliseconds until it lies there again; none: it stays away until it is put back.
        #[serde(default)]
        back_after_ms: Option<u64>,
    },
    /// This many tries of the user authentication PIN are left.
    TriesLeft(u8),
    /// Issued without a PIN (暗証番号設定なし). **A guess**: VERIFY answers `6A88`, *reference data not found*.
    NoPin,
    /// The digital signature certificate lies where the user authentication certificate should.
    SignatureCertificate,
    /// EF 000A holds no certificate.
    GarbageCertificate,
    /// EF 000A says that it is longer than any certificate, and is.
    OversizedCertificate,
    /// Every command takes this long, in milliseconds.
    SlowCommand(u64),
    /// A signature takes this long, in milliseconds, on top of what a command takes.
    SlowSignature(u64),
    /// From this command on (from 1, since it was put in) it never answers again.
    SilentFrom(u32),
    /// Says `61xx`, *more bytes are there*, to everything.
    EndlessMore,
    /// Says `6Cxx`, *ask for another length*, to everything.
    EndlessWrongLength,
    /// Says `6F00` to the first command after each power-on.
    FirstCommandFails,
    /// Knows no short EF identifiers and no key references: refuses them with this status word.
    NoShortForms(ShortFormRefusal),
    /// A phone: nothing can be read before the PIN.
    Phone,
    /// The PIN is already verified, as if somebody else had done it, in so many power cycles.
    VerifiedBefore(u32),
    /// Says `9000` and not `63Cx` to an empty VERIFY after a good one; sources are silent about which is right.
    StatusIsDoneOnceVerified,
    /// Another kind of card: it has no JPKI application.
    AnotherCard,
    /// Gives more bytes than were asked for.
    LongAnswer,
    /// Gives a signature of 255 bytes.
    ShortSignature,
}

/// How a card without short forms refuses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShortFormRefusal {
    /// File not found.
    #[serde(rename = "6A82")]
    FileNotFound,
    /// Wrong P1-P2.
    #[serde(rename = "6A86")]
    WrongP1P2,
    /// Wrong offset.
    #[serde(rename = "6B00")]
    WrongOffset,
    /// Unknown instruction.
    #[serde(rename = "6D00")]
    UnknownInstruction,
}

impl ShortFormRefusal {
    const fn status(self) -> u16 {
        match self {
            Self::FileNotFound => 0x6A82,
            Self::WrongP1P2 => 0x6A86,
            Self::WrongOffset => 0x6B00,
            Self::UnknownInstruction => 0x6D00,
        }
    }
}

/// The faults of one card while it lies in one reader, and what they mean for one command.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults(Vec<Fault>);

/// How a torn card leaves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tear {
    pub(super) executed: bool,
    pub(super) back_after: Option<Duration>,
}

impl Faults {
    pub(super) const fn new(faults: Vec<Fault>) -> Self {
        Self(faults)
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }

    fn find<T>(&self, pick: impl Fn(Fault) -> Option<T>) -> Option<T> {
        self.0.iter().copied().find_map(pick)
    }

    pub(super) fn tries_left(&self) -> Option<u8> {
        self.find(|fault| if let Fault::TriesLeft(left) = fault { Some(left) } else { None })
    }

    /// Whether the command of this number meets silence.
    pub(super) fn silent_at(&self, number: u32) -> bool {
        self.0.iter().any(|fault| matches!(fault, Fault::SilentFrom(from) if number >= *from))
    }

    /// Whether the card is gone at the command of this number.
    pub(super) fn tear_at(&self, number: u32) -> Option<Tear> {
        self.find(|fault| {
            let Fault::TornAt { command, executed, back_after_ms } = fault else {
                return None;
            };
            let back_after = back_after_ms.map(Duration::from_millis);
            (command == number).then_some(Tear { executed, back_after })
        })
    }

    /// A card is torn out once: when it is back, it stays.
    pub(super) fn forget_tear(&mut self) {
        self.0.retain(|fault| !matches!(fault, Fault::TornAt { .. }));
    }

    /// The status word that every command meets, whatever it is.
    pub(super) fn spoils(&self, first_under_power: bool) -> Option<u16> {
        if first_under_power && self.has(Fault::FirstCommandFails) {
            Some(0x6F00)
        } else if self.has(Fault::EndlessMore) {
            Some(0x6110)
        } else if self.has(Fault::EndlessWrongLength) {
            Some(0x6C10)
        } else {
            None
        }
    }

    /// How long the card takes.
    pub(super) fn delay(&self, signed: bool) -> Duration {
        let command = self.find(|fault| if let Fault::SlowCommand(ms) = fault { Some(ms) } else { None });
        let signature = self.find(|fault| if let Fault::SlowSignature(ms) = fault { Some(ms) } else { None });
        let signature = signature.filter(|_| signed);
        Duration::from_millis(command.unwrap_or(0).saturating_add(signature.unwrap_or(0)))
    }

    /// Whether somebody else had verified the PIN in the power cycle of this number.
    pub(super) fn verified_before(&self, cycle: u32) -> bool {
        self.0.iter().any(|fault| matches!(fault, Fault::VerifiedBefore(cycles) if cycle <= *cycles))
    }

    pub(super) fn short_form_refusal(&self) -> Option<u16> {
        self.find(|fault| if let Fault::NoShortForms(refusal) = fault { Some(refusal.status()) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_read_as_the_help_writes_them() {
        let text =
            r#"["phone",{"torn-at":{"command":4,"back_after_ms":300}},{"no-short-forms":"6B00"},{"tries-left":2}]"#;
        let faults: Vec<Fault> = serde_json::from_str(text).unwrap();
        assert_eq!(
            faults,
            [
                Fault::Phone,
                Fault::TornAt { command: 4, executed: false, back_after_ms: Some(300) },
                Fault::NoShortForms(ShortFormRefusal::WrongOffset),
                Fault::TriesLeft(2),
            ]
        );
    }
}
