//! What a build contains.

use serde::{Deserialize, Serialize};

use crate::RawJson;

/// The senses and workflows that a worker registers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// Sense names.
    pub senses: Vec<String>,
    /// Workflows with their roles.
    pub workflows: Vec<WorkflowManifest>,
}

/// One workflow of a build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowManifest {
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: Vec<RoleManifest>,
}

/// One role of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleManifest {
    /// Its name.
    pub name: String,
    /// Its adapter as written in code; absent for a hand-written role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// The schema of its meta.
    pub schema: RawJson,
}

impl Manifest {
    /// The workflow of this name.
    pub fn workflow(&self, name: &str) -> Option<&WorkflowManifest> {
        self.workflows.iter().find(|workflow| workflow.name == name)
    }
}
