//! Which of the workspace's files change.

use std::path::PathBuf;
use std::time::Duration;

use nerve_runtime::daemon::Layout;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::error::{CliError, codes};

/// Editors write in several steps; this long nothing must happen before a change counts.
const QUIET: Duration = Duration::from_millis(150);

/// What changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) sources: bool,
    pub(super) config: bool,
}

impl Change {
    fn of(event: &Event, layout: &Layout) -> Self {
        if event.kind.is_access() {
            return Self::default();
        }
        let any = |is: &dyn Fn(&PathBuf) -> bool| event.paths.iter().any(is);
        let (sources, config) = (layout.sources(), layout.config());
        Self { sources: any(&|path| path.starts_with(&sources)), config: any(&|path| *path == config) }
    }

    fn and(self, other: Self) -> Self {
        Self { sources: self.sources || other.sources, config: self.config || other.config }
    }
}

/// Watches `src/` and nerve.yaml.
pub(super) struct Watch {
    changes: mpsc::Receiver<Change>,
    /// What changed and was not told yet: whoever waits may be called away.
    untold: Change,
    /// Dropping it would end the watch.
    _watcher: RecommendedWatcher,
}

impl Watch {
    pub(super) fn new(layout: &Layout) -> Result<Self, CliError> {
        let failed = |error: notify::Error| CliError::new(codes::FILE, "cannot watch the workspace's files").because(error);
        let (tell, changes) = mpsc::channel(64);
        let own = layout.clone();
        let on_event = move |event: notify::Result<Event>| {
            let change = event.map(|event| Change::of(&event, &own)).unwrap_or_default();
            if change != Change::default() {
                // When the queue is full, a change of some kind is on its way already; this thread may wait for its turn.
                let _ = tell.blocking_send(change);
            }
        };
        let mut watcher = notify::recommended_watcher(on_event).map_err(failed)?;
        watcher.watch(&layout.sources(), RecursiveMode::Recursive).map_err(failed)?;
        // The folder, not the file: editors replace files.
        watcher.watch(layout.root(), RecursiveMode::NonRecursive).map_err(failed)?;
        Ok(Self { changes, untold: Change::default(), _watcher: watcher })
    }

    /// The next change, once it is quiet again.
    pub(super) async fn next(&mut self) -> Change {
        if self.untold == Change::default() {
            let Some(change) = self.changes.recv().await else { return std::future::pending().await };
            self.untold = change;
        }
        while let Ok(Some(more)) = tokio::time::timeout(QUIET, self.changes.recv()).await {
            self.untold = self.untold.and(more);
        }
        std::mem::take(&mut self.untold)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use nerve_runtime::daemon::Layout;

    use super::{Change, Watch};

    #[tokio::test]
    async fn a_burst_is_one_change_and_data_is_none() {
        let root = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(root.path().canonicalize().expect("a path"));
        fs::create_dir_all(layout.sources()).expect("folders");
        fs::create_dir_all(layout.data()).expect("folders");
        let mut watch = Watch::new(&layout).expect("a watch");
        fs::write(layout.store(), "x").expect("a file");
        assert!(tokio::time::timeout(Duration::from_millis(300), watch.next()).await.is_err(), "data does not count");
        for text in ["a", "b", "c"] {
            fs::write(layout.sources().join("lib.rs"), text).expect("a file");
            fs::write(layout.config(), text).expect("a file");
        }
        assert_eq!(watch.next().await, Change { sources: true, config: true });
    }
}
