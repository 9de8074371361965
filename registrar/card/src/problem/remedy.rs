//! What the person can do about a problem without starting the program anew.

/// Where to go on from. Every round asks for the PIN anew and shows the tries left before: nothing tries by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The card's part once more, within the same dialogue.
    Card,
    /// The same with another card; this one cannot be used.
    OtherCard,
    /// The same, in one of these readers.
    Reader(Vec<String>),
    /// The whole dialogue once more.
    Dialogue,
    /// The whole dialogue once more, with another card.
    DialogueWithOtherCard,
    /// Another link.
    Link,
    /// Nothing, here and now.
    Nothing,
}

impl Remedy {
    /// Whether the registrar need not be asked again.
    pub(crate) const fn is_of_the_card(&self) -> bool {
        matches!(self, Self::Card | Self::OtherCard | Self::Reader(_))
    }
}

#[cfg(test)]
mod tests {
    use kido_shared::card::{CardError, PinTries};

    use super::*;
    use crate::exchange::ExchangeError;
    use crate::problem::Problem;

    fn wrong(tries: u8) -> Remedy {
        Problem::from(ExchangeError::Card(CardError::WrongPin(PinTries::new(tries)))).remedy()
    }

    #[test]
    fn a_wrong_pin_is_followed_by_another_try_only_while_a_wrong_one_would_not_lock_the_card() {
        assert_eq!(wrong(2), Remedy::Card);
        assert_eq!((wrong(1), wrong(0)), (Remedy::OtherCard, Remedy::OtherCard));
    }
}
