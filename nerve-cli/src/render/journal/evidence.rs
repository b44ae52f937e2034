//! What proves how a call went, below the entry that tells of it.

use serde_json::Value;

use super::cut;

/// A place under an entry's line.
const INDENT: &str = "          ";

/// The evidence and cost in an entry's payload, one line each; nothing where there is none.
pub(super) fn lines(payload: &Value) -> String {
    // An entry stands under its own name.
    let Some(entry) = payload.as_object().and_then(|fields| fields.values().next()) else { return String::new() };
    let record = entry.pointer("/failure/record").unwrap_or(entry);
    let mut text = String::new();
    if let Some(usage) = record.get("usage").and_then(|usage| serde_json::from_value::<nerve_core::Usage>(usage.clone()).ok()) {
        text.push_str(&line("cost", &cost(&usage)));
    }
    for (name, value) in record.get("evidence").and_then(Value::as_object).into_iter().flatten() {
        match value {
            Value::Array(items) if name == "command" => text.push_str(&line(name, &items.iter().map(word).collect::<Vec<_>>().join(" "))),
            Value::Array(items) => items.iter().for_each(|item| text.push_str(&line(name, &word(item)))),
            value => text.push_str(&line(name, &word(value))),
        }
    }
    text
}

fn cost(usage: &nerve_core::Usage) -> String {
    let counts = [
        ("in", usage.input_tokens),
        ("cached", usage.cache_read_tokens),
        ("out", usage.output_tokens),
        ("reasoning", usage.reasoning_tokens),
    ];
    let told: Vec<String> = counts.iter().filter_map(|(name, tokens)| Some(format!("{} {name}", (*tokens)?))).collect();
    let tokens = if told.is_empty() { "tokens not told".to_owned() } else { format!("tokens: {}", told.join(", ")) };
    let calls = if usage.calls == 1 { "1 call".to_owned() } else { format!("{} calls", usage.calls) };
    format!("{} ({calls}, {tokens})", usage.money())
}

fn line(name: &str, said: &str) -> String {
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{INDENT}{name}: {}\n", cut(&said, 400))
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use serde_json::json;

    use super::lines;

    #[test]
    fn cost_and_evidence_stand_below_their_entry() {
        let answered = json!({ "text": { "step": 1, "content": "yes", "usage": { "calls": 2, "input_tokens": 310, "output_tokens": 4, "nano_usd": 49000, "priced_calls": 2 },
            "evidence": { "model": "m-1", "finish_reason": "stop", "failed_tries": ["rate limited: slow down", "no connection"], "reasoning": "so\nit is" } } });
        let failed = json!({ "call_failed": { "step": 1, "failure": { "kind": "auth", "message": "no", "record": { "adapter": "cursor", "usage": { "calls": 1 },
            "evidence": { "command": ["cursor-agent", "-p", "--trust"], "exit": "code 1", "stderr_tail": "not logged in" } } } } });
        assert_snapshot!(format!("{}--\n{}--\n{}", lines(&answered), lines(&failed), lines(&json!("queued"))));
    }
}
