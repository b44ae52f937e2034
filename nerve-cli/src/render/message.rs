//! One message of a conversation.

use nerve_core::thread::StateName;
use nerve_runtime::daemon::api::dto::StepView;

use super::yaml::front_matter;

/// `[#<round> <role>] <time>`, the meta as front matter, the text; ends with a line end.
pub(crate) fn message(step: &StepView) -> String {
    let at = step.ended_at.unwrap_or(step.started_at);
    let meta = step.meta.as_ref().and_then(|meta| meta.read().ok()).map(|meta| front_matter(&meta)).unwrap_or_default();
    let mut text = format!("[#{} {}] {at}\n{meta}", step.n, step.role);
    if let Some(content) = &step.content {
        text.push_str(content.trim_end());
        text.push('\n');
    }
    if step.state != StateName::Completed {
        text.push_str(&unfinished(step));
    }
    text
}

fn unfinished(step: &StepView) -> String {
    let adapter = step.adapter.as_deref().map(|adapter| format!(" with {adapter}")).unwrap_or_default();
    let error = step.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
    format!("({}, attempt {}{adapter}{error})\n", step.state, step.attempt)
}

/// The message in at most `most` characters; says how many are missing.
pub(crate) fn shortened(step: &StepView, most: usize) -> String {
    let whole = message(step);
    let length = whole.chars().count();
    if length <= most {
        return whole;
    }
    let note = |missing: usize| format!("\n… {missing} more characters (use --budget to load)\n");
    let keep = most.saturating_sub(note(length).chars().count());
    let start: String = whole.chars().take(keep).collect();
    format!("{start}{}", note(length - keep))
}
