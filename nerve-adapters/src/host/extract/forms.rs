//! Metas that are no JSON: lines `key: value` and elements `<key>value</key>`, each key declared and none twice.
//!
//! Neither says itself where it ends, so the caller must know that all of it is there.

use serde_json::{Map, Value};

use super::edit::{At, Change, Edit};
use super::json::{self, Json};
use super::shape::Shape;

/// Reads lines of declared keys, when the text is nothing else.
pub(super) fn key_lines(text: &str, schema: &Value) -> Option<Json> {
    let shape = Shape::of(schema);
    let mut members = Map::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        // An indented line would belong to the one before it.
        let (key, value) = line.split_once(':').filter(|(key, _)| !key.starts_with([' ', '\t', '-']))?;
        put(&mut members, key.trim(), value.trim(), shape)?;
    }
    done(members, Change::KeyLines)
}

/// Reads elements with the names of declared keys, when the text is nothing else.
pub(super) fn tags(text: &str, schema: &Value) -> Option<Json> {
    let shape = Shape::of(schema);
    let mut members = Map::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.strip_prefix('<')?.split_once('>')?;
        let (value, after) = after.split_once(&format!("</{key}>"))?;
        if value.contains('<') {
            return None;
        }
        put(&mut members, key, value.trim(), shape)?;
        rest = after.trim_start();
    }
    done(members, Change::Tags)
}

fn put(members: &mut Map<String, Value>, key: &str, written: &str, shape: Shape<'_>) -> Option<()> {
    let at = shape.property(key)?;
    let value = match serde_json::from_str::<Value>(written) {
        // A bare word or number where a text is wanted is the text; in quotes it is what the quotes hold.
        Ok(Value::String(text)) => Value::String(text),
        Ok(value) if !at.takes("string") || (value.is_null() && at.takes("null")) => {
            json::whole(written).ok().filter(|json| json.value == value)?.value
        }
        _ if at.takes("string") || at.choices().is_some() => plain(written)?,
        _ => return None,
    };
    members.insert(key.to_owned(), value).is_none().then_some(())
}

/// A text without quotes that can mean nothing else.
fn plain(written: &str) -> Option<Value> {
    let doubtful = written.is_empty()
        || written.starts_with(['"', '\'', '|', '>', '[', '{', '&', '*', '!', '#', '%', '@', '`'])
        || written.contains(" #");
    (!doubtful).then(|| Value::String(written.to_owned()))
}

fn done(members: Map<String, Value>, change: Change) -> Option<Json> {
    if members.is_empty() {
        return None;
    }
    let value = Value::Object(members);
    Some(Json { text: value.to_string(), value, edits: vec![Edit { change, at: At::Path(String::new()) }] })
}
