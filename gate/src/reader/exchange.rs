//! Whose answer is it, and until when may it come? Pure: time is an argument.

use std::collections::VecDeque;

use core::time::Duration;
use kido_reader::child::{CommandFailure, CommandNumber, ParentMessage};
use kido_shared::apdu::{CommandApdu, Instruction, ResponseApdu, TapCommand};
use tokio::time::Instant;

use super::{COMMAND_TIME, PINPAD_TIME, POWER_ON_TIME, ReaderInput, SIGNATURE_TIME, TAP_TIME};
use crate::lane::TapNumber;

/// Commands under way: one that is waited for, and a few of taps that were given up.
const UNDER_WAY_MAX: usize = 4;

/// The commands of one child and the tap of its card.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    last_command: u64,
    under_way: VecDeque<UnderWay>,
    tap: Tap,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Tap {
    #[default]
    None,
    Running {
        tap: TapNumber,
        deadline: Instant,
    },
    /// Took too long: no command of it goes to the card any more.
    TimedOut(TapNumber),
}

#[derive(Debug)]
struct UnderWay {
    number: CommandNumber,
    command: CommandApdu,
    deadline: Instant,
    asker: Asker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    Tap(TapNumber),
    /// Its tap is over. The command still counts: a child that never answers it hangs.
    Nobody,
}

/// What became of an order.
#[derive(Debug)]
pub(super) enum Ordered {
    /// Send this to the child.
    Send(ParentMessage),
    /// Tell the runtime this instead.
    Refused(ReaderInput),
}

/// What ran out.
#[derive(Debug)]
pub(super) enum Expired {
    /// The child hangs; tell the runtime, if anybody waited.
    Command(Option<ReaderInput>),
    /// Power off, and tell the runtime.
    Tap(TapNumber),
}

impl Exchange {
    /// Takes a command for the card.
    pub(super) fn transmit(&mut self, tap: TapNumber, command: TapCommand, now: Instant) -> Ordered {
        if self.tap == Tap::TimedOut(tap) || self.under_way.len() >= UNDER_WAY_MAX {
            return Ordered::Refused(ReaderInput::Torn(tap));
        }
        match self.tap {
            Tap::Running { tap: running, .. } if running == tap => {}
            Tap::None | Tap::Running { .. } | Tap::TimedOut(_) => {
                self.abandon(now);
                self.tap = Tap::Running { tap, deadline: now + TAP_TIME };
            }
        }
        self.last_command = self.last_command.wrapping_add(1);
        let number = CommandNumber { tap: tap.get(), command: self.last_command };
        // The child takes one command after another, so the time begins when those before it have had theirs.
        let begins = self.under_way.back().map_or(now, |before| before.deadline.max(now));
        self.under_way.push_back(UnderWay {
            number,
            deadline: begins + allowance(command.instruction()),
            command: CommandApdu::from(&command),
            asker: Asker::Tap(tap),
        });
        Ordered::Send(ParentMessage::Transmit(number, command))
    }

    /// The tap is over: powered off, card gone. Its answers reach nobody.
    pub(super) fn end_tap(&mut self, now: Instant) {
        self.abandon(now);
        self.tap = Tap::None;
    }

    /// Takes the card's answer, and tells the runtime where it still waits.
    pub(super) fn answered(&mut self, number: CommandNumber, bytes: &[u8]) -> Option<ReaderInput> {
        let (tap, command) = self.finish(number)?;
        Some(match ResponseApdu::parse(bytes, &command) {
            Ok(answer) => ReaderInput::Answered(tap, answer),
            Err(error) => {
                tracing::warn!(instruction = %command.instruction(), %error, "an answer that the reader let through");
                ReaderInput::CommandFailed(tap, CommandFailure::Malformed)
            }
        })
    }

    /// Takes the news that a command has no answer.
    pub(super) fn failed(&mut self, number: CommandNumber, failure: CommandFailure) -> Option<ReaderInput> {
        let (tap, _command) = self.finish(number)?;
        Some(match failure {
            CommandFailure::Torn => ReaderInput::Torn(tap),
            CommandFailure::Mute | CommandFailure::InUse | CommandFailure::ReaderFailed | CommandFailure::Malformed => {
                ReaderInput::CommandFailed(tap, failure)
            }
        })
    }

