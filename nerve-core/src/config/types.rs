//! The whole of nerve.yaml, and its small sections. These types are also what the JSON schema is generated from.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::duration::{self, DurationText};
use super::{Adapter, ExtractModel, Price, Provider, Secret, SenseConfig, Supervision, WorkflowConfig};

/// nerve.yaml: every key is optional, a section with nothing after it means its defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// Endpoints that speak the OpenAI API, by name.
    #[serde(deserialize_with = "null_as_default")]
    #[schemars(with = "Option<BTreeMap<String, Provider>>")]
    pub providers: BTreeMap<String, Provider>,
    /// What roles name: how an agent is reached, by name.
    #[serde(deserialize_with = "null_as_default")]
    #[schemars(with = "Option<BTreeMap<String, Adapter>>")]
    pub adapters: BTreeMap<String, Adapter>,
    /// The second model that reads a role's meta out of its text when the first cannot give it.
    pub extract: Option<ExtractModel>,
    /// Further second models, by name, for `roles.R.extract`.
    #[serde(deserialize_with = "null_as_default")]
    #[schemars(with = "Option<BTreeMap<String, ExtractModel>>")]
    pub extractors: BTreeMap<String, ExtractModel>,
    /// How many rounds a thread may take where neither its workflow nor its trigger says so.
    #[schemars(range(min = 1, max = 1000))]
    pub max_rounds: u32,
    /// The senses of this workspace, by name. Nothing after a name means all defaults.
    #[serde(deserialize_with = "null_entries")]
    #[schemars(with = "Option<BTreeMap<String, Option<SenseConfig>>>", extend("propertyNames" = { "pattern": "^[a-z0-9-]+$" }))]
    pub senses: BTreeMap<String, SenseConfig>,
    /// The workflows of this workspace, by name. Nothing after a name means all defaults.
    #[serde(deserialize_with = "null_entries")]
    #[schemars(with = "Option<BTreeMap<String, Option<WorkflowConfig>>>", extend("propertyNames" = { "pattern": "^[a-z0-9-]+$" }))]
    pub workflows: BTreeMap<String, WorkflowConfig>,
    /// The control API over TCP. The local socket is always there.
    #[serde(deserialize_with = "null_as_default")]
    #[schemars(with = "Option<Api>")]
    pub api: Api,
    /// Brakes over the whole workspace, checked before each call of a model.
    #[serde(deserialize_with = "null_as_default")]
    #[schemars(with = "Option<Limits>")]
    pub limits: Limits,
    /// What models cost, by `model` or `provider/model`, in US dollars a million tokens; goes before what nerve knows.
    #[serde(deserialize_with = "null_as_default")]
    #[schemars(with = "Option<BTreeMap<String, Price>>")]
    pub prices: BTreeMap<String, Price>,
    /// Settings of the processes that run senses and workflows.
    #[serde(deserialize_with = "null_as_default")]
    #[schemars(with = "Option<Workers>")]
    pub workers: Workers,
    /// Time limits of starting, stopping and restarting workers.
    #[serde(deserialize_with = "null_as_default")]
    #[schemars(with = "Option<Supervision>")]
    pub supervision: Supervision,
    /// How long records are kept.
    #[serde(deserialize_with = "null_as_default")]
    #[schemars(with = "Option<Retention>")]
    pub retention: Retention,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            providers: BTreeMap::new(),
            adapters: BTreeMap::new(),
            extract: None,
            extractors: BTreeMap::new(),
            max_rounds: 10,
            senses: BTreeMap::new(),
            workflows: BTreeMap::new(),
            api: Api::default(),
            limits: Limits::default(),
            prices: BTreeMap::new(),
            workers: Workers::default(),
            supervision: Supervision::default(),
            retention: Retention::default(),
        }
    }
}

/// Where the control API listens besides its socket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Api {
    /// The address to listen on. One that is not loopback needs a token.
    pub host: String,
    /// The TCP port; without one the API is only on the socket. 0 takes a free port.
    pub port: Option<u16>,
    /// The bearer token that TCP clients must send.
    pub token: Option<Secret>,
}

impl Default for Api {
    fn default() -> Self {
        Api { host: "127.0.0.1".to_owned(), port: None, token: None }
    }
}

/// Brakes: past one of them, calls wait and `nerve status` says why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Limits {
    /// Calls of models in any hour.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub calls_per_hour: u32,
    /// Failed calls in a row.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub failures_in_a_row: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { calls_per_hour: 200, failures_in_a_row: 5 }
    }
}

/// Settings of all worker processes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Workers {
    /// Environment variables passed on to workers, beside `PATH HOME USER LANG TERM TMPDIR`.
    pub env: Vec<String>,
    /// Memory that one worker may use, in MiB; one that wants more is ended, which counts as a crash. No limit without it.
    #[schemars(range(min = 16, max = 16_777_216))]
    pub memory_mib: Option<u64>,
    /// Processor time that one worker may use over its life; then it is ended, which counts as a crash. No limit without it.
    #[serde(with = "duration::optional")]
    #[schemars(with = "Option<DurationText>")]
    pub cpu_time: Option<Duration>,
}

/// How long records are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Retention {
    /// Days that ended threads, signals and failures are kept.
    #[schemars(range(min = 1, max = 100_000))]
    pub days: u32,
    /// Ticks kept for each sense.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_ticks: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Retention { days: 30, max_ticks: 10_000 }
    }
}

pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A map whose entries, and which itself, may be null and then stand for their defaults.
pub(super) fn null_entries<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    let map = Option::<BTreeMap<String, Option<T>>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(map.into_iter().map(|(name, entry)| (name, entry.unwrap_or_default())).collect())
}
