//! Lines out of bytes that come in any pieces.

/// The longest line that is kept, in bytes. A longer one is cut and said to be.
const LONGEST: usize = 8 * 1024 * 1024;

/// Bytes that are no line yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
    /// Whether some line was longer than is kept.
    pub(super) cut: bool,
}

impl Lines {
    /// Takes more bytes and gives each line that they end, without its end and its byte order mark; what is no UTF-8 is replaced.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut line: impl FnMut(&str)) {
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..at]);
            bytes = &bytes[at + 1..];
            self.end(&mut line);
        }
        self.keep(bytes);
    }

    /// Gives the last line, which no line end closed.
    pub(super) fn finish(&mut self, mut line: impl FnMut(&str)) {
        if !self.rest.is_empty() {
            self.end(&mut line);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.rest.len());
        self.cut |= bytes.len() > room;
        self.rest.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end(&mut self, line: &mut impl FnMut(&str)) {
        let text = String::from_utf8_lossy(&self.rest);
        line(text.trim_start_matches('\u{feff}').trim_end_matches('\r'));
        self.rest.clear();
    }
}
