//! `nerve thread inspect`.

use clap::Args;
use jiff::tz::TimeZone;
use nerve_runtime::daemon::api::dto::{JournalLine, List};

use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::count;
use crate::render::journal::numbered;

/// Show a thread's journal: every entry, in the order it was written
///
/// Details are cut in plain form; --json has them whole.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The thread, or the start of its id
    id: String,
    /// At most this many entries
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Leave out this many at the start
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,
}

pub(super) async fn run(context: &Context, args: Inspect) -> Result<Exit, CliError> {
    let page = context.client()?.entries(&args.id, args.limit, args.offset).await?;
    let next = format!("{} thread inspect {} --limit {}", context.nerve(), args.id, args.limit);
    context.ui.show(&page, |page| lines(page, &next))?;
    Ok(Exit::OK)
}

fn lines(page: &List<JournalLine>, next: &str) -> String {
    let zone = TimeZone::system();
    let mut text: String = page.items.iter().map(|entry| numbered(entry, &zone)).collect();
    let total = count(page.total, "entry").replace("entrys", "entries");
    let foot = match &page.next {
        Some(mark) => format!("{} of {total}; next page: {next} --offset {mark}\n", page.items.len()),
        None => total + "\n",
    };
    text.push_str(&foot);
    text
}
