//! Which lines of several logs belong to one request: the header `traceparent` (W3C Trace Context, Recommendation of
//! 23 November 2021).
//!
//! A gate makes a random [`TraceId`] for each tap, and for each request that belongs to none, and sends it along. Gate,
//! arbiter and registrar write it in their lines about that request, and a problem document names it. It is made of
//! nothing but randomness: no card, ticket, gate or hour is in it, so it links nothing but those lines.
//!
//! It is no part of what a gate signs. By the standard every proxy on the way may replace it (§2.2, §3.3), and nothing
//! is ever decided by it.

use core::fmt;

use rand::{CryptoRng, RngCore};

/// The header that carries it.
pub const TRACE_HEADER: &str = "traceparent";

/// Characters of the header in the one version that there is (§3.2).
const CHARS: usize = 55;

/// Longest header that is looked at: a later version may be longer than this one, within reason.
const CHARS_MAX: usize = 256;

/// The one flag that is passed on (§3.2.2.5.1); whoever receives others of this version leaves them out.
const SAMPLED: u8 = 0b1;

/// The header is missing or not what the standard describes: the trace begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no trace context")]
pub struct NoTraceContext;

/// What lines about one request have in common: 16 random bytes, never all zero (§3.2.2.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl crate::LogSafe for TraceId {}

/// One request's place in a trace, as it goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace: TraceId,
    parent: [u8; 8],
    flags: u8,
}

impl TraceContext {
    /// The first of a new trace.
    pub fn begin(random: &mut (impl RngCore + CryptoRng)) -> Self {
        Self { trace: TraceId(nonzero(random)), parent: nonzero(random), flags: 0 }
    }

    /// The next request of the same trace.
    #[must_use]
    pub fn next(self, random: &mut (impl RngCore + CryptoRng)) -> Self {
        Self { parent: nonzero(random), ..self }
    }

    /// What its lines have in common.
    #[must_use]
    pub const fn trace(self) -> TraceId {
        self.trace
    }

    /// Reads a header. Versions that are still to come are read as far as this one goes (§3.2.4).
    ///
    /// # Errors
    /// [`NoTraceContext`]; nothing of what was sent is to be repeated then.
    pub fn parse(field: &str) -> Result<Self, NoTraceContext> {
        let bytes = field.as_bytes();
        if !(CHARS..=CHARS_MAX).contains(&bytes.len()) {
            return Err(NoTraceContext);
        }
        let (known, rest) = bytes.split_at_checked(CHARS).ok_or(NoTraceContext)?;
        let mut parts = known.split(|byte| *byte == b'-');
        let mut part = || parts.next().ok_or(NoTraceContext);
        let [version] = unhex(part()?)?;
        let (trace, parent, [flags]) = (unhex::<16>(part()?)?, unhex::<8>(part()?)?, unhex(part()?)?);
        let whole = match version {
            0 => rest.is_empty(),
            0xff => false,
            1..=0xfe => rest.is_empty() || rest.starts_with(b"-"),
        };
        if !whole || trace == [0; 16] || parent == [0; 8] {
            return Err(NoTraceContext);
        }
        Ok(Self { trace: TraceId(trace), parent, flags: flags & SAMPLED })
    }
}

/// As it stands in the header.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("00-")?;
        hex(&self.trace.0, f)?;
        f.write_str("-")?;
        hex(&self.parent, f)?;
        write!(f, "-{:02x}", self.flags)
    }
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Small letters only (§3.2.2: `HEXDIGLC`), and exactly so many.
fn unhex<const N: usize>(text: &[u8]) -> Result<[u8; N], NoTraceContext> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Ok(byte.wrapping_sub(b'a').wrapping_add(10)),
        _other => Err(NoTraceContext),
    };
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return Err(NoTraceContext);
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Ok(bytes)
}

/// Random bytes that are not all zero, which the standard calls invalid.
fn nonzero<const N: usize>(random: &mut (impl RngCore + CryptoRng)) -> [u8; N] {
    let mut bytes = [0; N];
    while bytes == [0; N] {
        random.fill_bytes(&mut bytes);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    /// The example of the standard, §3.2.2.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_standard_reads_back() {
        let read = TraceContext::parse(EXAMPLE).unwrap();
        assert_eq!(read.to_string(), EXAMPLE);
        assert_eq!(read.trace().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn what_the_standard_calls_invalid_is_no_context() {
        let long = format!("01{}-{}", &EXAMPLE[2..], "x".repeat(CHARS_MAX));
        for field in [
            "",
            "00",
            &EXAMPLE[..54],
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e47\u{e9}-00f067aa0ba902b7-01",
            &long,
        ] {
            assert_eq!(TraceContext::parse(field), Err(NoTraceContext), "{field:?}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_this_one_goes_and_sent_on_as_this_one() {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-what-the-future-brings";
        assert_eq!(TraceContext::parse(later).unwrap().to_string(), EXAMPLE);
    }

    #[test]
    fn a_request_behind_another_keeps_its_trace_and_is_another_one() {
        let mut random = StdRng::seed_from_u64(1);
        let first = TraceContext::begin(&mut random);
        let second = first.next(&mut random);
        assert_eq!(first.trace(), second.trace());
        assert_ne!(first, second);
        assert_ne!(first.trace(), TraceContext::begin(&mut random).trace());
    }

    proptest! {
        #[test]
        fn what_is_made_reads_back(seed: u64) {
            let made = TraceContext::begin(&mut StdRng::seed_from_u64(seed));
            prop_assert_eq!(TraceContext::parse(&made.to_string()), Ok(made));
        }

        #[test]
        fn whatever_is_sent_only_letters_of_a_number_come_back(field in "\\PC*") {
            if let Ok(read) = TraceContext::parse(&field) {
                let told = read.to_string();
                prop_assert!(told.len() == CHARS && told.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-')));
            }
        }
    }
}
