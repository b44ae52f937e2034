//! Documents as plain text. Pure functions: what depends on the moment gets it as an argument.

pub(crate) mod journal;
pub(crate) mod message;
pub(crate) mod sense;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod thread_list;
pub(crate) mod thread_show;
pub(crate) mod time;
pub(crate) mod workflow;
pub(crate) mod yaml;

#[cfg(test)]
pub(crate) mod samples;

/// At most this many characters of the text's first line, with `…` when something is missing.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= most && line.len() == text.trim_end().len() {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// `1 thread`, `2 threads`.
pub(crate) fn count(n: u64, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}
