//! Waiting for a thread's end.

use std::time::{Duration, Instant};

use nerve_core::thread::StateName;
use nerve_runtime::daemon::api::dto::{ErrorKind, ThreadView};

use crate::context::Context;
use crate::error::CliError;

/// How long one request waits.
const POLL: Duration = Duration::from_secs(20);

/// How long a daemon may be away, for a restart say, before the wait gives up.
const ABSENCE: Duration = Duration::from_secs(10);

/// Whether nothing happens any more without a person.
pub(super) fn is_over(state: StateName) -> bool {
    state.is_end() || state == StateName::Waiting
}

/// The thread once it is over or parked, or as it is at the deadline.
pub(super) async fn wait(context: &Context, id: &str, deadline: Option<Instant>) -> Result<ThreadView, CliError> {
    let mut absent: Option<Instant> = None;
    loop {
        let left = deadline.map_or(POLL, |deadline| deadline.saturating_duration_since(Instant::now()).min(POLL));
        let asked = match context.client() {
            Ok(client) => client.wait(id, u64::try_from(left.as_millis()).unwrap_or(u64::MAX)).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(thread) if is_over(thread.state) || deadline.is_some_and(|deadline| Instant::now() >= deadline) => return Ok(thread),
            Ok(_) => absent = None,
            // The thread outlives the daemon, so the wait does too.
            Err(error) if matches!(error.kind(), ErrorKind::NotRunning | ErrorKind::Failed) => {
                if absent.get_or_insert_with(Instant::now).elapsed() > ABSENCE
                    || deadline.is_some_and(|deadline| Instant::now() >= deadline)
                {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Err(error) => return Err(error),
        }
    }
}
