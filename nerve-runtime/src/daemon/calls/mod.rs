//! The calls that leave the process: resolving who answers and where, making the call, reading the meta.
//!
//! They run on the daemon's other runtime and report to the engine's inbox. What they need of a thread is copied for
//! them; they know nothing of the journal.

pub(crate) mod agent;
mod ask_key;
mod command;
mod environment;
mod found;
mod jobs;
mod line;
mod occupied;
mod outcome;
mod pricing;
mod resolve;
mod settle;
mod trial;
mod workdir;

use std::collections::HashSet;
use std::ffi::OsString;
use std::sync::Arc;

use nerve_adapters::host::llm::LlmClient;
use nerve_core::BuildId;
use nerve_core::config::Workers;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::children::Children;
use super::engine::Message;
use super::{Layout, builds};
use crate::crash_point::{Moment, Point, crash_point};
use crate::worker::limits;
use agent::KeeperProgram;
pub(crate) use ask_key::ask_key;
pub(crate) use command::CliCommand;
pub(crate) use environment::Environment;
pub use environment::variable;
pub(crate) use found::Found;
pub(crate) use jobs::{AskJob, ExtractJob, StepJob};
use occupied::Occupied;
pub(crate) use resolve::{Kind, Resolved};
pub(crate) use trial::{held, not_tried};
pub(crate) use workdir::Place;

/// Has the allocator of `nerve`, and so of a worker inside it, take memory when it is used. Otherwise it reserves a gibibyte at its start,
/// and what is reserved counts for a worker's limit.
const TAKE_WHEN_USED: (&str, &str) = ("MIMALLOC_ARENA_EAGER_COMMIT", "0");

/// Where calls are made from. The engine owns it.
pub(crate) struct Host {
    runtime: Handle,
    client: Arc<LlmClient>,
    layout: Layout,
    environment: Environment,
    children: Children,
    keeper: KeeperProgram,
    occupied: Occupied,
    tell: mpsc::UnboundedSender<Message>,
}

impl Host {
    /// Calls run on `runtime` and report through `tell`; their processes are `children`, each under a `keeper`.
    pub(crate) fn new(
        runtime: Handle,
        layout: Layout,
        children: Children,
        keeper: KeeperProgram,
        tell: mpsc::UnboundedSender<Message>,
    ) -> Self {
        let environment = Environment::new(layout.dot_env());
        Self { runtime, client: Arc::new(LlmClient::new()), layout, environment, children, keeper, occupied: Occupied::default(), tell }
    }

    /// The environment that a worker starts with: the few variables that every program needs, those that nerve.yaml names,
    /// and what it may use.
    pub(crate) fn worker_environment(&self, settings: &Workers) -> Vec<(OsString, OsString)> {
        let mut variables = self.environment.for_worker(&settings.env, self.layout.root());
        let bytes = settings.memory_mib.map(|mib| mib.saturating_mul(1024 * 1024));
        let seconds = settings.cpu_time.map(|time| time.as_secs().max(1));
        let limits = [(limits::MEMORY, bytes), (limits::CPU, seconds)];
        variables.extend(limits.into_iter().filter_map(|(name, most)| Some((name.into(), most?.to_string().into()))));
        if bytes.is_some() {
            variables.push((TAKE_WHEN_USED.0.into(), TAKE_WHEN_USED.1.into()));
        }
        variables
    }

    /// Runs a call; its result reaches the engine as a message. Aborting the handle stops the call.
    fn spawn(&self, job: impl Future<Output = super::engine::Finished> + Send + 'static) -> AbortHandle {
        let tell = self.tell.clone();
        #[expect(clippy::disallowed_methods, reason = "the engine holds the abort handle and ends with every call ended")]
        let task = self.runtime.spawn(async move {
            let finished = job.await;
            let answered = finished.is_answer();
            // The engine is the last to go.
            let _ = tell.send(Message::Call(Box::new(finished)));
            if answered {
                crash_point(Point::At(Moment::CallTold));
            }
        });
        task.abort_handle()
    }

    /// Does something small beside, of which nobody waits for the end.
    fn aside(&self, job: impl Future<Output = ()> + Send + 'static) {
        #[expect(clippy::disallowed_methods, reason = "it ends by itself, or with the runtime that the daemon's life owns")]
        self.runtime.spawn(job);
    }
}

impl Host {
    /// Removes the builds that nothing needs any more; see [`builds::collect`].
    pub(crate) fn collect_builds(&self, needed: HashSet<BuildId>) {
        let layout = self.layout.clone();
        // It may be cut off anywhere: the next one goes on.
        self.aside(async move {
            match builds::collect(&layout, &needed) {
                Ok(gone) if gone.is_empty() => {}
                Ok(gone) => tracing::info!(?gone, "builds that nothing needs were removed"),
                Err(error) => tracing::warn!(%error, "unused builds could not be removed"),
            }
        });
    }

    /// The value of a secret of nerve.yaml's.
    pub(crate) fn secret(&self, secret: &nerve_core::config::Secret) -> Result<String, String> {
        secret.expand(|name| self.environment.get(name)).map_err(|missing| {
            format!("${{{}}} is not set: export it before `nerve start`, or add it to .env beside nerve.yaml", missing.name)
        })
    }
}

#[cfg(test)]
mod tests;
