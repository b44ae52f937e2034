//! Adapters: how roles reach models and agents.

use std::{borrow::Cow, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Delay, ProfileOverride, Text,
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
    /// `kind: cli`: a coding agent with a profile, or any command, with the prompt on its stdin and the answer on its stdout.
    Cli(CliAdapter),
    /// `kind: cursor`: Cursor's command-line agent.
    Cursor(CursorAdapter),
    /// `kind: hermes`: the Hermes agent.
    Hermes(HermesAdapter),
}

impl Adapter {
    /// The word of `kind:` for each kind, in the order of the reference.
    pub const KINDS: [&str; 5] = ["llm", "scripted", "cli", "cursor", "hermes"];

    /// The settings that each kind has.
    pub fn common(&self) -> &CommonAdapter {
        match self {
            Adapter::Llm(llm) => &llm.common,
            Adapter::Scripted(scripted) => &scripted.common,
            Adapter::Cli(cli) => &cli.common,
            Adapter::Cursor(cursor) => &cursor.common,
            Adapter::Hermes(hermes) => &hermes.common,
        }
    }

    /// What an agent may do and see, when it is one.
    pub fn agent(&self) -> Option<&AgentSettings> {
        match self {
            Adapter::Cli(cli) => Some(&cli.agent),
            Adapter::Cursor(cursor) => Some(&cursor.agent),
            Adapter::Hermes(hermes) => Some(&hermes.agent),
            Adapter::Llm(_) | Adapter::Scripted(_) => None,
        }
    }

    /// The word of `kind:`.
    pub fn kind(&self) -> &'static str {
        match self {
            Adapter::Llm(_) => "llm",
            Adapter::Scripted(_) => "scripted",
            Adapter::Cli(_) => "cli",
            Adapter::Cursor(_) => "cursor",
            Adapter::Hermes(_) => "hermes",
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

/// `kind: cli`: a coding agent with a profile, or any command: then the prompt goes to its stdin, and what it writes to stdout is the answer. No
/// shell is involved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CliAdapter {
    /// The program and arguments before the profile's. A program without a slash is looked up on the daemon's PATH, one with a slash from the
    /// workspace's folder. Needed unless a profile names one.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub command: Option<Vec<Text>>,
    /// Which agent it is, and so how it is called and read; a plain command without it.
    #[serde(default)]
    pub profile: Option<AgentProfile>,
    /// The model that is asked for; the agent's own choice without it.
    #[serde(default)]
    pub model: Option<Text>,
    /// What of the profile is otherwise.
    #[serde(default, rename = "override")]
    pub profile_override: Option<ProfileOverride>,
    /// `idle`, `exclusive`, `env`, `args`.
    #[serde(flatten)]
    pub agent: AgentSettings,
    /// `timeout`, `max_concurrent`, `workdir`.
    #[serde(flatten)]
    pub common: CommonAdapter,
}

/// `kind: cursor`: Cursor's command-line agent, `cursor-agent`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CursorAdapter {
    /// Another program, and arguments before its own, than `cursor-agent` or `agent` on the daemon's PATH.
    #[schemars(length(min = 1))]
    pub command: Option<Vec<Text>>,
    /// The model; cursor's own choice without it.
    pub model: Option<Text>,
    /// `idle`, `exclusive`, `env`, `args`.
    #[serde(flatten)]
    pub agent: AgentSettings,
    /// `timeout`, `max_concurrent`, `workdir`.
    #[serde(flatten)]
    pub common: CommonAdapter,
}

/// `kind: hermes`: the Hermes agent, `hermes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HermesAdapter {
    /// Another program, and arguments before its own, than `hermes` on the daemon's PATH.
    #[schemars(length(min = 1))]
    pub command: Option<Vec<Text>>,
    /// The model; hermes' own choice without it.
    pub model: Option<Text>,
    /// The provider, by hermes' own names; it takes one only together with a model.
    pub provider: Option<Text>,
    /// Skills that a turn loads which goes on with a session.
    pub skills: Vec<String>,
    /// How many turns of its own it may take where it goes on with a session.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_turns: u32,
    /// `idle`, `exclusive`, `env`, `args`.
    #[serde(flatten)]
    pub agent: AgentSettings,
    /// `timeout`, `max_concurrent`, `workdir`.
    #[serde(flatten)]
    pub common: CommonAdapter,
}

impl Default for HermesAdapter {
    fn default() -> Self {
        HermesAdapter {
            command: None,
            model: None,
            provider: None,
            skills: Vec::new(),
            max_turns: 90,
            agent: AgentSettings::default(),
            common: CommonAdapter::default(),
        }
    }
}

/// Settings that each kind of agent has; they stand beside the kind's own keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AgentSettings {
    /// Longest silence of the agent.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub idle: Duration,
    /// Whether one agent at a time may work in its folder.
    pub exclusive: bool,
    /// Environment variables passed on to it.
    pub env: Vec<String>,
    /// More arguments, behind those that it is called with.
    pub args: Vec<Text>,
}

impl Default for AgentSettings {
    fn default() -> Self {
        AgentSettings { idle: default_idle(), exclusive: true, env: Vec::new(), args: Vec::new() }
    }
}

/// The agents that `kind: cli` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentProfile {
    /// Claude Code.
    Claude,
    /// OpenAI's codex.
    Codex,
    /// Google's gemini.
    Gemini,
    /// Qwen Code.
    Qwen,
    /// opencode.
    Opencode,
    /// Any other command.
    Text,
}

impl AgentProfile {
    /// Every one, in the order of the reference.
    pub const ALL: [AgentProfile; 6] =
        [AgentProfile::Claude, AgentProfile::Codex, AgentProfile::Gemini, AgentProfile::Qwen, AgentProfile::Opencode, AgentProfile::Text];

    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            AgentProfile::Claude => "claude",
            AgentProfile::Codex => "codex",
            AgentProfile::Gemini => "gemini",
            AgentProfile::Qwen => "qwen",
            AgentProfile::Opencode => "opencode",
            AgentProfile::Text => "text",
        }
    }
}

// By hand, as for `Dialect`.
impl JsonSchema for AgentProfile {
    fn schema_name() -> Cow<'static, str> {
        "AgentProfile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": AgentProfile::ALL })
    }
}

// By hand: each branch is closed and names its `kind`, which the derive cannot say for flattened structs.
impl JsonSchema for Adapter {
    fn schema_name() -> Cow<'static, str> {
        "Adapter".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let schemas = [
            LlmAdapter::json_schema(generator),
            ScriptedAdapter::json_schema(generator),
            CliAdapter::json_schema(generator),
            CursorAdapter::json_schema(generator),
            HermesAdapter::json_schema(generator),
        ];
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
