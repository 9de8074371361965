//! Markers that must never be found outside the card.
//!
//! Every person, place and number here is invented, and so unlikely that a hit in a log, a store file or a response is
//! a leak and no chance. The leak search takes its list from [`markers`].

/// PIN of the user authentication key (利用者証明用) of every character.
pub const PIN: &str = "1234";
/// A PIN that no character has: the wrong one of the tests.
pub const WRONG_PIN: &str = "9876";
/// Password of the signature key (署名用), which nothing of Kido may ever send.
pub const SIGNATURE_PASSWORD: &str = "KIDO77PLANTED";

/// Name of the holder, in the other applications and in the digital signature certificate.
pub const NAME: &str = "漆原仮名子";
/// Address of the holder, at the same places.
pub const ADDRESS: &str = "木戸県漆市見本町九丁目八番七号";
/// Date of birth as the other applications hold it.
pub const DATE_OF_BIRTH: &str = "19911103";
/// The holder's My Number (個人番号). Its check digit is wrong on purpose: it can belong to nobody.
pub const MY_NUMBER: &str = "907856341292";

/// Prefecture in the CRL distribution point of every leaf.
pub const PREFECTURE: &str = "Kido-ken";
/// Municipality in the CRL distribution point of every leaf; as many characters as on the specimen.
pub const MUNICIPALITY: &str = "Urushi-shi";
/// The tail of every CN: the issuing window, with a municipality code of a prefecture that does not exist.
pub const ISSUING_WINDOW: &str = "48957003A";

/// One thing to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// What it is, for the report of the search.
    pub label: &'static str,
    /// The bytes as they lie on the card.
    pub bytes: Vec<u8>,
}

/// The markers that all characters share. Those of one card (serial, CN, dates, window, modulus) come from
/// [`crate::character::Character::markers`].
#[must_use]
pub fn markers() -> Vec<Marker> {
    [
        ("signature password", SIGNATURE_PASSWORD),
        ("name", NAME),
        ("address", ADDRESS),
        ("date of birth", DATE_OF_BIRTH),
        ("My Number", MY_NUMBER),
        ("prefecture", PREFECTURE),
        ("municipality", MUNICIPALITY),
        ("issuing window", ISSUING_WINDOW),
    ]
    .into_iter()
    .map(|(label, text)| Marker { label, bytes: text.as_bytes().to_vec() })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Check digit of a My Number (総務省令第85号, 2014, article 5).
    fn check_digit(first_eleven: &str) -> u32 {
        let sum: u32 = first_eleven
            .bytes()
            .rev()
            .zip(1u32..)
            .map(|(digit, n)| u32::from(digit - b'0') * if n <= 6 { n + 1 } else { n - 5 })
            .sum();
        match sum % 11 {
            0 | 1 => 0,
            rest => 11 - rest,
        }
    }

    #[test]
    fn the_planted_my_number_can_belong_to_nobody() {
        let (body, check) = MY_NUMBER.split_at(11);
        assert_eq!(check.len(), 1);
        assert_ne!(check_digit(body).to_string(), check);
    }

    #[test]
    fn the_municipality_is_as_long_as_the_specimens() {
        assert_eq!(PREFECTURE.len(), "Tokyo-to".len());
        assert_eq!(MUNICIPALITY.len(), "Kiyose-shi".len());
        assert_eq!(ISSUING_WINDOW.len(), "13221003A".len());
    }
}
