//! Server-sent events: bytes in, events out, wherever the bytes are cut.

/// One event is not read on past this many bytes.
const LONGEST: usize = 16 * 1024 * 1024;

/// One event; comments and empty ones are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its name, mostly empty.
    pub(super) name: String,
    /// Its data lines, joined by line ends.
    pub(super) data: String,
}

/// Why bytes are no event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadStream {
    /// A line is not UTF-8.
    NotUtf8,
    /// An event is longer than 16 MiB.
    TooLong,
}

/// Reads events by the rules of the HTML standard, and takes each of its line ends: LF, CR LF, CR.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Vec<u8>,
    /// The last byte was a CR, so that a LF that follows ends no line of its own.
    after_cr: bool,
    begun: bool,
    name: String,
    data: String,
    has_data: bool,
}

impl Reader {
    /// Takes the next bytes and tells the events that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, BadStream> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.keep(rest)?;
                break;
            };
            self.keep(&rest[..at])?;
            self.after_cr = rest[at] == b'\r';
            rest = &rest[at + 1..];
            events.extend(self.line()?);
        }
        Ok(events)
    }

    /// Tells the event that the end of the bytes completes; servers leave out the blank line after their last one.
    pub(super) fn finish(mut self) -> Result<Option<Event>, BadStream> {
        if !self.line.is_empty()
            && let Some(event) = self.line()?
        {
            return Ok(Some(event));
        }
        Ok(self.event())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), BadStream> {
        if self.line.len() + self.data.len() + bytes.len() > LONGEST {
            return Err(BadStream::TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn line(&mut self) -> Result<Option<Event>, BadStream> {
        let bytes = std::mem::take(&mut self.line);
        let line = String::from_utf8(bytes).map_err(|_| BadStream::NotUtf8)?;
        let line = if std::mem::replace(&mut self.begun, true) { line.as_str() } else { line.trim_start_matches('\u{feff}') };
        if line.is_empty() {
            return Ok(self.event());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.name),
            // A comment (no name before the colon), `id`, `retry`, or what nobody knows.
            _ => {}
        }
        Ok(None)
    }

    fn event(&mut self) -> Option<Event> {
        let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        std::mem::take(&mut self.has_data).then_some(Event { name, data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<Event>, BadStream> {
        let mut reader = Reader::default();
        let mut events = Vec::new();
        for piece in pieces {
            events.extend(reader.push(piece)?);
        }
        events.extend(reader.finish()?);
        Ok(events)
    }

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.into(), data: data.into() }
    }

    #[test]
    fn each_way_to_write_an_event_is_read() {
        for (text, events) in [
            ("data: a\n\ndata: b\n\n", vec![event("", "a"), event("", "b")]),
            ("data: a\r\n\r\ndata: b\r\n\r\n", vec![event("", "a"), event("", "b")]),
            ("data: a\r\rdata: b\r\r", vec![event("", "a"), event("", "b")]),
            (": OPENROUTER PROCESSING\n\n:\n\ndata: a\n\n", vec![event("", "a")]),
            ("\u{feff}data: a\n\n", vec![event("", "a")]),
            ("event: error\ndata: a\ndata:b\ndata\n\n", vec![event("error", "a\nb\n")]),
            ("data:  two blanks\n\n", vec![event("", " two blanks")]),
            ("id: 7\nretry: 9\nwhat: x\n\n", vec![]),
            ("event: ping\n\ndata: a\n\n", vec![event("", "a")]),
            ("data: a\n\ndata: [DONE]", vec![event("", "a"), event("", "[DONE]")]),
            ("data: a\n\ndata: b\n", vec![event("", "a"), event("", "b")]),
            ("data: {\"é\":\"\u{2028}\"}\n\n", vec![event("", "{\"é\":\"\u{2028}\"}")]),
            ("", vec![]),
        ] {
            assert_eq!(read(&[text.as_bytes()]), Ok(events), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_text_or_never_ends_is_refused() {
        assert_eq!(read(&[b"data: \xff\n\n"]), Err(BadStream::NotUtf8));
        let mut reader = Reader::default();
        let mut refused = None;
        for _ in 0..=17 {
            refused = refused.or(reader.push(&vec![b'x'; 1024 * 1024]).err());
        }
        assert_eq!(refused, Some(BadStream::TooLong));
    }

    const PARTS: &[&str] =
        &["data: ", "data:", "data", "event: error", ":c", "\n", "\r\n", "\r", "\n\n", "é", "{\"a\":1}", "[DONE]", "\u{feff}", " ", "x"];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_events_are_the_same_however_the_bytes_are_cut(parts in prop::collection::vec(prop::sample::select(PARTS), 0..24), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let bytes = parts.concat().into_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let whole = read(&[&bytes]);
            prop_assert_eq!(read(&pieces), whole.clone());
            let each: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(read(&each), whole);
        }
    }
}
