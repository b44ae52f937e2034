//! Folders in which one agent at a time may work, and who is to be gone first.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nerve_core::{CallFailure, FailureKind};
use tokio::time::{Instant, sleep};

use super::agent::survivors;
use crate::daemon::children::Children;
use crate::spool::CallName;

/// Longer than an agent that is being stopped can take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The call that entered each folder last and was not seen to leave it. One that was stopped is out of the brakes at once,
/// but its processes may need seconds to end.
#[derive(Debug, Clone, Default)]
pub(super) struct Occupied(Arc<Mutex<HashMap<PathBuf, CallName>>>);

impl Occupied {
    /// Lets a call in once nothing of the one before it runs.
    pub(super) async fn enter(&self, folder: &Path, call: CallName, children: &Children) -> Result<(), CallFailure> {
        let before = self.folders().get(folder).copied();
        if let Some(before) = before {
            vacated(folder, before, children).await?;
        }
        self.folders().insert(folder.to_owned(), call);
        Ok(())
    }

    /// The call is over, with all that it started.
    pub(super) fn leave(&self, folder: &Path) {
        self.folders().remove(folder);
    }

    fn folders(&self) -> MutexGuard<'_, HashMap<PathBuf, CallName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn vacated(folder: &Path, before: CallName, children: &Children) -> Result<(), CallFailure> {
    let deadline = Instant::now() + PATIENCE;
    let owner = before.owner();
    children.until_ended(|other| other == owner, PATIENCE).await;
    loop {
        let left = survivors(children, &before);
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let pids: Vec<String> = left.iter().map(u32::to_string).collect();
            let message = format!(
                "the workdir {} is still used by processes of {} that would not end: {}",
                folder.display(),
                before.thread(),
                pids.join(", ")
            );
            return Err(CallFailure::new(FailureKind::Config, message));
        }
        sleep(Duration::from_millis(20)).await;
    }
}
