//! Workflows in a table.

use nerve_core::config::Overflow;
use nerve_runtime::daemon::api::dto::{List, Restarted, WorkflowItem};

use super::count;
use super::table::{cell, table};

/// All workflows.
pub(crate) fn list(page: &List<WorkflowItem>) -> String {
    let total = count(page.total, "workflow");
    if page.items.is_empty() {
        return format!("{total}\n");
    }
    let rows: Vec<_> = page.items.iter().map(row).collect();
    format!("{}{total}\n", table(&["NAME", "ACTIVE", "QUEUED", "OVERFLOW", "ROLES", "BUILD"], &rows))
}

/// What a restart did.
pub(crate) fn restarted(restarted: &Restarted) -> String {
    let mut lines: Vec<_> = restarted.interrupted.iter().map(|thread| format!("{thread}  interrupted\n")).collect();
    lines.push(format!("{} restarts with a new process\n", restarted.workflow));
    lines.concat()
}

fn row(item: &WorkflowItem) -> Vec<String> {
    let overflow = match item.overflow {
        Overflow::Queue => format!("queue, at most {}", item.max_queue),
        Overflow::Drop => "drop".to_owned(),
    };
    vec![
        item.name.clone(),
        format!("{} of {}", item.active, item.concurrency),
        item.queued.to_string(),
        overflow,
        item.roles.join(", "),
        cell(item.build.as_ref().map(|build| build.0.chars().take(16).collect::<String>())),
    ]
}
