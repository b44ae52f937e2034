//! Senses and workflows as nerve.yaml sets them.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Effects;

use super::{
    ExtractPolicy, Text,
    duration::{self, DurationText},
    types::null_entries,
};

/// When a sense looks, and how long it may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct SenseConfig {
    /// Senses of one group share one worker process.
    pub group: String,
    /// Time from tick to tick, such as `10s`; without it the sense ticks only by `on` or by hand.
    #[serde(with = "duration::optional")]
    #[schemars(with = "Option<DurationText>")]
    pub interval: Option<Duration>,
    /// Least time between two ticks; ticks due sooner are put together into one.
    #[serde(with = "duration::optional")]
    #[schemars(with = "Option<DurationText>")]
    pub throttle: Option<Duration>,
    /// Longest time one tick may take.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub timeout: Duration,
    /// Time after `timeout` before the sense's worker is stopped.
    #[serde(with = "duration::plain")]
    #[schemars(with = "DurationText")]
    pub grace_period: Duration,
    /// Senses whose signal makes this one tick.
    pub on: Vec<String>,
}

impl Default for SenseConfig {
    fn default() -> Self {
        SenseConfig {
            group: "default".to_owned(),
            interval: None,
            throttle: None,
            timeout: Duration::from_secs(30),
            grace_period: Duration::from_secs(5),
            on: Vec::new(),
        }
    }
}

/// How many threads of a workflow run at once, and what happens to the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct WorkflowConfig {
    /// Threads that run at once.
    #[schemars(range(min = 1, max = 100_000))]
    pub concurrency: u32,
    /// What a trigger does when `concurrency` threads run already.
    pub overflow: Overflow,
    /// Threads that may wait when `overflow` is `queue`.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_queue: u32,
    /// How many rounds a thread of this workflow may take; the `max_rounds` at the top without it.
    #[schemars(range(min = 1, max = 1000))]
    pub max_rounds: Option<u32>,
    /// The folder its agents work in.
    pub workdir: Option<Text>,
    /// Changes to single roles, by the role's name.
    #[serde(deserialize_with = "null_entries")]
    #[schemars(with = "Option<BTreeMap<String, Option<RoleConfig>>>")]
    pub roles: BTreeMap<String, RoleConfig>,
}

impl Default for WorkflowConfig {
    fn default() -> Self {
        WorkflowConfig {
            concurrency: 1,
            overflow: Overflow::Queue,
            max_queue: 100,
            max_rounds: None,
            workdir: None,
            roles: BTreeMap::new(),
        }
    }
}

/// What nerve.yaml changes about one role; what is absent stays as the code says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct RoleConfig {
    /// The adapter to use, a name of `adapters`.
    pub adapter: Option<String>,
    /// The second model to use, a name of `extractors`.
    pub extract: Option<String>,
    /// The folder this role's agent works in.
    pub workdir: Option<Text>,
    /// Longest time one call of this role may take.
    #[serde(with = "duration::optional")]
    #[schemars(with = "Option<DurationText>")]
    pub timeout: Option<Duration>,
    /// What recovery may do with an attempt that was cut off before its answer.
    pub effects: Option<RoleEffects>,
    /// How much may be changed of a reply of this role so that its meta can be read; `lossless` without it.
    pub policy: Option<ExtractPolicy>,
}

/// What recovery may do with an attempt that was cut off; wins over what the code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleEffects {
    /// Try again by itself.
    Repeatable,
    /// Park the thread until a person says.
    AskBeforeRepeat,
    /// End the thread as failed.
    NeverRepeat,
}

impl From<RoleEffects> for Effects {
    fn from(effects: RoleEffects) -> Self {
        match effects {
            RoleEffects::Repeatable => Self::Repeatable,
            RoleEffects::AskBeforeRepeat => Self::AskBeforeRepeat,
            RoleEffects::NeverRepeat => Self::NeverRepeat,
        }
    }
}

// By hand: the derive makes a `oneOf` of constants, whose errors list each branch.
impl JsonSchema for RoleEffects {
    fn schema_name() -> Cow<'static, str> {
        "RoleEffects".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": [Self::Repeatable, Self::AskBeforeRepeat, Self::NeverRepeat] })
    }
}

/// What a trigger does when a workflow is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// It waits; past `max_queue` the oldest waiting thread is dropped.
    #[default]
    Queue,
    /// The new thread is dropped.
    Drop,
}

// By hand: the derive makes a `oneOf` of constants, whose errors list each branch.
impl JsonSchema for Overflow {
    fn schema_name() -> Cow<'static, str> {
        "Overflow".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": [Overflow::Queue, Overflow::Drop] })
    }
}
