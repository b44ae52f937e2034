//! The analyst: explains the load and says whether somebody must act.

use nerve_runtime::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the moderator needs to know of an explanation.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// true when the load needs somebody to act
    pub actionable: bool,
    /// the process or file that causes it, if one does
    pub culprit: Option<String>,
}

/// Names the analyst's steps.
pub const ANALYST: RoleKey<Diagnosis> = RoleKey::new("analyst");

/// A role from the four-tuple: who answers, what is asked, what the meta looks like, what reads it.
pub fn analyst() -> Role {
    create_role(
        adapter("analyst"),
        |thread: &ThreadContext| format!("Explain this load in a few sentences:\n\n{}", thread.start().content),
        schema_for::<Diagnosis>(),
        extractor("default"),
    )
    .timeout(minutes(5))
    .effects(Effects::Repeatable)
    .dry_run([Diagnosis { actionable: true, culprit: Some("an example process".to_owned()) }])
    .build(ANALYST)
}
