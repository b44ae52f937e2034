//! What a moderator answers.

use crate::RoleKey;

/// The moderator's choice: a role's turn, or the end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the moderator must return it"]
pub struct Next {
    role: Option<String>,
    reason: Option<String>,
}

impl Next {
    /// The named role takes the next step.
    pub fn role<M>(key: RoleKey<M>) -> Self {
        Self { role: Some(key.name().to_owned()), reason: None }
    }

    /// The thread is complete.
    pub fn end() -> Self {
        Self { role: None, reason: None }
    }

    /// Records why, for those who read the thread later.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The chosen role's name, or `None` for the end.
    pub fn chosen(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Why, when the moderator said so.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}
