//! Splitting a text at its fenced blocks.

/// A stretch of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Outside of any fence.
    Prose { text: &'t str, at: usize },
    /// A fenced block.
    Block(Block<'t>),
}

/// A fenced block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block<'t> {
    /// What stands behind the opening fence.
    pub(super) info: &'t str,
    pub(super) body: &'t str,
    /// Whether a closing fence was found.
    pub(super) closed: bool,
    /// Where the opening fence's line begins in the text.
    pub(super) start: usize,
    /// Where the line after the closing fence begins.
    pub(super) end: usize,
}

/// The text's stretches, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut prose_from = 0;
    let mut at = 0;
    while at < text.len() {
        let Some(block) = block_at(text, at) else {
            at = line_end(text, at);
            continue;
        };
        pieces.push(Piece::Prose { text: &text[prose_from..at], at: prose_from });
        pieces.push(Piece::Block(block));
        at = block.end;
        prose_from = at;
    }
    pieces.push(Piece::Prose { text: &text[prose_from..], at: prose_from });
    pieces
}

/// Every block that opens with this tag, even within another block: its author may have forgotten to close that.
pub(super) fn with_tag<'t>(text: &'t str, tag: &str) -> Vec<Block<'t>> {
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let next = line_end(text, at);
        // Only then is the body looked for: a text of nothing but fences would else be walked once for each.
        let opens = fence(&text[at..next]).is_some_and(|(_, _, info)| info.split_whitespace().any(|word| word == tag));
        let block = if opens { block_at(text, at) } else { None };
        at = block.map_or(next, |block| block.end);
        blocks.extend(block);
    }
    blocks
}

/// The block whose opening fence is the line that begins at `at`.
fn block_at(text: &str, at: usize) -> Option<Block<'_>> {
    let body_from = line_end(text, at);
    let (mark, len, info) = fence(&text[at..body_from])?;
    let mut line = body_from;
    while line < text.len() {
        let next = line_end(text, line);
        if fence(&text[line..next]).is_some_and(|(other, more, info)| other == mark && more >= len && info.is_empty()) {
            return Some(Block { info, body: &text[body_from..line], closed: true, start: at, end: next });
        }
        line = next;
    }
    Some(Block { info, body: &text[body_from..], closed: false, start: at, end: text.len() })
}

/// A fence line's mark, its length, and what follows it.
fn fence(line: &str) -> Option<(char, usize, &str)> {
    let line = line.trim();
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let info = line.trim_start_matches(mark);
    let len = line.len() - info.len();
    // Code in a line is no fence.
    (len >= 3 && !(mark == '`' && info.contains('`'))).then(|| (mark, len, info.trim()))
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str) -> Vec<(&str, &str, bool)> {
        let block = |piece| match piece {
            Piece::Block(Block { info, body, closed, .. }) => Some((info, body, closed)),
            Piece::Prose { .. } => None,
        };
        pieces(text).into_iter().filter_map(block).collect()
    }

    #[test]
    fn fences_pair_by_mark_and_length() {
        assert_eq!(blocks("a\n```json\n{}\n```\nb"), [("json", "{}\n", true)]);
        assert_eq!(blocks("````md\n```json\n{}\n```\n````"), [("md", "```json\n{}\n```\n", true)]);
        assert_eq!(blocks("~~~\nx\n```\n~~~"), [("", "x\n```\n", true)]);
        assert_eq!(blocks("```json\n{"), [("json", "{", false)]);
        assert_eq!(blocks("use ```x``` here\n```x``` there"), []);
    }

    #[test]
    fn a_tag_is_found_within_an_open_block() {
        let found = with_tag("```sh\nls\n\n```json meta-1\n{}\n```\n", "meta-1");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].body, "{}\n");
        assert_eq!(with_tag("```meta-12\n{}\n```", "meta-1"), []);
    }
}
