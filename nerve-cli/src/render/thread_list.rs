//! Threads in a table, with their total and the way to the next page.

use jiff::Timestamp;
use nerve_runtime::daemon::api::dto::{List, OriginView, ThreadItem};

use super::table::{cell, table};
use super::time::ago;
use super::{count, cut};

/// The page; `next_page` is the command for the next one, to which the page's mark is added.
pub(crate) fn list(page: &List<ThreadItem>, now: Timestamp, next_page: &str) -> String {
    let total = count(page.total, "thread");
    if page.items.is_empty() {
        return format!("{total}\n");
    }
    let rows: Vec<_> = page.items.iter().map(|item| row(item, now)).collect();
    let body = table(&["ID", "WORKFLOW", "STATE", "CODE", "FROM", "ACCEPTED", "REASON"], &rows);
    let foot = match &page.next {
        Some(mark) => format!("{} of {total}; next page: {next_page} --before {mark}", page.items.len()),
        None if page.items.len() as u64 == page.total => total,
        None => format!("the last {} of {total}", page.items.len()),
    };
    format!("{body}{foot}\n")
}

fn row(item: &ThreadItem, now: Timestamp) -> Vec<String> {
    let origin = match &item.origin {
        OriginView::Cli => "cli".to_owned(),
        OriginView::Api => "api".to_owned(),
        OriginView::Sense { sense, .. } => sense.clone(),
    };
    vec![
        item.id.to_string(),
        item.workflow.clone(),
        item.state.to_string(),
        cell(item.exit_code),
        origin,
        ago(now, Some(item.accepted_at)),
        item.reason.as_deref().map(|reason| cut(reason, 60)).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use nerve_core::thread::StateName;
    use nerve_runtime::daemon::api::dto::{List, schema};

    use super::list;
    use crate::render::samples::{NOW, item};

    #[test]
    fn a_page_tells_total_and_next_command() {
        let items = vec![item(1, StateName::Started, None), item(2, StateName::Failed, Some("role `analyst`: not authorised: no key"))];
        let page = List { schema: schema::THREAD_LIST.to_owned(), items, total: 120, next: Some("118".to_owned()) };
        assert_snapshot!(list(&page, NOW, "nerve thread list --limit 2"));
    }

    #[test]
    fn nothing_is_said_as_nothing() {
        assert_eq!(list(&List::whole(schema::THREAD_LIST, Vec::new()), NOW, "nerve thread list"), "0 threads\n");
    }
}
