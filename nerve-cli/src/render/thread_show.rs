//! A thread as a conversation, bounded for readers with a small context.

use nerve_core::thread::StateName;
use nerve_runtime::daemon::api::dto::{OriginView, StepView, ThreadView};

use super::cut;
use super::message::{message, shortened};

/// What of a conversation is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// The most characters.
    pub(crate) budget: usize,
    /// Only messages before this round, without the first.
    pub(crate) before: Option<u32>,
}

/// The thread in plain form.
pub(crate) fn show(thread: &ThreadView, window: Window) -> String {
    match window.before {
        Some(round) => earlier(&thread.steps, round, window.budget),
        None => overview(thread, window.budget),
    }
}

/// The head, the first message, and as many of the latest as fit.
fn overview(thread: &ThreadView, budget: usize) -> String {
    // The prompt may be long; half of the budget is the conversation's.
    let head = head(thread, budget / 4);
    let mut left = budget.saturating_sub(chars(&head));
    let Some((first, rest)) = thread.steps.split_first() else { return head };
    let first = shortened(first, if rest.is_empty() { left } else { left / 2 });
    left = left.saturating_sub(chars(&first) + 1);
    let whole: usize = rest.iter().map(|step| chars(&message(step)) + 1).sum();
    let mut parts = vec![head, first];
    // Room for the line that says what is missing is only needed when something is.
    parts.extend(if whole <= left { rest.iter().map(message).collect() } else { latest(rest, left.saturating_sub(OMITTED)) });
    parts.join("\n")
}

/// Messages before a round, the latest that fit, in their order.
fn earlier(steps: &[StepView], round: u32, budget: usize) -> String {
    let rest: Vec<StepView> = steps.iter().skip(1).filter(|step| step.n < round).cloned().collect();
    if rest.is_empty() {
        return format!("no messages before #{round} besides the first\n");
    }
    latest(&rest, budget.saturating_sub(OMITTED)).join("\n")
}

/// The length of the longest line of omission, with its separator.
const OMITTED: usize = 64;

/// The last messages that fit, at least one of them in part; before them how many are missing.
fn latest(steps: &[StepView], budget: usize) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    let mut left = budget;
    for step in steps.iter().rev() {
        let text = message(step);
        if chars(&text) + 1 > left {
            break;
        }
        left -= chars(&text) + 1;
        shown.push(text);
    }
    if shown.is_empty() {
        shown.extend(steps.last().map(|step| shortened(step, budget.saturating_sub(1))));
    }
    let omitted = steps.len() - shown.len();
    if omitted > 0 {
        let oldest = steps[omitted].n;
        shown.push(format!("{omitted} message{} omitted (use --before {oldest} to load)\n", if omitted == 1 { "" } else { "s" }));
    }
    shown.reverse();
    shown
}

fn head(thread: &ThreadView, prompt: usize) -> String {
    let code = thread.exit_code.map(|code| format!(" ({code})")).unwrap_or_default();
    let dry = if thread.dry_run { "  dry run" } else { "" };
    let from = match &thread.origin {
        OriginView::Cli => "the command line".to_owned(),
        OriginView::Api => "the API".to_owned(),
        OriginView::Sense { sense, tick, signal } => format!("sense {sense}, {tick}, signal {}", cut(&signal.to_string(), prompt)),
    };
    let mut lines = vec![format!("{}  {}  {}{code}{dry}", thread.id, thread.workflow, thread.state), format!("from: {from}")];
    lines.extend(thread.reason.as_ref().map(|reason| format!("reason: {}", shorten_text(reason.trim_end(), prompt))));
    lines.push(format!("prompt: {}", shorten_text(thread.prompt.trim_end(), prompt)));
    if thread.usage.unpriced_calls() > 0 || thread.usage.nano_usd.is_some_and(|nano| nano > 0) {
        let counts = |tokens: Option<u64>| tokens.map_or_else(|| "?".to_owned(), |tokens| tokens.to_string());
        let (input, output) = (counts(thread.usage.input_tokens), counts(thread.usage.output_tokens));
        lines.push(format!("cost: {} ({} calls, {input} tokens in, {output} out)", thread.cost, thread.usage.calls));
    }
    if thread.state == StateName::Waiting {
        lines.push(format!("decide: nerve thread resume {0}   or   nerve thread kill {0}", thread.id));
    }
    lines.join("\n") + "\n"
}

fn shorten_text(text: &str, most: usize) -> String {
    let length = chars(text);
    if length <= most {
        return text.to_owned();
    }
    let start: String = text.chars().take(most).collect();
    format!("{start}… ({} more characters: --json)", length - most)
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests;
