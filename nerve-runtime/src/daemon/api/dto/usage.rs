//! What calls cost, as JSON shows it.

use jiff::Timestamp;
use nerve_core::Usage;
use serde::{Deserialize, Serialize};

/// What calls are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UsageBy {
    /// The day in UTC.
    Day,
    /// The workflow.
    #[default]
    Workflow,
    /// The role.
    Role,
    /// Who answered.
    Model,
}

/// The query of `GET /v1/usage`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageQuery {
    /// What to group by; the workflow without it.
    #[serde(default)]
    pub by: UsageBy,
    /// Only calls of the last so many milliseconds; all that are stored without it.
    #[serde(default)]
    pub since_ms: Option<u64>,
}

/// What `nerve usage` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageReport {
    /// [`schema::USAGE`](super::schema::USAGE).
    pub schema: String,
    /// What the calls are grouped by.
    pub by: UsageBy,
    /// Since when; absent when all that is stored is told.
    pub since: Option<Timestamp>,
    /// The groups, by name.
    pub items: Vec<UsageItem>,
    /// How many groups there are.
    pub total: u64,
    /// Always absent: all groups are on one page.
    pub next: Option<String>,
    /// All groups together.
    pub sum: UsageSum,
}

/// What a group of calls cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageItem {
    /// The day, workflow, role or model; empty where a failed call found nobody to call.
    pub name: String,
    /// How many threads the calls were made for.
    pub threads: u64,
    /// Requests, tokens and money.
    pub usage: Usage,
    /// The money in words: `$0.0012`, `?` when it is not known, `$0.0012 + ?` when a part of it is not.
    pub cost: String,
}

/// What all calls cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageSum {
    /// Requests, tokens and money.
    pub usage: Usage,
    /// The money in words.
    pub cost: String,
}
