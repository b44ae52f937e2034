//! Keeps secrets that stand in the file out of diagnostics.

use serde_json::Value;

use super::{
    Tree, text,
    tree::{At, join},
};

/// Below this length a secret's value is masked only where it stands; elsewhere its letters would vanish from ordinary words.
const TELLING: usize = 6;

/// The secrets of one file: their values, and where they stand.
#[derive(Clone, Default)]
pub(super) struct Mask {
    values: Vec<String>,
    places: Vec<At>,
}

/// The pointers of all values that are secret: `api_key`, a telling proxy and telling headers of each provider, the API's token.
pub(super) fn secrets(value: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (name, provider) in value.pointer("/providers").and_then(Value::as_object).into_iter().flatten() {
        let provider_at = join("/providers", name);
        if let Some(key) = provider.get("api_key") {
            found.push((join(&provider_at, "api_key"), key));
        }
        // A proxy's URL is a secret only with a password in it.
        if let Some(proxy) = provider.get("proxy").filter(|proxy| proxy.as_str().is_none_or(|url| url.contains('@'))) {
            found.push((join(&provider_at, "proxy"), proxy));
        }
        for (header, value) in provider.get("headers").and_then(Value::as_object).into_iter().flatten() {
            if is_secret_header(header) {
                found.push((join(&join(&provider_at, "headers"), header), value));
            }
        }
    }
    if let Some(token) = value.pointer("/api/token") {
        found.push(("/api/token".to_owned(), token));
    }
    found
}

fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("authorization") || ["key", "token", "secret", "cookie"].iter().any(|word| name.contains(word))
}

/// Whether a secret's text is the secret itself, without a variable.
pub(super) fn is_literal(raw: &str) -> bool {
    !raw.trim().is_empty() && (!raw.contains("${") || !text::is_well_formed(raw))
}

/// The texts within a value: one, unless it is of the wrong type.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(map) => map.iter().flat_map(|(key, value)| std::iter::once(key.clone()).chain(texts(value))).collect(),
        other => vec![other.to_string()],
    }
}

/// The words of a secret, each masked by itself: a text of several lines is folded, and a header names its scheme first.
fn words(raw: &str) -> impl Iterator<Item = String> {
    raw.split_whitespace().filter(|word| !word.eq_ignore_ascii_case("bearer")).map(str::to_owned)
}

impl Mask {
    pub(super) fn of_value(tree: &Tree, value: &Value) -> Mask {
        let mut mask = Mask::default();
        for (pointer, secret) in secrets(value) {
            for raw in texts(secret) {
                if is_literal(&raw) {
                    mask.values.extend(words(&raw).filter(|word| word.len() >= TELLING));
                    if !secret.is_array() && !secret.is_object() {
                        mask.places.extend(tree.at(&pointer));
                    }
                }
            }
        }
        mask
    }

    /// For a file that is no YAML: whatever follows a secret's key on its line.
    pub(super) fn of_text(source: &str) -> Mask {
        let mut mask = Mask::default();
        for line in source.lines() {
            for key in ["api_key", "token", "uthorization"] {
                for (found, _) in line.match_indices(key) {
                    let rest = line[found + key.len()..].trim_start_matches(['"', '\'', ' ']);
                    let Some(rest) = rest.strip_prefix(':') else { continue };
                    let value = rest.trim().trim_start_matches(['"', '\'']).split([',', '}', '"', '\'']).next().unwrap_or_default();
                    if !value.contains("${") {
                        mask.values.extend(words(value));
                    }
                }
            }
        }
        mask
    }

    /// A message with the secrets replaced.
    pub(super) fn text(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, value| text.replace(value, "***"))
    }

    /// A line of the file with each character of a secret replaced, so that columns stay.
    pub(super) fn line(&self, number: usize, line: &str) -> String {
        let mut line = self.values.iter().fold(line.to_owned(), |line, value| line.replace(value, &"*".repeat(value.chars().count())));
        for at in self.places.iter().filter(|at| at.line == number) {
            let inside = at.column - 1..at.column - 1 + at.len;
            line = line.chars().enumerate().map(|(column, c)| if inside.contains(&column) { '*' } else { c }).collect();
        }
        line
    }
}
