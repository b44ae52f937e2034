//! `nerve demo`: a workspace, a daemon, a file in the inbox, a thread, and nothing left behind.

mod place;

use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use clap::Args;
use nerve_core::thread::StateName;
use nerve_runtime::daemon::Layout;
use nerve_runtime::daemon::api::dto::{ErrorKind, OriginView, ThreadItem, ThreadView, ThreadsQuery};
use tokio::signal::unix::{SignalKind, signal};

use self::place::Place;
use super::start::prepared;
use super::stop::{gone, tell};
use crate::client::Client;
use crate::context::Context;
use crate::daemon_process::{Spawned, is_free, spawn};
use crate::error::{CliError, codes};
use crate::exit::Exit;
use crate::render::thread_show::{Window, show};

/// See it work: a workspace, a file in its inbox, a thread; no key, no network
///
/// Without DIR everything happens in a temporary folder that is removed at the end. Leaves no process.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Make the workspace here and keep it
    dir: Option<PathBuf>,
}

/// The longest that the play may take; stopping comes on top.
const PLAY: Duration = Duration::from_secs(11);

/// The longest that a daemon with nothing to do may take to end.
const END: Duration = Duration::from_secs(3);

pub(crate) async fn run(context: &Context, args: &Demo) -> Result<Exit, CliError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| failed("Ctrl-C cannot be watched").because(error))?;
    let place = Place::make(context, args.dir.clone())?;
    let layout = place.layout();
    let outcome = match start(context, layout) {
        Err(error) => Err(error),
        Ok(daemon) => {
            let played = tokio::select! {
                played = tokio::time::timeout(PLAY, play(context, layout)) => played.unwrap_or_else(|_| Err(failed("it took too long"))).map(Some),
                _ = interrupt.recv() => Ok(None),
            };
            // Whatever happened, the daemon goes first.
            let ended = end(layout, daemon.child).await;
            played.and_then(|played| ended.map(|()| played))
        }
    };
    let text = outcome.as_ref().ok().and_then(Option::as_ref).map(|_| place.farewell(&context.nerve()));
    place.leave();
    // Whatever went wrong, the demo as a whole failed.
    let outcome =
        outcome.map_err(|error| if error.kind() == ErrorKind::Failed { error } else { failed(&error.to_string()).because(error) });
    let Some(thread) = outcome? else { return Ok(Exit::INTERRUPTED) };
    if context.ui.is_json() {
        context.ui.document(&thread)?;
    }
    context.ui.say(&text.unwrap_or_default());
    Ok(Exit::OK)
}

fn start(context: &Context, layout: &Layout) -> Result<Spawned, CliError> {
    prepared(context, layout)?;
    // It blocks; a Ctrl-C meanwhile is kept for the next wait, when there is a daemon that can be stopped.
    let daemon = spawn(layout)?;
    context.ui.say(&format!("daemon started, pid {}", daemon.pid));
    Ok(daemon)
}

/// Drops a file and follows what comes of it.
async fn play(context: &Context, layout: &Layout) -> Result<ThreadView, CliError> {
    let client = Client::to(layout)?;
    let inbox = layout.root().join("inbox");
    let drop = || {
        std::fs::create_dir_all(&inbox)?;
        std::fs::write(inbox.join("hello.txt"), "The build machine feels slow since this morning. What is going on?\n")
    };
    drop().map_err(|error| CliError::new(codes::FILE, "cannot write into the inbox").at(inbox.display().to_string()).because(error))?;
    context.ui.say("dropped inbox/hello.txt; the sense `inbox` looks every second");
    let item = sensed(&client).await?;
    if let OriginView::Sense { sense, signal, .. } = &item.origin
        && !context.ui.is_json()
    {
        context.ui.data(&format!("signal of {sense}: {signal}\nstarts a thread of {}\n", item.workflow))?;
    }
    let limit = u64::try_from(PLAY.as_millis()).unwrap_or(u64::MAX);
    let thread = client.wait(&item.id.to_string(), limit).await?;
    if !context.ui.is_json() {
        context.ui.data(&format!("\n{}", show(&thread, Window { budget: 8000, before: None })))?;
    }
    match thread.state {
        StateName::Completed => Ok(thread),
        state => Err(failed(&format!("its thread is {state}{}", thread.reason.map(|reason| format!(": {reason}")).unwrap_or_default()))),
    }
}

/// The thread that the inbox started.
async fn sensed(client: &Client) -> Result<ThreadItem, CliError> {
    loop {
        let page = client.threads(&ThreadsQuery::default()).await?;
        let of_inbox = |item: &ThreadItem| matches!(&item.origin, OriginView::Sense { sense, .. } if sense == "inbox");
        if let Some(item) = page.items.into_iter().find(of_inbox) {
            return Ok(item);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Stops the daemon, gently first; our own child is waited for, so that not even its entry stays.
async fn end(layout: &Layout, mut child: Child) -> Result<(), CliError> {
    let _ = tell(layout, false).await;
    if gone(layout, END).await.is_err() {
        let _ = tell(layout, true).await;
        let _ = gone(layout, END).await;
    }
    let deadline = Instant::now() + Duration::from_secs(1);
    while !matches!(child.try_wait(), Ok(Some(_))) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    if matches!(child.try_wait(), Ok(Some(_))) && is_free(layout) {
        return Ok(());
    }
    let _ = child.kill();
    let _ = child.wait();
    Err(CliError::new(codes::NOT_STOPPED, "the demo's daemon had to be killed"))
}

fn failed(why: &str) -> CliError {
    CliError::new(codes::DEMO, format!("the demo did not come to its end: {why}"))
}
