//! `PIN_VERIFY_STRUCTURE` of part 10: how the reader is to ask, and where the digits go.
//!
//! The bit fields are those of the USB CCID class, rev. 1.1 §6.1.11, which the structure repeats. Numbers of two and four
//! bytes are in the machine's own order, as drivers read them out of a C structure without padding.

use core::time::Duration;

use kido_shared::apdu::BLANK_VERIFY_BYTES;
use kido_shared::card::PIN_DIGITS;

use super::ReaderDisplay;

/// How long the reader waits for the first digit (`bTimerOut`), or for all of them where it knows one time only: as long as
/// a pad of ours does (`protocol.md` §1).
const FIRST_DIGIT_TIME: Duration = Duration::from_secs(20);

/// How long it waits once somebody has begun (`bTimerOut2`).
const OTHER_DIGITS_TIME: Duration = Duration::from_secs(10);

/// The longest that a reader may wait for a PIN before it says that there was none.
pub const PINPAD_TIME_MAX: Duration = FIRST_DIGIT_TIME.saturating_add(OTHER_DIGITS_TIME);

/// The structure before its command.
const HEAD_BYTES: usize = 19;

/// The structure, command and all.
pub const PIN_VERIFY_BYTES: usize = HEAD_BYTES + BLANK_VERIFY_BYTES;

/// `bmFormatString`: bit 7, positions are counted in bytes; bits 6 to 3, the digits begin right behind Lc; bit 2 clear,
/// left-justified; bits 1 and 0, ASCII.
const FORMAT: u8 = 0b1000_0010;

/// `bmPINBlockString`: no length is put in before the digits (high half); they take as many bytes as there are digits.
const BLOCK: u8 = 4;

/// `bmPINLengthFormat`: nothing, since no length is put in.
const LENGTH_FORMAT: u8 = 0;

/// `wPINMaxExtraDigit`: fewest digits in the high byte, most in the low one. Both are the same, so neither their order nor
/// that of the bytes can go wrong.
const DIGITS_MIN_MAX: u16 = 0x0404;

/// `bEntryValidationCondition`: the key that ends the entry, so that a slip can still be mended.
const ENDS_WITH_KEY: u8 = 0x02;

/// `bNumberMessage` of a reader with a display: its usual prompt. Without one, none.
const USUAL_PROMPT: u8 = 0xFF;

/// `wLangId`: Japanese, as USB numbers languages; a reader that does not know it takes its own.
const LANGUAGE: u16 = 0x0411;

const _: () = assert!(PIN_DIGITS == 4, "FORMAT, BLOCK and DIGITS_MIN_MAX speak of four digits");

/// The bytes for the reader; nothing in them is a secret.
#[must_use]
pub fn pack_verify(blank: &[u8; BLANK_VERIFY_BYTES], display: ReaderDisplay) -> [u8; PIN_VERIFY_BYTES] {
    let seconds = |time: Duration| u8::try_from(time.as_secs()).unwrap_or(u8::MAX);
    let prompt = match display {
        ReaderDisplay::Text => USUAL_PROMPT,
        ReaderDisplay::None => 0,
    };
    let [digits_0, digits_1] = DIGITS_MIN_MAX.to_ne_bytes();
    let [language_0, language_1] = LANGUAGE.to_ne_bytes();
    // 9 fits into any number of bytes.
    let length = u32::try_from(BLANK_VERIFY_BYTES).unwrap_or(u32::MAX).to_ne_bytes();
    // bTimerOut · bTimerOut2 · bmFormatString · bmPINBlockString · bmPINLengthFormat ·
    // wPINMaxExtraDigit · bEntryValidationCondition · bNumberMessage · wLangId · bMsgIndex · bTeoPrologue[3]
    let head: [u8; 15] = [
        seconds(FIRST_DIGIT_TIME),
        seconds(OTHER_DIGITS_TIME),
        FORMAT,
        BLOCK,
        LENGTH_FORMAT,
        digits_0,
        digits_1,
        ENDS_WITH_KEY,
        prompt,
        language_0,
        language_1,
        0,
        0,
        0,
        0,
    ];
    let mut packed = [0; PIN_VERIFY_BYTES];
    let parts = head.iter().chain(&length).chain(blank);
    for (place, byte) in packed.iter_mut().zip(parts) {
        *place = *byte;
    }
    packed
}