    /// When to look at [`Exchange::expire`] again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let tap = match self.tap {
            Tap::Running { deadline, .. } => Some(deadline),
            Tap::None | Tap::TimedOut(_) => None,
        };
        self.under_way.front().map(|first| first.deadline).into_iter().chain(tap).min()
    }

    /// What has run out by now.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Expired> {
        if self.under_way.front().is_some_and(|first| first.deadline <= now) {
            let waits = self.under_way.iter().find_map(|command| match command.asker {
                Asker::Tap(tap) => Some(tap),
                Asker::Nobody => None,
            });
            return Some(Expired::Command(waits.map(ReaderInput::CommandTimedOut)));
        }
        match self.tap {
            Tap::Running { tap, deadline } if deadline <= now => {
                self.abandon(now);
                self.tap = Tap::TimedOut(tap);
                Some(Expired::Tap(tap))
            }
            Tap::None | Tap::Running { .. } | Tap::TimedOut(_) => None,
        }
    }

    /// The tap that waits for an answer, if any.
    pub(super) fn waiting(&self) -> Option<TapNumber> {
        self.under_way.iter().find_map(|command| match command.asker {
            Asker::Tap(tap) => Some(tap),
            Asker::Nobody => None,
        })
    }

    /// Nobody waits for these any more. A reader that still waits for somebody's PIN has as long as any command to notice
    /// that the card has left: the next holder's must not be taken for it, nor made to wait.
    fn abandon(&mut self, now: Instant) {
        for command in &mut self.under_way {
            command.asker = Asker::Nobody;
            if command.command.instruction() == Instruction::VerifyAtReader {
                command.deadline = command.deadline.min(now + COMMAND_TIME);
            }
        }
    }

    /// Removes the command of this number and all before it: the child answers in order.
    fn finish(&mut self, number: CommandNumber) -> Option<(TapNumber, CommandApdu)> {
        let place = self.under_way.iter().position(|command| command.number == number)?;
        let finished = self.under_way.drain(..=place).next_back()?;
        match finished.asker {
            Asker::Tap(tap) => Some((tap, finished.command)),
            Asker::Nobody => None,
        }
    }
}

