//! `nerve dev`: the daemon in the foreground, with an eye on the sources.

mod builder;
mod feed;
mod host;
mod watch;

use std::pin::pin;

use clap::Args;
use jiff::tz::TimeZone;
use nerve_runtime::daemon::Layout;
use nerve_runtime::daemon::api::dto::Status;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::builder::Builder;
use self::host::Host;
use self::watch::{Change, Watch};
use super::start::{prepared, running};
use super::stop::tell;
use crate::checks::{self, Serving};
use crate::client::Client;
use crate::context::Context;
use crate::daemon_process::is_free;
use crate::error::{CliError, codes};
use crate::exit::Exit;
use crate::render::count;
use crate::render::time::local;

/// Run the daemon here, show what happens, rebuild on every change
///
/// The old code serves until the new one is ready. Ctrl-C stops when running steps are done, twice stops at once.
/// Exit 7 when a daemon runs already.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Dev {}

pub(crate) async fn run(context: &Context, _: &Dev) -> Result<Exit, CliError> {
    let layout = context.layout()?;
    refuse_a_second(&layout).await?;
    let mut builder = Builder::new(context.ui, layout.clone());
    if Serving::of(&layout)? == Serving::Nothing {
        // Nothing could serve meanwhile, so this one build is waited for.
        builder.first().await?;
    }
    let serving = prepared(context, &layout)?;
    let mut signals = Signals::new()?;
    let mut watch = Watch::new(&layout)?;
    let mut host = Host::start(&layout).await?;
    let client = Client::to(&layout)?;
    banner(context, &layout, &client.status().await?);
    let mut feed = pin!(feed::follow(context.ui, client));
    let mut read = true;
    if matches!(serving, Serving::Stale(_)) {
        builder.start();
    }
    let mut asked = 0;
    let ended = loop {
        tokio::select! {
            ended = host.ended() => break ended,
            () = signals.next() => {
                asked += 1;
                stop(context, &layout, asked > 1).await;
            }
            change = watch.next() => changed(context, &layout, &mut builder, change),
            () = builder.finished() => {}
            () = &mut feed, if read => read = false,
        }
    };
    builder.end().await;
    ended?;
    context.ui.say("stopped; open threads go on at the next start");
    Ok(if asked > 1 { Exit::INTERRUPTED } else { Exit::OK })
}

async fn refuse_a_second(layout: &Layout) -> Result<(), CliError> {
    let since = match running(layout).await? {
        Some(status) => format!(", pid {}, since {}", status.pid, local(status.since, &TimeZone::system())),
        None if is_free(layout) => return Ok(()),
        None => String::new(),
    };
    Err(CliError::new(codes::RUNNING, format!("a daemon runs here already{since}")).help("stop it: nerve stop\nor watch it: nerve logs -f"))
}

fn banner(context: &Context, layout: &Layout, status: &Status) {
    let socket = std::fs::read_to_string(layout.socket_pointer()).unwrap_or_default();
    let build = status.build.as_ref().map_or("none", |build| build.0.as_str());
    let text = format!(
        "nerve {}  {}\n  socket    {}\n  build     {build}\n  data      .nerve/ (kept across restarts)\n  loaded    {}, {}\nready; Ctrl-C stops, twice at once",
        status.version,
        status.workspace,
        socket.trim(),
        count(status.senses.len() as u64, "sense"),
        count(status.workflows.len() as u64, "workflow"),
    );
    context.ui.say(&text);
}

async fn stop(context: &Context, layout: &Layout, now: bool) {
    match tell(layout, now).await {
        Ok(Some(told)) if told.waits_for.is_empty() || now => context.ui.say("stopping"),
        Ok(Some(told)) => context.ui.say(&format!("stopping; waiting for {}. Ctrl-C again stops at once", told.waits_for.join(", "))),
        Ok(None) => {}
        Err(error) => context.ui.warn(&error.text()),
    }
}

fn changed(context: &Context, layout: &Layout, builder: &mut Builder, change: Change) {
    if change.config {
        let checked = Serving::of(layout).and_then(|serving| checks::config(layout, &serving));
        match checked {
            Ok(_) => context.ui.say("nerve.yaml changed"),
            Err(error) => context.ui.warn(&format!("{}\nnerve.yaml was not taken; the last good one stays", error.text())),
        }
    }
    if change.sources && matches!(Serving::of(layout), Ok(Serving::Stale(_) | Serving::Nothing)) {
        builder.start();
    }
}

/// What a person or the system ends this with.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self, CliError> {
        let of = |kind| signal(kind).map_err(|error| CliError::new(codes::FILE, "Ctrl-C cannot be watched").because(error));
        Ok(Self { interrupt: of(SignalKind::interrupt())?, terminate: of(SignalKind::terminate())?, hangup: of(SignalKind::hangup())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
