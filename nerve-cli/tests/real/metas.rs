//! Whether a meta is what its text says, told from the journal alone.

use serde_json::Value;

use super::relaxed;
use crate::support::Entry;

/// How a thread's step went.
#[derive(Debug)]
pub(crate) enum Went {
    /// It has a meta, which its text says; read on this rung.
    Read(String),
    /// It has none, and the thread says why not.
    Refused(String),
    /// Anything else. It must not be.
    Wrong(String),
}

/// Looks at a thread of one step.
pub(crate) fn judge(state: &str, reason: Option<&str>, entries: &[Entry]) -> Went {
    let of = |kind: &str| entries.iter().rev().find(|entry| entry.kind == kind).map(details);
    let Some(meta) = of("step_meta") else {
        return match (state, reason.filter(|reason| !reason.is_empty())) {
            ("failed", Some(reason)) => Went::Refused(reason.to_owned()),
            _ => Went::Wrong(format!("it is {state} without a meta, because: {reason:?}")),
        };
    };
    let Some(text) = of("step_text") else { return Went::Wrong(format!("{meta} stands beside no text")) };
    let (rung, value) = (meta["rung"].as_str().unwrap_or_default(), &meta["meta"]);
    let content = text["content"].as_str().unwrap_or_default();
    let said = match rung {
        "native" => serde_json::from_str(content).ok(),
        "tagged" => tagged(content, &tag(&text["form"])),
        _ => tolerable(content, value),
    };
    match said {
        Some(said) if said == *value && state == "completed" => Went::Read(rung.to_owned()),
        said => Went::Wrong(format!("it is {state} with {value}, read as {rung}; the text says {said:?}:\n{content}")),
    }
}

/// What is within the entry's one member.
fn details(entry: &Entry) -> &Value {
    entry.payload.as_object().and_then(|payload| payload.values().next()).unwrap_or(&Value::Null)
}

/// The tag that the form asked for, whatever the form.
fn tag(form: &Value) -> String {
    let form = form.as_object().and_then(|form| form.values().next()).unwrap_or(&Value::Null);
    form["tag"].as_str().unwrap_or_default().to_owned()
}

/// The JSON of the last block with the tag, read strictly, and if need be as people write it.
fn tagged(content: &str, tag: &str) -> Option<Value> {
    let block = content.rsplit_once(&format!("```{tag}"))?.1;
    let body = block.split("```").next()?;
    serde_json::from_str(body).ok().or_else(|| relaxed::objects(body).pop())
}

/// The meta, when it is the only object in the text that could be meant, by itself or as the one member of another.
fn tolerable(content: &str, meta: &Value) -> Option<Value> {
    let mut all = relaxed::objects(content);
    all.dedup();
    let [said] = &all[..] else { return None };
    let one = said.as_object().filter(|members| members.len() == 1).and_then(|members| members.values().next());
    if one == Some(meta) { one.cloned() } else { Some(said.clone()) }
}
