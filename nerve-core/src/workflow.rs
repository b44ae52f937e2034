//! Workflows: roles and the moderator that routes between them.

use std::fmt;
use std::sync::Arc;

use crate::{Next, Role, ThreadContext};

type Moderate = dyn Fn(&ThreadContext) -> Next + Send + Sync;

/// A definition: named roles, and a pure function that picks the next one or the end.
#[derive(Clone)]
pub struct Workflow {
    name: String,
    roles: Vec<Role>,
    moderator: Arc<Moderate>,
}

/// A workflow whose moderator is still to come.
#[derive(Debug)]
#[must_use = "finish it with .moderator(…)"]
pub struct WorkflowBuilder {
    name: String,
    roles: Vec<Role>,
}

/// Why a definition cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// Two roles of one workflow share a name.
    #[error("workflow `{workflow}` has two roles named `{role}`")]
    TwoRoles {
        /// The workflow.
        workflow: String,
        /// The name they share.
        role: String,
    },
    /// A workflow without roles can only end.
    #[error("workflow `{0}` has no roles")]
    NoRoles(String),
    /// The moderator chooses a role that is not registered.
    #[error("the moderator of workflow `{workflow}` begins with `{role}`, which is not registered; registered are: {registered}")]
    UnknownRole {
        /// The workflow.
        workflow: String,
        /// What the moderator chose.
        role: String,
        /// The roles that there are, joined.
        registered: String,
    },
    /// Two workflows share a name.
    #[error("two workflows are named `{0}`")]
    TwoWorkflows(String),
    /// Two senses share a name.
    #[error("two senses are named `{0}`")]
    TwoSenses(String),
}

impl Workflow {
    /// Starts a definition; the name is verb-first kebab-case such as `explain-load`.
    #[expect(clippy::new_ret_no_self, reason = "the moderator, given last, is what makes a workflow of it")]
    pub fn new(name: impl Into<String>) -> WorkflowBuilder {
        WorkflowBuilder { name: name.into(), roles: Vec::new() }
    }

    /// The workflow's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its roles, in the order they were added.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The role of this name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name() == name)
    }

    /// Asks the moderator.
    pub fn next(&self, thread: &ThreadContext) -> Next {
        (self.moderator)(thread)
    }

    /// Whether the moderator's first choice is a role of this workflow. Later choices depend on what roles answer.
    ///
    /// # Errors
    /// When it is not registered.
    pub fn check_first(&self, empty: &ThreadContext) -> Result<(), DefinitionError> {
        let next = self.next(empty);
        match next.chosen() {
            Some(name) if self.role(name).is_none() => Err(DefinitionError::UnknownRole {
                workflow: self.name.clone(),
                role: name.to_owned(),
                registered: self.roles.iter().map(Role::name).collect::<Vec<_>>().join(", "),
            }),
            _ => Ok(()),
        }
    }

    /// Whether the definition can run.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), DefinitionError> {
        if self.roles.is_empty() {
            return Err(DefinitionError::NoRoles(self.name.clone()));
        }
        for (n, role) in self.roles.iter().enumerate() {
            if self.roles[..n].iter().any(|other| other.name() == role.name()) {
                return Err(DefinitionError::TwoRoles { workflow: self.name.clone(), role: role.name().to_owned() });
            }
        }
        Ok(())
    }
}

impl WorkflowBuilder {
    /// Adds a role.
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// Completes the definition with the function that picks the next role. It must be pure: the same thread, the same choice.
    pub fn moderator(self, next: impl Fn(&ThreadContext) -> Next + Send + Sync + 'static) -> Workflow {
        Workflow { name: self.name, roles: self.roles, moderator: Arc::new(next) }
    }
}

impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workflow").field("name", &self.name).field("roles", &self.roles).finish()
    }
}
