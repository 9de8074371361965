//! Frames on the pipe: two length bytes, big-endian, then so many bytes.

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

/// Longest payload: an answer of 258 bytes or a reader's name and their numbers, and as much again.
pub const FRAME_BYTES_MAX: usize = 768;

/// Length of a frame's length.
pub const PREFIX_BYTES: usize = 2;

/// Why a pipe cannot be read on: what follows cannot be told apart from what was lost.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The frame says that it is empty or longer than any of ours.
    #[error("a frame of {0} bytes")]
    Length(usize),
    /// The pipe ended inside a frame, or failed.
    #[error("the pipe failed")]
    Pipe(#[source] io::Error),
    /// The payload is no message of ours.
    #[error("a frame that is no message")]
    NotAMessage,
}

/// How long the payload behind this prefix is.
///
/// # Errors
/// [`FrameError::Length`].
pub fn payload_bytes(prefix: [u8; PREFIX_BYTES]) -> Result<usize, FrameError> {
    let length = usize::from(u16::from_be_bytes(prefix));
    if length == 0 || length > FRAME_BYTES_MAX { Err(FrameError::Length(length)) } else { Ok(length) }
}

/// The frame around a payload; wiped when dropped, since it may carry a PIN.
///
/// # Errors
/// [`FrameError::Length`] for an empty payload or one beyond [`FRAME_BYTES_MAX`].
pub fn frame(payload: &[u8]) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    let prefix = u16::try_from(payload.len()).map(u16::to_be_bytes);
    let prefix = prefix.map_err(|_beyond_two_bytes| FrameError::Length(payload.len()))?;
    payload_bytes(prefix)?;
    let mut framed = Zeroizing::new(Vec::with_capacity(PREFIX_BYTES.saturating_add(payload.len())));
    framed.extend_from_slice(&prefix);
    framed.extend_from_slice(payload);
    Ok(framed)
}

/// Reads one payload; `None` where the pipe ended between two frames.
pub(super) fn read(input: &mut impl Read) -> Result<Option<Zeroizing<Vec<u8>>>, FrameError> {
    let mut prefix = [0; PREFIX_BYTES];
    let (first, rest) = prefix.split_at_mut(1);
    loop {
        match input.read(first) {
            Ok(0) => return Ok(None),
            Ok(_one) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FrameError::Pipe(error)),
        }
    }
    input.read_exact(rest).map_err(FrameError::Pipe)?;
    let mut payload = Zeroizing::new(vec![0; payload_bytes(prefix)?]);
    input.read_exact(&mut payload).map_err(FrameError::Pipe)?;
    Ok(Some(payload))
}

/// Writes one payload as a frame, in one call.
pub(super) fn write(output: &mut impl Write, payload: &[u8]) -> Result<(), FrameError> {
    output.write_all(&frame(payload)?).and_then(|()| output.flush()).map_err(FrameError::Pipe)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_frame_comes_back_as_it_went(payload in proptest::collection::vec(any::<u8>(), 1..FRAME_BYTES_MAX)) {
            let mut pipe = Vec::new();
            write(&mut pipe, &payload).unwrap();
            let mut pipe = pipe.as_slice();
            let back = read(&mut pipe).unwrap().unwrap();
            prop_assert_eq!(back.as_slice(), payload.as_slice());
            prop_assert!(read(&mut pipe).unwrap().is_none());
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_never_run_on(bytes in proptest::collection::vec(any::<u8>(), 0..4_000)) {
            let mut pipe = bytes.as_slice();
            let mut frames = 0;
            while let Ok(Some(payload)) = read(&mut pipe) {
                prop_assert!(payload.len() <= FRAME_BYTES_MAX);
                frames += 1;
            }
            prop_assert!(frames <= bytes.len() / 3);
        }
    }

    #[test]
    fn a_frame_beyond_the_bound_is_neither_written_nor_read() {
        assert!(matches!(frame(&[0; FRAME_BYTES_MAX + 1]), Err(FrameError::Length(_))));
        assert!(matches!(frame(&[0; 70_000]), Err(FrameError::Length(70_000))));
        assert!(matches!(read(&mut [0xFF, 0xFF, 0].as_slice()), Err(FrameError::Length(0xFFFF))));
    }

    #[test]
    fn a_pipe_that_ends_inside_a_frame_is_a_failure_and_not_an_end() {
        assert!(matches!(read(&mut [0, 4, 1].as_slice()), Err(FrameError::Pipe(_))));
        assert!(matches!(read(&mut [0].as_slice()), Err(FrameError::Pipe(_))));
        assert!(read(&mut [].as_slice()).unwrap().is_none());
    }
}
