//! Journal entries, one a line.

mod evidence;
mod said;

use jiff::tz::TimeZone;
use nerve_runtime::daemon::api::dto::JournalLine;
use serde_json::Value;

use super::cut;
use super::time::{clock, local};

/// With date: `2026-11-22 14:03:22  workflow/th_…  started  build=…`.
pub(crate) fn line(entry: &JournalLine, zone: &TimeZone) -> String {
    format!("{}  {}\n", local(entry.at, zone), what(entry, 160))
}

/// With the time of day only, for a reader who watches.
pub(crate) fn live(entry: &JournalLine, zone: &TimeZone) -> String {
    format!("{}  {}", clock(entry.at, zone), what(entry, 100))
}

/// With its number and more of its details, for one thread.
pub(crate) fn numbered(entry: &JournalLine, zone: &TimeZone) -> String {
    let payload = payload(entry);
    let head = format!("{:>6}  {}  {}  {}", entry.seq, local(entry.at, zone), entry.kind, details(&payload, 400));
    format!("{}\n{}", head.trim_end(), evidence::lines(&payload))
}

fn what(entry: &JournalLine, most: usize) -> String {
    let place = entry.about.as_ref().map(|about| format!("/{about}")).unwrap_or_default();
    let said = match said::of(entry) {
        Some(said) => cut(&said, most),
        None => details(&payload(entry), most),
    };
    format!("{}{place}  {}  {said}", entry.source, entry.kind).trim_end().to_owned()
}

fn payload(entry: &JournalLine) -> Value {
    entry.payload.read().unwrap_or_default()
}

/// The fields that say most in a line: `role=analyst attempt=2`.
fn details(payload: &Value, most: usize) -> String {
    let text = match payload {
        Value::Null => String::new(),
        Value::Object(fields) => {
            // An entry may stand under its own name; that name is shown already.
            if let (1, Some(inner @ Value::Object(_))) = (fields.len(), fields.values().next()) {
                return details(inner, most);
            }
            let told: Vec<_> =
                fields.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| format!("{key}={}", short(value))).collect();
            told.join(" ")
        }
        other => short(other),
    };
    cut(&text, most)
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains(' ') || text.contains('\n') => format!("\"{}\"", cut(text, 60)),
        Value::String(text) => cut(text, 60),
        other => cut(&other.to_string(), 60),
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use jiff::tz::TimeZone;
    use nerve_core::RawJson;
    use nerve_runtime::daemon::api::dto::{JournalLine, JournalSource};

    use super::{line, live, numbered};
    use crate::render::samples::NOW;

    fn entry(kind: &str, payload: &str) -> JournalLine {
        let payload = RawJson::parse(payload).expect("JSON");
        JournalLine { seq: 17, at: NOW, source: JournalSource::Workflow, kind: kind.to_owned(), about: Some("th_x".to_owned()), payload }
    }

    #[test]
    fn a_line_tells_time_place_type_and_details() {
        let entries = [
            entry("step_intent", r#"{"intent":{"step":1,"role":"analyst","timeout_ms":300000,"reason":null}}"#),
            entry("failed", r#"{"error":"a long story\nof two lines"}"#),
            entry("queued", "null"),
        ];
        let text: String = entries
            .iter()
            .map(|e| format!("{}{}\n{}", line(e, &TimeZone::UTC), live(e, &TimeZone::UTC), numbered(e, &TimeZone::UTC)))
            .collect();
        assert_snapshot!(text);
    }
}
