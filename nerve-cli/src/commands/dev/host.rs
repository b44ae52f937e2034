//! The daemon on a thread of this process.

use nerve_runtime::daemon::{self, DaemonError, Layout, Started};
use tokio::sync::oneshot;

use crate::daemon_process::{self, body};
use crate::error::{CliError, codes};

/// A daemon that runs here.
pub(super) struct Host {
    end: oneshot::Receiver<Result<(), CliError>>,
}

impl Host {
    /// Starts it and waits until its API answers.
    pub(super) async fn start(layout: &Layout) -> Result<Self, CliError> {
        let options = daemon_process::options(layout, true)?;
        let (tell_ready, ready) = oneshot::channel();
        let (tell_end, end) = oneshot::channel();
        let run = move || {
            let on_ready = |outcome: Result<Started, &DaemonError>| {
                let _ = tell_ready.send(outcome.map(drop).map_err(|error| CliError::from(body(error))));
            };
            let ended = daemon::run(options, on_ready);
            let _ = tell_end.send(ended.map_err(|error| body(&error).into()));
        };
        let thread = std::thread::Builder::new().name("daemon".to_owned()).spawn(run);
        thread.map_err(|error| CliError::new(codes::NOT_STARTED, "cannot start the daemon's thread").because(error))?;
        ready.await.unwrap_or_else(|_| Err(broken()))?;
        Ok(Self { end })
    }

    /// Comes back when it has ended.
    pub(super) async fn ended(&mut self) -> Result<(), CliError> {
        (&mut self.end).await.unwrap_or_else(|_| Err(broken()))
    }
}

fn broken() -> CliError {
    CliError::new(codes::NOT_STARTED, "the daemon's thread broke off")
}
