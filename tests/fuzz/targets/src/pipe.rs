//! What a reader process and its gate say to each other, and the commands inside.

use kido_reader::child::frame::FRAME_BYTES_MAX;
use kido_reader::child::{ChildMessage, CommandNumber, ParentMessage};
use kido_shared::apdu::{CommandApdu, Instruction, RegistrationCommand, TapCommand};

use crate::exchange::is_listed;

/// Whatever decodes says only what a tap may say, fits a frame, and reads back as itself.
pub fn run(data: &[u8]) {
    if let Ok(message) = ParentMessage::from_cbor(data) {
        let written = message.to_cbor();
        assert!(written.len() <= FRAME_BYTES_MAX, "longer than a frame");
        let again = ParentMessage::from_cbor(&written).expect("what was written reads");
        assert_eq!(again.to_cbor(), written, "another message");
        if let ParentMessage::Transmit(_, command) = message {
            assert!(is_listed(CommandApdu::from(command).as_bytes(), false), "no command of a tap");
        }
    }
    if let Ok(message) = ChildMessage::from_cbor(data) {
        let written = message.to_cbor();
        assert!(written.len() <= FRAME_BYTES_MAX, "longer than a frame");
        let again = ChildMessage::from_cbor(&written).expect("what was written reads");
        assert_eq!(again.to_cbor(), written, "another message");
    }
    if let Ok(command) = RegistrationCommand::from_cbor(data) {
        let apdu = CommandApdu::from(&command);
        assert!(is_listed(apdu.as_bytes(), true), "no command of a registration");
        assert_eq!(apdu.blank_verify().is_some(), apdu.instruction() == Instruction::VerifyAtReader);
    }
    if let Ok(command) = TapCommand::from_cbor(data) {
        assert!(is_listed(CommandApdu::from(&command).as_bytes(), false), "no command of a tap");
    }
}

/// One message of each kind, and each command.
pub fn seeds() -> Vec<Vec<u8>> {
    let number = CommandNumber { tap: 3, command: 4 };
    let commands: [&[u8]; 6] = [
        &[0x81, 0],
        &[0x82, 1, 2],
        &[0x82, 2, 1],
        &[0x83, 3, 0, 0x44, 0x31, 0x32, 0x33, 0x34],
        &[0x82, 8, 0],
        &[0x82, 6, 0],
    ];
    let transmits = commands.iter().filter_map(|command| {
        Some(ParentMessage::Transmit(number, TapCommand::from_cbor(command).ok()?).to_cbor().to_vec())
    });
    let sign = [&[0x84, 4, 0, 0x58, 0x20][..], &[0xAB; 32], &[0x19, 1, 0]].concat();
    let told = [
        ChildMessage::ReaderArrived("R".to_owned(), kido_shared::card::PinEntry::AtReader),
        ChildMessage::CardPresent,
        ChildMessage::Alive,
    ];
    let told = told.iter().map(|message| message.to_cbor().to_vec());
    let others =
        [vec![0x81, 1], vec![0x81, 2], vec![0x84, 4, 3, 4, 0x42, 0x90, 0], vec![0x84, 5, 3, 4, 2], vec![0x82, 1, 2]];
    let reads = [vec![0x83, 7, 0x19, 1, 0, 0x19, 1, 0], sign];
    transmits.chain(told).chain(others).chain(reads).collect()
}
