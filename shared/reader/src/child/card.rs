//! The card's side of the child: one connection per tap, opened by one command only.

use kido_shared::apdu::{CommandApdu, Instruction, TapCommand};
use zeroize::Zeroizing;

use super::message::{ChildMessage, CommandNumber};
use crate::channel::{CardChannel, TransmitError};
use crate::connection::PowerOn;

/// Opens connections to the card of the reader that is watched now.
pub(super) trait Connect {
    type Channel: CardChannel;

    fn connect(&mut self, power: PowerOn) -> Result<Self::Channel, TransmitError>;
}

/// The taps of one reader, one after another.
///
/// **Rule.** Only SELECT of the application opens a connection, and only where the tap has none. A connection that was
/// torn stays torn for its tap: a PIN typed for one card never meets the next one.
pub(super) struct Taps<C: Connect> {
    connector: C,
    power: PowerOn,
    open: Option<Open<C::Channel>>,
}

struct Open<C> {
    tap: u64,
    channel: C,
}

impl<C: Connect> Taps<C> {
    pub(super) const fn new(connector: C) -> Self {
        // Whoever was killed before us may have left a card with a verified PIN under power.
        Self { connector, power: PowerOn::Cold, open: None }
    }

    /// Sends one command to the card of its tap.
    pub(super) fn transmit(&mut self, number: CommandNumber, command: TapCommand) -> ChildMessage {
        let command = CommandApdu::from(command);
        match self.exchange(number.tap, &command) {
            Ok(answer) => ChildMessage::Answered(number, answer),
            Err(error) => ChildMessage::Failed(number, error.into()),
        }
    }

    fn exchange(&mut self, tap: u64, command: &CommandApdu) -> Result<Zeroizing<Vec<u8>>, TransmitError> {
        let answer = self.channel(tap, command.instruction())?.transmit(command)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(command.answer_bytes_max()));
        bytes.extend_from_slice(answer.data());
        bytes.extend_from_slice(&answer.status().get().to_be_bytes());
        Ok(bytes)
    }

    fn channel(&mut self, tap: u64, instruction: Instruction) -> Result<&mut C::Channel, TransmitError> {
        if self.open.as_ref().is_some_and(|open| open.tap != tap) {
            self.power_off();
        }
        if self.open.is_none() && instruction == Instruction::SelectApplication {
            let channel = self.connector.connect(self.power)?;
            self.power = PowerOn::AsFound;
            self.open = Some(Open { tap, channel });
        }
        self.open.as_mut().map(|open| &mut open.channel).ok_or(TransmitError::Torn)
    }

    /// Ends the tap. The channel cuts the power as it is dropped.
    pub(super) fn power_off(&mut self) {
        drop(self.open.take());
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use kido_shared::apdu::ResponseApdu;

    use super::*;
    use crate::child::message::CommandFailure;

    #[derive(Default)]
    struct Seen {
        opened: Vec<PowerOn>,
        commands: Vec<Vec<u8>>,
        powered_off: usize,
        torn: bool,
    }

    #[derive(Clone, Default)]
    struct FakeReader(Rc<RefCell<Seen>>);

    struct FakeCard(FakeReader);

    impl Connect for FakeReader {
        type Channel = FakeCard;

        fn connect(&mut self, power: PowerOn) -> Result<FakeCard, TransmitError> {
            self.0.borrow_mut().opened.push(power);
            Ok(FakeCard(self.clone()))
        }
    }

    impl CardChannel for FakeCard {
        fn transmit(&mut self, command: &CommandApdu) -> Result<ResponseApdu, TransmitError> {
            let mut seen = self.0.0.borrow_mut();
            if seen.torn {
                return Err(TransmitError::Torn);
            }
            seen.commands.push(command.as_bytes().to_vec());
            ResponseApdu::parse(&[0x90, 0x00], command).map_err(TransmitError::Malformed)
        }
    }

    impl Drop for FakeCard {
        fn drop(&mut self) {
            self.0.0.borrow_mut().powered_off += 1;
        }
    }

    fn select() -> TapCommand {
        TapCommand::from_cbor(&[0x81, 0]).unwrap()
    }

    fn verify() -> TapCommand {
        TapCommand::from_cbor(&[0x83, 3, 0, 0x44, b'1', b'2', b'3', b'4']).unwrap()
    }

    fn number(tap: u64, command: u64) -> CommandNumber {
        CommandNumber { tap, command }
    }

    fn is_torn(message: &ChildMessage) -> bool {
        matches!(message, ChildMessage::Failed(_, CommandFailure::Torn))
    }

    #[test]
    fn a_pin_never_opens_a_connection() {
        let reader = FakeReader::default();
        let mut taps = Taps::new(reader.clone());
        assert!(is_torn(&taps.transmit(number(1, 1), verify())));
        assert!(reader.0.borrow().opened.is_empty());
    }

    #[test]
    fn a_pin_of_a_torn_tap_never_meets_the_next_card() {
        let reader = FakeReader::default();
        let mut taps = Taps::new(reader.clone());
        taps.transmit(number(1, 1), select());
        reader.0.borrow_mut().torn = true;
        assert!(is_torn(&taps.transmit(number(1, 2), verify())));
        assert!(is_torn(&taps.transmit(number(2, 3), verify())));
        assert_eq!(reader.0.borrow().opened.len(), 1);
        assert_eq!(reader.0.borrow().commands.len(), 1);
    }

    #[test]
    fn the_first_card_of_a_process_is_found_cold_and_later_ones_are_left_cold() {
        let reader = FakeReader::default();
        let mut taps = Taps::new(reader.clone());
        taps.transmit(number(1, 1), select());
        taps.power_off();
        taps.transmit(number(1, 2), select());
        taps.transmit(number(2, 3), select());
        let seen = reader.0.borrow();
        assert_eq!(seen.opened, [PowerOn::Cold, PowerOn::AsFound, PowerOn::AsFound]);
        assert_eq!(seen.powered_off, 2);
    }

    #[test]
    fn a_panic_cuts_the_power() {
        let reader = FakeReader::default();
        let held = reader.clone();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let mut taps = Taps::new(held);
            taps.transmit(number(1, 1), select());
            panic!("in the middle of a tap");
        }));
        assert!(panicked.is_err());
        assert_eq!(reader.0.borrow().powered_off, 1);
    }

    #[test]
    fn an_answer_carries_the_numbers_of_its_command() {
        let mut taps = Taps::new(FakeReader::default());
        let ChildMessage::Answered(answered, bytes) = taps.transmit(number(3, 9), select()) else { panic!() };
        assert_eq!((answered, bytes.as_slice()), (number(3, 9), &[0x90, 0x00][..]));
    }
}
