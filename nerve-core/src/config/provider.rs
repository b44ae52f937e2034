//! Providers: where models are, whose ways they have, and where they differ from them.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Secret, Text, types::null_as_default};

/// An endpoint that speaks the OpenAI API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Provider {
    /// The URL up to and with the version, such as `https://api.openai.com/v1`, with or without a trailing slash.
    pub base_url: Text,
    /// The key sent as bearer token, or as the dialect wants it; best as `"${NAME}"`.
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// The model where neither adapter nor role names one.
    #[serde(default)]
    pub model: Option<Text>,
    /// Calls at once over the whole workspace; no limit without it.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_concurrent: Option<u32>,
    /// Whose ways the endpoint has; `openai` without it.
    #[serde(default)]
    pub dialect: Option<Dialect>,
    /// HTTP headers sent with each call.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(with = "Option<BTreeMap<String, Text>>")]
    pub headers: BTreeMap<String, Text>,
    /// Whether answers are asked for as a stream; as the dialect does without it.
    #[serde(default)]
    pub stream: Option<bool>,
    /// Most tokens that an answer may have; the endpoint's own limit without it.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_tokens: Option<u32>,
    /// More keys for the body of each request, as the endpoint has them, such as `{ temperature: 0 }`; they go before nerve's own.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    pub extra_body: BTreeMap<String, Value>,
    /// The URL of an HTTP proxy; without it what the daemon's `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say.
    #[serde(default)]
    pub proxy: Option<Secret>,
    /// A file with certificates (PEM) that are trusted beside the system's, for an endpoint with a certificate of its own.
    #[serde(default)]
    pub ca: Option<Text>,
    /// Where the endpoint differs from its dialect.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(with = "Option<Quirks>")]
    pub quirks: Quirks,
}

/// Where an endpoint differs from its dialect; what is absent is as the dialect has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Quirks {
    /// What it does with a role's JSON schema.
    pub schema: Option<SchemaSupport>,
    /// Whether it streams an answer that a schema holds.
    pub stream_with_schema: Option<bool>,
    /// Whether a stream is asked for its usage by `stream_options`.
    pub stream_usage: Option<bool>,
    /// Whether a schema's references are written out before it is sent.
    pub inline_refs: Option<bool>,
    /// How the key for `max_tokens` is spelled.
    pub max_tokens_field: Option<MaxTokensField>,
    /// How the speaker of the instructions is called.
    pub system_role: Option<SystemRole>,
}

/// Whose ways an endpoint has, where the vendors differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// OpenAI itself.
    #[serde(rename = "openai")]
    OpenAi,
    /// OpenAI's models at Azure, by a deployment's URL.
    Azure,
    /// Anthropic's endpoint for OpenAI's API.
    Anthropic,
    /// Gemini's endpoint for OpenAI's API.
    Gemini,
    /// Ollama.
    Ollama,
    /// The server of llama.cpp.
    LlamaCpp,
    /// vLLM.
    Vllm,
    /// LM Studio.
    LmStudio,
    /// OpenRouter.
    #[serde(rename = "openrouter")]
    OpenRouter,
    /// Groq.
    Groq,
    /// Mistral.
    Mistral,
    /// DeepSeek.
    #[serde(rename = "deepseek")]
    DeepSeek,
    /// DashScope, which serves Qwen.
    #[serde(rename = "dashscope")]
    DashScope,
    /// Moonshot, which serves Kimi.
    Moonshot,
    /// Anything else: only what every endpoint has.
    Generic,
}

/// What an endpoint does with a JSON schema in `response_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchemaSupport {
    /// It refuses or ignores it: the meta is asked for by a block that the answer ends with.
    None,
    /// It only promises JSON of any shape; the schema is told in the prompt.
    JsonObject,
    /// It takes one, without a `strict` of its own.
    Loose,
    /// It takes one, and holds the model to it when `strict` is set.
    Strict,
}

/// How the most tokens of an answer are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    /// `max_tokens`, as most have it.
    MaxTokens,
    /// `max_completion_tokens`, as OpenAI's newer models want it.
    MaxCompletionTokens,
    /// Not at all.
    None,
}

/// Who speaks the instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemRole {
    /// `system`.
    System,
    /// `developer`, as OpenAI's newer models call it.
    Developer,
}

impl Dialect {
    /// Every dialect, in the order of the reference.
    pub const ALL: [Dialect; 15] = [
        Dialect::OpenAi,
        Dialect::Azure,
        Dialect::Anthropic,
        Dialect::Gemini,
        Dialect::Ollama,
        Dialect::LlamaCpp,
        Dialect::Vllm,
        Dialect::LmStudio,
        Dialect::OpenRouter,
        Dialect::Groq,
        Dialect::Mistral,
        Dialect::DeepSeek,
        Dialect::DashScope,
        Dialect::Moonshot,
        Dialect::Generic,
    ];
}

impl SchemaSupport {
    const ALL: [Self; 4] = [Self::None, Self::JsonObject, Self::Loose, Self::Strict];
}

impl MaxTokensField {
    const ALL: [Self; 3] = [Self::MaxTokens, Self::MaxCompletionTokens, Self::None];
}

impl SystemRole {
    const ALL: [Self; 2] = [Self::System, Self::Developer];
}

/// The schema of a choice of words. By hand: the derive makes a `oneOf` of constants, whose errors list each branch.
macro_rules! choice {
    ($($name:ident),*) => {$(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "enum": $name::ALL })
            }
        }
    )*};
}

choice!(Dialect, SchemaSupport, MaxTokensField, SystemRole);
