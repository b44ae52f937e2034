//! `nerve thread list`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use nerve_core::thread::StateName;
use nerve_runtime::daemon::api::dto::{List as Page, ThreadItem, ThreadsQuery, schema};

use crate::client::Client;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::thread_list::list;

/// List threads in every state, newest first
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only threads in this state
    #[arg(long, value_parser = PossibleValuesParser::new(StateName::ALL.map(StateName::name)))]
    state: Option<String>,
    /// Only threads of this workflow
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// The page after the one that named this mark
    #[arg(long, value_name = "MARK")]
    before: Option<String>,
    /// All of them
    #[arg(long, conflicts_with_all = ["limit", "before"])]
    all: bool,
}

/// How many one request brings when all are wanted.
const PAGE: u32 = 500;

pub(super) async fn run(context: &Context, args: List) -> Result<Exit, CliError> {
    let client = context.client()?;
    let next_page = next_page(&context.nerve(), &args);
    let query = ThreadsQuery { state: args.state, workflow: args.workflow, limit: Some(args.limit), before: args.before };
    let page = if args.all { everything(&client, query).await? } else { client.threads(&query).await? };
    context.ui.show(&page, |page| list(page, Timestamp::now(), &next_page))?;
    Ok(Exit::OK)
}

async fn everything(client: &Client, mut query: ThreadsQuery) -> Result<Page<ThreadItem>, CliError> {
    query.limit = Some(PAGE);
    let mut items = Vec::new();
    loop {
        let page = client.threads(&query).await?;
        items.extend(page.items);
        query.before = page.next;
        if query.before.is_none() {
            return Ok(Page::whole(schema::THREAD_LIST, items));
        }
    }
}

/// This command again, as far as the mark.
fn next_page(nerve: &str, args: &List) -> String {
    let mut command = format!("{nerve} thread list");
    let flags = [
        ("--state", args.state.clone()),
        ("--workflow", args.workflow.clone()),
        ("--limit", (args.limit != 50).then(|| args.limit.to_string())),
    ];
    for (flag, value) in flags {
        if let Some(value) = value {
            command.push(' ');
            command.push_str(flag);
            command.push(' ');
            command.push_str(&value);
        }
    }
    command
}
