//! Noticing that nerve.yaml or the current build has changed.

use std::path::Path;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::engine::Message;
use super::{BuildRecord, BuildSpec, DaemonError, Layout, config_file};

/// How long after a change the files are read: editors write in several steps.
const SETTLE: Duration = Duration::from_millis(100);

/// Watches the folders (not the files, which editors replace); the watcher stops when it is dropped.
pub(crate) fn watch(layout: &Layout, changed: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let (config, current) = (layout.config(), layout.current_build());
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let ours = |path: &Path| path == config || path == current;
        let read_only = |event: &notify::Event| matches!(event.kind, notify::EventKind::Access(_));
        if event.is_ok_and(|event| !read_only(&event) && event.paths.iter().any(|path| ours(path))) {
            // One note is enough until it is read.
            let _ = changed.try_send(());
        }
    })?;
    watcher.watch(layout.root(), RecursiveMode::NonRecursive)?;
    watcher.watch(&layout.builds(), RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Reads what may have changed and tells the engine, which compares.
pub(crate) async fn follow(layout: Layout, mut changes: mpsc::Receiver<()>, tell: mpsc::UnboundedSender<Message>) {
    while changes.recv().await.is_some() {
        tokio::time::sleep(SETTLE).await;
        while changes.try_recv().is_ok() {}
        let message = match config_file::load(&layout) {
            Ok(config) => Message::Config(config),
            Err(DaemonError::Config { brief, .. }) => Message::ConfigProblem(format!("{brief}; the last good one serves: nerve validate")),
            Err(error) => Message::ConfigProblem(error.to_string()),
        };
        let _ = tell.send(message);
        match BuildRecord::current(&layout) {
            Ok(Some(record)) => {
                let spec = BuildSpec::of(&layout, &record.build);
                let _ = tell.send(Message::Build(record, spec));
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the current build cannot be read"),
        }
    }
}
