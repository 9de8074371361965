//! Who went home, and what they had seen last.

/// What the screens have come to for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastWord {
    /// A welcome.
    Welcome,
    /// Where to turn, or what has become of the ticket.
    WhereToTurn,
    /// Neither.
    Nothing,
}

/// Somebody who went home, let in or not.
#[derive(Debug, Clone)]
pub struct Fate {
    /// Whose card it was, for a sentence.
    pub who: String,
    /// The last screen, for a sentence.
    pub saw: String,
    /// What the screens have said in the end.
    pub word: LastWord,
    /// Whether any ticket of the card was good to the last.
    pub had_a_ticket: bool,
    /// Whether a lane had opened for one of them after all.
    pub got_in: bool,
}

/// Whether a screen of this name for its sentence says to whom to turn, or will not let this ticket in for a reason of
/// its own.
#[must_use]
pub fn says_where_to_turn(notice: &str) -> bool {
    let told = ["desk", "already-in", "stored-not-opened", "suspended", "cancelled", "other-entrance"];
    told.contains(&notice.replace('_', "-").as_str())
}

/// Whoever never got in and was turned away without being told to whom to turn; whoever was welcomed before a shut lane.
#[must_use]
pub fn locked_out(fates: &[Fate]) -> Vec<String> {
    let mut broken = Vec::new();
    for fate in fates {
        if fate.had_a_ticket && !fate.got_in && fate.word == LastWord::Nothing {
            broken.push(format!("{} never got in, and has seen {}", fate.who, fate.saw));
        }
        if fate.word == LastWord::Welcome && !fate.got_in {
            broken.push(format!("{} was welcomed before a shut lane", fate.who));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stays_outside_has_to_be_told_where_to_turn() {
        let fate = |word, got_in| Fate {
            who: "somebody".to_owned(),
            saw: "a screen".to_owned(),
            word,
            had_a_ticket: true,
            got_in,
        };
        let broken = |word, got_in| !locked_out(&[fate(word, got_in)]).is_empty();
        assert!(broken(LastWord::Nothing, false) && !broken(LastWord::Nothing, true));
        assert!(broken(LastWord::Welcome, false) && !broken(LastWord::Welcome, true));
        assert!(!broken(LastWord::WhereToTurn, false));
        assert!(!locked_out(&[fate(LastWord::Nothing, false)]).is_empty());
        assert!(says_where_to_turn("already_in") && says_where_to_turn("already-in"));
        assert!(!says_where_to_turn("one_moment") && !says_where_to_turn(""));
    }
}
