//! What models cost, as far as is known: a dated table, which nerve.yaml overrides.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use nerve_core::config::Price;
use serde::Deserialize;

/// A row of the table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// When the vendor's list was looked at.
    #[cfg_attr(not(test), expect(dead_code, reason = "people read it; a test checks that it is a date"))]
    date: String,
    models: Vec<String>,
    input: f64,
    output: f64,
    #[serde(default)]
    cache_read: Option<f64>,
    #[serde(default)]
    cache_write: Option<f64>,
}

static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    // A test reads the same text, so that it cannot fail here; without a table every price would be unknown, and said so.
    serde_saphyr::from_str(include_str!("prices.yaml")).unwrap_or_default()
});

/// The price of a model: what nerve.yaml says under `prices:` of `provider/model` or of the model; else, for one that is not served on this
/// machine, the table's. `None` is an unknown price.
///
/// A table's row stands for its model's dated versions too (`gpt-4o-2024-08-06`) and for the name with its vendor before it
/// (`openai/gpt-4o`), never for another model whose name only begins the same way.
pub fn price(own: &BTreeMap<String, Price>, provider: &str, model: &str, local: bool) -> Option<Price> {
    let set = own.get(&format!("{provider}/{model}")).or_else(|| own.get(model));
    if let Some(price) = set {
        return Some(*price);
    }
    if local {
        // Somebody's own server may call its model anything.
        return None;
    }
    let name = model.rsplit('/').next().unwrap_or(model);
    let row = TABLE.iter().find(|row| row.models.iter().any(|known| is_version(name, known)))?;
    Some(Price { input: row.input, output: row.output, cache_read: row.cache_read, cache_write: row.cache_write })
}

/// Whether `name` is this model or a dated version of it.
fn is_version(name: &str, known: &str) -> bool {
    let Some(rest) = name.strip_prefix(known) else { return false };
    let date = rest.strip_prefix(['-', '@']).unwrap_or(rest);
    rest.is_empty() || (rest != date && date.len() >= 8 && date.chars().all(|c| c.is_ascii_digit() || c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_dated_and_no_model_stands_twice() {
        let rows: Vec<Row> = serde_saphyr::from_str(include_str!("prices.yaml")).unwrap_or_default();
        assert!(rows.len() > 10);
        let mut names: Vec<&String> = rows.iter().flat_map(|row| &row.models).collect();
        names.sort();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
        for row in &rows {
            assert!(row.date.parse::<jiff::civil::Date>().is_ok() && row.input > 0.0 && row.output > 0.0, "{row:?}");
        }
    }

    #[test]
    fn a_version_is_its_model_and_a_name_that_goes_on_is_another() {
        let of = |model: &str| price(&BTreeMap::new(), "p", model, false).map(|price| price.input);
        assert_eq!(of("gpt-4o-mini"), Some(0.15));
        assert_eq!(of("gpt-4o-2024-08-06"), Some(2.5));
        assert_eq!(of("openai/gpt-4o"), Some(2.5));
        assert_eq!(of("claude-sonnet-4-20250514"), Some(3.0));
        for unknown in ["gpt-4o-audio-preview", "gpt-4", "qwen3", "", "gpt-4o-minime"] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
        assert_eq!(price(&BTreeMap::new(), "local", "gpt-4o", true), None, "a local server's names say nothing");
    }

    #[test]
    fn what_the_user_says_goes_first_and_the_provider_before_the_model() {
        let cost = |input: f64| Price { input, output: 1.0, cache_read: None, cache_write: None };
        let own = BTreeMap::from([("gpt-4o".to_owned(), cost(7.0)), ("p/gpt-4o".to_owned(), cost(8.0))]);
        assert_eq!(price(&own, "p", "gpt-4o", true).map(|price| price.input), Some(8.0));
        assert_eq!(price(&own, "q", "gpt-4o", false).map(|price| price.input), Some(7.0));
    }
}
