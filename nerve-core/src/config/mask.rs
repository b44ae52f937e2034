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

/// The pointers of all values that are secret: `api_key` of each provider, and the API's token.
pub(super) fn secrets(value: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (name, provider) in value.pointer("/providers").and_then(Value::as_object).into_iter().flatten() {
        if let Some(key) = provider.get("api_key") {
            found.push((join(&join("/providers", name), "api_key"), key));
        }
    }
    if let Some(token) = value.pointer("/api/token") {
        found.push(("/api/token".to_owned(), token));
    }
    found
}

/// Whether a secret's text is the secret itself, without a variable.
pub(super) fn is_literal(raw: &str) -> bool {
    !raw.trim().is_empty() && !(raw.contains("${") && text::is_well_formed(raw))
}

impl Mask {
    pub(super) fn of_value(tree: &Tree, value: &Value) -> Mask {
        let mut mask = Mask::default();
        for (pointer, secret) in secrets(value) {
            let raw = match secret {
                Value::Null => continue,
                Value::String(raw) => raw.clone(),
                other => other.to_string(),
            };
            if is_literal(&raw) {
                mask.places.extend(tree.at(&pointer));
                // A block scalar has several lines, each of which may be shown.
                mask.values.extend(raw.lines().map(str::trim).filter(|line| line.len() >= TELLING).map(str::to_owned));
            }
        }
        mask
    }

    /// For a file that is no YAML: whatever follows a secret's key on its line.
    pub(super) fn of_text(source: &str) -> Mask {
        let mut mask = Mask::default();
        for line in source.lines() {
            for key in ["api_key", "token"] {
                for (found, _) in line.match_indices(key) {
                    let rest = line[found + key.len()..].trim_start_matches(['"', '\'', ' ']);
                    let Some(rest) = rest.strip_prefix(':') else { continue };
                    let value = rest.trim().trim_start_matches(['"', '\'']);
                    let value = value.split([',', ' ', '}', '"', '\'']).next().unwrap_or_default();
                    if !value.is_empty() && !value.contains("${") {
                        mask.values.push(value.to_owned());
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
