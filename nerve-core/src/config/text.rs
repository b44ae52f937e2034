//! Strings that may hold `${VAR}`, and those of them that are secret.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

/// The JSON schema `format` of a [`Text`]; editors that do not know it ignore it.
pub(super) const FORMAT: &str = "nerve-text";

/// A string of nerve.yaml that may hold `${VAR}`. It is expanded where it is needed, not when the file is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text {
    /// The string as written, variables unexpanded.
    pub raw: String,
}

/// A `${VAR}` for which no value was found. Shape: the bare name, without `${}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the variable `{name}` is not set")]
pub struct MissingVariable {
    /// The variable's name.
    pub name: String,
}

/// One stretch of a text: itself, or a variable's name.
enum Part<'a> {
    Plain(&'a str),
    Variable(&'a str),
}

impl Text {
    /// Wraps a string, unchecked: a malformed `${` stays as it is.
    pub fn new(raw: impl Into<String>) -> Text {
        Text { raw: raw.into() }
    }

    /// The text as it is written, variables and all.
    pub fn raw(&self) -> String {
        self.raw.clone()
    }

    /// The names of the variables in it, in order, repeated ones too.
    pub fn variables(&self) -> Vec<&str> {
        let names = parts(&self.raw).into_iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name),
            Part::Plain(_) => None,
        });
        names.collect()
    }

    /// The string with each variable replaced by what `lookup` gives; values are not expanded again.
    pub fn expand(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<String, MissingVariable> {
        let mut out = String::with_capacity(self.raw.len());
        for part in parts(&self.raw) {
            match part {
                Part::Plain(text) => out.push_str(text),
                Part::Variable(name) => out.push_str(&lookup(name).ok_or_else(|| MissingVariable { name: name.to_owned() })?),
            }
        }
        Ok(out)
    }
}

/// Whether each `${` of `raw` opens a well-formed `${NAME}`.
pub(super) fn is_well_formed(raw: &str) -> bool {
    parts(raw).iter().all(|part| match part {
        Part::Plain(text) => !text.contains("${"),
        Part::Variable(_) => true,
    })
}

fn parts(raw: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut plain_from = 0;
    let mut at = 0;
    while let Some(found) = raw[at..].find("${") {
        let open = at + found;
        let name_from = open + 2;
        let variable = raw[name_from..].find('}').map(|len| &raw[name_from..name_from + len]).filter(|name| is_name(name));
        if let Some(name) = variable {
            if plain_from < open {
                parts.push(Part::Plain(&raw[plain_from..open]));
            }
            parts.push(Part::Variable(name));
            at = name_from + name.len() + 1;
            plain_from = at;
        } else {
            at = name_from;
        }
    }
    if plain_from < raw.len() {
        parts.push(Part::Plain(&raw[plain_from..]));
    }
    parts
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": FORMAT })
    }
}

/// A [`Text`] whose value is never shown: `Debug` and `Serialize` give `***`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub Text);

impl Secret {
    /// Whether the value stands in the file itself instead of in a variable.
    pub fn is_literal(&self) -> bool {
        self.0.variables().is_empty()
    }

    /// The names of the variables in it.
    pub fn variables(&self) -> Vec<&str> {
        self.0.variables()
    }

    /// The value with its variables replaced; see [`Text::expand`].
    pub fn expand(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<String, MissingVariable> {
        self.0.expand(lookup)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Text::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_each_variable_once() {
        let text = Text::new("a${X}b${Y}${X}");
        assert_eq!(text.variables(), ["X", "Y", "X"]);
        let value = text.expand(|name| Some(format!("<${{{name}}}>"))).expect("all are set");
        assert_eq!(value, "a<${X}>b<${Y}><${X}>");
    }

    #[test]
    fn names_the_missing_variable() {
        let missing = Text::new("${HERE}${GONE}").expand(|name| (name == "HERE").then(String::new));
        assert_eq!(missing, Err(MissingVariable { name: "GONE".to_owned() }));
    }

    #[test]
    fn knows_malformed_variables() {
        for bad in ["${", "${}", "${A", "${1A}", "${A:-b}", "x${A}${"] {
            assert!(!is_well_formed(bad), "{bad}");
        }
        for good in ["", "$", "{}", "$A", "${A}", "a}${_B1}"] {
            assert!(is_well_formed(good), "{good}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret(Text::new("canary"));
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(serde_json::to_string(&secret).expect("a string"), "\"***\"");
    }
}
