//! `nerve stop`.

use std::time::{Duration, Instant};

use clap::Args;
use nerve_core::config::{Supervision, parse};
use nerve_runtime::daemon::Layout;
use nerve_runtime::daemon::api::dto::{ErrorKind, Stopping};
use serde_json::json;

use super::start::running;
use crate::client::Client;
use crate::context::Context;
use crate::daemon_process::is_free;
use crate::error::{CliError, codes};
use crate::exit::Exit;
use crate::render::time::span;

/// Stop the daemon; returns when it and all it started are gone
///
/// Open threads go on at the next start. Exit 0 also when no daemon runs.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Stop {
    /// Let nothing finish first
    #[arg(long)]
    now: bool,
}

pub(crate) async fn run(context: &Context, args: Stop) -> Result<Exit, CliError> {
    let layout = context.layout()?;
    let started = Instant::now();
    let told = tell(&layout, args.now).await?;
    if told.is_none() && is_free(&layout) {
        context.ui.show(&json!({ "schema": "nerve.stop/1", "stopped": false }), |_| "no daemon runs here\n".to_owned())?;
        return Ok(Exit::OK);
    }
    if let Some(Stopping { waits_for, .. }) = &told
        && !waits_for.is_empty()
    {
        context.ui.say(&format!("waiting for {}. At once: {} stop --now", waits_for.join(", "), context.nerve()));
    }
    gone(&layout, patience(&layout, args.now)).await?;
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let document = json!({ "schema": "nerve.stop/1", "stopped": true, "pid": told.map(|told| told.pid), "took_ms": took });
    context.ui.show(&document, |_| format!("stopped after {}\n", span(took)))?;
    Ok(Exit::OK)
}

/// Tells the daemon; nothing when none listens.
pub(crate) async fn tell(layout: &Layout, now: bool) -> Result<Option<Stopping>, CliError> {
    let answer = match Client::to(layout) {
        Ok(client) => client.stop(now).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(told) => Ok(Some(told)),
        Err(error) if error.kind() == ErrorKind::NotRunning => Ok(None),
        // It may end while it answers; what counts is that it ends.
        Err(error) if running(layout).await.is_ok_and(|status| status.is_some()) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Waits until nobody holds the workspace.
pub(crate) async fn gone(layout: &Layout, patience: Duration) -> Result<(), CliError> {
    let deadline = Instant::now() + patience;
    while !is_free(layout) {
        if Instant::now() > deadline {
            let waited = span(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
            return Err(CliError::new(codes::NOT_STOPPED, format!("the daemon still runs after {waited}"))
                .help(format!("nerve stop --now, and see {}", layout.daemon_log().display())));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// As long as the daemon may take by nerve.yaml, and some more for the machine.
fn patience(layout: &Layout, now: bool) -> Duration {
    let config = std::fs::read_to_string(layout.config()).ok().and_then(|source| parse(&source, "nerve.yaml").config);
    let Supervision { workflow_drain, sense_drain, term_grace, .. } = config.map(|config| config.supervision).unwrap_or_default();
    let drain = if now { Duration::ZERO } else { workflow_drain * 2 + sense_drain };
    drain + term_grace + Duration::from_secs(15)
}
