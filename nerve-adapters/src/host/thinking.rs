//! Taking a model's thinking out of its answer.

const PAIRS: [(&str, &str); 2] = [("<think>", "</think>"), ("<thinking>", "</thinking>")];

/// The answer without the thinking it opens with.
///
/// Blocks at the start go, and so does what precedes a closing tag that stands alone on its line (templates may supply the opening one).
/// A tag elsewhere is part of the answer: a text about such tags must not lose its half. Thinking that never ends leaves nothing.
pub(super) fn strip(text: &str) -> &str {
    let mut rest = text.trim_start_matches('\u{feff}');
    // JSON may hold these tags in a string.
    if rest.trim_start().starts_with(['{', '[', '"']) {
        return rest;
    }
    'blocks: loop {
        let start = rest.trim_start();
        for (open, close) in PAIRS {
            if start.starts_with(open) {
                rest = start.find(close).map_or("", |at| &start[at + close.len()..]);
                continue 'blocks;
            }
        }
        break;
    }
    PAIRS.iter().find_map(|(open, close)| after_lone_close(rest, open, close)).unwrap_or(rest)
}

fn after_lone_close<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    let at = text.find(close)?;
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let alone = text[line_start..line_end].trim() == close;
    (alone && !text[..at].contains(open)).then(|| &text[at + close.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_thinking_goes() {
        for (text, left) in [
            ("<think>hm {\"a\":1}</think>\nyes", "\nyes"),
            (" <thinking>a</thinking><think>b</think>yes", "yes"),
            ("so it is\n</think>\n\nyes", "\n\nyes"),
            ("<think>without end", ""),
            ("use `</think>` to close", "use `</think>` to close"),
            ("an <think>inner</think> tag", "an <think>inner</think> tag"),
            ("{\"a\":\"x\\n</think>\\ny\"}", "{\"a\":\"x\\n</think>\\ny\"}"),
            ("plain", "plain"),
        ] {
            assert_eq!(strip(text), left, "{text}");
        }
    }
}
