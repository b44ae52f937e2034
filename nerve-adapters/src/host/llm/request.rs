//! The body of a chat request, as the endpoint wants it.

use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestDeveloperMessage, ChatCompletionRequestMessage,
    ChatCompletionRequestSystemMessage, ChatCompletionRequestUserMessage, CreateChatCompletionRequest, ResponseFormat,
    ResponseFormatJsonSchema,
};
use nerve_core::config::{MaxTokensField, SchemaSupport, SystemRole};
use nerve_core::{CallFailure, FailureKind};
use serde_json::{Map, Value, json};

use super::dialect::Ways;
use super::learnt::Learnt;
use super::{Endpoint, example, refs, strict};
use crate::host::{Conversation, Form, Message, Speaker};

/// A request that is ready to be sent.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) body: Vec<u8>,
    /// How the meta is asked for in the end.
    pub(super) form: Form,
    pub(super) sent: Sent,
}

/// What a request has that an endpoint may refuse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// A schema, or JSON as the form of the answer.
    pub(super) schema: bool,
    /// The wish for a stream.
    pub(super) stream: bool,
    /// `stream_options`.
    pub(super) stream_usage: bool,
    /// The most tokens.
    pub(super) max_tokens: bool,
}

/// Writes the request that asks this conversation of this endpoint, without what it is known to refuse.
pub(super) fn write(endpoint: &Endpoint, conversation: &Conversation, learnt: Learnt) -> Result<Asked, CallFailure> {
    let ways = endpoint.ways();
    let schema = conversation.schema.as_ref().map(|schema| schema.read::<Value>()).transpose();
    let schema = schema.map_err(|error| config(format!("the schema is not JSON: {error}")))?;
    let form = form(&conversation.form, ways, learnt, schema.as_ref());
    let format = match (&form, &schema) {
        (Form::NativeSchema { name, .. }, Some(schema)) => Some(response_format(ways, name, schema)),
        (Form::NativeSchema { .. }, None) => return Err(config("a meta is wanted, but there is no schema for it")),
        _ => None,
    };
    let mut messages = conversation.messages(&form);
    if let (Some(ResponseFormat::JsonObject), Some(schema), Some(first)) = (&format, &schema, messages.first_mut()) {
        // DeepSeek and DashScope want both in the prompt: the word JSON, which the instructions have, and what it looks like.
        first.text.push_str(&example::of(schema));
    }
    let typed = CreateChatCompletionRequest {
        model: endpoint.model.clone(),
        messages: messages.into_iter().map(|said| message(said, ways.system_role)).collect(),
        response_format: format,
        ..CreateChatCompletionRequest::default()
    };
    let written = |error: serde_json::Error| config(format!("the request cannot be written: {error}"));
    let mut body = serde_json::to_value(&typed).map_err(written)?;
    let schema_sent = body.get("response_format").is_some();
    let stream = ways.stream && !learnt.stream && (!schema_sent || ways.stream_with_schema);
    let sent = Sent {
        schema: schema_sent,
        stream,
        stream_usage: stream && ways.stream_usage && !learnt.stream_usage,
        max_tokens: endpoint.max_tokens.is_some() && ways.max_tokens != MaxTokensField::None,
    };
    let mut more = Map::new();
    if sent.stream {
        more.insert("stream".into(), json!(true));
    }
    if sent.stream_usage {
        more.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    if let (Some(most), Some(field)) = (endpoint.max_tokens, max_tokens_field(ways, learnt)) {
        more.insert(field.into(), json!(most));
    }
    if schema_sent && ways.require_parameters {
        more.insert("provider".into(), json!({ "require_parameters": true }));
    }
    merge(&mut body, &Value::Object(more));
    merge(&mut body, &json!(endpoint.extra_body));
    if schema_sent
        && ways.strict_beside
        && let Some(format) = body.get_mut("response_format")
        && let Some(strict) = format.pointer("/json_schema/strict").cloned()
    {
        format["strict"] = strict;
    }
    Ok(Asked { body: serde_json::to_vec(&body).map_err(written)?, form, sent })
}

/// The form that this endpoint can do, as far as is known.
fn form(wanted: &Form, ways: Ways, learnt: Learnt, schema: Option<&Value>) -> Form {
    let is_object = schema.is_some_and(|schema| schema.get("type") == Some(&json!("object")));
    match ways.schema {
        SchemaSupport::None => wanted.without_schema(),
        _ if learnt.schema => wanted.without_schema(),
        // It promises an object, and nothing else.
        SchemaSupport::JsonObject if !is_object => wanted.without_schema(),
        _ => wanted.clone(),
    }
}

fn response_format(ways: Ways, name: &str, schema: &Value) -> ResponseFormat {
    if ways.schema == SchemaSupport::JsonObject {
        return ResponseFormat::JsonObject;
    }
    // One that refers to itself goes as it is: an endpoint that cannot take it says so, and is then asked without.
    let inlined = if ways.inline_refs { refs::inline(schema) } else { None };
    let schema = inlined.as_ref().unwrap_or(schema);
    let (schema, strict) = match ways.schema {
        SchemaSupport::Strict => match strict::transform(schema) {
            Some(strict) => (strict, Some(true)),
            None => (schema.clone(), Some(false)),
        },
        _ => (schema.clone(), None),
    };
    ResponseFormat::JsonSchema { json_schema: ResponseFormatJsonSchema { description: None, name: plain_name(name), schema, strict } }
}

fn max_tokens_field(ways: Ways, learnt: Learnt) -> Option<&'static str> {
    match (ways.max_tokens, learnt.max_tokens) {
        (MaxTokensField::None, _) => None,
        (MaxTokensField::MaxTokens, false) | (MaxTokensField::MaxCompletionTokens, true) => Some("max_tokens"),
        (MaxTokensField::MaxCompletionTokens, false) | (MaxTokensField::MaxTokens, true) => Some("max_completion_tokens"),
    }
}

