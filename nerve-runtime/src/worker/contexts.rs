//! What the worker remembers of threads; it may forget any of it.

use std::collections::HashMap;
use std::sync::Arc;

use nerve_core::wire::{ContextStep, StartFrame};
use nerve_core::{ThreadContext, ThreadId};

#[derive(Default)]
pub(super) struct Contexts(HashMap<ThreadId, Known>);

struct Known {
    start: Arc<StartFrame>,
    steps: Arc<Vec<Arc<ContextStep>>>,
}

impl Contexts {
    /// Takes steps from index `from` on; those that were known from there are replaced. A gap is left for
    /// [`get`](Self::get) to find.
    pub(super) fn take(&mut self, thread: ThreadId, start: Option<StartFrame>, from: usize, steps: Vec<ContextStep>) {
        if let Some(start) = start {
            self.0.insert(thread, Known { start: Arc::new(start), steps: Arc::default() });
        }
        let Some(known) = self.0.get_mut(&thread) else { return };
        if known.steps.len() < from {
            return;
        }
        let list = Arc::make_mut(&mut known.steps);
        list.truncate(from);
        list.extend(steps.into_iter().map(Arc::new));
    }

    /// The thread with exactly `upto` steps, or how many are known.
    pub(super) fn get(&self, thread: ThreadId, upto: usize) -> Result<ThreadContext, usize> {
        match self.0.get(&thread) {
            Some(known) if known.steps.len() >= upto => {
                Ok(ThreadContext::new(Arc::clone(&known.start), Arc::clone(&known.steps)).cut(upto))
            }
            Some(known) => Err(known.steps.len()),
            None => Err(0),
        }
    }

    pub(super) fn forget(&mut self, thread: ThreadId) {
        self.0.remove(&thread);
    }
}