const fn allowance(instruction: Instruction) -> Duration {
    match instruction {
        Instruction::ComputeSignature => SIGNATURE_TIME,
        Instruction::VerifyAtReader => PINPAD_TIME,
        Instruction::SelectApplication => COMMAND_TIME.saturating_add(POWER_ON_TIME),
        Instruction::SelectFile
        | Instruction::ReadBinary
        | Instruction::Verify
        | Instruction::PinStatus
        | Instruction::GetResponse => COMMAND_TIME,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn select() -> TapCommand {
        TapCommand::from_cbor(&[0x81, 0]).unwrap()
    }

    fn read_window() -> TapCommand {
        TapCommand::from_cbor(&[0x82, 6, 0]).unwrap()
    }

    fn sent(ordered: Ordered) -> CommandNumber {
        let Ordered::Send(ParentMessage::Transmit(number, _)) = ordered else { panic!("not sent: {ordered:?}") };
        number
    }

    fn tap(number: u64) -> TapNumber {
        TapNumber::new(number)
    }

    #[tokio::test]
    async fn an_answer_to_an_old_tap_reaches_nobody() {
        let (mut exchange, now) = (Exchange::default(), Instant::now());
        let old = sent(exchange.transmit(tap(1), select(), now));
        exchange.end_tap(now);
        let new = sent(exchange.transmit(tap(2), select(), now));
        assert!(exchange.answered(old, &[0x90, 0]).is_none());
        assert!(matches!(exchange.answered(new, &[0x90, 0]), Some(ReaderInput::Answered(to, _)) if to == tap(2)));
        assert!(exchange.answered(new, &[0x90, 0]).is_none(), "an answer counts once");
    }

    #[tokio::test]
    async fn a_signature_has_five_seconds_and_any_other_command_two() {
        let (mut exchange, now) = (Exchange::default(), Instant::now());
        exchange.transmit(tap(1), read_window(), now);
        assert_eq!(exchange.deadline(), Some(now + COMMAND_TIME));
        assert!(exchange.expire(now + COMMAND_TIME - Duration::from_millis(1)).is_none());
        let expired = exchange.expire(now + COMMAND_TIME);
        assert!(matches!(expired, Some(Expired::Command(Some(ReaderInput::CommandTimedOut(late)))) if late == tap(1)));
        assert_eq!(allowance(Instruction::ComputeSignature), Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_pin_at_the_reader_may_take_as_long_as_somebody_types_and_no_longer() {
        let (mut exchange, now) = (Exchange::default(), Instant::now());
        let at_reader = TapCommand::from_cbor(&[0x82, 8, 0]).unwrap();
        let number = sent(exchange.transmit(tap(1), at_reader, now));
        assert!(exchange.expire(now + PINPAD_TIME - Duration::from_millis(1)).is_none());
        assert!(matches!(exchange.expire(now + PINPAD_TIME), Some(Expired::Command(Some(_)))));
        assert!(PINPAD_TIME + COMMAND_TIME + SIGNATURE_TIME < TAP_TIME, "a slow PIN still leaves time to sign");
        let cancelled = exchange.answered(number, &[0x64, 0x01]);
        let Some(ReaderInput::Answered(_, answer)) = cancelled else { panic!("{cancelled:?}") };
        assert_eq!(answer.status().get(), 0x6401);
    }

    #[tokio::test]
    async fn a_tap_ends_after_its_time_and_sends_nothing_more() {
        let (mut exchange, now) = (Exchange::default(), Instant::now());
        let number = sent(exchange.transmit(tap(1), select(), now));
        exchange.answered(number, &[0x90, 0]);
        assert!(matches!(exchange.expire(now + TAP_TIME), Some(Expired::Tap(late)) if late == tap(1)));
        assert!(exchange.expire(now + TAP_TIME).is_none());
        let refused = exchange.transmit(tap(1), read_window(), now + TAP_TIME);
        assert!(matches!(refused, Ordered::Refused(ReaderInput::Torn(_))));
        sent(exchange.transmit(tap(2), select(), now + TAP_TIME));
    }

    #[tokio::test]
    async fn a_child_that_hangs_on_a_given_up_command_is_still_found() {
        let (mut exchange, now) = (Exchange::default(), Instant::now());
        exchange.transmit(tap(1), read_window(), now);
        exchange.end_tap(now);
        assert!(matches!(exchange.expire(now + COMMAND_TIME), Some(Expired::Command(None))));
    }

    #[tokio::test]
    async fn a_reader_that_waits_for_the_pin_of_a_tap_that_is_over_holds_nobody_up() {
        let (mut exchange, now) = (Exchange::default(), Instant::now());
        exchange.transmit(tap(1), TapCommand::from_cbor(&[0x82, 8, 0]).unwrap(), now);
        exchange.end_tap(now);
        exchange.transmit(tap(2), select(), now);
        let expired = exchange.expire(now + COMMAND_TIME);
        assert!(matches!(expired, Some(Expired::Command(Some(ReaderInput::CommandTimedOut(next)))) if next == tap(2)));
    }

    #[tokio::test]
    async fn an_answer_longer_than_asked_ends_the_command() {
        let (mut exchange, now) = (Exchange::default(), Instant::now());
        let number = sent(exchange.transmit(tap(1), select(), now));
        let input = exchange.answered(number, &[1, 2, 3, 0x90, 0]);
        assert!(matches!(input, Some(ReaderInput::CommandFailed(_, CommandFailure::Malformed))));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Transmit(u64),
        Answer(u64, u64),
        EndTap,
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..4_u64).prop_map(Step::Transmit),
            (0..4_u64, 0..20_u64).prop_map(|(tap, command)| Step::Answer(tap, command)),
            Just(Step::EndTap),
            (0..50_u64).prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn whatever_happens_only_the_tap_that_asked_last_is_answered_and_the_queue_is_bounded(steps in steps()) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let _entered = runtime.enter();
            let (mut exchange, mut now) = (Exchange::default(), Instant::now());
            let mut asked = None;
            for step in steps {
                match step {
                    Step::Transmit(number) => {
                        if let Ordered::Send(_) = exchange.transmit(tap(number), read_window(), now) {
                            asked = Some(tap(number));
                        }
                    }
                    Step::Answer(of, command) => {
                        let number = CommandNumber { tap: of, command };
                        if let Some(input) = exchange.answered(number, &[0x90, 0]) {
                            prop_assert!(matches!(input, ReaderInput::Answered(to, _) if Some(to) == asked));
                        }
                    }
                    Step::EndTap => {
                        exchange.end_tap(now);
                        asked = None;
                    }
                    Step::Wait(seconds) => {
                        now += Duration::from_secs(seconds);
                        exchange.expire(now);
                    }
                }
                prop_assert!(exchange.under_way.len() <= UNDER_WAY_MAX);
                prop_assert!(exchange.waiting().is_none_or(|waits| Some(waits) == asked));
            }
        }
    }
}
