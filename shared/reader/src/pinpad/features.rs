//! What a driver can do beside its card: the list behind `CM_IOCTL_GET_FEATURE_REQUEST` (part 10 §2.2).
//!
//! A row of *tag · length 4 · control code*, six bytes each, the code big-endian whatever the machine. Outside bytes: any
//! row of bytes gives features or an error, never more than came.

use super::ControlCode;

/// Length of one entry.
const ENTRY_BYTES: usize = 6;

/// Most bytes of a list that are read: drivers name up to 22 features (part 10 §2.3 ends at tag 0x15); three times that.
pub const FEATURES_BYTES_MAX: usize = 66 * ENTRY_BYTES;

/// Length of a control code, as every entry must say.
const CODE_BYTES: u8 = 4;

/// A feature that Kido uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// `FEATURE_VERIFY_PIN_DIRECT`: the reader takes a PIN and sends a VERIFY.
    VerifyPinDirect,
    /// `FEATURE_IFD_PIN_PROPERTIES`: whether it has a display, and how it ends an entry.
    PinProperties,
}

impl Feature {
    const fn tag(self) -> u8 {
        match self {
            Self::VerifyPinDirect => 0x06,
            Self::PinProperties => 0x0A,
        }
    }
}

/// Why a driver's list cannot be read; then it is treated as if it had no features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeatureError {
    /// More bytes than any driver sends.
    #[error("{0} bytes of features")]
    TooLong(usize),
    /// The list ends inside an entry.
    #[error("the list ends inside a feature")]
    CutShort,
    /// An entry's code is not four bytes long.
    #[error("a control code of {0} bytes")]
    CodeLength(u8),
}

/// A driver's features, by tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features(Vec<(u8, ControlCode)>);

impl Features {
    /// Reads the list; an empty one is a driver without features. Tags that are not known here are kept and never used.
    ///
    /// # Errors
    /// [`FeatureError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FeatureError> {
        if bytes.len() > FEATURES_BYTES_MAX {
            return Err(FeatureError::TooLong(bytes.len()));
        }
        let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
        let read = entries.iter().map(|[tag, length, code @ ..]| match *length {
            CODE_BYTES => Ok((*tag, ControlCode(u32::from_be_bytes(*code)))),
            length => Err(FeatureError::CodeLength(length)),
        });
        let read = read.collect::<Result<Vec<_>, _>>()?;
        if rest.is_empty() { Ok(Self(read)) } else { Err(FeatureError::CutShort) }
    }

    /// The list's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let entry = |(tag, code): &(u8, ControlCode)| [&[*tag, CODE_BYTES][..], &code.get().to_be_bytes()].concat();
        self.0.iter().flat_map(entry).collect()
    }

    /// The code of a feature: the first one, where a driver names it twice. A code of zero is no code.
    #[must_use]
    pub fn code(&self, feature: Feature) -> Option<ControlCode> {
        let (_tag, code) = self.0.iter().find(|(tag, _code)| *tag == feature.tag())?;
        (code.get() != 0).then_some(*code)
    }
}
