//! What happens in the daemon, one line each.

use std::time::Duration;

use jiff::tz::TimeZone;
use nerve_runtime::daemon::api::dto::{JournalLine, JournalQuery};

use crate::client::Client;
use crate::error::CliError;
use crate::render::journal::live;
use crate::ui::Ui;

/// Entries that tell a watcher nothing that their neighbours do not.
const DULL: [&str; 6] = ["accepted", "queued", "step_text", "ask", "ask_text", "tick"];

/// Prints what comes until nobody reads it or the daemon ends.
pub(super) async fn follow(ui: Ui, client: Client) {
    let latest = client.journal(&JournalQuery { limit: Some(1), ..JournalQuery::default() }).await;
    let mut after = latest.ok().and_then(|page| page.items.last().map(|entry| entry.seq)).unwrap_or(0);
    loop {
        let query = JournalQuery { after: Some(after), wait_ms: Some(20_000), limit: Some(1000), ..JournalQuery::default() };
        let Ok(page) = client.journal(&query).await else {
            // The API goes before the daemon does, or is busy; whoever started this ends it.
            tokio::time::sleep(Duration::from_millis(500)).await;
            continue;
        };
        after = page.items.last().map_or(after, |entry| entry.seq);
        if print(ui, &page.items).is_err() {
            return;
        }
    }
}

fn print(ui: Ui, entries: &[JournalLine]) -> Result<(), CliError> {
    if ui.is_json() {
        return entries.iter().try_for_each(|entry| ui.document(entry));
    }
    let zone = TimeZone::system();
    let told = entries.iter().filter(|entry| !DULL.contains(&entry.kind.as_str()));
    let lines: String = told.map(|entry| live(entry, &zone) + "\n").collect();
    ui.data(&lines)
}
