//! The JSON schema of nerve.yaml, for editors and for our own first pass.

use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::{Config, Delay, duration, parse_duration, text};

/// The JSON schema of nerve.yaml, draft-07, generated from [`Config`].
pub fn json_schema() -> Value {
    let mut settings = SchemaSettings::draft07();
    // Without references a schema path is a plain pointer into the schema, and no editor loses a description beside a `$ref`.
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<Config>();
    schema.insert("title".to_owned(), "nerve.yaml".into());
    schema.to_value()
}

/// The schema as the first pass uses it: with what the compiled form needs to name the choices.
pub(super) struct Compiled {
    pub(super) schema: Value,
    pub(super) validator: Option<Validator>,
}

/// Compiled once for each process.
pub(super) static COMPILED: LazyLock<Compiled> = LazyLock::new(|| {
    let schema = json_schema();
    let validator = jsonschema::options()
        .with_draft(Draft::Draft7)
        .should_validate_formats(true)
        .with_format(duration::FORMAT, |text: &str| parse_duration(text).is_ok())
        .with_format(duration::DELAY_FORMAT, |text: &str| Delay::parse(text).is_ok())
        .with_format(text::FORMAT, text::is_well_formed)
        .build(&without_looser_patterns(schema.clone()));
    // A test compiles it; were it ever to fail here, the typed reading still refuses what is wrong, less precisely.
    Compiled { validator: validator.ok(), schema }
});

/// Leaves out each pattern that stands beside a format of ours, which says the same more strictly: it is for editors, and to compile
/// these patterns takes longer than all the rest, for which each start waits twice.
fn without_looser_patterns(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(keys) => {
            if keys.get("format").is_some_and(Value::is_string) {
                keys.remove("pattern");
            }
            keys.values_mut().for_each(|value| *value = without_looser_patterns(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| *value = without_looser_patterns(value.take())),
        _ => {}
    }
    schema
}
