//! Builds in the background: one at a time, the latest wins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nerve_runtime::daemon::Layout;
use tokio::sync::oneshot;

use crate::commands::build::{built, failed};
use crate::error::{CliError, codes};
use crate::ui::Ui;
use crate::workspace::{self, BuildError, BuildOptions, BuildReport};

type Outcome = Result<BuildReport, BuildError>;

/// Builds the workspace when told to.
pub(super) struct Builder {
    ui: Ui,
    layout: Layout,
    cancel: Arc<AtomicBool>,
    running: Option<oneshot::Receiver<Outcome>>,
    again: bool,
}

impl Builder {
    pub(super) fn new(ui: Ui, layout: Layout) -> Self {
        Self { ui, layout, cancel: Arc::default(), running: None, again: false }
    }

    /// Builds now and waits.
    pub(super) async fn first(&mut self) -> Result<(), CliError> {
        self.start();
        let Some(running) = self.running.take() else { return Err(CliError::new(codes::BUILD_FAILED, "the build could not start")) };
        let report = running.await.map_err(|error| CliError::new(codes::BUILD_FAILED, "the build broke off").because(error))?;
        self.say(&report);
        report.map(drop).map_err(failed)
    }

    /// Builds; a build that runs is of sources that are no more, so it makes way.
    pub(super) fn start(&mut self) {
        if self.running.is_some() {
            self.again = true;
            self.cancel();
            return;
        }
        self.ui.say("building");
        self.cancel = Arc::default();
        let options = BuildOptions { cancel: self.cancel.clone(), ..BuildOptions::default() };
        let layout = self.layout.clone();
        let (tell, outcome) = oneshot::channel();
        // What the compiler says is shown when it matters: at a failure.
        let build = move || drop(tell.send(workspace::build(&layout, &options, &mut |_| {})));
        match std::thread::Builder::new().name("build".to_owned()).spawn(build) {
            Ok(_) => self.running = Some(outcome),
            Err(error) => self.ui.warn(&format!("the build could not start: {error}")),
        }
    }

    /// Comes back when a build is through and told; never while none runs.
    pub(super) async fn finished(&mut self) {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let outcome = running.await;
        self.running = None;
        if let Ok(outcome) = outcome {
            self.say(&outcome);
        }
        if std::mem::take(&mut self.again) {
            self.start();
        }
    }

    /// Stops a build that runs and waits until what it started is gone, within reason.
    pub(super) async fn end(&mut self) {
        self.cancel();
        if let Some(running) = self.running.take() {
            let _ = tokio::time::timeout(Duration::from_secs(5), running).await;
        }
    }

    fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    fn say(&self, outcome: &Outcome) {
        match outcome {
            Ok(report) => self.ui.say(&built(report)),
            Err(BuildError::Cancelled) => {}
            Err(BuildError::Failed { said, .. }) => self.ui.warn(&format!("{said}\nthe build failed; the code before it goes on serving")),
            Err(error) => self.ui.warn(&format!("the build failed: {error}")),
        }
    }
}
