//! `nerve usage`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use nerve_core::config::parse_duration;
use nerve_runtime::daemon::api::dto::{UsageBy, UsageQuery, UsageReport};

use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::table::{cell, table};

/// Show what calls cost: tokens, requests and money
///
/// Every call counts, failed ones too. A price or a count that is not known is `?`, never nothing; prices stand under `prices:` in nerve.yaml.
#[derive(Debug, Args)]
pub(crate) struct UsageArgs {
    /// What to group by; a day is one in UTC
    #[arg(long, value_enum, default_value_t = By::Workflow)]
    by: By,
    /// Only calls of this last while, such as 24h; all that are stored without it
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    since: Option<Duration>,
}

/// What calls are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Day,
    Workflow,
    Role,
    Model,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

pub(crate) async fn run(context: &Context, args: UsageArgs) -> Result<Exit, CliError> {
    let by = match args.by {
        By::Day => UsageBy::Day,
        By::Workflow => UsageBy::Workflow,
        By::Role => UsageBy::Role,
        By::Model => UsageBy::Model,
    };
    let since_ms = args.since.map(|since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    let report = context.client()?.usage(&UsageQuery { by, since_ms }).await?;
    context.ui.show(&report, lines)?;
    Ok(Exit::OK)
}

fn lines(report: &UsageReport) -> String {
    if report.items.is_empty() {
        return "no calls\n".to_owned();
    }
    let name = match report.by {
        UsageBy::Day => "DAY",
        UsageBy::Workflow => "WORKFLOW",
        UsageBy::Role => "ROLE",
        UsageBy::Model => "MODEL",
    };
    let row = |name: &str, threads: String, usage: &nerve_core::Usage, cost: &str| {
        let count =
            |tokens: Option<u64>| tokens.map_or_else(|| if usage.calls == 0 { "0".to_owned() } else { "?".to_owned() }, |n| n.to_string());
        vec![
            if name.is_empty() { "(nobody was called)".to_owned() } else { name.to_owned() },
            threads,
            usage.calls.to_string(),
            count(usage.input_tokens),
            cell(usage.cache_read_tokens),
            count(usage.output_tokens),
            cell(usage.reasoning_tokens),
            cost.to_owned(),
        ]
    };
    let mut rows: Vec<Vec<String>> =
        report.items.iter().map(|item| row(&item.name, item.threads.to_string(), &item.usage, &item.cost)).collect();
    // A thread may stand in several groups, so their numbers are not added up.
    rows.push(row("total", String::new(), &report.sum.usage, &report.sum.cost));
    table(&[name, "THREADS", "CALLS", "INPUT", "CACHED", "OUTPUT", "REASONING", "COST"], &rows)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use nerve_core::Usage;
    use nerve_runtime::daemon::api::dto::{UsageItem, UsageSum};

    use super::*;

    #[test]
    fn unknown_counts_and_prices_are_question_marks() {
        let told = Usage { input_tokens: Some(48_120), output_tokens: Some(6240), cache_read_tokens: Some(31_002), ..Usage::ONE_CALL }
            .priced(120_000_000);
        let item = |name: &str, usage: Usage| UsageItem { name: name.to_owned(), threads: 2, usage, cost: usage.money() };
        let sum: Usage = [told, Usage::ONE_CALL].into_iter().sum();
        let report = UsageReport {
            schema: String::new(),
            by: UsageBy::Workflow,
            since: None,
            items: vec![item("triage", told), item("research", Usage::ONE_CALL), item("demo", Usage::FREE_CALL)],
            total: 3,
            next: None,
            sum: UsageSum { usage: sum, cost: sum.money() },
        };
        assert_snapshot!(lines(&report));
    }
}
