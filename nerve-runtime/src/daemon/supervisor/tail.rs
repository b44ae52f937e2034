//! The last words of a process.

use std::sync::{Arc, Mutex, PoisonError};

/// How much of stderr is kept.
const LIMIT: usize = 2048;

/// The last 2,048 bytes of a text, cut at a character. Shared by the pipe's reader and the child's task.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail(Arc<Mutex<String>>);

impl Tail {
    pub(super) fn push_line(&self, line: &str) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line);
        text.push('\n');
        if text.len() > LIMIT {
            let mut from = text.len() - LIMIT;
            while !text.is_char_boundary(from) {
                from += 1;
            }
            text.drain(..from);
        }
    }

    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_keeps_whole_characters_and_at_most_its_limit() {
        let tail = Tail::default();
        (0..400).for_each(|n| tail.push_line(&format!("línea número {n}")));
        let text = tail.text();
        assert!(text.len() <= LIMIT && text.ends_with("399"), "{text}");
    }
}
