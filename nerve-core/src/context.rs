//! What prompts, moderators and roles see of a thread.

use std::sync::Arc;

use crate::wire::{ContextStep, StartFrame};
use crate::{Meta, RoleKey, ThreadId};

/// A thread as its moderator and roles see it: the start and the finished steps. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct ThreadContext {
    start: Arc<StartFrame>,
    steps: Arc<Vec<Arc<ContextStep>>>,
    upto: usize,
}

/// One finished step of a known role, with its checked meta.
#[derive(Debug, Clone)]
pub struct Step<'t, M> {
    /// 1 for the first step of the thread.
    pub n: u32,
    /// What the role said.
    pub content: &'t str,
    /// The checked meta.
    pub meta: M,
}

impl ThreadContext {
    /// Builds a context; the runtime and the test kit do this.
    pub fn new(start: Arc<StartFrame>, steps: Arc<Vec<Arc<ContextStep>>>) -> Self {
        let upto = steps.len();
        Self { start, steps, upto }
    }

    /// The same thread as it was after its first `upto` steps.
    pub fn cut(&self, upto: usize) -> Self {
        Self { upto: upto.min(self.steps.len()), ..self.clone() }
    }

    /// The thread's id.
    pub fn id(&self) -> ThreadId {
        self.start.thread
    }

    /// What the thread was started with.
    pub fn start(&self) -> &StartFrame {
        &self.start
    }

    /// All finished steps, oldest first, with their metas as JSON text.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &ContextStep> {
        self.steps[..self.upto].iter().map(AsRef::as_ref)
    }

    /// How many steps are finished.
    pub fn rounds(&self) -> usize {
        self.upto
    }

    /// The latest step of this role, or `None` when it has not had a turn.
    ///
    /// # Panics
    /// When the stored meta no longer fits its type. The worker catches that and fails the decision with this message:
    /// a meta that cannot be read must never look like a role that has not spoken.
    pub fn latest<M: Meta>(&self, key: RoleKey<M>) -> Option<Step<'_, M>> {
        self.steps().rev().find(|step| step.role == key.name()).map(read)
    }

    /// Every step of this role, oldest first.
    ///
    /// # Panics
    /// As [`latest`](Self::latest).
    pub fn all<M: Meta>(&self, key: RoleKey<M>) -> Vec<Step<'_, M>> {
        self.steps().filter(|step| step.role == key.name()).map(read).collect()
    }
}

fn read<M: Meta>(step: &ContextStep) -> Step<'_, M> {
    match step.meta.read() {
        Ok(meta) => Step { n: step.n, content: &step.content, meta },
        Err(error) => panic!("the stored meta of step {} ({}) no longer fits its type: {error}", step.n, step.role),
    }
}
