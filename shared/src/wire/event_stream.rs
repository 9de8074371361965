//! Server-sent events, read from bytes as they come (WHATWG HTML, *Server-sent events*, 9.2.6).
//!
//! A value, not a socket: whoever holds the line pushes what arrives, in whatever pieces. What is held between two pieces
//! is bounded, so a sender without an end cannot fill a reader's memory. Text is ASCII or UTF-8; anything else is refused
//! where the standard would put replacement characters, for nothing that this protocol sends needs them.

/// Longest line: the longest that is sent carries a bounded run of records in base64url
/// ([`crate::wire::v1::feed_stream`]), under 90 kB.
pub const LINE_BYTES_MAX: usize = 96 * 1024;

/// Most bytes of data of one event: its longest line and a head beside it.
pub const DATA_BYTES_MAX: usize = 128 * 1024;

/// Why a stream is not read on: its sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventStreamError {
    /// A line without an end.
    #[error("a line is longer than any line may be")]
    LineTooLong,
    /// An event without an end.
    #[error("an event is longer than any event may be")]
    DataTooLong,
    /// A line that is no text.
    #[error("a line is not UTF-8")]
    NotText,
}

/// One event as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEvent {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its data, lines joined by a line feed.
    pub data: String,
    /// The newest id that the stream has named, by this event or one before it.
    pub id: Option<String>,
}

/// Reads events out of a stream.
#[derive(Debug, Clone, Default)]
pub struct EventReader {
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    begun: bool,
    name: String,
    data: Option<String>,
    id: Option<String>,
}

impl EventReader {
    /// Takes the next bytes and gives the events that they complete, oldest first.
    ///
    /// # Errors
    /// [`EventStreamError`]; the stream is of no use after that.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<StreamEvent>, EventStreamError> {
        let mut events = Vec::new();
        for &byte in bytes {
            let paired = core::mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';
            if paired {
                continue;
            }
            if !matches!(byte, b'\r' | b'\n') {
                if self.line.len() >= LINE_BYTES_MAX {
                    return Err(EventStreamError::LineTooLong);
                }
                self.line.push(byte);
                continue;
            }
            let line = core::mem::take(&mut self.line);
            events.extend(self.take(&line)?);
            // The same memory for the next line.
            self.line = line;
            self.line.clear();
        }
        Ok(events)
    }

    /// Bytes that are held until their event is whole.
    #[must_use]
    pub fn held(&self) -> usize {
        let data = self.data.as_ref().map_or(0, String::len);
        let id = self.id.as_ref().map_or(0, String::len);
        self.line.len().saturating_add(self.name.len()).saturating_add(data).saturating_add(id)
    }

    /// One whole line; gives the event that it ends.
    fn take(&mut self, line: &[u8]) -> Result<Option<StreamEvent>, EventStreamError> {
        let line = core::str::from_utf8(line).map_err(|_where| EventStreamError::NotText)?;
        let first = !core::mem::replace(&mut self.begun, true);
        let line = if first { line.strip_prefix('\u{FEFF}').unwrap_or(line) } else { line };
        if line.is_empty() {
            let name = core::mem::take(&mut self.name);
            let event = self.data.take().map(|data| StreamEvent { name, data, id: self.id.clone() });
            return Ok(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => self.more(value)?,
            "event" => value.clone_into(&mut self.name),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // A comment (no name before the colon), a wait that is not the sender's to choose, a field of another time.
            _ => {}
        }
        Ok(None)
    }

    fn more(&mut self, value: &str) -> Result<(), EventStreamError> {
        let before = self.data.as_ref().map_or(0, String::len);
        if before.saturating_add(value.len()) >= DATA_BYTES_MAX {
            return Err(EventStreamError::DataTooLong);
        }
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
            None => self.data = Some(value.to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<StreamEvent> {
        EventReader::default().push(text.as_bytes()).unwrap()
    }

    fn event(name: &str, data: &str, id: Option<&str>) -> StreamEvent {
        StreamEvent { name: name.to_owned(), data: data.to_owned(), id: id.map(str::to_owned) }
    }

    #[test]
    fn the_streams_of_the_standard_read_as_it_says() {
        let table: &[(&str, Vec<StreamEvent>)] = &[
            ("data: YHOO\ndata: +2\ndata: 10\n\n", vec![event("", "YHOO\n+2\n10", None)]),
            (
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
                vec![
                    event("", "first event", Some("1")),
                    event("", "second event", Some("")),
                    event("", " third event", Some("")),
                ],
            ),
            ("data\n\ndata\ndata\n\ndata:", vec![event("", "", None), event("", "\n", None)]),
            (
                "event: head\r\ndata: x\r\n\r\nretry: 9\rdata: y\r\r",
                vec![event("head", "x", None), event("", "y", None)],
            ),
            ("\u{FEFF}data: x\n\n", vec![event("", "x", None)]),
            ("event: head\n\ndata: x\n\n", vec![event("", "x", None)]),
            ("id: a\0b\ndata: x\n\n", vec![event("", "x", None)]),
        ];
        for (text, events) in table {
            assert_eq!(read(text), *events, "{text:?}");
        }
    }

    #[test]
    fn a_sender_without_an_end_is_refused_at_the_bound() {
        let mut reader = EventReader::default();
        assert_eq!(reader.push(&vec![b':'; LINE_BYTES_MAX]), Ok(Vec::new()));
        assert_eq!(reader.push(b"x"), Err(EventStreamError::LineTooLong));
        let line = format!("data: {}\n", "x".repeat(1_000));
        let mut reader = EventReader::default();
        let refused = (0..1_000).find_map(|_line| reader.push(line.as_bytes()).err());
        assert_eq!(refused, Some(EventStreamError::DataTooLong));
        assert!(reader.held() <= LINE_BYTES_MAX + DATA_BYTES_MAX);
        let many_empty = "data:\n".repeat(DATA_BYTES_MAX + 2);
        assert_eq!(EventReader::default().push(many_empty.as_bytes()), Err(EventStreamError::DataTooLong));
        assert_eq!(EventReader::default().push(b"data: \xFF\n"), Err(EventStreamError::NotText));
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_changes_nothing(
            lines in proptest::collection::vec("(|data|data: |event:|id: |: )[a-z\u{3042} ]{0,12}(\n|\r|\r\n|\n\n)", 0..24),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..16),
        ) {
            let text = lines.concat();
            let whole = read(&text);
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            places.extend([0, text.len()]);
            places.sort_unstable();
            let mut reader = EventReader::default();
            let mut events = Vec::new();
            for piece in places.windows(2) {
                events.extend(reader.push(&text.as_bytes()[piece[0]..piece[1]]).unwrap());
            }
            prop_assert_eq!(events, whole);
        }

        #[test]
        fn whatever_comes_is_read_or_refused_within_the_bounds(bytes in proptest::collection::vec(any::<u8>(), 0..4_096)) {
            let mut reader = EventReader::default();
            let read = reader.push(&bytes);
            prop_assert!(reader.held() <= bytes.len());
            if let Ok(events) = read {
                prop_assert!(events.iter().all(|event| event.data.len() <= DATA_BYTES_MAX));
            }
        }
    }
}
