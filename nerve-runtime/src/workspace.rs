//! What a worker contains: the senses and workflows that `workspace()` registers.

use std::fmt;
use std::sync::Arc;

use nerve_core::wire::{Manifest, RoleManifest, StartFrame, WorkflowManifest};
use nerve_core::{DefinitionError, RoleBody, Sense, ThreadContext, ThreadId, Timestamp, Workflow};

use crate::worker::catch;

/// The senses and workflows of one workspace.
#[derive(Clone, Default)]
pub struct Workspace {
    senses: Vec<Sense>,
    workflows: Vec<Arc<Workflow>>,
}

impl Workspace {
    /// An empty workspace.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a sense.
    pub fn sense(mut self, sense: Sense) -> Self {
        self.senses.push(sense);
        self
    }

    /// Registers a workflow.
    pub fn workflow(mut self, workflow: Workflow) -> Self {
        self.workflows.push(Arc::new(workflow));
        self
    }

    /// The sense of this name.
    pub fn find_sense(&self, name: &str) -> Option<&Sense> {
        self.senses.iter().find(|sense| sense.name() == name)
    }

    /// The workflow of this name.
    pub fn find_workflow(&self, name: &str) -> Option<&Arc<Workflow>> {
        self.workflows.iter().find(|workflow| workflow.name() == name)
    }

    /// Whether everything that is registered can run.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), DefinitionError> {
        for (n, sense) in self.senses.iter().enumerate() {
            if self.senses[..n].iter().any(|other| other.name() == sense.name()) {
                return Err(DefinitionError::TwoSenses(sense.name().to_owned()));
            }
        }
        for (n, workflow) in self.workflows.iter().enumerate() {
            workflow.check()?;
            if self.workflows[..n].iter().any(|other| other.name() == workflow.name()) {
                return Err(DefinitionError::TwoWorkflows(workflow.name().to_owned()));
            }
        }
        Ok(())
    }

    /// Whether each moderator begins with a role that is registered; `nerve build` asks this of a new worker.
    ///
    /// # Errors
    /// The first one that does not.
    pub(crate) fn check_first_choices(&self) -> Result<(), DefinitionError> {
        for workflow in &self.workflows {
            let start = StartFrame {
                thread: ThreadId::new(Timestamp::default(), [0; 10]),
                workflow: workflow.name().to_owned(),
                content: String::new(),
                max_rounds: 1,
                dry_run: true,
            };
            let empty = ThreadContext::new(Arc::new(start), Arc::default());
            // A moderator that cannot do with an empty prompt says nothing about its roles.
            catch(|| workflow.check_first(&empty)).unwrap_or(Ok(()))?;
        }
        Ok(())
    }

    /// What it contains, for the daemon.
    pub fn manifest(&self) -> Manifest {
        Manifest {
            senses: self.senses.iter().map(|sense| sense.name().to_owned()).collect(),
            workflows: self.workflows.iter().map(|workflow| describe(workflow)).collect(),
        }
    }
}

fn describe(workflow: &Workflow) -> WorkflowManifest {
    let role = |role: &nerve_core::Role| RoleManifest {
        name: role.name().to_owned(),
        adapter: match role.body() {
            RoleBody::Hosted(hosted) => Some(hosted.adapter.source().to_string()),
            RoleBody::Written(_) => None,
        },
        schema: role.schema().clone(),
    };
    WorkflowManifest { name: workflow.name().to_owned(), roles: workflow.roles().iter().map(role).collect() }
}

impl fmt::Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workspace").field("senses", &self.senses).field("workflows", &self.workflows).finish()
    }
}
