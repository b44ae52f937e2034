//! nerve.yaml: reading, checking, and naming places in it.
//!
//! [`parse`] takes text and gives a [`Parsed`]: the [`Config`] when there is no error, every independent diagnostic in one pass, and the tree
//! of places for errors that are found later. Three passes: YAML, shape (against the same JSON schema that
//! editors use), and sense (references, hosts, names). Nothing here reads a file, the environment or a clock.

mod adapters;
mod checks;
mod codes;
mod diagnostic;
mod duration;
mod extract_policy;
mod manifest;
mod mask;
mod nearest;
mod parsed;
mod prices;
mod profile;
mod provider;
mod references;
mod render;
mod schema;
mod shape;
mod supervision;
mod text;
mod tree;
mod types;
mod units;
mod wording;
mod yaml;

pub use adapters::{
    Adapter, AgentProfile, AgentSettings, CliAdapter, CommonAdapter, CursorAdapter, ExtractModel, HermesAdapter, LlmAdapter,
    ScriptedAdapter,
};
pub use codes::{CODES, Code};
pub use diagnostic::{Diagnostic, Place, Severity};
pub use duration::{BadDuration, Delay, format_duration, parse_duration};
pub use extract_policy::ExtractPolicy;
pub use manifest::check_manifest;
pub use parsed::{Parsed, parse};
pub use prices::Price;
pub use profile::{Argument, OutputForm, Profile, ProfileOverride, PromptWay, Rule};
pub use provider::{Dialect, MaxTokensField, Provider, Quirks, SchemaSupport, SystemRole};
pub use render::render;
pub use schema::json_schema;
pub use supervision::Supervision;
pub use text::{MissingVariable, Secret, Text};
pub use tree::Tree;
pub use types::{Api, Config, Limits, Retention, Workers};
pub use units::{Overflow, RoleConfig, RoleEffects, SenseConfig, WorkflowConfig};
