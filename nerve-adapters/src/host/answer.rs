//! What a call gave.

use nerve_core::Usage;

use super::Form;

/// A text that arrived, with all that is worth keeping about it.
#[derive(Debug, Clone, PartialEq)]
pub struct CallText {
    /// The answer, without the model's thinking.
    pub content: String,
    /// What it cost. Shape: `calls` counts every request that was sent, failed ones too.
    pub usage: Usage,
    /// How the meta was asked for in the end: not always as the conversation said, since an endpoint may refuse a schema.
    pub form: Form,
    /// Why the model stopped, in the provider's own word.
    pub finish_reason: Option<String>,
    /// The provider's name for the request, for its support.
    pub request_id: Option<String>,
    /// The model as the provider names it; the one asked for where it does not say.
    pub model: String,
}
