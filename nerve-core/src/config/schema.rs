//! The JSON schema of nerve.yaml, for editors and for our own first pass.

use std::sync::LazyLock;

use jsonschema::{Draft, Validator};
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::Value;

use super::{Config, Delay, duration, parse_duration, text};

/// The JSON schema of nerve.yaml, draft-07, generated from [`Config`].
pub fn json_schema() -> Value {
    generated().to_value()
}

fn generated() -> Schema {
    let mut settings = SchemaSettings::draft07();
    // Without references a schema path is a plain pointer into the schema, and no editor loses a description beside a `$ref`.
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<Config>();
    schema.insert("title".to_owned(), "nerve.yaml".into());
    schema
}

/// The schema as the first pass uses it: with what the compiled form needs to name the choices.
pub(super) struct Compiled {
    pub(super) schema: Value,
    pub(super) validator: Option<Validator>,
}

/// Compiled once for each process.
pub(super) static COMPILED: LazyLock<Compiled> = LazyLock::new(|| {
    let mut schema = generated();
    RecursiveTransform(without_looser_pattern).transform(&mut schema);
    let schema = schema.to_value();
    let validator = jsonschema::options()
        .with_draft(Draft::Draft7)
        .should_validate_formats(true)
        .with_format(duration::FORMAT, |text: &str| parse_duration(text).is_ok())
        .with_format(duration::DELAY_FORMAT, |text: &str| Delay::parse(text).is_ok())
        .with_format(text::FORMAT, text::is_well_formed)
        .build(&schema);
    // A test compiles it; were it ever to fail here, the typed reading still refuses what is wrong, less precisely.
    Compiled { validator: validator.ok(), schema }
});

/// Leaves out the pattern that stands beside a format of ours, which says the same more strictly: it is for editors, and to compile
/// these patterns takes longer than all the rest, for which each start waits twice.
fn without_looser_pattern(schema: &mut Schema) {
    if schema.get("format").is_some() {
        schema.remove("pattern");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schemars::JsonSchema;

    use super::*;

    fn refuses(schema: &Value, text: &str) -> bool {
        !jsonschema::options().build(schema).expect("a schema").is_valid(&text.into())
    }

    proptest! {
        #[test]
        fn what_a_pattern_refuses_its_format_refuses_too(text in r"[ \t]{0,2}([0-9.]{1,3}(ms|s|mins?|hours|d|,|-|:| |\t|\+){0,2}){1,4}(ago)?") {
            let mut generator = schemars::SchemaGenerator::default();
            let duration = duration::DurationText::json_schema(&mut generator).to_value();
            prop_assert!(!refuses(&duration, &text) || parse_duration(&text).is_err(), "{text:?}");
            let delay = Delay::json_schema(&mut generator).to_value();
            prop_assert!(!refuses(&delay, &text) || Delay::parse(&text).is_err(), "{text:?}");
        }
    }
}
