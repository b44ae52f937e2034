//! `create_role`, and the adapters that answer for a role.
//!
//! What a workspace links is small: descriptions of roles and adapters, which the daemon acts on. The daemon's own half (HTTP, extraction,
//! scripted replies) sits behind the feature `host`.
//!
//! ```
//! use nerve_adapters::{create_role, minutes};
//! use nerve_core::{Effects, Next, Role, RoleKey, ThreadContext, Workflow, adapter, extractor, schema_for};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, Serialize, Deserialize, JsonSchema)]
//! pub struct Diagnosis {
//!     /// true when the load needs somebody to act
//!     pub actionable: bool,
//!     pub culprit: Option<String>,
//! }
//!
//! pub const ANALYST: RoleKey<Diagnosis> = RoleKey::new("analyst");
//!
//! pub fn analyst() -> Role {
//!     create_role(
//!         adapter("analyst"),
//!         |thread: &ThreadContext| format!("Explain this load:\n{}", thread.start().content),
//!         schema_for::<Diagnosis>(),
//!         extractor("default"),
//!     )
//!     .timeout(minutes(5))
//!     .effects(Effects::Repeatable)
//!     .dry_run([Diagnosis { actionable: false, culprit: None }])
//!     .build(ANALYST)
//! }
//!
//! pub fn workflow() -> Workflow {
//!     Workflow::new("explain-load").role(analyst()).moderator(|thread| match thread.latest(ANALYST) {
//!         None => Next::role(ANALYST),
//!         Some(_) => Next::end(),
//!     })
//! }
//!
//! assert_eq!(workflow().role("analyst").unwrap().options().timeout, Some(minutes(5)));
//! ```

mod create_role;
#[cfg(feature = "host")]
pub mod host;
mod llm_adapter;
mod span;

pub use create_role::{RoleBuilder, create_role};
pub use llm_adapter::LlmAdapter;
pub use span::{minutes, seconds};
