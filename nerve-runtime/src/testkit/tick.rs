//! Running a sense once in a test.

use std::path::PathBuf;

use nerve_core::{Cause, Observation, RawJson, Result, Sense, SenseContext, TickId, Timestamp};
use serde::Serialize;

use crate::Workspace;

/// A tick to run in a test.
#[derive(Debug)]
#[must_use = "nothing runs before .run()"]
pub struct TickTest {
    sense: Sense,
    root: PathBuf,
    causes: Vec<Cause>,
    state: Option<RawJson>,
}

/// One tick of this sense.
///
/// # Panics
/// When the workspace registers no such sense.
pub fn tick(workspace: &Workspace, sense: &str) -> TickTest {
    let found = workspace.find_sense(sense).cloned();
    let sense = found.unwrap_or_else(|| panic!("the workspace registers no sense `{sense}`"));
    TickTest { sense, root: PathBuf::from("."), causes: vec![Cause::Interval], state: None }
}

impl TickTest {
    /// The folder that the sense takes for the workspace.
    pub fn root(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = root.into();
        self
    }

    /// Why it is woken; its interval when not set.
    pub fn cause(mut self, cause: Cause) -> Self {
        self.causes = vec![cause];
        self
    }

    /// What the tick before kept.
    ///
    /// # Panics
    /// When it cannot be written as JSON.
    pub fn state<S: Serialize + ?Sized>(mut self, state: &S) -> Self {
        self.state = Some(RawJson::of(state).unwrap_or_else(|error| panic!("the state: {error}")));
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// What the sense returns.
    ///
    /// # Panics
    /// When a runtime cannot be started.
    pub fn run(self) -> Result<Observation> {
        let tick = TickId::new(Timestamp::default(), [7; 10]);
        let context = SenseContext::new(self.sense.name().to_owned(), tick, self.root, self.causes, self.state);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap_or_else(|error| panic!("no runtime: {error}")).block_on(self.sense.compute(context))
    }
}
