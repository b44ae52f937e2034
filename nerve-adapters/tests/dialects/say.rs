//! How each vendor says what its model wrote.

use nerve_core::config::Dialect;
use serde_json::{Value, json};

use super::{INPUT_TOKENS, OUTPUT_TOKENS};

/// What the model thought, for vendors that tell.
pub(super) const THOUGHT: &str = "The load is high.";

/// A whole answer.
pub(super) fn whole(dialect: Dialect, text: &str, request: &Value) -> Value {
    let mut message = json!({ "role": "assistant", "content": text });
    match dialect {
        Dialect::DeepSeek | Dialect::Moonshot | Dialect::DashScope | Dialect::LlamaCpp => message["reasoning_content"] = json!(THOUGHT),
        Dialect::Ollama | Dialect::Vllm => message["reasoning"] = json!(THOUGHT),
        Dialect::OpenRouter => {
            message["reasoning"] = json!(THOUGHT);
            message["reasoning_details"] = json!([{ "type": "reasoning.text", "text": THOUGHT }]);
            message["refusal"] = Value::Null;
        }
        Dialect::Mistral => {
            let thinking = json!({ "type": "thinking", "thinking": [{ "type": "text", "text": THOUGHT }] });
            message["content"] = json!([thinking, { "type": "text", "text": text }]);
        }
        Dialect::LmStudio => message["content"] = json!(format!("<think>{THOUGHT}</think>\n{text}")),
        _ => {}
    }
    let mut choice = json!({ "index": 0, "message": message, "finish_reason": reason(dialect) });
    if dialect == Dialect::OpenRouter {
        choice["native_finish_reason"] = json!("end_turn");
    }
    let mut body = head(dialect, request, "chat.completion");
    body["choices"] = json!([choice]);
    body["usage"] = usage(dialect);
    match dialect {
        Dialect::Groq => {
            body["service_tier"] = json!("on_demand");
            body["x_groq"] = json!({ "id": "req_1" });
        }
        Dialect::LlamaCpp => body["timings"] = json!({ "predicted_per_second": 70.0 }),
        // Some leave out what OpenAI's own types demand.
        Dialect::Generic => body = json!({ "choices": [{ "message": { "content": text } }], "usage": usage(dialect) }),
        _ => {}
    }
    body
}

/// A streamed answer, in pieces of a few letters.
pub(super) fn stream(dialect: Dialect, text: &str, request: &Value) -> String {
    let mut events = Vec::new();
    let chunk = |choices: Value| {
        let mut chunk = head(dialect, request, "chat.completion.chunk");
        chunk["choices"] = choices;
        chunk
    };
    let delta = |delta: Value| chunk(json!([{ "index": 0, "delta": delta, "finish_reason": null }]));
    if dialect == Dialect::Azure {
        let mut opening = chunk(json!([]));
        opening["prompt_filter_results"] = json!([{ "prompt_index": 0 }]);
        events.push(opening);
    }
    events.push(delta(json!({ "role": "assistant", "content": "" })));
    match dialect {
        Dialect::DeepSeek | Dialect::Moonshot | Dialect::DashScope | Dialect::LlamaCpp => {
            events.extend(pieces(THOUGHT).map(|piece| delta(json!({ "content": null, "reasoning_content": piece }))));
        }
        Dialect::Ollama | Dialect::Vllm => events.extend(pieces(THOUGHT).map(|piece| delta(json!({ "content": "", "reasoning": piece })))),
        Dialect::OpenRouter => events.extend(pieces(THOUGHT).map(|piece| {
            delta(json!({ "content": "", "reasoning": piece, "reasoning_details": [{ "type": "reasoning.text", "text": piece }] }))
        })),
        Dialect::Mistral => events.extend(
            pieces(THOUGHT)
                .map(|piece| delta(json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": piece }] }] }))),
        ),
        Dialect::LmStudio => events.extend(pieces(&format!("<think>{THOUGHT}</think>\n")).map(|piece| delta(json!({ "content": piece })))),
        _ => {}
    }
    if dialect == Dialect::DashScope {
        events.push(delta(json!({ "content": "\n\n" })));
    }
    events.extend(pieces(text).map(|piece| delta(json!({ "content": piece }))));
    let mut last = chunk(json!([{ "index": 0, "delta": {}, "finish_reason": reason(dialect) }]));
    match dialect {
        Dialect::Groq => last["x_groq"] = json!({ "id": "req_1", "usage": usage(dialect) }),
        Dialect::Mistral => last["usage"] = usage(dialect),
        Dialect::Moonshot => last["choices"][0]["usage"] = usage(dialect),
        _ => {}
    }
    events.push(last);
    if request.pointer("/stream_options/include_usage") == Some(&json!(true)) {
        let mut told = chunk(json!([]));
        told["usage"] = usage(dialect);
        events.push(told);
    }
    let (end, comment) = match dialect {
        Dialect::OpenRouter => ("\n\n", ": OPENROUTER PROCESSING\n\n"),
        Dialect::Gemini => ("\r\n\r\n", ""),
        _ => ("\n\n", ""),
    };
    let events: String = events.iter().map(|event| format!("{comment}data: {event}{end}")).collect();
    format!("{events}data: [DONE]{end}")
}

fn head(dialect: Dialect, request: &Value, object: &str) -> Value {
    let mut head = json!({ "id": "chatcmpl-1", "object": object, "created": 1, "model": request["model"] });
    if dialect == Dialect::OpenRouter {
        head["provider"] = json!("Somebody");
    }
    head
}

fn reason(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Gemini { "STOP" } else { "stop" }
}

fn usage(dialect: Dialect) -> Value {
    let mut usage =
        json!({ "prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS, "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS });
    match dialect {
        Dialect::DeepSeek => usage["prompt_cache_hit_tokens"] = json!(8),
        Dialect::OpenAi | Dialect::Azure => usage["prompt_tokens_details"] = json!({ "cached_tokens": 8 }),
        Dialect::OpenRouter => usage["cost"] = json!(0.0014),
        Dialect::Moonshot => usage["cached_tokens"] = json!(8),
        // The total alone has what was thought.
        Dialect::Gemini => usage["completion_tokens"] = json!(OUTPUT_TOKENS - 5),
        _ => {}
    }
    usage
}

fn pieces(text: &str) -> impl Iterator<Item = String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(5).map(|piece| piece.iter().collect()).collect::<Vec<String>>().into_iter()
}
