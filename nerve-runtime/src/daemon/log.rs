//! The daemon's log: `.nerve/logs/daemon.log`, one line an event.

use std::fs::File;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use super::{DaemonError, Layout};

/// What is logged when `NERVE_LOG` does not say.
const LEVEL: &str = "info,sqlx=warn";

/// Sends events to the log file from here on. A second daemon in one process, as in tests, shares the first one's.
pub(crate) fn start(layout: &Layout) -> Result<(), DaemonError> {
    let path = layout.daemon_log();
    let file = File::options().create(true).append(true).open(&path).map_err(|error| DaemonError::io("opening the log", path, error))?;
    let filter = EnvFilter::try_from_env("NERVE_LOG").unwrap_or_else(|_| EnvFilter::new(LEVEL));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Mutex::new(file));
    // What cannot be logged would be told on stderr, which is the same file; a full disk must not make that a panic.
    let log = log.log_internal_errors(false);
    // Only the first of a process can be installed.
    let _ = log.try_init();
    Ok(())
}
