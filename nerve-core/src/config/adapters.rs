//! Adapters: how roles reach models and agents.

use std::{borrow::Cow, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Delay, Text,
    duration::{self, DurationText},
};

/// A model that reads meta out of a role's text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ExtractModel {
    /// A name of `providers`.
    pub provider: String,
    /// The model; the provider's without it.
    #[serde(default)]
    pub model: Option<Text>,
}

/// How an agent is reached, by `kind`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Adapter {
    /// `kind: llm`: a model behind a provider.
    Llm(LlmAdapter),
    /// `kind: scripted`: replies from a file; offline and free.
    Scripted(ScriptedAdapter),
    /// `kind: cli`: any command, with the prompt on its stdin and the answer on its stdout.
    Cli(CliAdapter),
}

impl Adapter {
    /// The word of `kind:` for each kind, in the order of the reference.
    pub const KINDS: [&str; 3] = ["llm", "scripted", "cli"];

    /// The settings that each kind has.
    pub fn common(&self) -> &CommonAdapter {
        match self {
            Adapter::Llm(llm) => &llm.common,
            Adapter::Scripted(scripted) => &scripted.common,
            Adapter::Cli(cli) => &cli.common,
        }
    }

    /// The word of `kind:`.
    pub fn kind(&self) -> &'static str {
        match self {
            Adapter::Llm(_) => "llm",
            Adapter::Scripted(_) => "scripted",
            Adapter::Cli(_) => "cli",
        }
    }
}

/// Settings that each kind of adapter has; they stand beside the kind's own keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CommonAdapter {
    /// Longest time one call may take.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub timeout: Duration,
    /// Calls at once over the whole workspace; no limit without it.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_concurrent: Option<u32>,
    /// The folder its agents work in.
    pub workdir: Option<Text>,
}

impl Default for CommonAdapter {
    fn default() -> Self {
        CommonAdapter { timeout: Duration::from_secs(300), max_concurrent: None, workdir: None }
    }
}

/// `kind: llm`: a model behind a provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LlmAdapter {
    /// A name of `providers`.
    pub provider: String,
    /// The model; the provider's without it.
    #[serde(default)]
    pub model: Option<Text>,
    /// Longest silence within a call.
    #[serde(default = "default_idle", with = "duration::plain")]
    #[schemars(with = "DurationText", extend("default" = duration::format_duration(default_idle())))]
    pub idle: Duration,
    /// Environment variables passed on to its agents.
    #[serde(default)]
    pub env: Vec<String>,
    /// `timeout`, `max_concurrent`, `workdir`.
    #[serde(flatten)]
    pub common: CommonAdapter,
}

fn default_idle() -> Duration {
    Duration::from_secs(120)
}

/// `kind: scripted`: replies from a file or from code.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ScriptedAdapter {
    /// The file with the replies of each role and round.
    pub replies: Option<Text>,
    /// The wait before each reply: `200ms`, or `50ms-500ms` for one picked from that range.
    pub delay: Option<Delay>,
    /// The file that gets one JSON line for each call.
    pub calls: Option<Text>,
    /// `timeout`, `max_concurrent`, `workdir`.
    #[serde(flatten)]
    pub common: CommonAdapter,
}

/// `kind: cli`: any command. The prompt goes to its stdin, what it writes to stdout is the answer. No shell is involved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CliAdapter {
    /// The program and its arguments. A program without a slash is looked up on the daemon's PATH, one with a slash from the workspace's folder.
    #[schemars(length(min = 1))]
    pub command: Vec<Text>,
    /// Longest silence of the command.
    #[serde(default = "default_idle", with = "duration::plain")]
    #[schemars(with = "DurationText", extend("default" = duration::format_duration(default_idle())))]
    pub idle: Duration,
    /// Whether one agent at a time may work in its folder.
    #[serde(default = "default_exclusive")]
    pub exclusive: bool,
    /// Environment variables passed on to the command.
    #[serde(default)]
    pub env: Vec<String>,
    /// `timeout`, `max_concurrent`, `workdir`.
    #[serde(flatten)]
    pub common: CommonAdapter,
}

fn default_exclusive() -> bool {
    true
}

// By hand: each branch is closed and names its `kind`, which the derive cannot say for flattened structs.
impl JsonSchema for Adapter {
    fn schema_name() -> Cow<'static, str> {
        "Adapter".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let schemas = [LlmAdapter::json_schema(generator), ScriptedAdapter::json_schema(generator), CliAdapter::json_schema(generator)];
        let branches: Vec<Value> = Adapter::KINDS.into_iter().zip(schemas).map(|(kind, schema)| closed(kind, schema)).collect();
        json_schema!({ "oneOf": branches })
    }
}

fn closed(kind: &str, schema: Schema) -> Value {
    let mut schema = schema.to_value();
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.insert("kind".to_owned(), json!({ "const": kind, "description": "The kind of adapter." }));
    }
    let mut required = vec![json!("kind")];
    required.extend(schema["required"].as_array().into_iter().flatten().cloned());
    schema["required"] = Value::Array(required);
    schema["additionalProperties"] = json!(false);
    schema
}
