//! What each vendor refuses, and in which words.

use axum::http::{HeaderMap, Uri};
use nerve_core::config::Dialect;
use serde_json::{Value, json};

/// What every vendor knows.
const COMMON: [&str; 9] = ["model", "messages", "stream", "temperature", "top_p", "stop", "max_tokens", "response_format", "n"];

/// The status and the body of a refusal, or `None` when the request may pass.
pub(super) fn refuse(dialect: Dialect, uri: &Uri, headers: &HeaderMap, request: &Value) -> Option<(u16, Value)> {
    let key = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known = if dialect == Dialect::Azure {
        key("api-key") == super::KEY && !headers.contains_key("authorization")
    } else {
        key("authorization") == format!("Bearer {}", super::KEY)
    };
    if !is_known {
        return Some((401, json!({ "error": { "message": "Incorrect API key provided", "code": "invalid_api_key" } })));
    }
    if !uri.path().ends_with("/chat/completions")
        || (dialect == Dialect::Azure) != uri.query().is_some_and(|query| query.contains("api-version="))
    {
        return Some((404, json!({ "error": { "message": "Not found" } })));
    }
    if let Some(unknown) = request.as_object().unwrap().keys().find(|key| !knows(dialect, key)) {
        return Some(unknown_key(dialect, unknown));
    }
    of_the_vendor(dialect, request)
}

fn knows(dialect: Dialect, key: &str) -> bool {
    let more: &[&str] = match dialect {
        Dialect::OpenAi | Dialect::Azure => &["stream_options", "max_completion_tokens"],
        Dialect::Anthropic | Dialect::Gemini | Dialect::Ollama | Dialect::LmStudio | Dialect::DeepSeek => &["stream_options"],
        Dialect::LlamaCpp | Dialect::Vllm | Dialect::Groq => &["stream_options", "max_completion_tokens"],
        Dialect::OpenRouter => &["stream_options", "provider"],
        Dialect::DashScope => &["stream_options", "enable_thinking"],
        Dialect::Mistral | Dialect::Moonshot => &[],
        Dialect::Generic => return ["model", "messages", "max_tokens"].contains(&key),
    };
    COMMON.contains(&key) || more.contains(&key)
}

fn unknown_key(dialect: Dialect, key: &str) -> (u16, Value) {
    match dialect {
        Dialect::Mistral => {
            let detail = json!([{ "type": "extra_forbidden", "loc": ["body", key], "msg": "Extra inputs are not permitted" }]);
            (422, json!({ "object": "error", "message": { "detail": detail }, "type": "invalid_request_error" }))
        }
        Dialect::Gemini => (400, json!([{ "error": { "code": 400, "message": format!("Unknown name \"{key}\": Cannot find field.") } }])),
        _ => (400, openai(&format!("Unrecognized request argument supplied: {key}"))),
    }
}

fn of_the_vendor(dialect: Dialect, request: &Value) -> Option<(u16, Value)> {
    let format = request.pointer("/response_format/type").and_then(Value::as_str);
    let schema = request.pointer("/response_format/json_schema/schema");
    let strict = request.pointer("/response_format/json_schema/strict");
    let streams = request["stream"] == json!(true);
    let messages: Vec<&str> = request["messages"].as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap()).collect();
    let systems = request["messages"].as_array().unwrap().iter().filter(|message| message["role"] == "system").count();
    let says_json = messages.join(" ").to_lowercase().contains("json");
    let refused = match dialect {
        Dialect::OpenAi | Dialect::Azure => {
            let reasons = request["model"].as_str().unwrap().starts_with('o');
            if reasons && request.get("max_tokens").is_some() {
                openai("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
            } else if reasons && request.get("temperature").is_some() {
                openai("Unsupported value: 'temperature' does not support 0 with this model.")
            } else if strict == Some(&json!(true)) && !is_strict(schema.unwrap()) {
                openai("Invalid schema for response_format 'judge': 'required' is required to be supplied")
            } else if request.get("stream_options").is_some() && !streams {
                openai("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
            } else if format == Some("json_object") && !says_json {
                openai("'messages' must contain the word 'json' in some form")
            } else {
                return None;
            }
        }
        Dialect::Anthropic if format == Some("json_schema") && strict != Some(&json!(true)) => {
            openai("response_format: strict must be true")
        }
        Dialect::Gemini if schema.is_some_and(|schema| schema.to_string().contains("\"$ref\"")) => {
            let message = "Invalid JSON payload received. Unknown name \"$ref\" at 'generation_config.response_schema': Cannot find field.";
            return Some((400, json!([{ "error": { "code": 400, "message": message, "status": "INVALID_ARGUMENT" } }])));
        }
        Dialect::DeepSeek | Dialect::Moonshot | Dialect::DashScope if format == Some("json_schema") => {
            openai("This response_format type is unavailable now")
        }
        Dialect::DeepSeek if format == Some("json_object") && !says_json => openai("Prompt must contain the word 'json' in some form"),
        Dialect::DashScope if format == Some("json_object") && !says_json => {
            openai("'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.")
        }
        Dialect::LmStudio if format == Some("json_object") => openai("'response_format.type' must be 'json_schema' or 'text'"),
        Dialect::Groq if format == Some("json_schema") && streams => openai("Streaming is not supported with response_format json_schema"),
        Dialect::Vllm if systems > 1 => {
            return Some((
                400,
                json!({ "object": "error", "message": "System message must be at the beginning.", "type": "BadRequestError", "code": 400 }),
            ));
        }
        _ => return None,
    };
    Some((400, refused))
}

fn openai(message: &str) -> Value {
    json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": null } })
}

/// Whether every object of the schema is closed and wants all that it has.
fn is_strict(schema: &Value) -> bool {
    let closed = schema.get("properties").and_then(Value::as_object).is_none_or(|properties| {
        let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        schema["additionalProperties"] == json!(false) && properties.keys().all(|name| required.contains(&name.as_str()))
    });
    closed
        && match schema {
            Value::Object(map) => map.values().all(is_strict),
            Value::Array(items) => items.iter().all(is_strict),
            _ => true,
        }
}
