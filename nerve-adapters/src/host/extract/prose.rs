//! Finding what could be a meta in free text.

use serde_json::Value;

use super::fences::{Block, Piece, pieces};
use super::json::{self, Broken, Json};

/// JSON that stands somewhere in a text.
#[derive(Debug)]
pub(super) struct Found<'t> {
    pub(super) json: Json,
    /// Whether it may be the answer. What may not can still contradict it.
    pub(super) usable: bool,
    /// The words it stands among: those of its own line, or the line before it.
    pub(super) context: &'t str,
    /// What follows it on its line.
    pub(super) beside: &'t str,
    /// Where it ends.
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
            found.push(Found { json, usable, context: line_before(text, block.start), beside: "", end: block.end });
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
            b'>' if line_start(prose, here).trim().is_empty() => {
                at = prose[here..].find('\n').map_or(prose.len(), |newline| here + newline);
            }
            b'>' => {}
            b'{' if looks_like_json(&prose[at..]) => {
                let (json, len) = json::first(&prose[here..])?;
                at = here + len;
                let before = line_start(prose, here);
                let context = if before.trim().is_empty() { line_before(text, offset + here - before.len()) } else { before };
                let beside = prose[at..].lines().next().unwrap_or_default();
                found.push(Found { json, usable: open == 0, context, beside, end: offset + at });
            }
            b'{' | b'[' => open += 1,
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

fn line_start(text: &str, at: usize) -> &str {
    &text[text[..at].rfind('\n').map_or(0, |newline| newline + 1)..at]
}

/// The last line with words before this place.
fn line_before(text: &str, at: usize) -> &str {
    text[..at].lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default()
}
