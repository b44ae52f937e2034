//! The body of a chat request.

use async_openai::types::chat::{
    ChatCompletionRequestAssistantMessage, ChatCompletionRequestMessage, ChatCompletionRequestSystemMessage,
    ChatCompletionRequestUserMessage, CreateChatCompletionRequest, ResponseFormat, ResponseFormatJsonSchema,
};
use nerve_core::{CallFailure, FailureKind, RawJson};
use serde_json::Value;

use super::dialect::{NativeSchema, native_schema};
use super::{Endpoint, strict};
use crate::host::{Conversation, Form, Message, Speaker};

/// Writes the body that asks this conversation in this form.
pub(super) fn body(endpoint: &Endpoint, conversation: &Conversation, form: &Form) -> Result<Vec<u8>, CallFailure> {
    let request = CreateChatCompletionRequest {
        model: endpoint.model.clone(),
        messages: conversation.messages(form).into_iter().map(message).collect(),
        response_format: response_format(endpoint, conversation, form)?,
        ..CreateChatCompletionRequest::default()
    };
    serde_json::to_vec(&request).map_err(|error| config(format!("the request cannot be written: {error}")))
}

fn message(message: Message) -> ChatCompletionRequestMessage {
    let Message { speaker, text } = message;
    match speaker {
        Speaker::System => ChatCompletionRequestSystemMessage::from(text).into(),
        Speaker::User => ChatCompletionRequestUserMessage::from(text).into(),
        Speaker::Assistant => ChatCompletionRequestAssistantMessage::from(text).into(),
    }
}

fn response_format(endpoint: &Endpoint, conversation: &Conversation, form: &Form) -> Result<Option<ResponseFormat>, CallFailure> {
    let Form::NativeSchema { name, .. } = form else { return Ok(None) };
    let schema = conversation.schema.as_ref().ok_or_else(|| config("a meta is wanted, but there is no schema for it"))?;
    let (schema, strict) = schema_for(endpoint, schema)?;
    let json_schema = ResponseFormatJsonSchema { description: None, name: plain_name(name), schema, strict };
    Ok(Some(ResponseFormat::JsonSchema { json_schema }))
}

fn schema_for(endpoint: &Endpoint, schema: &RawJson) -> Result<(Value, Option<bool>), CallFailure> {
    let original: Value = schema.read().map_err(|error| config(format!("the schema is not JSON: {error}")))?;
    if native_schema(endpoint.dialect) != NativeSchema::Strict {
        return Ok((original, None));
    }
    Ok(match strict::transform(&original) {
        Some(strict) => (strict, Some(true)),
        None => (original, Some(false)),
    })
}

/// Providers take letters, digits, `_` and `-`, at most 64 of them.
fn plain_name(name: &str) -> String {
    let plain: String = name.chars().take(64).map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    if plain.is_empty() { "meta".to_owned() } else { plain }
}

fn config(message: impl Into<String>) -> CallFailure {
    CallFailure::new(FailureKind::Config, message)
}