fn message(message: Message, system: SystemRole) -> ChatCompletionRequestMessage {
    let Message { speaker, text } = message;
    match (speaker, system) {
        (Speaker::System, SystemRole::System) => ChatCompletionRequestSystemMessage::from(text).into(),
        (Speaker::System, SystemRole::Developer) => ChatCompletionRequestDeveloperMessage::from(text).into(),
        (Speaker::User, _) => ChatCompletionRequestUserMessage::from(text).into(),
        (Speaker::Assistant, _) => ChatCompletionRequestAssistantMessage::from(text).into(),
    }
}

/// Adds what `more` says; maps are merged, and everything else of `more` wins.
fn merge(body: &mut Value, more: &Value) {
    match (body, more) {
        (Value::Object(body), Value::Object(more)) => {
            for (key, value) in more {
                merge(body.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (body, more) => *body = more.clone(),
    }
}

/// Providers take letters, digits, `_` and `-`, at most 64 of them.
fn plain_name(name: &str) -> String {
    let plain: String = name.chars().take(64).map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    if plain.is_empty() { "meta".to_owned() } else { plain }
}

fn config(message: impl Into<String>) -> CallFailure {
    CallFailure::new(FailureKind::Config, message)
}

#[cfg(test)]
mod tests {
    use nerve_core::RawJson;
    use nerve_core::config::{Dialect, Quirks};

    use super::*;

    fn asked(endpoint: &Endpoint, learnt: Learnt) -> (Value, Asked) {
        let schema = RawJson::parse(r#"{"type":"object","properties":{"pass":{"type":"boolean"}},"required":["pass"]}"#);
        let conversation = Conversation {
            start: "go".into(),
            steps: Vec::new(),
            prompt: "Judge.".into(),
            schema: schema.ok(),
            form: Form::NativeSchema { name: "judge".into(), tag: "meta-7".into() },
            reasks: Vec::new(),
        };
        let asked = write(endpoint, &conversation, learnt).unwrap();
        (serde_json::from_slice(&asked.body).unwrap(), asked)
    }

    fn of(dialect: Dialect) -> Endpoint {
        Endpoint { dialect: Some(dialect), max_tokens: Some(9), ..Endpoint::new("http://h/v1", "m") }
    }

    #[test]
    fn what_was_refused_is_not_sent_again() {
        let learnt = Learnt { stream_usage: true, max_tokens: true, ..Learnt::default() };
        let (body, _) = asked(&of(Dialect::OpenAi), learnt);
        assert_eq!((&body["stream"], &body["max_tokens"]), (&json!(true), &json!(9)));
        assert!(body.get("stream_options").is_none() && body.get("max_completion_tokens").is_none());
        let (body, asked) = asked(&of(Dialect::OpenAi), Learnt { schema: true, stream: true, ..Learnt::default() });
        assert!(body.get("stream").is_none() && body.get("response_format").is_none());
        assert_eq!(asked.form, Form::TaggedBlock { tag: "meta-7".into() });
    }

    #[test]
    fn what_nerve_yaml_says_goes_first_and_maps_are_merged() {
        let extra = [("temperature", json!(0)), ("provider", json!({ "order": ["a"] })), ("max_tokens", json!(7))];
        let endpoint = Endpoint {
            extra_body: extra.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            quirks: Quirks { system_role: Some(SystemRole::Developer), ..Quirks::default() },
            ..of(Dialect::OpenRouter)
        };
        let (body, _) = asked(&endpoint, Learnt::default());
        assert_eq!(body["provider"], json!({ "require_parameters": true, "order": ["a"] }));
        assert_eq!((&body["temperature"], &body["max_tokens"], &body["messages"][0]["role"]), (&json!(0), &json!(7), &json!("developer")));
    }

    #[test]
    fn json_without_a_schema_comes_with_an_example() {
        let (body, asked) = asked(&of(Dialect::DeepSeek), Learnt::default());
        assert_eq!(body["response_format"], json!({ "type": "json_object" }));
        let prompt = body["messages"][0]["content"].as_str().unwrap();
        assert!(prompt.contains("JSON") && prompt.contains("\"pass\""), "{prompt}");
        assert!(matches!(asked.form, Form::NativeSchema { .. }));
    }

    #[test]
    fn strict_stands_where_the_dialect_looks_for_it() {
        let endpoint = Endpoint { quirks: Quirks { schema: Some(SchemaSupport::Strict), ..Quirks::default() }, ..of(Dialect::DashScope) };
        let (body, _) = asked(&endpoint, Learnt::default());
        assert_eq!((&body["response_format"]["strict"], &body["response_format"]["json_schema"]["strict"]), (&json!(true), &json!(true)));
        let (body, _) = asked(&of(Dialect::OpenAi), Learnt::default());
        assert!(body["response_format"].get("strict").is_none());
    }
}
