//! Dates as certificates write them.

use super::IssuerError;

/// A `UTCTime` (RFC 5280 §4.1.2.5.1): `YYMMDDHHMMSSZ`, years 1950 to 2049.
#[derive(Clone, PartialEq, Eq)]
pub struct UtcTime(String);

impl UtcTime {
    /// Reads `YYMMDDHHMMSSZ`.
    ///
    /// # Errors
    /// [`IssuerError::Time`] for any other form.
    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        let digits =
            text.strip_suffix('Z').filter(|digits| digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit()));
        match digits {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(IssuerError::Time(text.to_owned())),
        }
    }

    /// 23:59:59 in Japan on the given day: how `notAfter` names the holder's birthday.
    ///
    /// # Errors
    /// [`IssuerError::Time`] when year, month or day is out of range.
    pub fn end_of_day_in_japan(year: u16, month: u8, day: u8) -> Result<Self, IssuerError> {
        let in_range = (1950..=2049).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        if !in_range {
            return Err(IssuerError::Time(format!("{year}-{month}-{day}")));
        }
        Ok(Self(format!("{:02}{month:02}{day:02}145959Z", year % 100)))
    }

    /// The text as it lies in the certificate.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for UtcTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UtcTime(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birthday_ends_at_midnight_in_japan() {
        assert_eq!(UtcTime::end_of_day_in_japan(2030, 2, 17).unwrap().as_str(), "300217145959Z");
    }

    #[test]
    fn other_forms_are_refused() {
        for wrong in ["20300217145959Z", "300217145959", "3002171459é9Z", ""] {
            assert!(UtcTime::parse(wrong).is_err(), "{wrong}");
        }
        assert!(UtcTime::end_of_day_in_japan(2050, 1, 1).is_err());
    }
}
