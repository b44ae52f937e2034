//! Reading a meta from a text: whole or not at all.
//!
//! [`read`] climbs three rungs. *native*: the whole answer is JSON. *tagged*: the one block with this run's tag. *tolerant*: one fenced JSON
//! block, or one object in the prose. What it changes loses nothing: fences, prose around, trailing commas, comments. It completes, rounds
//! and converts nothing, and never picks between two values. What is in doubt is refused with reasons, which the model is then told.

mod ask;
mod check;
mod doubt;
mod fences;
mod json;
mod prose;
mod rungs;
mod words;

use nerve_core::RawJson;

pub use ask::{instructions, reask, second_model_conversation};

use super::{Form, thinking};

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
/// 128 levels are read. A form of `Plain` is refused: no meta was wanted.
pub fn read(text: &str, form: &Form, schema: &RawJson) -> Extraction {
    match meta(text, form, schema) {
        Ok((meta, rung)) => Extraction::Meta { meta, rung },
        Err(errors) => Extraction::Refused { errors },
    }
}

fn meta(text: &str, form: &Form, schema: &RawJson) -> Result<(RawJson, &'static str), Vec<String>> {
    if text.len() > LONGEST {
        return Err(vec![format!("the answer is longer than {LONGEST} bytes; give the meta in a shorter one")]);
    }
    let check = check::Check::of(schema).map_err(|error| vec![error])?;
    let text = thinking::strip(text).trim();
    if text.is_empty() {
        return Err(vec!["the answer is empty".to_owned()]);
    }
    let (json, rung) = match form {
        Form::NativeSchema { .. } => rungs::native(text, &check)?,
        Form::TaggedBlock { tag } => rungs::tagged(text, tag, &check)?,
        Form::Plain => return Err(vec!["no meta was asked for".to_owned()]),
    };
    let meta = RawJson::parse(json.text).map_err(|error| vec![format!("the meta is not JSON: {error}")])?;
    Ok((meta, rung))
}

#[cfg(test)]
mod cases;
