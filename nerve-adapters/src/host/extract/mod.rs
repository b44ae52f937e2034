//! Reading a meta from a text: whole or not at all.
//!
//! [`read`] climbs three rungs. *native*: the whole answer is JSON. *tagged*: the one block with this run's tag. *tolerant*: one fenced JSON
//! block, or one object in the prose. What is changed on the way is logged as [`Edit`]s and loses nothing: quotes, commas, comments, literals, spelling of
//! keys, wrappers. A [`policy`](ExtractPolicy) may allow less, or conversions of types. Nothing is ever completed or rounded, and no two values are
//! ever picked from. What is in doubt is refused with reasons, which the model is then told.

mod ask;
mod check;
mod doubt;
mod edit;
mod fences;
mod forms;
mod json;
mod mend;
mod prose;
mod rungs;
mod shape;
mod words;

use nerve_core::RawJson;
use nerve_core::config::ExtractPolicy;
use serde::Serialize;

pub use ask::{instructions, reask, second_model_conversation};
pub use edit::{At, Change, Edit};

use super::{Form, thinking};
use rungs::{Read, Reading};

/// The longest text that is read, in bytes.
const LONGEST: usize = 1024 * 1024;

/// What came of reading a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Extraction {
    /// A meta that fits the schema.
    Meta {
        /// The meta, as the text wrote it.
        meta: RawJson,
        /// What read it: `native`, `tagged` or `tolerant`.
        rung: &'static str,
        /// What was changed so that it could be read.
        edits: Vec<Edit>,
    },
    /// No meta that could be trusted.
    Refused {
        /// Why, one sentence each, at most 10, fit to be shown to the model; never empty.
        errors: Vec<String>,
    },
}

/// Reads the meta that a text holds, asked for in this form, to fit this schema.
///
/// The schema is JSON schema (2020-12 where it does not say); references to other documents are not followed. At most 1 MiB of text and
/// 127 levels are read, in time that grows with the text's length. A form of `Plain` is refused: no meta was wanted.
pub fn read(text: &str, form: &Form, schema: &RawJson, policy: ExtractPolicy) -> Extraction {
    match meta(text, form, schema, policy) {
        Ok((meta, Read { json, rung, .. })) => Extraction::Meta { meta, rung, edits: json.edits },
        Err(errors) => Extraction::Refused { errors },
    }
}

fn meta(text: &str, form: &Form, schema: &RawJson, policy: ExtractPolicy) -> Result<(RawJson, Read), Vec<String>> {
    if text.len() > LONGEST {
        return Err(vec![format!("the answer is longer than {LONGEST} bytes; give the meta in a shorter one")]);
    }
    let check = check::Check::of(schema).map_err(|error| vec![error])?;
    let text = thinking::strip(text).trim();
    if text.is_empty() {
        return Err(vec!["the answer is empty".to_owned()]);
    }
    let reading = Reading { check: &check, policy };
    let read = match form {
        Form::NativeSchema { .. } => reading.native(text)?,
        Form::TaggedBlock { tag } => reading.tagged(text, tag)?,
        Form::Plain => return Err(vec!["no meta was asked for".to_owned()]),
    };
    let meta = RawJson::parse(read.json.text.clone()).map_err(|error| vec![format!("the meta is not JSON: {error}")])?;
    Ok((meta, read))
}

/// Whether a reply gave a meta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did.
    Value,
    /// It did not.
    Refused,
}

/// What the rungs that ask nobody make of a reply, for people who look into one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Whether there is a meta.
    pub outcome: Outcome,
    /// The meta.
    pub value: Option<RawJson>,
    /// What read it.
    pub rung: Option<&'static str>,
    /// What was changed so that it could be read.
    pub edits: Vec<Edit>,
    /// Why there is none, one sentence each.
    pub reasons: Vec<String>,
}

/// Reads a reply as [`read`] does: the block with the tag, or without a tag the whole of it or what stands in its prose.
pub fn offline(text: &str, tag: Option<&str>, schema: &RawJson, policy: ExtractPolicy) -> Report {
    let form = match tag {
        Some(tag) => Form::TaggedBlock { tag: tag.to_owned() },
        None => Form::NativeSchema { name: String::new(), tag: String::new() },
    };
    match read(text, &form, schema, policy) {
        Extraction::Meta { meta, rung, edits } => {
            Report { outcome: Outcome::Value, value: Some(meta), rung: Some(rung), edits, reasons: Vec::new() }
        }
        Extraction::Refused { errors } => Report { outcome: Outcome::Refused, value: None, rung: None, edits: Vec::new(), reasons: errors },
    }
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod damage;
