//! How much may be changed of a reply so that its meta can be read.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// How much may be changed of what stands in a reply so that its meta can be read. Nothing of it ever completes, rounds or chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtractPolicy {
    /// Nothing: strict JSON, and where it was asked for.
    Strict,
    /// What changes no meaning: quotes, commas, comments, fences, spelling of keys and literals, wrappers.
    #[default]
    Lossless,
    /// Also types and words that can only mean one thing: `"true"`, `"3"`, `3.0`, the case of a choice.
    Lossy,
}

impl ExtractPolicy {
    /// Every one, in the order of the reference.
    pub const ALL: [ExtractPolicy; 3] = [ExtractPolicy::Strict, ExtractPolicy::Lossless, ExtractPolicy::Lossy];
}

// By hand, as for `Dialect`.
impl JsonSchema for ExtractPolicy {
    fn schema_name() -> Cow<'static, str> {
        "ExtractPolicy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ExtractPolicy::ALL })
    }
}
