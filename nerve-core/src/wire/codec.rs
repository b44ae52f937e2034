//! Bytes to frames and back, without any I/O.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::MAX_FRAME;

const HEAD: usize = 4;

/// Why bytes are no frame; the channel cannot be trusted after any of these.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The length is over the limit.
    #[error("a frame of {0} bytes, at most {MAX_FRAME} are allowed")]
    TooLong(usize),
    /// The body is not what was expected.
    #[error("a malformed frame: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// Appends one frame to a buffer.
///
/// # Errors
/// When the value is too long; the buffer is then as it was before.
pub fn encode<T: Serialize>(frame: &T, into: &mut Vec<u8>) -> Result<(), FrameError> {
    let start = into.len();
    into.extend_from_slice(&[0; HEAD]);
    if let Err(error) = serde_json::to_writer(&mut *into, frame) {
        into.truncate(start);
        return Err(error.into());
    }
    let length = into.len() - start - HEAD;
    match u32::try_from(length) {
        Ok(head) if length <= MAX_FRAME => {
            into[start..start + HEAD].copy_from_slice(&head.to_be_bytes());
            Ok(())
        }
        _ => {
            into.truncate(start);
            Err(FrameError::TooLong(length))
        }
    }
}

/// Collects bytes and gives out whole frames.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: Vec<u8>,
    read: usize,
}

impl FrameReader {
    /// Takes bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.read > 0 && self.read == self.buffer.len() {
            self.buffer.clear();
            self.read = 0;
        } else if self.read > 64 * 1024 {
            self.buffer.drain(..self.read);
            self.read = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, or `None` until more bytes come.
    ///
    /// A frame whose JSON is sound but whose kind is not known is `Ok(Some(Err(text)))`: it may be skipped.
    ///
    /// # Errors
    /// When the bytes are no frame.
    pub fn next_frame<T: DeserializeOwned>(&mut self) -> Result<Option<Result<T, String>>, FrameError> {
        let pending = &self.buffer[self.read..];
        let Some(head) = pending.first_chunk::<HEAD>() else { return Ok(None) };
        let length = u32::from_be_bytes(*head) as usize;
        if length > MAX_FRAME {
            return Err(FrameError::TooLong(length));
        }
        let Some(body) = pending.get(HEAD..HEAD + length) else { return Ok(None) };
        let frame = match serde_json::from_slice(body) {
            Ok(frame) => Ok(frame),
            Err(error) if error.is_data() && error.to_string().starts_with("unknown variant") => Err(kind_of(body)),
            Err(error) => return Err(error.into()),
        };
        self.read += HEAD + length;
        Ok(Some(frame))
    }
}

/// The tag of an externally tagged frame, for the log line about a frame that was ignored.
fn kind_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.split('"').nth(1).unwrap_or("?").chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ToWorker;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_the_bytes_are_cut(numbers in prop::collection::vec(any::<u64>(), 1..20), cut in 1usize..40) {
            let mut bytes = Vec::new();
            for n in &numbers {
                encode(&ToWorker::Ping { n: *n }, &mut bytes).expect("short");
            }
            let mut reader = FrameReader::default();
            let mut seen = Vec::new();
            for piece in bytes.chunks(cut) {
                reader.push(piece);
                while let Some(frame) = reader.next_frame::<ToWorker>().expect("sound") {
                    match frame { Ok(ToWorker::Ping { n }) => seen.push(n), other => panic!("{other:?}") }
                }
            }
            prop_assert_eq!(seen, numbers);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = FrameReader::default();
            reader.push(&bytes);
            while let Ok(Some(_)) = reader.next_frame::<ToWorker>() {}
        }
    }

    #[test]
    fn an_unknown_kind_is_told_apart_from_a_malformed_frame() {
        let mut bytes = Vec::new();
        encode(&serde_json::json!({"dance": {"n": 1}}), &mut bytes).expect("short");
        let mut reader = FrameReader::default();
        reader.push(&bytes);
        assert_eq!(reader.next_frame::<ToWorker>().expect("sound").expect("whole").expect_err("unknown"), "dance");
        let mut bytes = Vec::new();
        encode(&serde_json::json!({"ping": {"n": "x"}}), &mut bytes).expect("short");
        reader.push(&bytes);
        assert!(matches!(reader.next_frame::<ToWorker>(), Err(FrameError::Malformed(_))));
    }
}
