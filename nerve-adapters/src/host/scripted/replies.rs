//! The file of replies.

use std::collections::BTreeMap;
use std::path::Path;

use nerve_core::CallFailure;
use nerve_core::config::Delay;
use serde::Deserialize;
use serde_json::Value;

use super::config;

/// One reply.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) meta: Option<Value>,
    #[serde(default)]
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) delay: Option<Delay>,
}

/// The reply that a file has for this role at this turn; past the end of its list the last one.
pub(super) async fn read(file: &Path, role: &str, turn: u32) -> Result<Reply, CallFailure> {
    let shown = file.display();
    let source = tokio::fs::read_to_string(file).await.map_err(|error| config(format!("{shown} cannot be read: {error}")))?;
    // JSON is YAML too, but a reader of its own keeps JSON's long texts and escapes exact.
    let mut roles: BTreeMap<String, Vec<Value>> = if source.trim_start().starts_with('{') {
        serde_json::from_str(&source).map_err(|error| config(format!("{shown}: {error}")))?
    } else {
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
        serde_saphyr::from_str_with_options(&source, options).map_err(|error| config(format!("{shown}: {error}")))?
    };
    let Some(replies) = roles.remove(role) else {
        let names: Vec<&str> = roles.keys().map(String::as_str).collect();
        return Err(config(format!("{shown} has no replies for the role `{role}`; it has: {}", names.join(", "))));
    };
    let place = usize::try_from(turn).unwrap_or(usize::MAX).min(replies.len().saturating_sub(1));
    match replies.into_iter().nth(place) {
        Some(Value::String(text)) => Ok(Reply { text: Some(text), ..Reply::default() }),
        Some(reply) => {
            serde_json::from_value(reply).map_err(|error| config(format!("{shown}: reply {} of the role `{role}`: {error}", place + 1)))
        }
        None => Err(config(format!("{shown} has an empty list of replies for the role `{role}`"))),
    }
}
