//! Where vendors differ in what they want to be sent, as data.
//!
//! What comes back is read alike everywhere, so no row says how: usage wherever it stands, reasoning under each of its names, errors of each
//! shape. Nor is there a row for what no call sends: sampling parameters, tools, a second system message.
//!
//! Sources: the vendors' own pages, and the tables of pydantic-ai and litellm; docs/dialects.md shows the same for users.

use nerve_core::config::{Dialect, MaxTokensField, Quirks, SchemaSupport, SystemRole};

/// What endpoints of one dialect want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// What they do with a schema.
    pub schema: SchemaSupport,
    /// Whether `strict` is written beside the schema too, for an endpoint whose pages disagree on its place.
    pub strict_beside: bool,
    /// Whether a schema's references are written out, since the endpoint follows none.
    pub inline_refs: bool,
    /// Whether they stream.
    pub stream: bool,
    /// Whether they stream an answer that a schema holds.
    pub stream_with_schema: bool,
    /// Whether a stream is asked for its usage by `stream_options`; others tell it unasked or refuse the key.
    pub stream_usage: bool,
    /// How the most tokens of an answer are asked for.
    pub max_tokens: MaxTokensField,
    /// Who speaks the instructions.
    pub system_role: SystemRole,
    /// Where the key goes.
    pub key_in: KeyIn,
    /// Whether only routes that know all of a request's keys are wanted (`provider.require_parameters`).
    pub require_parameters: bool,
    /// Whether `usage.cost` is the price in US dollars.
    pub tells_cost: bool,
}

/// The header that holds the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyIn {
    /// `authorization: Bearer KEY`.
    Authorization,
    /// `api-key: KEY`.
    ApiKey,
}

/// OpenAI's ways, which the others differ from.
const OPENAI: Ways = Ways {
    schema: SchemaSupport::Strict,
    strict_beside: false,
    inline_refs: false,
    stream: true,
    stream_with_schema: true,
    stream_usage: true,
    // The older name is refused by models that reason.
    max_tokens: MaxTokensField::MaxCompletionTokens,
    // Newer models call it `developer`, and take the older name for it.
    system_role: SystemRole::System,
    key_in: KeyIn::Authorization,
    require_parameters: false,
    tells_cost: false,
};

/// What most of the others have in common.
const COMPATIBLE: Ways = Ways { max_tokens: MaxTokensField::MaxTokens, ..OPENAI };
/// Servers for models of one's own: they hold a model to a schema by its grammar, and have no word for that.
const LOCAL: Ways = Ways { schema: SchemaSupport::Loose, ..COMPATIBLE };
/// Vendors that promise no more than JSON.
const JSON_ONLY: Ways = Ways { schema: SchemaSupport::JsonObject, ..COMPATIBLE };

/// What endpoints of this dialect want; one without a dialect is treated as OpenAI.
pub const fn ways(dialect: Option<Dialect>) -> Ways {
    let Some(dialect) = dialect else { return OPENAI };
    match dialect {
        Dialect::OpenAi => OPENAI,
        Dialect::Azure => Ways { key_in: KeyIn::ApiKey, ..OPENAI },
        Dialect::Anthropic => COMPATIBLE,
        Dialect::Gemini => Ways { inline_refs: true, ..LOCAL },
        Dialect::Ollama | Dialect::LlamaCpp | Dialect::Vllm | Dialect::LmStudio => LOCAL,
        Dialect::OpenRouter => Ways { require_parameters: true, tells_cost: true, ..COMPATIBLE },
        Dialect::Groq => Ways { stream_with_schema: false, stream_usage: false, ..OPENAI },
        Dialect::Mistral => Ways { stream_usage: false, ..COMPATIBLE },
        Dialect::DeepSeek => JSON_ONLY,
        Dialect::DashScope => Ways { strict_beside: true, inline_refs: true, ..JSON_ONLY },
        Dialect::Moonshot => Ways { stream_usage: false, ..JSON_ONLY },
        Dialect::Generic => {
            Ways { schema: SchemaSupport::None, stream: false, stream_with_schema: false, stream_usage: false, ..COMPATIBLE }
        }
    }
}

impl Ways {
    /// The same, but for what a provider's own settings say.
    #[must_use]
    pub fn with(self, stream: Option<bool>, quirks: &Quirks) -> Self {
        let stream_with_schema = match (quirks.stream_with_schema, stream) {
            (Some(told), _) => told,
            // Who turns streams on where a dialect has none means each of them.
            (None, Some(true)) if !self.stream => true,
            (None, _) => self.stream_with_schema,
        };
        Self {
            schema: quirks.schema.unwrap_or(self.schema),
            inline_refs: quirks.inline_refs.unwrap_or(self.inline_refs),
            stream: stream.unwrap_or(self.stream),
            stream_with_schema,
            stream_usage: quirks.stream_usage.unwrap_or(self.stream_usage),
            max_tokens: quirks.max_tokens_field.unwrap_or(self.max_tokens),
            system_role: quirks.system_role.unwrap_or(self.system_role),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quirk_wins_over_the_dialect_and_nothing_else_changes() {
        let quirks = Quirks { schema: Some(SchemaSupport::None), stream_usage: Some(false), ..Quirks::default() };
        let openai = ways(None);
        let ways = openai.with(Some(false), &quirks);
        assert_eq!(ways, Ways { schema: SchemaSupport::None, stream: false, stream_usage: false, ..openai });
        assert_eq!(openai.with(None, &Quirks::default()), openai);
    }

    #[test]
    fn a_stream_that_is_turned_on_streams_schemas_too_unless_the_dialect_refuses_that() {
        let quirks = Quirks { schema: Some(SchemaSupport::Loose), ..Quirks::default() };
        assert!(ways(Some(Dialect::Generic)).with(Some(true), &quirks).stream_with_schema);
        assert!(!ways(Some(Dialect::Groq)).with(Some(true), &Quirks::default()).stream_with_schema);
    }
}
