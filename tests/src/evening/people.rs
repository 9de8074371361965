//! Who went home, and what they had seen last.

/// Somebody who went home without a lane having opened.
#[derive(Debug, Clone)]
pub struct Fate {
    /// Whose card it was, for a sentence.
    pub who: String,
    /// The last screen, for a sentence.
    pub saw: String,
    /// Whether that screen was a welcome.
    pub welcomed: bool,
    /// Whether it said to whom to turn, or what has become of the ticket.
    pub was_told: bool,
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
        if fate.had_a_ticket && !fate.got_in && !fate.was_told && !fate.welcomed {
            broken.push(format!("{} never got in, and has seen {}", fate.who, fate.saw));
        }
        if fate.welcomed && !fate.got_in {
            broken.push(format!("{} was welcomed before a shut lane", fate.who));
        }
    }
    broken
}
