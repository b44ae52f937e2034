//! How a meta is asked for.

use nerve_core::RawJson;
use serde::{Deserialize, Serialize};

/// How a meta is asked for, and so where it is looked for. Serialised it goes into the journal beside the text it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The whole answer is the JSON: the provider holds the model to the schema.
    NativeSchema {
        /// The schema's name, such as the role's; characters that providers refuse are replaced.
        name: String,
        /// The tag used where the endpoint has no such thing; as in `TaggedBlock`.
        tag: String,
    },
    /// The answer ends with a fenced block that opens with this tag.
    TaggedBlock {
        /// One word, made of random bits by the caller: what a model quotes or was fed cannot contain it.
        tag: String,
    },
    /// No meta is wanted.
    Plain,
}

impl Form {
    /// What stands in for this form where the provider does not know schemas.
    pub fn without_schema(&self) -> Self {
        match self {
            Self::NativeSchema { tag, .. } => Self::TaggedBlock { tag: tag.clone() },
            other => other.clone(),
        }
    }

    /// The form as the journal keeps it (`StepText.form`).
    ///
    /// # Errors
    /// Never in practice: a form is two strings at most.
    pub fn to_raw(&self) -> Result<RawJson, serde_json::Error> {
        RawJson::of(self)
    }

    /// Reads the journal's form.
    ///
    /// # Errors
    /// When it was not written by [`to_raw`](Self::to_raw).
    pub fn from_raw(raw: &RawJson) -> Result<Self, serde_json::Error> {
        raw.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_gives_back_what_it_got() {
        let native = Form::NativeSchema { name: "analyst".into(), tag: "meta-1".into() };
        for form in [native, Form::TaggedBlock { tag: "meta-1".into() }, Form::Plain] {
            let raw = form.to_raw().unwrap_or_default();
            assert_eq!(Form::from_raw(&raw).ok(), Some(form));
        }
    }
}
