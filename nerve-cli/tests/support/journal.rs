//! What the journal and the calls file say.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// The words for the end of a thread.
pub(crate) const ENDS: [&str; 6] = ["completed", "failed", "killed", "dropped", "interrupted", "crashed"];

/// A line of the journal.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    pub(crate) at: jiff::Timestamp,
    pub(crate) kind: String,
    pub(crate) about: Option<String>,
    pub(crate) payload: Value,
}

/// A line of the calls file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) thread: String,
    pub(crate) role: String,
    pub(crate) attempt: u64,
}

/// Reads a list of journal lines.
pub(crate) fn read(document: &Value) -> Vec<Entry> {
    let items = document["items"].as_array().unwrap_or_else(|| panic!("no items in {document}"));
    items.iter().map(entry).collect()
}

fn entry(item: &Value) -> Entry {
    let text = |key: &str| item[key].as_str().map(str::to_owned);
    Entry {
        seq: item["seq"].as_u64().expect("a number"),
        at: text("at").and_then(|at| at.parse().ok()).expect("a time"),
        kind: text("type").expect("a type"),
        about: text("ref"),
        payload: item["payload"].clone(),
    }
}

/// The lines of a calls file; none when nothing was called yet.
pub(crate) fn calls(file: &Path) -> Vec<Call> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let call = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the calls file: {line}"));
        let text = |key: &str| line[key].as_str().expect("a text").to_owned();
        Call { thread: text("thread"), role: text("role"), attempt: line["attempt"].as_u64().expect("a number") }
    };
    // The last line may be under way.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(call).collect()
}

/// The journals of threads, by id.
pub(crate) fn by_thread(entries: Vec<Entry>) -> BTreeMap<String, Vec<Entry>> {
    let mut threads: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        if let Some(id) = entry.about.clone().filter(|about| about.starts_with("th_")) {
            threads.entry(id).or_default().push(entry);
        }
    }
    threads
}

/// The calls that a thread's journal allows: one for each attempt that began before its step had its answer.
///
/// Also checks the order that the design promises: one end, after which nothing follows, and no second text for a step.
pub(crate) fn allowed_calls(thread: &str, entries: &[Entry]) -> Vec<Call> {
    let show = || entries.iter().map(|entry| format!("{} {}", entry.kind, entry.payload)).collect::<Vec<_>>().join("\n");
    assert_eq!(entries.first().map(|entry| entry.kind.as_str()), Some("accepted"), "{thread} begins otherwise:\n{}", show());
    let ends = entries.iter().filter(|entry| ENDS.contains(&entry.kind.as_str())).count();
    assert_eq!(ends, 1, "{thread} has {ends} ends:\n{}", show());
    assert!(entries.last().is_some_and(|entry| ENDS.contains(&entry.kind.as_str())), "something follows the end of {thread}:\n{}", show());
    let mut allowed = Vec::new();
    let (mut role, mut answered) = (String::new(), false);
    for entry in entries {
        let details = entry.payload.as_object().and_then(|payload| payload.values().next());
        match entry.kind.as_str() {
            "step_intent" => {
                let details = details.expect("details");
                role = details["role"].as_str().expect("a role").to_owned();
                answered = false;
                allowed.push(Call { thread: thread.to_owned(), role: role.clone(), attempt: 1 });
            }
            "attempt" => {
                let attempt = details.expect("details")["attempt"].as_u64().expect("an attempt");
                if !answered {
                    allowed.push(Call { thread: thread.to_owned(), role: role.clone(), attempt });
                }
            }
            "step_text" | "ask_text" => {
                assert!(!answered, "{thread} has a second text for a step of {role}:\n{}", show());
                answered = true;
            }
            _ => {}
        }
    }
    allowed
}
