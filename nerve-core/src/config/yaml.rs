//! YAML to [`Tree`], the only file that knows the YAML library's reader.

use serde_saphyr::{DuplicateKeyPolicy, Error, MessageFormatter, UserMessageFormatter, options};

use super::{
    codes,
    diagnostic::Finding,
    tree::{At, Item, Node, Tree},
};

/// Reads the file. Keys that stand twice are left in the tree, so that all of them are found; see [`duplicates`].
pub(super) fn read(source: &str) -> Result<Tree, Finding> {
    let options = options! {
        // Aliases within aliases grow without bound; a nerve.yaml of this many nodes does not exist.
        budget: serde_saphyr::budget! { max_nodes: 50_000, max_depth: 40, max_total_scalar_bytes: 8 * 1024 * 1024 },
        // Error would stop at the first one.
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Item>(source, options) {
        Ok(root) => Ok(Tree { root }),
        Err(Error::Eof { .. }) if is_blank(source) => Ok(Tree::empty()),
        Err(error) => Err(explain(source, &error)),
    }
}

fn is_blank(source: &str) -> bool {
    source.trim_start_matches('\u{feff}').lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

fn explain(source: &str, error: &Error) -> Finding {
    let at = error.location().map_or(At::START, At::of);
    if let Some(variable) = unquoted_variable(source, at.line) {
        return Finding::error(codes::SYNTAX, variable, "`${` without quotes inside `{ … }` or `[ … ]`")
            .label("quote it")
            .help("inside `{ … }` a `{` starts a new map: write \"${NAME}\" in double quotes");
    }
    let message = UserMessageFormatter.format_message(error.without_snippet());
    let message = message.lines().next().unwrap_or_default();
    let finding = Finding::error(codes::SYNTAX, At { len: 1, ..at }, format!("this is not readable as YAML: {message}"));
    let line = source.lines().nth(at.line - 1).unwrap_or_default();
    if line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t') {
        finding.help("indent with spaces, not with tabs")
    } else if message.contains("did not find expected") {
        finding.help("check the indentation here and the quotes and brackets before: the keys of one map start in the same column")
    } else {
        finding
    }
}

/// The first `${` up to `last_line` that stands in flow style outside of quotes.
fn unquoted_variable(source: &str, last_line: usize) -> Option<At> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (index, line) in source.lines().enumerate().take(last_line) {
        let mut before = ' ';
        let chars: Vec<char> = line.chars().collect();
        for (column, &c) in chars.iter().enumerate() {
            match (quote, c) {
                (Some('"'), '"') if before == '\\' => {}
                (Some(open), c) if open == c => quote = None,
                (Some(_), _) => {}
                (None, '#') if before.is_whitespace() => break,
                // A quote within a plain word is an apostrophe.
                (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(c),
                (None, '$') if depth > 0 && chars.get(column + 1) == Some(&'{') => {
                    let len = chars[column..].iter().position(|c| *c == '}').map_or(2, |end| end + 1);
                    return Some(At { line: index + 1, column: column + 1, len });
                }
                (None, '{' | '[') if depth > 0 || !before.is_alphanumeric() && before != '$' => depth += 1,
                (None, '}' | ']') => depth = depth.saturating_sub(1),
                _ => {}
            }
            before = c;
        }
    }
    None
}

/// A finding for each key that stands twice in its map, at the later place.
pub(super) fn duplicates(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    collect_duplicates(&tree.root, &mut findings);
    findings
}

fn collect_duplicates(item: &Item, findings: &mut Vec<Finding>) {
    match &item.node {
        Node::Scalar(_) => {}
        Node::Seq(items) => items.iter().for_each(|item| collect_duplicates(item, findings)),
        Node::Map(entries) => {
            let mut seen = std::collections::HashMap::new();
            for entry in entries {
                if let Some(line) = seen.get(entry.key.as_str()) {
                    let finding = Finding::error(codes::DUPLICATE_KEY, entry.key_at, format!("the key `{}` stands here twice", entry.key));
                    findings.push(finding.help(format!("it is on line {line} already: remove one of the two")));
                } else {
                    seen.insert(entry.key.as_str(), entry.key_at.line);
                    collect_duplicates(&entry.item, findings);
                }
            }
        }
    }
}
