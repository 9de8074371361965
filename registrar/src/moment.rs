//! Moments as people write them: RFC 3339, always with an offset.

use kido_shared::clock::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A text is no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a moment with its offset, such as 2027-01-10T18:00:00+09:00")]
pub struct MomentError;

/// Reads a moment.
pub(crate) fn parse(text: &str) -> Result<Timestamp, MomentError> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_no_detail| MomentError)?;
    let milliseconds = i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).map_err(|_too_far| MomentError)?;
    Ok(Timestamp::from_unix_ms(milliseconds))
}

/// Writes a moment in UTC, to the second.
pub(crate) fn show(moment: Timestamp) -> String {
    let written = OffsetDateTime::from_unix_timestamp(moment.unix_seconds()).ok();
    let written = written.and_then(|moment| moment.format(&Rfc3339).ok());
    written.unwrap_or_else(|| format!("{} ms after 1970", moment.unix_ms()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_an_offset() {
        assert_eq!(parse("1970-01-01T09:00:01+09:00"), Ok(Timestamp::from_unix_ms(1_000)));
        assert_eq!(parse("1970-01-01T00:00:00.250Z"), Ok(Timestamp::from_unix_ms(250)));
        for bad in ["1970-01-01T00:00:01", "tomorrow", "", "1970-01-01"] {
            assert_eq!(parse(bad), Err(MomentError), "{bad}");
        }
        assert_eq!(show(Timestamp::from_unix_ms(1_250)), "1970-01-01T00:00:01Z");
    }
}
