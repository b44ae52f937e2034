//! `nerve start`.

use std::time::Duration;

use jiff::tz::TimeZone;
use nerve_core::config::render;
use nerve_runtime::daemon::Layout;
use nerve_runtime::daemon::api::dto::{ErrorKind, Status};
use serde_json::json;

use crate::checks::{self, Serving};
use crate::client::Client;
use crate::context::Context;
use crate::daemon_process;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::time::{between, local};

/// How often a daemon that breaks a connection off is asked again, and after which pause: it may be on its way out.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn run(context: &Context) -> Result<Exit, CliError> {
    let layout = context.layout()?;
    if let Some(status) = running(&layout).await? {
        return already(context, &status);
    }
    let serving = prepared(context, &layout)?;
    let spawned = match daemon_process::spawn(&layout) {
        Ok(spawned) => spawned,
        // Another start was quicker; its daemon is as good as ours.
        Err(error) if error.kind() == ErrorKind::Conflict => match soon(&layout).await? {
            Some(status) => return already(context, &status),
            None => return Err(error),
        },
        Err(error) => return Err(error),
    };
    let stale = matches!(serving, Serving::Stale(_));
    let root = layout.root().display().to_string();
    let document = json!({ "schema": "nerve.start/1", "started": true, "pid": spawned.pid, "since": spawned.since, "workspace": root, "stale": stale });
    context.ui.show(&document, |_| format!("started  pid {}  {root}\n", spawned.pid))?;
    context.ui.say(&format!("next:  {0} status    {0} logs -f    {0} stop", context.nerve()));
    Ok(Exit::OK)
}

/// Checks what a daemon needs, and says what is worth knowing before it starts.
pub(crate) fn prepared(context: &Context, layout: &Layout) -> Result<Serving, CliError> {
    let (serving, warnings) = checks::before_start(layout)?;
    if !warnings.is_empty() {
        context.ui.warn(&render(&warnings));
    }
    if let Some(remark) = serving.remark() {
        context.ui.warn(&remark);
    }
    Ok(serving)
}

/// The daemon that answers, if one does.
pub(crate) async fn running(layout: &Layout) -> Result<Option<Status>, CliError> {
    let mut tries = 0;
    loop {
        let answer = match Client::to(layout) {
            Ok(client) => client.status().await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(status) => return Ok(Some(status)),
            Err(error) if error.kind() == ErrorKind::NotRunning => return Ok(None),
            // The socket of a process that was just killed still takes a connection, and breaks it off.
            Err(_) if daemon_process::is_free(layout) => return Ok(None),
            Err(error) if tries >= TRIES => return Err(error),
            Err(_) => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The daemon that is about to answer.
async fn soon(layout: &Layout) -> Result<Option<Status>, CliError> {
    for _ in 0..100 {
        if daemon_process::is_free(layout) {
            return Ok(None);
        }
        if let Some(status) = running(layout).await? {
            return Ok(Some(status));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(None)
}

fn already(context: &Context, status: &Status) -> Result<Exit, CliError> {
    let document = json!({
        "schema": "nerve.start/1", "started": false, "pid": status.pid, "since": status.since, "workspace": status.workspace, "stale": status.stale,
    });
    context.ui.show(&document, |_| {
        let age = between(status.since, jiff::Timestamp::now());
        format!("already running  pid {}  since {} ({age})  {}\n", status.pid, local(status.since, &TimeZone::system()), status.workspace)
    })?;
    Ok(Exit::OK)
}
