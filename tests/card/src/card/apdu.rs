//! A command as it arrives: ISO 7816-4 §5.1, short lengths, the four cases.

/// Status words that the card answers (ISO 7816-4 §5.1.3, `jpki.md` §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatusWord(pub(super) u16);

impl StatusWord {
    pub(super) const DONE: Self = Self(0x9000);
    pub(super) const WRONG_LENGTH: Self = Self(0x6700);
    pub(super) const WRONG_FILE_KIND: Self = Self(0x6981);
    pub(super) const NOT_SATISFIED: Self = Self(0x6982);
    pub(super) const PIN_UNUSABLE: Self = Self(0x6984);
    pub(super) const NO_CURRENT_FILE: Self = Self(0x6986);
    pub(super) const FILE_NOT_FOUND: Self = Self(0x6A82);
    pub(super) const NO_SUCH_REFERENCE: Self = Self(0x6A88);
    pub(super) const WRONG_P1_P2: Self = Self(0x6A86);
    pub(super) const BEYOND_END: Self = Self(0x6B00);
    pub(super) const UNKNOWN_INSTRUCTION: Self = Self(0x6D00);
    pub(super) const UNKNOWN_CLASS: Self = Self(0x6E00);
    pub(super) const NO_DIAGNOSIS: Self = Self(0x6F00);

    /// `63Cx`: x tries are left.
    pub(super) fn tries_left(tries: u8) -> Self {
        Self(0x63C0 | u16::from(tries & 0x0F))
    }
}

/// A well-formed command.
#[derive(Clone, Copy)]
pub(super) struct Command<'a> {
    pub(super) cla: u8,
    pub(super) ins: u8,
    pub(super) p1: u8,
    pub(super) p2: u8,
    /// The command data; empty in cases 1 and 2.
    pub(super) data: &'a [u8],
    /// Bytes asked for: 1 to 256, or none in cases 1 and 3.
    pub(super) le: Option<u16>,
}

impl<'a> Command<'a> {
    /// Reads one command. Extended lengths are answered like any wrong length: sources disagree on what a card does.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, StatusWord> {
        let [cla, ins, p1, p2, body @ ..] = bytes else {
            return Err(StatusWord::WRONG_LENGTH);
        };
        let (data, le): (&[u8], Option<u8>) = match body {
            [] => (&[], None),
            [le] => (&[], Some(*le)),
            [0, ..] => return Err(StatusWord::WRONG_LENGTH),
            [lc, rest @ ..] => match rest.split_at_checked(usize::from(*lc)) {
                Some((data, [])) => (data, None),
                Some((data, [le])) => (data, Some(*le)),
                Some(_) | None => return Err(StatusWord::WRONG_LENGTH),
            },
        };
        let le = le.map(|le| if le == 0 { 256 } else { u16::from(le) });
        Ok(Self { cla: *cla, ins: *ins, p1: *p1, p2: *p2, data, le })
    }

    /// The command for the log: header, Lc, the data of a SELECT alone (an identifier, nothing personal), Le.
    pub(super) fn for_the_log(&self) -> String {
        let mut out = format!("{:02X} {:02X} {:02X} {:02X}", self.cla, self.ins, self.p1, self.p2);
        if !self.data.is_empty() {
            out.push_str(&format!(" {:02X} ", self.data.len()));
            if self.ins == super::SELECT {
                out.extend(self.data.iter().map(|byte| format!("{byte:02X}")));
            } else {
                out.push_str("..");
            }
        }
        if let Some(le) = self.le {
            out.push_str(&format!(" {:02X}", le % 256));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(bytes: &[u8]) -> Option<(usize, Option<u16>)> {
        Command::parse(bytes).ok().map(|command| (command.data.len(), command.le))
    }

    #[test]
    fn the_four_cases_are_told_apart() {
        assert_eq!(lengths(&[0, 0x20, 0, 0x98]), Some((0, None)));
        assert_eq!(lengths(&[0, 0xB0, 0x8A, 0xFF, 0]), Some((0, Some(256))));
        assert_eq!(lengths(&[0, 0xA4, 2, 0x0C, 2, 0, 0x0A]), Some((2, None)));
        assert_eq!(lengths(&[0x80, 0x2A, 0, 0x97, 1, 7, 0]), Some((1, Some(256))));
    }

    #[test]
    fn lengths_that_do_not_add_up_are_refused() {
        for wrong in [
            &[0, 0xA4, 4][..],
            &[0, 0xA4, 4, 0x0C, 3, 1, 2],
            &[0, 0xB0, 0, 0, 0, 1, 0],
            &[0, 0x20, 0, 0x98, 1, 2, 3, 4],
        ] {
            assert_eq!(lengths(wrong), None, "{wrong:02X?}");
        }
    }

    #[test]
    fn no_pin_reaches_the_log() {
        let command = Command::parse(&[0, 0x20, 0, 0x98, 4, b'1', b'2', b'3', b'4']).ok().unwrap();
        assert_eq!(command.for_the_log(), "00 20 00 98 04 ..");
    }
}
