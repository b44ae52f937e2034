//! Finding what could be a meta in free text.

use serde_json::Value;

use super::fences::{Block, Piece, pieces};
use super::json::{self, Broken, Json};

/// Values that are looked at; in a reply with more of them none is the answer.
const MOST: usize = 1000;
/// Bytes before and behind a value in which words are looked for.
const LOOK: usize = 1024;

/// JSON that stands somewhere in a text.
#[derive(Debug)]
pub(super) struct Found<'t> {
    pub(super) json: Json,
    /// Whether it may be the answer. What may not can still contradict it.
    pub(super) usable: bool,
    /// Whether it begins a line of its own, as an answer does.
    pub(super) alone: bool,
    /// The words it stands among: those of its own line, or the line before it.
    pub(super) context: &'t str,
    /// What follows it on its line.
    pub(super) beside: &'t str,
    /// Where it begins and ends.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Search<'t> {
    pub(super) found: Vec<Found<'t>>,
    /// What looks like JSON and is none; nothing behind it was looked at.
    pub(super) broken: Option<Broken>,
}

/// Looks through a text, fenced blocks and prose; quoted lines (`> …`) are passed over.
pub(super) fn search(text: &str) -> Search<'_> {
    let mut search = Search::default();
    for piece in pieces(text) {
        let looked = match piece {
            Piece::Prose { text: prose, at } => objects(text, prose, at, &mut search.found),
            Piece::Block(block) => fenced(text, block, &mut search.found),
        };
        if let Err(broken) = looked {
            search.broken = Some(broken);
            break;
        }
    }
    search
}

fn fenced<'t>(text: &'t str, block: Block<'t>, found: &mut Vec<Found<'t>>) -> Result<(), Broken> {
    let info = block.info.to_lowercase();
    let named = matches!(info.as_str(), "json" | "jsonc" | "json5");
    let looks = block.body.trim_start().starts_with(['{', '[']);
    if !named && !looks {
        return Ok(());
    }
    match json::whole(block.body) {
        Ok(json) if block.closed || is_nested(&json.value) => {
            let usable = named || info.is_empty();
            found.push(Found {
                json,
                usable,
                alone: true,
                context: line_before(text, block.start),
                beside: "",
                start: block.start,
                end: block.end,
            });
            Ok(())
        }
        Ok(_) => Err(Broken("the fenced block is not closed, so its value may be cut off".to_owned())),
        Err(broken) if named || info.is_empty() => Err(broken),
        Err(_) => Ok(()),
    }
}

/// A number or word may go on behind a cut; an object or list says itself where it ends.
pub(super) fn is_nested(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

fn objects<'t>(text: &'t str, prose: &'t str, offset: usize, found: &mut Vec<Found<'t>>) -> Result<(), Broken> {
    let mut open = 0_usize;
    let mut at = 0;
    while let Some(next) = prose[at..].find(['{', '}', '[', ']', '>']) {
        let here = at + next;
        at = here + 1;
        match prose.as_bytes()[here] {
            b'>' if begins_line(prose, here) => {
                at = prose[here..].find('\n').map_or(prose.len(), |newline| here + newline);
            }
            b'>' => {}
            b'{' if looks_like_json(&prose[at..]) => {
                let (json, len) = json::first(&prose[here..])?;
                at = here + len;
                if found.len() == MOST {
                    return Err(Broken(format!("there are more than {MOST} values")));
                }
                let before = line_start(prose, here);
                let context = if before.trim().is_empty() { line_before(text, offset + here - before.len()) } else { before };
                let beside = prose[at..].lines().next().unwrap_or_default();
                // Where more structure follows, it is a part of something that was broken.
                let goes_on = text[offset + at..].trim_start().starts_with([',', ':', '"', '\'', '}', ']', '[', '“', '”']);
                let glued = prose[at..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
                if goes_on || glued {
                    return Err(Broken("more of it follows what would be a whole value".to_owned()));
                }
                let alone = before.trim().is_empty();
                found.push(Found { json, usable: open == 0, alone, context, beside: near(beside), start: offset + here, end: offset + at });
            }
            b'{' if begins_line(prose, here) => {
                return Err(Broken(format!("what begins like a value is none: {}", json::part(&prose[here..]))));
            }
            b'[' if begins_line(prose, here) && prose[at..].trim_start().starts_with(['"', '\'', '{', '[', '“']) => {
                return Err(Broken(format!("what begins like a list is none that could be read: {}", json::part(&prose[here..]))));
            }
            b'{' | b'[' => open += 1,
            b'}' if open == 0 => return Err(Broken("a bracket closes that nothing opened".to_owned())),
            _ => open = open.saturating_sub(1),
        }
    }
    Ok(())
}

/// Whether what follows a `{` is a key or the end, in JSON or something that was meant to be.
fn looks_like_json(rest: &str) -> bool {
    let rest = rest.trim_start();
    if rest.starts_with(['"', '\'', '“', '”', '‘', '}']) || rest.starts_with("//") || rest.starts_with("/*") {
        return true;
    }
    let after = rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '-');
    after.len() < rest.len() && after.trim_start().starts_with(':')
}

/// Whether only blanks stand before this place on its line.
fn begins_line(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches([' ', '\t']);
    before.is_empty() || before.ends_with('\n')
}

/// What stands before this place on its line, as far as it is looked at.
fn line_start(text: &str, at: usize) -> &str {
    let text = back(&text[..at]);
    &text[text.rfind('\n').map_or(0, |newline| newline + 1)..]
}

/// The end of a text, as far as words around a value are looked at: one line may be as long as all of it.
fn back(text: &str) -> &str {
    let mut from = text.len().saturating_sub(LOOK);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

/// The beginning of a text, as far as words around a value are looked at.
fn near(text: &str) -> &str {
    let mut to = text.len().min(LOOK);
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    &text[..to]
}

/// The last line with words before this place.
fn line_before(text: &str, at: usize) -> &str {
    back(&text[..at]).lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default()
}
