//! `nerve logs`.

use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;
use nerve_runtime::daemon::api::dto::{ErrorKind, JournalLine, JournalQuery};

use crate::client::Client;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::journal::line;

/// Show the journal: what senses, workflows and the daemon did
///
/// With -f it goes on until Ctrl-C, over restarts of the daemon too; with -f and --json one document a line.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,
    /// Only this thread
    #[arg(long, value_name = "ID")]
    thread: Option<String>,
    /// Only this sense
    #[arg(long, value_name = "NAME")]
    sense: Option<String>,
    /// At most this many of the latest entries
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
}

/// How long one request waits for news.
const POLL_MS: u64 = 20_000;

pub(crate) async fn run(context: &Context, args: Logs) -> Result<Exit, CliError> {
    let client = context.client()?;
    let mut query = JournalQuery { limit: Some(args.limit), thread: args.thread, sense: args.sense, ..JournalQuery::default() };
    let page = client.journal(&query).await?;
    if !args.follow {
        context.ui.show(&page, |page| lines(&page.items))?;
        if page.total > page.items.len() as u64 {
            let more = page.total.min(args.limit.saturating_mul(10).into());
            context.ui.say(&format!("the latest {} of {}; more: {} logs --limit {more}", page.items.len(), page.total, context.nerve()));
        }
        return Ok(Exit::OK);
    }
    print(context, &page.items)?;
    query.after = Some(page.items.last().map_or(0, |entry| entry.seq));
    follow(context, client, query).await
}

/// Prints what comes; a daemon that ends is waited for, so nothing is missed and nothing told twice.
async fn follow(context: &Context, mut client: Client, mut query: JournalQuery) -> Result<Exit, CliError> {
    query.wait_ms = Some(POLL_MS);
    query.limit = Some(1000);
    let mut down = false;
    loop {
        match client.journal(&query).await {
            Ok(page) => {
                if std::mem::take(&mut down) {
                    context.ui.say("-- the daemon runs again");
                }
                print(context, &page.items)?;
                query.after = page.items.last().map(|entry| entry.seq).or(query.after);
            }
            Err(error) if error.kind() == ErrorKind::NotRunning || (error.kind() == ErrorKind::Failed && !down) => {
                if !std::mem::replace(&mut down, true) {
                    context.ui.say("-- the daemon ended; waiting for the next one");
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
                // A new daemon may listen at another place.
                client = context.client().unwrap_or(client);
            }
            Err(error) => return Err(error),
        }
    }
}

fn print(context: &Context, entries: &[JournalLine]) -> Result<(), CliError> {
    if context.ui.is_json() {
        return entries.iter().try_for_each(|entry| context.ui.document(entry));
    }
    context.ui.data(&lines(entries))
}

fn lines(entries: &[JournalLine]) -> String {
    let zone = TimeZone::system();
    entries.iter().map(|entry| line(entry, &zone)).collect()
}
