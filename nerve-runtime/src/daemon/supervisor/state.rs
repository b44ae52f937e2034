//! The states of a child; [`task`](super::task) moves between them.

use tokio::time::Instant;

use super::spawn::Running;

/// What a child is at, and what its task holds of it then.
pub(super) enum State {
    Stopped,
    /// Waits before the next start.
    Backoff {
        until: Instant,
    },
    Starting {
        running: Running,
        deadline: Instant,
    },
    Ready {
        running: Running,
        since: Instant,
        /// When its record is clean, if it is not.
        healthy_at: Option<Instant>,
    },
    /// It is to end for a fault of its own, which counts as a crash.
    Condemned {
        running: Running,
        ready_since: Option<Instant>,
        /// Nothing is said of it when it ended by itself.
        why: Option<String>,
        deadline: Instant,
    },
    Draining {
        running: Running,
        stage: Stage,
        deadline: Instant,
        was_ready: bool,
    },
    Blocked,
}

/// How far a stop has gone.
#[derive(Clone, Copy)]
pub(super) enum Stage {
    Asked,
    Signalled,
}
