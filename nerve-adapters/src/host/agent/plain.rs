//! What a command wrote, as text: without a byte order mark and without what only a terminal understands.

const ESCAPE: char = '\u{1b}';

/// The text without escape sequences, and without blanks around it.
pub fn text(written: &str) -> String {
    let mut rest = written.trim_start_matches('\u{feff}');
    let mut out = String::with_capacity(rest.len());
    while let Some((before, after)) = rest.split_once(ESCAPE) {
        out.push_str(before);
        rest = after_sequence(after);
    }
    out.push_str(rest);
    out.trim().to_owned()
}

/// What follows the sequence whose escape was just read; one that never ends takes the rest of its line.
fn after_sequence(text: &str) -> &str {
    let Some(kind) = text.chars().next() else { return text };
    let inside = &text[kind.len_utf8()..];
    match kind {
        '[' => past(inside, |c| ('\u{40}'..='\u{7e}').contains(&c)),
        // Commands to the terminal, such as titles and links, end with BEL or ESC \.
        ']' | 'P' | 'X' | '^' | '_' => {
            let line = inside.find('\n').unwrap_or(inside.len());
            match inside[..line].find(['\u{7}', ESCAPE]) {
                Some(end) if inside[end..].starts_with('\u{7}') => &inside[end + 1..],
                Some(end) => inside[end + 1..].strip_prefix('\\').unwrap_or(&inside[end..]),
                None => &inside[line..],
            }
        }
        '\u{20}'..='\u{2f}' => past(inside, |c| ('\u{30}'..='\u{7e}').contains(&c)),
        '\u{30}'..='\u{7e}' => inside,
        // No sequence at all.
        _ => text,
    }
}

/// What follows the first character that ends a sequence, if it comes on this line.
fn past(text: &str, ends: impl Fn(char) -> bool) -> &str {
    match text.find(|c: char| ends(c) || c == '\n' || c == ESCAPE) {
        Some(at) if text[at..].starts_with(&ends) => &text[at + 1..],
        Some(at) => &text[at..],
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn only_what_a_terminal_understands_goes() {
        for (written, left) in [
            ("\u{feff}plain\n", "plain"),
            ("\u{1b}[1;31mred\u{1b}[0m and \u{1b}[38;5;9mnot\u{1b}[m", "red and not"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}(Btext\u{1b}7\u{1b}8", "text"),
            ("\u{1b}]never ends\nthe next line", "the next line"),
            ("cut \u{1b}[31", "cut"),
            ("a\u{1b}[3\u{1b}[0mb", "ab"),
            ("[0m is no sequence, é neither\u{1b}", "[0m is no sequence, é neither"),
            (" \n\t ", ""),
        ] {
            assert_eq!(text(written), left, "{written:?}");
        }
    }
}
